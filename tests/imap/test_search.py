"""SEARCH: grammar, every key, what is decoded before it is searched."""

import asyncio
import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.imap import search_kept
from mailstack.imap.cursor import Cursor
from mailstack.imap.search import Cost, InText, search
from mailstack.imap.search_grammar import parse
from mailstack.imap.search_kept import _MAKE, Searched
from mailstack.imap.search_text import BODY, fold, text_record
from mailstack.imap.view import View
from mailstack.message.mime import Whole
from tests.imap.fakes import World

DATA = Path(__file__).parent.parent / "data" / "mime"


def crlf(text):
    return text.replace("\n", "\r\n").encode()


ZEBRA = """From: Alice <alice@demo.test>
To: bob@demo.test
Subject: The zebra report
Date: Mon, 2 Nov 2026 23:30:00 -0500

Plain okapi text, 10 EUR
"""
QUOTED = """From: =?utf-8?Q?J=C3=BCrgen?= <j@demo.test>
Cc: carol@demo.test
Subject: =?utf-8?B?R3LDvMOfZSBh?= =?utf-8?B?dXMgS8O2bG4=?=
Date: Tue, 3 Nov 2026 10:00:00 +0100
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Ein Stra=C3=9Fenname und ein lan=
ges Wort
"""
BASE64 = f"""From: dave@demo.test
Bcc: secret@demo.test
X-Spam: yes
Subject: encoded
 folded
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: base64

{base64.b64encode("<p>Wüstenfuchs</p>".encode("latin-1")).decode()}
"""
MESSAGES = [
    (crlf(ZEBRA), ("\\Seen",), datetime(2026, 11, 3, 4, 30, tzinfo=UTC)),
    (crlf(QUOTED), ("\\Answered", "\\Flagged", "$label1"), datetime(2026, 11, 3, 9, 0, tzinfo=UTC)),
    (crlf(BASE64), ("\\Deleted", "\\Draft"), datetime(2026, 11, 5, 0, 0, tzinfo=UTC)),
    ((DATA / "mixed.eml").read_bytes(), (), datetime(2026, 11, 6, 12, 0, tzinfo=UTC)),
]


@pytest.fixture(scope="module")
def talk():
    world = World()
    for octets, flags, date in MESSAGES[:3]:
        world.box().add(octets, flags, date)
    world.box().claim_recent()
    octets, flags, date = MESSAGES[3]
    world.box().add(octets, flags, date)
    talk = world.login()
    talk.say("s SELECT INBOX")
    return talk


def found(talk, keys):
    line = keys if isinstance(keys, bytes) else b"a SEARCH " + keys.encode() + b"\r\n"
    untagged, done = talk.say(line)
    assert done == "a OK SEARCH completed", done
    assert untagged.startswith("* SEARCH")
    return [int(number) for number in untagged.split()[2:]]


TABLE = [
    ("ALL", [1, 2, 3, 4]),
    ("SEEN", [1]),
    ("UNSEEN", [2, 3, 4]),
    ("ANSWERED", [2]),
    ("UNANSWERED", [1, 3, 4]),
    ("DELETED", [3]),
    ("UNDELETED", [1, 2, 4]),
    ("FLAGGED", [2]),
    ("UNFLAGGED", [1, 3, 4]),
    ("DRAFT", [3]),
    ("UNDRAFT", [1, 2, 4]),
    ("KEYWORD $LABEL1", [2]),
    ("UNKEYWORD $label1", [1, 3, 4]),
    ("RECENT", [4]),
    ("OLD", [1, 2, 3]),
    ("NEW", [4]),
    ("2:3", [2, 3]),
    ("*", [4]),
    ("UID 1,3:*", [1, 3, 4]),
    ("UID 77", []),
    ("LARGER 1000", [4]),
    ("SMALLER 1000", [1, 2, 3]),
    ("SMALLER 0", []),
    ("SINCE 3-Nov-2026", [1, 2, 3, 4]),
    ("BEFORE 5-Nov-2026", [1, 2]),
    ('ON "5-Nov-2026"', [3]),
    ("SENTON 2-Nov-2026", [1]),  # in its own zone
    ("SENTSINCE 3-Nov-2026", [2, 4]),
    ("SENTBEFORE 3-Nov-2026", [1]),
    ("FROM alice", [1, 4]),
    ('FROM "ALICE <"', [1, 4]),
    ("TO bob@", [1, 4]),
    ("CC carol", [2]),
    ("BCC secret", [3]),
    ("SUBJECT zebra", [1]),
    ("SUBJECT ZEBRA", [1]),
    ('SUBJECT "encoded folded"', [3]),
    ("HEADER X-Spam yes", [3]),
    ("HEADER x-spam yes", [3]),
    ('HEADER X-Spam ""', [3]),
    ('HEADER Subject ""', [1, 2, 3, 4]),
    ("HEADER X-None no", []),
    ("BODY okapi", [1, 4]),
    ("BODY zebra", [4]),
    ("TEXT zebra", [1, 4]),
    ("TEXT x-spam", [3]),
    ('BODY "langes wort"', [2]),
    ('TEXT "zebra report"', [1]),
    ("BODY epilogue", []),
    ("BODY JVBERi0", []),
    ("NOT SEEN", [2, 3, 4]),
    ("NOT NOT SEEN", [1]),
    ("OR SEEN FLAGGED", [1, 2]),
    ("OR BODY okapi DRAFT", [1, 3, 4]),
    ("(SEEN)", [1]),
    ("UNDELETED SUBJECT zebra", [1]),
    ("NOT (OR SEEN (FLAGGED ANSWERED))", [3, 4]),
    ("BODY okapi 1:2 UNFLAGGED SINCE 1-Jan-2026", [1]),
    ("CHARSET us-ascii SUBJECT zebra", [1]),
    ('TEXT ""', [1, 2, 3, 4]),
]


@pytest.mark.parametrize(("keys", "numbers"), TABLE, ids=[keys for keys, _ in TABLE])
def test_keys(talk, keys, numbers):
    assert found(talk, keys) == numbers


def literal(text, charset):
    octets = text.encode(charset)
    return b"{%d+}\r\n%b" % (len(octets), octets)


@pytest.mark.parametrize(
    ("charset", "key", "text", "numbers"),
    [
        ("UTF-8", "SUBJECT", "GRÜßE", [2, 4]),
        ("UTF-8", "SUBJECT", "grüße aus köln", [2, 4]),
        ("UTF-8", "FROM", "jürgen", [2]),
        ("UTF-8", "BODY", "STRAßENNAME", [2]),
        ("UTF-8", "BODY", "STRASSENNAME", []),  # i;unicode-casemap folds signs one by one
        ("UTF-8", "SUBJECT", "\uff27", [2, 4]),  # full width
        ("UTF-8", "BODY", "wüstenfuchs", [3]),
        ("ISO-8859-1", "BODY", "wüstenfuchs", [3]),
        ("UTF-8", "TEXT", "über text", [4]),
        ("UTF-8", "TEXT", "漢字", []),
        ("koi8-r", "TEXT", "okapi", [1, 4]),
    ],
)
def test_charsets(talk, charset, key, text, numbers):
    line = b"a SEARCH CHARSET %b %b %b\r\n" % (charset.encode(), key.encode(), literal(text, charset))
    assert found(talk, line) == numbers


def test_eight_bit_without_charset_is_utf_8(talk):
    assert found(talk, b"a SEARCH SUBJECT " + literal("grüße", "utf-8") + b"\r\n") == [2, 4]


def test_unknown_charset(talk):
    for rest in (b"SUBJECT x\r\n", b"SUBJECT {1+}\r\nx OR SEEN TEXT {2+}\r\n\xff\xfe\r\n"):
        (answer,) = talk.say(b"a SEARCH CHARSET KLINGON " + rest)
        assert answer.startswith("a NO [BADCHARSET (US-ASCII UTF-8)]")
    assert talk.say("a SEARCH CHARSET base64 SUBJECT x")[0].startswith("a NO [BADCHARSET")


def test_uid_search(talk):
    assert talk.say("a UID SEARCH UNDELETED 3:4") == ["* SEARCH 4", "a OK SEARCH completed"]


@pytest.mark.parametrize(
    "text",
    [b"", b"NONSENSE", b"SEEN NONSENSE", b"()", b"(SEEN", b"NOT", b"OR SEEN", b"ON yesterday", b"BEFORE 31-Feb-2026",
     b"LARGER x", b"HEADER a:b c", b"SUBJECT", b"UNALL", b"UN", b"KEYWORD", b"CHARSET UTF-8", b"CHARSET UTF-8 ",
     b"0", b"UID x", b"SEEN,SEEN", b"NOT " * 200 + b"SEEN", b"(" * 200 + b"SEEN" + b")" * 200,
     b"OR " * 200 + b"SEEN " * 201],
)  # fmt: skip
def test_rejected(text):
    with pytest.raises(ParseFault):
        cursor = Cursor([text])
        parse(cursor)
        cursor.end()


def test_bad_octets_for_the_charset():
    with pytest.raises(ParseFault):
        parse(Cursor([b"CHARSET UTF-8 SUBJECT {1}", b"\xff", b""]))


def test_numbers_that_do_not_exist(talk):
    """RFC 7377 §2: not an error in any search."""
    assert talk.say("a SEARCH 9") == ["* SEARCH", "a OK SEARCH completed"]
    assert found(talk, "3:9") == [3, 4]


# --- how it is done ---


def test_cheap_keys_go_first():
    key = parse(Cursor([b"TEXT a SUBJECT b SEEN (BODY c) NOT DELETED"])).key
    assert [each.cost for each in key.keys] == [Cost.COLUMNS, Cost.COLUMNS, Cost.HEADER, Cost.TEXT, Cost.TEXT]


def test_most_messages_are_never_opened():
    world = World()
    for index in range(50):
        world.box().add(b"Subject: zebra\r\n\r\n", ("\\Seen",) if index == 7 else ())
    talk = world.login()
    talk.say("s SELECT INBOX")
    opened = []
    content = world.box().content
    world.box().content = lambda uid: opened.append(uid) or content(uid)
    assert found(talk, "TEXT zebra SEEN") == [8]
    assert opened == [8]


def test_long_searches_pause():
    box = World().box()
    for _ in range(300):
        box.add(b"Subject: zebra\r\n\r\n")
    pauses = []

    async def pause():
        pauses.append(1)

    def run():
        pauses.clear()
        mail = Searched(View(box.columns.uids, 1000), box, now=datetime.now(UTC), pause=pause)
        return asyncio.run(search(InText("ZEBRA"), mail))

    assert run() == list(range(300))
    assert len(pauses) > 300  # all have to be read
    assert run() == list(range(300))
    assert len(pauses) == 3  # two blocks, one window


def test_gone_messages_are_not_found():
    world = World()
    for _ in range(3):
        world.box().add()
    talk, other = world.login(), world.login()
    talk.say("s SELECT INBOX")
    other.say("s SELECT INBOX", "a STORE 2 +FLAGS.SILENT (\\Deleted)", "b EXPUNGE")
    assert talk.say("a SEARCH ALL") == ["* SEARCH 1 3", "a OK SEARCH completed"]
    assert talk.say("b UID SEARCH ALL") == ["* SEARCH 1 3", "* 2 EXPUNGE", "b OK SEARCH completed"]


def test_file_gone_or_unreadable(talk, monkeypatch):
    world = World()
    world.box().add()
    own = world.login()
    own.say("s SELECT INBOX")

    def fail(condition):
        def content(uid):
            raise MailError(condition, "It failed")

        return content

    monkeypatch.setattr(world.box(), "content", fail(Condition.NO_SUCH_MESSAGE))
    assert found(own, "NOT SUBJECT nothing") == []
    monkeypatch.setattr(world.box(), "content", fail(Condition.UNAVAILABLE))
    assert own.say("a SEARCH SUBJECT x") == ["a NO [UNAVAILABLE] It failed"]


WORDS = st.text("abc zäß", max_size=20)


@given(WORDS, WORDS, st.sampled_from(["quoted-printable", "base64", "8bit"]))
def test_the_fast_way_finds_the_same(text, needle, encoding):
    """Octets that mean what they show are not decoded; with an encoding they are: the answer is the same."""
    octets = text.encode()
    if encoding == "base64":
        octets = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        octets = "".join(f"={octet:02X}" for octet in octets).encode()
    head = b"Subject: s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: %b\r\n\r\n"
    body = text_record(Whole(head % encoding.encode() + octets)).partition(BODY)[2]
    assert body == fold(text).encode()
    assert (fold(needle).encode() in body) == (fold(needle) in fold(text))


def test_a_search_of_headers_reads_no_body_and_takes_what_there_is(monkeypatch):
    """HEADER looks at header records; when the text is kept already, at that."""
    made = []

    def making(item):
        original = _MAKE[item]
        return lambda source: made.append(item) or original(source)

    monkeypatch.setattr(search_kept, "_MAKE", {item: making(item) for item in _MAKE})
    for first, second in (("HEADER X-Mine one", "TEXT one"), ("TEXT one", "HEADER X-Mine one")):
        made.clear()
        world = World()
        for text in (b"X-Mine: one\r\n\r\ntwo\r\n", b"X-Mine: two\r\n\r\none\r\n", b"\r\nX-Mine: one\r\n"):
            world.box().add(text)
        talk = world.login()
        talk.say("s SELECT INBOX")
        answers = {line: talk.say(f"a SEARCH {line}")[0] for line in (first, second)}
        assert answers == {"HEADER X-Mine one": "* SEARCH 1", "TEXT one": "* SEARCH 1 2 3"}
        assert made == (["header"] * 3 + ["text"] * 3 if first.startswith("HEADER") else ["text"] * 3)
