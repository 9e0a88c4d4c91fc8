"""`mailstack why` beside the real daemon: while it runs, after a kill -9, after an orderly stop."""

import smtplib

import pytest

from tests.clients.daemon import PATIENCE, Daemon
from tests.clients.mail import send, text

pytestmark = [pytest.mark.daemon, pytest.mark.xdist_group("daemon")]
ALICE, BOB = "alice@demo.test", "bob@demo.test"


@pytest.fixture
def daemon(tmp_path):
    running = Daemon(tmp_path / "daemon")
    yield running
    running.kill()


def test_the_story_is_there_at_once_and_stays(daemon):
    send(daemon, [BOB], text("one"))
    with smtplib.SMTP("localhost", daemon.ports["smtp"], timeout=PATIENCE) as client:
        client.ehlo("far.test")
        client.mail("stranger@far.test")
        assert client.rcpt("nobody@demo.test")[0] == 550
    delivered = daemon.run("why", BOB)  # what the server holds in memory too
    assert f"<{BOB}> into INBOX" in delivered
    assert "accepted" in delivered
    refused = daemon.run("why", "stranger@far.test")
    assert "RCPT TO:<nobody@demo.test>: answered 550 5.1.1" in refused
    daemon.kill()
    assert f"<{BOB}> into INBOX" in daemon.run("why", BOB)
    daemon.start()
    send(daemon, [ALICE], text("two"))
    daemon.stop()  # orderly: the last moment is written
    assert f"<{ALICE}> into INBOX" in daemon.run("why", ALICE)
    assert f"<{BOB}> into INBOX" in daemon.run("why", BOB)
    assert not (daemon.folder / "state/history").stat().st_mode & 0o077
