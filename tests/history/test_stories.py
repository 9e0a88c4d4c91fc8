"""Stories over the in-memory world: real sessions, store and queue; the clock and the wire are the test's."""

import json
import socket

import pytest

from mailstack.base.events import Event, log
from mailstack.cli import why
from tests.history.world import labels

FAR = "shop@far.test"
ALICE = "alice@demo.test"


def mid_of(answers):
    [accepted] = [line for line in answers if "Accepted as" in line]
    return accepted.rpartition(" ")[2]


def test_a_delivery_is_found_by_whatever_one_has(world):
    mid = mid_of(world.send(FAR, ALICE))
    for what in (mid, "<one@far.test>", "one@far.test", FAR, "SHOP@far.test", ALICE, "far.test", "127.0.0.1"):
        [story] = world.stories(what)
        assert (story.id, story.outcome) == (mid, "delivered"), what
        assert labels(story) == ["connected", "delivered", "accepted", "gone"]
    assert dict(story.heads)["Message-ID"] == "<one@far.test>"
    assert [(fate.recipient, fate.state, fate.text) for fate in story.fates] == [(ALICE, "delivered", "into INBOX")]


@pytest.mark.parametrize("what", ["op@far.test", "shop@far", "shop@far.test.example", "alice@demo", "0.0.1"])
def test_a_part_of_a_name_is_another_name(world, what):
    world.send(FAR, ALICE)
    assert world.stories(what) == []


@pytest.mark.parametrize("what", [FAR, "nobody@demo.test"])
def test_who_was_refused_at_rcpt_is_found_by_either_address(world, what):
    world.send(FAR, "nobody@demo.test")
    [story] = world.stories(what)
    assert story.outcome == "refused"
    [refused] = [step for step in story.steps if step.event == "MAIL_REFUSED" and "RCPT" in step.text]
    assert refused.text == "RCPT TO:<nobody@demo.test>: answered 550 5.1.1 No such mailbox here"
    assert "mailstack account list" in refused.hint
    assert dict(story.heads)["from"] == f"<{FAR}>"
    assert [(fate.recipient, fate.state) for fate in story.fates] == [("nobody@demo.test", "refused")]


def test_some_are_taken_and_some_are_not(world):
    world.send(FAR, ALICE, "nobody@demo.test")
    [story] = world.stories(FAR)
    assert story.outcome == "delivered"
    assert {fate.recipient: fate.state for fate in story.fates} == {ALICE: "delivered", "nobody@demo.test": "refused"}


def test_messages_of_one_connection_are_told_apart(world):
    mail = ["MAIL FROM:<{}>", f"RCPT TO:<{ALICE}>", "DATA", "\r\nx\r\n."]
    world.talk("EHLO x", *(line.format("a@far.test") for line in mail), *(line.format("b@far.test") for line in mail))
    [first] = world.stories("a@far.test")
    [second] = world.stories("b@far.test")
    assert labels(first) == labels(second) == ["connected", "delivered", "accepted", "gone"]
    both = world.stories("far.test")
    assert [dict(story.heads)["from"] for story in both] == ["<a@far.test>", "<b@far.test>"]


def test_a_connection_by_its_id(world):
    world.send(FAR, ALICE)
    [story] = world.stories(FAR)
    cid = story.steps[0].fields["cid"]
    [session] = world.stories(cid)
    assert (session.kind, session.id) == ("connection", cid)
    assert labels(session) == ["connected", "accepted", "gone"]


def test_relaying_is_told_with_the_other_sides_words(world):
    """As the queue and the relay tell it."""
    mid = "5kqj2v8s-7h3"
    to = "bert@elsewhere.test"
    log(Event.MAIL_QUEUED, mid=mid, recipients=to)
    log(Event.MAIL_ACCEPTED, mid=mid, cid="c1-1", reverse_path=ALICE, listener="submission", ip="192.0.2.1",
        helo="x", account=ALICE, message_id="<m@demo.test>", size=2048, recipients=[to])  # fmt: skip
    world.clock.advance(1)
    log(Event.RELAY_ATTEMPT, mid=mid, host="mx1.elsewhere.test", ip="203.0.113.4", tls="TLS when offered: x")
    log(Event.RELAY_TROUBLE, mid=mid, text="4.4.1 no connection to mx1.elsewhere.test [203.0.113.4]:25: refused")
    log(Event.RELAY_ATTEMPT, mid=mid, host="mx2.elsewhere.test", ip="203.0.113.5", tls="TLS when offered: x")
    said = ["mx2.elsewhere.test", 451, "4.7.500", "Server busy AS(843)"]
    text = "mx2.elsewhere.test said 451 4.7.500 Server busy AS(843)"
    log(Event.MAIL_DEFERRED, mid=mid, recipient=to, text=text, wait="5 min", said=said)
    [story] = world.stories(mid)
    assert story.outcome == "waits"
    assert labels(story) == ["queued", "accepted", "tries", "no use", "tries", "put off"]
    assert story.steps[-1].text == f"<{to}>: {text}; next try in 5 min"
    assert "Microsoft limits" in story.steps[-1].hint
    world.clock.advance(300)
    log(Event.MAIL_FAILED, mid=mid, recipient=to, text=text, said=said)
    log(Event.MAIL_BOUNCED, mid=mid, report="failure", report_mid="5kqreport-1", reverse_path=ALICE)
    log(Event.MAIL_STORED, mid="5kqreport-1", account=ALICE, mailbox="INBOX", uid=9)
    [story] = world.stories(mid)
    assert story.outcome == "failed"
    assert labels(story)[-3:] == ["failed", "reported", "delivered"]
    assert story.steps[-1].of == "5kqreport-1"
    [report] = world.stories("5kqreport-1")
    assert (report.kind, dict(report.heads)["report"]) == ("report", f"of failure, about {mid}")


def test_what_became_of_it_in_the_mailbox(world):
    """Moved to another folder, and deleted there; another's deletion is not its own."""
    world.send(FAR, ALICE)
    world.deliver(ALICE, "another")

    async def tidy():
        account = await world.parts.store.account(ALICE)
        inbox = await account.open("INBOX")
        await inbox.expunge([2])
        await inbox.move([1], "Trash")
        inbox.release()
        trash = await account.open("Trash")
        await trash.expunge(tuple(trash.columns.uids))
        trash.release()

    world.now(tidy)
    [story] = world.stories(FAR)
    assert [step.text for step in story.steps[-2:]] == [
        f"from INBOX to Trash of {ALICE}",
        f"from Trash of {ALICE}",
    ]
    assert labels(story)[-2:] == ["moved", "deleted"]
    assert labels(story).count("deleted") == 1


def test_failed_logins_by_the_name(world):
    world.directive(None, "listener", "submission")
    world.talk("EHLO x", "AUTH PLAIN AGFsaWNlQGRlbW8udGVzdAB3cm9uZw==", "QUIT")  # alice, wrong
    [story] = world.stories(ALICE)
    assert (story.kind, story.outcome) == ("connection", "no login")
    [failed] = [step for step in story.steps if step.label == "no login"]
    assert failed.text == f"127.0.0.1 to submission as {ALICE}: wrong password"
    assert "mailstack account passwd" in failed.hint


def test_nothing_that_may_be_a_login_is_kept(world):
    world.directive(None, "listener", "submission")
    world.talk("EHLO x", "AUTH PLAIN AGFsaWNlQGRlbW8udGVzdAB3cm9uZw==", "AGFsaWNlAHNlY3JldA==", "QUIT")
    world.parts.recorder.flush(lambda: None)
    for path in (world.folder_of_history).glob("*"):
        assert b"AGFs" not in path.read_bytes()


def test_who_was_turned_away_at_the_door(world):
    log(Event.CONNECTION_REFUSED, listener="smtp", ip="192.0.2.77", reason="50 connections of this address")
    [story] = world.stories("192.0.2.77")
    assert story.steps[0].text == "192.0.2.77 was not let in to smtp: 50 connections of this address"


def test_since(world):
    world.send(FAR, ALICE)
    world.clock.advance(3600)
    world.send(FAR, "bob@demo.test")
    assert len(world.stories(FAR)) == 2
    [story] = world.stories(FAR, since=world.clock.seconds() - 60)
    assert dict(story.heads)["to"] == "<bob@demo.test>"


def test_the_newest_when_there_are_many(world):
    for number in range(6):
        world.send(f"{number}@far.test", ALICE)
    assert [dict(story.heads)["from"] for story in world.stories("far.test", most=2)] == [
        "<4@far.test>",
        "<5@far.test>",
    ]


def test_an_event_without_words_of_its_own(world):
    log(Event.MTA_STS_FAILED, domain="elsewhere.test", reason="no answer")
    [story] = world.stories("elsewhere.test")
    assert story.steps[0].text == "MTA-STS of elsewhere.test: no answer"


def test_every_word_bears_missing_fields():
    """A history that another version has written is told as far as it goes."""
    from mailstack.history.record import Record
    from mailstack.history.words import say

    for event in Event:
        said = say(Record(0.0, event.name, {}))
        assert said.label
        assert isinstance(said.text, str)
    assert say(Record(0.0, "OF_THE_FUTURE", {"a": 1})).text == "a 1"


def test_json_is_plain(world):
    world.send(FAR, ALICE)
    [story] = world.why_json(FAR)
    assert story["outcome"] == "delivered"
    assert story["heads"]["from"] == f"<{FAR}>"
    assert [step["event"] for step in story["steps"]] == ["CONNECTED", "MAIL_STORED", "MAIL_ACCEPTED", "DISCONNECTED"]
    assert json.dumps(story)


def test_the_words_on_the_terminal(world):
    mid = mid_of(world.send(FAR, ALICE, "nobody@demo.test"))
    told = world.why(FAR)
    day = "  Fri 15 Jan 2027"
    lines = told.splitlines()
    assert lines[0] == f"Message {mid}  delivered"
    assert f"  to          <{ALICE}>, <nobody@demo.test>" in lines
    assert day in lines
    assert f"  → delivered  <{ALICE}> into INBOX" in lines
    at = lines.index(day)
    assert [line[14:27].strip() for line in lines[at + 1 :] if line[2:4].isdigit()] == [
        "connected",
        "refused",
        "delivered",
        "accepted",
        "gone",
    ]
    assert all(len(line) <= 100 for line in lines)


def test_a_list_when_there_are_many(world):
    for number in range(5):
        world.send(f"{number}@far.test", ALICE)
    told = world.why("far.test")
    assert "5 stories; one in full: mailstack why ID" in told
    assert "connected" not in told
    assert "connected" in world.why("far.test", "--all")


def test_nothing_found_says_where_it_looked(world):
    world.send(FAR, ALICE)
    assert "nothing goes by 'carol@far.test' in all that is kept" in world.why("carol@far.test", status=1)
    assert "in the last 2d" in world.why("carol@far.test", "--since", "2d", status=1)
    assert "is no length of time" in world.why(FAR, "--since", "soon", status=1)


def test_a_server_that_does_not_answer_keeps_nobody_waiting(world, monkeypatch):
    """It holds its socket, and is stuck: what it has written is told all the same."""
    mid = mid_of(world.send(FAR, ALICE))
    monkeypatch.setattr(why, "_PATIENCE", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stuck:
        stuck.bind(world.config.control_socket)
        stuck.listen()
        told = world.why(FAR)
    assert f"Message {mid}  delivered" in told
    assert "the last moment may be missing" in told


def test_a_terminal_is_not_steered(world):
    log(Event.MAIL_FAILED, mid="m1", recipient="x@y.test", text="mx said 550 \x1b[2Jgone\r\n", said=["", 0, "", ""])
    assert "\x1b" not in world.why("m1")
