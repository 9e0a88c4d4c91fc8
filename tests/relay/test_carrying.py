"""How a message is put to a server: by BDAT where it takes that, encoded where it takes 7 bits only."""

import pytest

from mailstack.queue.api import Deferred, Delivered, Failed
from mailstack.relay.settings import Carrying
from tests.fakes.smtpsink import DROP, Sink
from tests.relay.test_courier import Field, X, Y, certificate, spin  # noqa: F401  fixtures

EIGHT = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n".encode()
SEALED = b"Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\n\xc3\xbc\r\n--x--\r\n"


@pytest.fixture
def field(spin, certificate):  # noqa: F811
    made = []

    def make(*sinks, **carrying):
        field = Field(spin, certificate, *sinks)
        object.__setattr__(field.visits, "carrying", Carrying(**carrying))
        made.append(field)
        return field

    yield make
    for each in made:
        each.close()


def sink(spin, *keywords, **more):  # noqa: F811
    return Sink(spin.reactor, keywords=("PIPELINING", *keywords), **more)


def test_seven_bits_where_no_more_are_taken(spin, field):  # noqa: F811
    there = sink(spin)
    assert isinstance(field(there).mx(content=EIGHT)[X], Delivered)
    mail, _, octets = there.mails[0]
    assert octets.isascii()
    assert b"quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n" in octets
    assert "BODY" not in mail


def test_the_size_that_is_said_is_that_of_what_comes(spin, field):  # noqa: F811
    there = sink(spin, "SIZE")
    field(there).mx(content=EIGHT)
    mail, _, octets = there.mails[0]
    assert f"SIZE={len(octets)}" in mail


def test_unchanged_where_eight_bits_are_taken_or_by_the_setting(spin, field):  # noqa: F811
    modern, old = sink(spin, "8BITMIME"), sink(spin)
    assert isinstance(field(modern).mx(content=EIGHT)[X], Delivered)
    assert isinstance(field(old, converts=False).mx(content=EIGHT)[X], Delivered)
    assert modern.mails[0][2] == old.mails[0][2] == EIGHT


def test_what_is_signed_comes_back(spin, field):  # noqa: F811
    there = sink(spin)
    outcome = field(there).mx(content=SEALED)[X]
    assert isinstance(outcome, Failed)
    assert outcome.reply.status == "5.6.3"
    assert "signed" in outcome.reply.text
    assert there.mails == []


def test_by_bdat(spin, field):  # noqa: F811
    message = b"Subject: x\r\n\r\n.\r\nQUIT\r\n..\r\n" + b"line\r\n" * 50_000
    there = sink(spin, "CHUNKING", "8BITMIME")
    made = field(there)
    assert isinstance(made.mx(content=message)[X], Delivered)
    assert isinstance(made.mx(content=message)[X], Delivered)  # over the same connection
    assert [octets for _, _, octets in there.mails] == [message] * 2
    assert len(there.commands) == 1
    assert not any(line == "DATA" for line in there.commands[0])


def test_a_last_line_without_an_end_gets_one(spin, field):  # noqa: F811
    there = sink(spin, "CHUNKING")
    field(there).mx(content=b"Subject: x\r\n\r\nend")
    assert there.mails[0][2] == b"Subject: x\r\n\r\nend\r\n"


def test_not_by_bdat_when_the_setting_says_so(spin, field):  # noqa: F811
    there = sink(spin, "CHUNKING")
    field(there, chunking=False).mx()
    assert "DATA" in there.commands[0]


def test_nothing_is_sent_for_nobody(spin, field):  # noqa: F811
    there = sink(spin, "CHUNKING", script={"RCPT": "550 5.1.1 nobody"})
    outcomes = field(there).mx(X, Y)
    assert {type(each) for each in outcomes.values()} == {Failed}
    assert not any(line.startswith("BDAT") for line in there.commands[0])


def test_some_are_refused(spin, field):  # noqa: F811
    there = sink(spin, "CHUNKING", script={"RCPT y@t.test": "550 5.1.1 nobody"})
    outcomes = field(there).mx(X, Y)
    assert isinstance(outcomes[X], Delivered)
    assert isinstance(outcomes[Y], Failed)


@pytest.mark.parametrize(("does", "kind"), [("451 4.3.0 later", Deferred), ("554 5.6.0 no", Failed), (DROP, Deferred)])
def test_what_the_server_says_to_the_chunk(spin, field, does, kind):  # noqa: F811
    there = sink(spin, "CHUNKING", script={"DOT": does})
    assert isinstance(field(there).mx()[X], kind)
