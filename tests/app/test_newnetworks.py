"""Mail about a login from a new network, through all the parts that the server has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mailstack.accounts.api import Claim
from mailstack.accounts.passwords import make_credential
from mailstack.app.parts import Parts, build
from mailstack.base.engine import Peer
from mailstack.base.events import Event, add_sink, remove_sink
from mailstack.base.secret import Secret
from mailstack.config.load import load

ALICE = "alice@demo.test"
CONFIG = """
hostname = "mail.demo.test"
state = "{state}"
[tls]
certificate = "/unused"
key = "/unused"
[accounts]
mail_about_new_networks = {wanted}
"""


def now(coroutine: Any) -> Any:
    got: list[Any] = []
    Deferred.fromCoroutine(coroutine).addBoth(got.append)
    if isinstance(got[0], Failure):
        got[0].raiseException()
    return got[0]


@pytest.fixture
def events() -> Iterator[list[Event]]:
    heard: list[Event] = []

    def sink(event: Event, _fields: Any) -> None:
        heard.append(event)

    add_sink(sink)
    yield heard
    remove_sink(sink)


def started(folder: Path, wanted: str) -> Parts:
    clock = Clock()
    clock.advance(1_800_000_000)
    parts = build(load(CONFIG.format(state=folder / "state", wanted=wanted)), clock, inline=True, tls_clients=object())
    parts.store.start()
    now(parts.spool.open())
    parts.account_store.add_domain("demo.test")
    parts.account_store.add_account(ALICE, make_credential(Secret("one-fine-secret")))
    return parts


def log_in(parts: Parts, ip: str) -> None:
    peer = Peer(ip, 1, "imaps", tls=True, protocol="imap")
    now(parts.login.verify(Claim("PLAIN", ALICE, Secret("one-fine-secret")), peer, "c1"))


async def inbox(parts: Parts) -> list[str]:
    mailbox = await (await parts.store.account(ALICE)).open("INBOX")
    try:
        return [mailbox.octets(uid).decode() for uid in mailbox.columns.uids]
    finally:
        mailbox.release()


def stop(parts: Parts) -> None:
    now(parts.store.stop())
    parts.account_store.close()
    parts.guard.close()


def test_told_once(tmp_path: Path, events: list[Event]) -> None:
    parts = started(tmp_path, "true")
    for ip in ("192.0.2.1", "192.0.2.1", "192.0.2.200", "198.51.100.7", "198.51.100.8"):
        log_in(parts, ip)
    [told] = now(inbox(parts))
    assert "Subject: Login from a new network: 198.51.100.7\r\n" in told
    assert "Auto-Submitted: auto-generated\r\n" in told
    assert "reading mail (IMAP), PLAIN" in told
    assert events.count(Event.NEW_NETWORK) == 1
    stop(parts)


def test_only_who_wants_it(tmp_path: Path, events: list[Event]) -> None:
    parts = started(tmp_path, "false")
    for ip in ("192.0.2.1", "198.51.100.7"):
        log_in(parts, ip)
    assert now(inbox(parts)) == []
    assert events.count(Event.NEW_NETWORK) == 1
    stop(parts)
