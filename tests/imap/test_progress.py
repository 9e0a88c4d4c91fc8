"""INPROGRESS: whoever waits long is told that it goes on.  RFC 9585 §4"""

from datetime import UTC, datetime, timedelta

from mailstack.imap.server.factory import ImapSessions
from mailstack.imap.server.session import ImapSettings
from mailstack.imap.values import ImapLimits
from tests.imap.fakes import FakeLogin, World


def test_every_ten_seconds():
    world = World()
    moments = (datetime(2027, 1, 15, tzinfo=UTC) + timedelta(seconds=6 * step) for step in range(10_000))
    settings = ImapSettings(limits=ImapLimits(), clear_login_on_loopback=True)
    world.sessions = ImapSessions(world.store, FakeLogin(), settings, now=lambda: next(moments))
    talk = world.login()
    for _ in range(5):
        world.box().add()
    talk.say("a SELECT INBOX")
    said = talk.say("b SEARCH TEXT nothing")
    told = [line for line in said if "INPROGRESS" in line]
    assert told
    assert set(told) == {'* OK [INPROGRESS ("b" NIL NIL)] Still at it'}
    assert said[-2:] == ["* SEARCH", "b OK SEARCH completed"]


def test_not_when_it_is_quick():
    world = World()
    talk = world.login()
    world.box().add()
    talk.say("a SELECT INBOX")
    assert talk.say("b SEARCH TEXT nothing") == ["* SEARCH", "b OK SEARCH completed"]
