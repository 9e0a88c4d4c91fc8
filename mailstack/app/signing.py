"""The keys and the thread of DKIM signing, as the configuration says."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.threads import deferToThreadPool

from mailstack.base.events import Event, log
from mailstack.config.model import Config
from mailstack.dkim.keys import signing_keys
from mailstack.dkim.signature import SigningKey
from mailstack.relay.signing import Signer

__all__ = ["make_signer", "read_keys"]


def make_signer(config: Config, reactor: Any, *, inline: bool) -> Signer:
    async def now(work: Callable[[], bytes]) -> bytes:
        return work()

    async def in_thread(work: Callable[[], bytes]) -> bytes:
        return await deferToThreadPool(reactor, reactor.getThreadPool(), work)

    return Signer(read_keys(config), reactor.seconds, now if inline else in_thread)


def read_keys(config: Config) -> Mapping[str, Sequence[SigningKey]]:
    """Those that sign; a faulty one is told in the log and left out."""
    keys, faults = signing_keys(config.dkim_folder) if config.dkim.sign else ({}, ())
    for fault in faults:
        log(Event.DKIM_KEYS_UNREAD, reason=fault)
    return keys
