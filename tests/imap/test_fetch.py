"""FETCH: grammar, answers, \\Seen, messages that are gone, large literals."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.fetch import Attribute, Piece, items
from mailstack.imap.responses import date_time
from mailstack.imap.sections import Section, Text
from mailstack.imap.server.commands.fetch import parse
from mailstack.store.values import FlagMode
from tests.imap.fakes import FakeContent, World
from tests.imap.reader import Atom, fetch

DATA = Path(__file__).parent.parent / "data" / "mime"


def read_items(text):
    cursor = Cursor([text])
    found = items(cursor)
    cursor.end()
    return found


# --- grammar ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"FLAGS", (Attribute.FLAGS,)),
        (b"(FLAGS UID)", (Attribute.FLAGS, Attribute.UID)),
        (b"(flags FLAGS)", (Attribute.FLAGS,)),
        (b"fast", (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE)),
        (b"all", (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE, Attribute.ENVELOPE)),
        (b"FULL", (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE, Attribute.ENVELOPE, Attribute.BODY)),
        (b"BODY", (Attribute.BODY,)),
        (b"BODYSTRUCTURE", (Attribute.BODYSTRUCTURE,)),
        (b"BODY[]", (Piece(Section(), b"BODY[]", True),)),
        (b"body.peek[]", (Piece(Section(), b"BODY[]", False),)),
        (b"BODY[]<0.65536>", (Piece(Section(), b"BODY[]<0>", True, (0, 65536)),)),
        (b"BODY.PEEK[1.2]<10.5>", (Piece(Section((1, 2)), b"BODY[1.2]<10>", False, (10, 5)),)),
        (b"BODY[1.MIME]", (Piece(Section((1,), Text.MIME), b"BODY[1.MIME]", True),)),
        (b"BODY[header]", (Piece(Section((), Text.HEADER), b"BODY[HEADER]", True),)),
        (b"BODY[2.1.TEXT]", (Piece(Section((2, 1), Text.TEXT), b"BODY[2.1.TEXT]", True),)),
        (
            b"BODY[HEADER.FIELDS (From X-Own)]",
            (
                Piece(
                    Section((), Text.FIELDS, frozenset({b"from", b"x-own"})), b"BODY[HEADER.FIELDS (From X-Own)]", True
                ),
            ),
        ),
        (
            b'BODY.PEEK[3.HEADER.FIELDS.NOT ("To")]<1.2>',
            (
                Piece(
                    Section((3,), Text.FIELDS_NOT, frozenset({b"to"})),
                    b"BODY[3.HEADER.FIELDS.NOT (To)]<1>",
                    False,
                    (1, 2),
                ),
            ),
        ),
        (b"RFC822", (Piece(Section(), b"RFC822", True),)),
        (b"RFC822.PEEK", (Piece(Section(), b"RFC822", False),)),
        (b"RFC822.HEADER", (Piece(Section((), Text.HEADER), b"RFC822.HEADER", False),)),
        (b"RFC822.TEXT", (Piece(Section((), Text.TEXT), b"RFC822.TEXT", True),)),
        (b"RFC822.SIZE", (Attribute.SIZE,)),
    ],
)
def test_items(text, expected):
    assert read_items(text) == expected


@pytest.mark.parametrize(
    "text",
    [b"", b"()", b"(FLAGS", b"(FLAGS,UID)", b"NONSENSE", b"(ALL)", b"FAST FLAGS", b"BODY[", b"BODY[MIME]", b"BODY[0]",
     b"BODY[1.0]", b"BODY[1.]", b"BODY[.1]", b"BODY[HEADER.FIELDS]", b"BODY[HEADER.FIELDS ()]", b"BODY[]<0>",
     b"BODY[]<0.0>", b"BODY[]<a.b>", b"BODY[]<5.>", b"BODYSTRUCTURE[]", b"BODY.PEEK", b"BODY[TEXT.1]", b"FLAGS[]",
     b"BODY[" + b"1." * 200 + b"1]"],
)  # fmt: skip
def test_rejected_items(text):
    with pytest.raises(ParseFault):
        read_items(text)


def test_uid_form_always_asks_uid():
    assert parse(Cursor([b"1:* (FLAGS)"], by_uid=True)).items == (Attribute.UID, Attribute.FLAGS)
    assert parse(Cursor([b"1:* (FLAGS UID)"], by_uid=True)).items == (Attribute.FLAGS, Attribute.UID)
    assert parse(Cursor([b"1 FLAGS"])).items == (Attribute.FLAGS,)


def test_date_time():
    zone = timezone(-timedelta(hours=7))
    assert date_time(datetime(1996, 7, 17, 2, 44, 25, tzinfo=zone)) == b"17-Jul-1996 02:44:25 -0700"
    assert date_time(datetime(2026, 2, 1, 0, 0, 0, tzinfo=UTC)) == b" 1-Feb-2026 00:00:00 +0000"


# --- answers ---


@pytest.fixture
def world():
    return World()


def mixed():
    return (DATA / "mixed.eml").read_bytes()


def opened(world, *messages, how="SELECT"):
    for octets in messages:
        world.box().add(octets)
    talk = world.login()
    talk.say(f"s {how} INBOX")
    return talk


def ask(talk, line):
    """({n: {label: value}}, the rest)"""
    talk.wire.feed(line.encode() + b"\r\n")
    return fetch(talk.wire.heard())


def test_all_items_of_a_message(world):
    talk = opened(world, mixed())
    answers, rest = ask(talk, "a FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[])")
    assert rest == b"a OK FETCH completed\r\n"
    found = answers[1]
    assert found[b"UID"] == b"1"
    assert found[b"FLAGS"] == [Atom(b"\\Recent")]
    assert found[b"INTERNALDATE"] == b" 1-Feb-2024 10:00:00 +0000"
    assert int(found[b"RFC822.SIZE"]) == len(found[b"BODY[]"]) == len(mixed())
    assert found[b"BODY[]"] == mixed()
    assert found[b"ENVELOPE"][9] == b"<1@demo.test>"
    assert found[b"BODY"][-1] == b"mixed"
    assert found[b"BODYSTRUCTURE"][4] == [b"boundary", b"outer"]


def test_macros(world):
    talk = opened(world, mixed())
    answers, _ = ask(talk, "a FETCH 1 FULL")
    assert list(answers[1]) == [b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY"]


def test_labels_are_as_asked(world):
    talk = opened(world, mixed())
    answers, _ = ask(
        talk, "a UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (sUBJECT X-y)]<0.5> body.peek[9] BODY.PEEK[1]<900.5>)"
    )
    assert answers[1] == {
        b"UID": b"1",
        b"BODY[HEADER.FIELDS (sUBJECT X-y)]<0>": b"Subje",
        b"BODY[9]": None,
        b"BODY[1]<900>": b"",
    }


def test_flags_only_with_gaps_and_recents(world):
    talk = opened(world, *[b"x\r\n"] * 5)
    other = opened(world)
    answers, rest = ask(other, "a FETCH 2,4:5 FLAGS")
    assert answers == {2: {b"FLAGS": []}, 4: {b"FLAGS": []}, 5: {b"FLAGS": []}}
    answers, _ = ask(talk, "a UID FETCH 1:* (FLAGS)")
    assert answers[3] == {b"UID": b"3", b"FLAGS": [b"\\Recent"]}
    assert len(answers) == 5
    assert rest == b"a OK FETCH completed\r\n"


def test_flags_of_a_whole_mailbox_in_slices(world):
    talk = opened(world, *[b"x\r\n"] * 1203)
    talk.say("b STORE 601:700 FLAGS (\\Seen work)")
    answers, _ = ask(talk, "a UID FETCH 1:* (FLAGS)")
    assert list(answers) == list(range(1, 1204))
    assert answers[650][b"FLAGS"] == [b"\\Seen", b"work", b"\\Recent"]


def test_numbers_that_do_not_exist(world):
    talk = opened(world, b"x\r\n")
    assert talk.say("a FETCH 2 FLAGS")[0].startswith("a BAD")
    assert talk.say("a FETCH 1:5 (FLAGS)")[0].startswith("a BAD")
    assert talk.say("a UID FETCH 7:9 (FLAGS)") == ["a OK FETCH completed"]
    empty = world.login("bob@demo.test")
    empty.say("s SELECT INBOX")
    assert empty.say("a UID FETCH 1:* (UID FLAGS)") == ["a OK FETCH completed"], "Outlook asks it of empty mailboxes"


def test_body_sets_seen_and_tells_it(world):
    talk = opened(world, mixed(), mixed())
    answers, _ = ask(talk, "a FETCH 1 BODY[TEXT]")
    assert answers[1][b"FLAGS"] == [b"\\Seen", b"\\Recent"]
    answers, _ = ask(talk, "b FETCH 1 BODY[TEXT]")
    assert b"FLAGS" not in answers[1], "nothing has changed"
    answers, _ = ask(talk, "c FETCH 2 (FLAGS RFC822)")
    assert answers[2][b"FLAGS"] == [b"\\Seen", b"\\Recent"]
    assert list(answers[2]) == [b"FLAGS", b"RFC822"]


@pytest.mark.parametrize("item", ["BODY.PEEK[]", "RFC822.HEADER", "RFC822.PEEK", "ENVELOPE", "BODY"])
def test_peeking_does_not(world, item):
    talk = opened(world, mixed())
    answers, _ = ask(talk, f"a FETCH 1 {item}")
    assert b"FLAGS" not in answers[1]
    assert world.box().columns.flags(1) == ()


def test_read_only_never_sets_seen(world):
    talk = opened(world, mixed(), how="EXAMINE")
    answers, _ = ask(talk, "a FETCH 1 BODY[]")
    assert list(answers[1]) == [b"BODY[]"]
    assert world.box().columns.flags(1) == ()


def test_other_sessions_hear_of_seen(world):
    talk, other = opened(world, mixed()), opened(world)
    ask(talk, "a FETCH 1 BODY[]")
    assert "* 1 FETCH (UID 1 FLAGS (\\Seen))" in other.say("b NOOP")
    assert talk.say("c NOOP") == ["c OK NOOP completed"]


def test_reading_goes_on_when_the_disk_is_full(world, monkeypatch):
    talk = opened(world, mixed())

    async def full(*_args, **_named):
        raise MailError(Condition.STORAGE_FULL, "Disk is full")

    monkeypatch.setattr(world.box(), "set_flags", full)
    answers, rest = ask(talk, "a FETCH 1 BODY[]")
    assert answers[1] == {b"BODY[]": mixed()}
    assert rest.startswith(b"a OK")


# --- messages that are gone: RFC 2180 §4.1 ---


@pytest.mark.parametrize("what", ["FLAGS", "UID", "(FLAGS RFC822.SIZE)", "BODY.PEEK[]", "ENVELOPE"])
def test_gone_messages_have_no_answer(world, what):
    talk, other = opened(world, *[mixed()] * 3), opened(world)
    other.say("a STORE 2 +FLAGS (\\Deleted)", "b EXPUNGE")
    answers, rest = ask(talk, f"c FETCH 1:3 {what}")
    assert list(answers) == [1, 3], "the numbers stay until EXPUNGE is told"
    assert rest.startswith(b"c NO [EXPUNGEISSUED]")
    answers, rest = ask(talk, f"d UID FETCH 1:3 {what}")
    assert list(answers) == [1, 3]
    assert rest == b"* 2 EXPUNGE\r\nd OK FETCH completed\r\n"
    answers, rest = ask(talk, f"e FETCH 2 {what}")
    assert list(answers) == [2]
    assert rest.startswith(b"e OK")


def test_file_gone_without_a_word(world, monkeypatch):
    talk = opened(world, mixed(), mixed())
    content = world.box().content

    def lost(uid):
        if uid == 1:
            raise MailError(Condition.NO_SUCH_MESSAGE, "Message is gone")
        return content(uid)

    monkeypatch.setattr(world.box(), "content", lost)
    answers, rest = ask(talk, "c FETCH 1:2 BODY.PEEK[]")
    assert list(answers) == [2]
    assert rest.startswith(b"c NO [EXPUNGEISSUED]")


# --- large messages ---


def test_large_literals_are_streamed(world):
    octets = b"Subject: large\r\n\r\n" + b"0123456789\r\n" * 200_000
    talk = opened(world, octets, mixed())
    answers, _ = ask(talk, "a FETCH 1:2 (BODY.PEEK[] UID)")
    assert answers[1] == {b"BODY[]": octets, b"UID": b"1"}
    assert answers[2][b"BODY[]"] == mixed()
    assert talk.wire.rooms > 4


def test_a_file_shorter_than_its_size_is_no_message(world, monkeypatch):
    """Nothing may be promised in a literal that does not come."""
    talk = opened(world, b"Subject: x\r\n\r\n" + b"line\r\n" * 50_000)
    content = world.box().content

    def short(uid):
        found = content(uid)
        found.size *= 2
        return found

    monkeypatch.setattr(world.box(), "content", short)
    answers, rest = ask(talk, "a FETCH 1 BODY.PEEK[]")
    assert answers == {}
    assert rest.startswith(b"a NO")


def test_pieces_joined_are_the_message(world):
    octets = b"Subject: large\r\n\r\n" + b"0123456789\0\r\n" * 20_000
    talk = opened(world, octets)
    pieces = []
    for offset in range(0, len(octets) + 65536, 65536):
        answers, _ = ask(talk, f"a UID FETCH 1 (BODY.PEEK[]<{offset}.65536>)")
        pieces.append(answers[1][b"BODY[]<%d>" % offset])
    assert b"".join(pieces) == octets.replace(b"\0", b"\x80")


@pytest.mark.parametrize("path", sorted(DATA.glob("*.eml")), ids=lambda path: path.stem)
def test_every_hostile_message_is_answered_readably(world, path):
    talk = opened(world, path.read_bytes())
    answers, rest = ask(
        talk,
        "a FETCH 1 (FLAGS RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT]"
        " BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[1.1] BODY.PEEK[2] BODY.PEEK[HEADER.FIELDS (subject from)])",
    )
    assert rest == b"a OK FETCH completed\r\n"
    found = answers[1]
    assert len(found) == 13
    assert found[b"BODY[HEADER]"] + found[b"BODY[TEXT]"] == found[b"BODY[]"]
    if path.stem != "raw-8bit":  # a surrogate is longer: RFC 6858 §3
        assert len(found[b"BODY[]"]) == int(found[b"RFC822.SIZE"])


def test_seen_that_is_set_already_is_not_set_again(world):
    talk = opened(world, mixed())
    changes = []
    world.box().watch(changes.append)
    ask(talk, "a FETCH 1 BODY[]")
    ask(talk, "b FETCH 1 BODY[]")
    assert len(changes) == 1


def test_pending_flags_are_not_told_twice(world):
    import asyncio

    talk = opened(world, mixed())
    asyncio.run(world.box().set_flags([1], FlagMode.ADD, ("\\Flagged",)))
    answers, rest = ask(talk, "a FETCH 1 FLAGS")
    assert answers[1][b"FLAGS"] == [b"\\Flagged", b"\\Recent"]
    assert rest == b"a OK FETCH completed\r\n"


def test_sections_of_a_long_message_are_looked_for_once(world, monkeypatch):
    """Phones fetch a large attachment in pieces, a command each."""
    head = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n--x\r\n\r\n"
    attached = b"0123456789\r\n" * 30_000
    talk = opened(world, head + attached + b"\r\n--x--\r\n")
    ask(talk, "a FETCH 1 BODY.PEEK[2]<0.10>")
    read, make = [], FakeContent.read
    monkeypatch.setattr(FakeContent, "read", lambda self, *how: read.append(how) or make(self, *how))
    answers, _ = ask(talk, "b FETCH 1 BODY.PEEK[2]<12001.20>")
    assert answers[1][b"BODY[2]<12001>"] == attached[12001:12021]
    assert read == [(len(head) + 12001, 20)]


def test_a_list_of_items_is_read_once():
    """The same text in another place, with a modifier or amid other text, is not taken for it."""
    first = parse(Cursor([b"1 (UID FLAGS)"]))
    again = parse(Cursor([b"2:9 (UID FLAGS)"]))
    assert again.items is first.items
    assert parse(Cursor([b"1 (UID FLAGS)"], by_uid=True)).items == first.items
    assert parse(Cursor([b"1 (UID FLAGS) (CHANGEDSINCE 5)"])).items == (*first.items, Attribute.MODSEQ)
    for text in (b"1 (UID FLAGS) x", b"1 (UID FLAGS", b"1 (UID FLAGS))"):
        cursor = Cursor([text])
        with pytest.raises(ParseFault):
            parse(cursor)
            cursor.end()
