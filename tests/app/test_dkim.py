"""From `mailstack dkim new` to what the other server gets, with the real daemon."""

import dkim
import pytest
from twisted.internet import reactor

from tests.clients.daemon import Daemon
from tests.clients.mail import send, text
from tests.fakes.reactor import in_reactor
from tests.fakes.smtpsink import Sink

pytestmark = [pytest.mark.daemon, pytest.mark.xdist_group("daemon")]


@pytest.fixture
def sink():
    async def make():
        return Sink(reactor)

    async def stop():
        made.stop()

    made = in_reactor(make)
    yield made
    in_reactor(stop)


def test_signed_by_a_key_that_came_while_it_ran(tmp_path, sink):
    transport = (
        '[[relay.transports]]\nto = "elsewhere.test"\nvia = "server"\nhost = "127.0.0.1"\n'
        f'port = {sink.port}\ntls = "none"\n'
    )
    daemon = Daemon(tmp_path / "daemon", more=transport)
    try:
        send(daemon, ["carol@elsewhere.test"], text("one", recipient="carol@elsewhere.test"))
        daemon.wait_for("mail_relayed")
        daemon.run("dkim", "new", "demo.test")
        zone = {f"{row['record']}.": row["value"] for row in _rows(daemon)}
        since = len(daemon.events)
        send(daemon, ["carol@elsewhere.test"], text("two", recipient="carol@elsewhere.test"))
        daemon.wait_for("mail_relayed", since)
        assert daemon.wait_for("mail_signed", since)["domain"] == "demo.test"
        assert "signed" in daemon.run("why", "carol@elsewhere.test", "--all")
    finally:
        daemon.stop()
    unsigned, signed = (octets for _, _, octets in sink.mails)
    assert b"DKIM-Signature" not in unsigned
    verifier = dkim.DKIM(signed)
    assert [
        verifier.verify(index, dnsfunc=lambda name, timeout=5: zone[name.decode()].encode()) for index in (0, 1)
    ] == [
        True,
        True,
    ]


def _rows(daemon):
    import json

    return json.loads(daemon.run("dkim", "list", "--json"))
