"""The MIME scanner: offsets, hostile structures, limits."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.message import mime
from mailstack.message.mime import Whole, Windowed, octets_of, outline, parse

DATA = Path(__file__).parent.parent / "data" / "mime"
FILES = sorted(DATA.glob("*.eml"))


class Source:
    def __init__(self, data):
        self.data, self.size, self.reads = data, len(data), []

    def read(self, offset, length):
        self.reads.append((offset, length))
        return self.data[offset : offset + length]


def load(name):
    return (DATA / f"{name}.eml").read_bytes()


def tree(part):
    """(type, body) of a leaf, (type, children) of the rest."""
    if part.children:
        return part.content_type.value.decode(), [tree(child) for child in part.children]
    return part.content_type.value.decode(), part.content().decode("utf-8", "replace")


MIXED = (
    "multipart/mixed",
    [
        (
            "multipart/alternative",
            [
                ("text/plain", "Caf=C3=A9 and a very long line that goes =\r\non."),
                ("text/html", "<p>Zebra</p>"),
            ],
        ),
        ("application/pdf", "JVBERi0xLjQKJQo=\r\n"),
        (
            "message/rfc822",
            [("multipart/mixed", [("text/plain", "first"), ("text/plain", "YmFzZTY0IPxiZXIgdGV4dA==")])],
        ),
    ],
)

TREES = [
    ("plain", ("text/plain", "Hello Joe, do you think we can meet at 3:30 tomorrow?\r\n")),
    ("mixed", MIXED),
    (
        "no-end-boundary",
        ("multipart/mixed", [("text/plain", "one"), ("text/html", "two, and then the connection bro")]),
    ),
    ("no-boundary-parameter", ("text/plain", "--x\r\n\r\none\r\n--x--\r\n")),
    ("boundary-never-used", ("text/plain", "just text\r\n")),
    ("no-header", ("text/plain", "only a body\r\n")),
    ("only-header", ("text/plain", "")),
    ("no-colon", ("text/plain", "body\r\n")),
    (
        "digest",
        ("multipart/digest", [("message/rfc822", [("text/plain", "first body")]), ("text/plain", "not a message")]),
    ),
    (
        "prefix-boundaries",
        ("multipart/mixed", [("multipart/mixed", [("text/plain", "inner")]), ("text/plain", "outer")]),
    ),
    ("empty-parts", ("multipart/mixed", [("text/plain", "")] * 4)),
    ("comments", ("text/plain", "körper\r\n")),
    ("bare-lf", ("multipart/mixed", [("text/plain", "one"), ("text/plain", "two")])),
    ("message-in-message", ("message/rfc822", [("message/rfc822", [("text/plain", "deepest\r\n")])])),
    (
        "outer-cuts-inner",
        ("multipart/mixed", [("multipart/mixed", [("text/plain", "never closed")]), ("text/plain", "sibling")]),
    ),
    (
        "bad-types",
        (
            "multipart/mixed",
            [("text/plain", "a"), ("text/plain", "b"), ("text/plain", "c"), ("text/plain", "d"), ("image/png", "e")],
        ),
    ),
]


@pytest.mark.parametrize(("name", "expected"), TREES, ids=[name for name, _ in TREES])
def test_trees(name, expected):
    assert tree(parse(Whole(load(name)))) == expected


def test_parts_know_their_header_and_lines():
    message = parse(Whole(load("mixed")))
    alternative, paper, forwarded = message.children
    assert alternative.children[0].encoding == b"quoted-printable"
    assert alternative.children[0].lines == 2
    assert paper.content_type.text("name") == "Résumé.pdf"
    assert paper.header.first(b"content-id") == b"<part2@demo.test>"
    assert forwarded.embeds
    assert forwarded.children[0].header.first(b"subject") == b"forwarded okapi"
    assert forwarded.children[0].children[1].charset == "iso-8859-1"
    assert message.encoding == b"7bit"


def test_comments_are_no_values():
    message = parse(Whole(load("comments")))
    assert (message.charset, message.encoding) == ("utf-8", b"8bit")


def test_depth_is_limited():
    part, depth = parse(Whole(load("deep"))), 0
    while part.children:
        (part,), depth = part.children, depth + 1
    assert depth == mime.DEPTH
    assert part.type == b"text"


def test_parts_are_limited():
    message = parse(Whole(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\n" * 20_000))
    assert len(message.children) <= mime.PARTS


def test_a_hostile_nest_costs_a_bounded_search(monkeypatch):
    """Each level searches all that is in it; behind the limit nothing is taken apart."""
    monkeypatch.setattr(mime, "_SEARCH_OCTETS", 50_000)
    monkeypatch.setattr(mime, "_SEARCH_TIMES", 2)
    data = load("deep") + b"x\r\n" * 5000
    part, depth = parse(Whole(data)), 0
    while part.children:
        (part,), depth = part.children, depth + 1
    assert 0 < depth < 10


def test_lines_that_are_almost_boundaries_are_limited():
    message = parse(Whole(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" + b"\r\n--ax" * 1_000_000))
    assert len(message.children) == 1


def test_large_header_is_not_scanned_to_its_end():
    data = b"Subject: x\r\n" + b"A: b\r\n" * 100_000 + b"\r\nbody"
    message = parse(Whole(data))
    assert message.header.first(b"subject") == b"x"
    assert len(message.header.fields) < 50_000
    assert message.content() == b"body"


def check_offsets(part, start, end):
    assert start <= part.start <= part.body <= part.end <= end
    if part.multipart:
        for one, other in pairwise(part.children):
            assert one.end <= other.start
    for child in part.children:
        check_offsets(child, part.body, part.end)


TYPES = [
    b"multipart/mixed; boundary=a",
    b"multipart/mixed; boundary=b",
    b"multipart/digest; boundary=ab",
    b"message/rfc822",
    b"text/plain",
]
LINES = [b"--a", b"--b", b"--a--", b"--ab", b" ", b"x", b"\0", b"\xff", b"X: y\r\n", b"\n", b"\r"]
TOKENS = st.sampled_from([*LINES, *[b"\r\n"] * 4, *[b"Content-Type: %b\r\n" % each for each in TYPES]])
MESSAGES = st.lists(TOKENS, max_size=60).map(b"".join)


@given(MESSAGES)
def test_any_octets_give_sound_offsets(data):
    message = parse(Whole(data))
    check_offsets(message, 0, len(data))
    assert (message.start, message.end) == (0, len(data))


@given(MESSAGES, st.integers(8, 40))
def test_windows_see_what_memory_sees(data, window):
    def shape(part):
        return part.start, part.body, part.end, part.lines, part.content_type, [shape(child) for child in part.children]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mime, "WINDOW_OCTETS", window)
        assert shape(parse(Windowed(Source(data)))) == shape(parse(Whole(data)))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_outline_is_the_message_without_its_parts(path):
    data = path.read_bytes()
    whole, found = parse(Whole(data)), outline(Source(data))
    assert (found.start, found.body, found.end) == (whole.start, whole.body, whole.end)
    assert [found.header.raw(field) for field in found.header] == [whole.header.raw(field) for field in whole.header]


def test_outline_reads_little():
    source = Source(b"Subject: x\r\n\r\n" + b"body\r\n" * 1_000_000)
    assert outline(source).header.first(b"subject") == b"x"
    assert sum(length for _, length in source.reads) < 10_000


@pytest.mark.parametrize("size", [5_000, 40_000, 300_000, 3_000_000])
def test_outline_of_a_large_header_is_exact(size):
    head = b"A: b\r\n" * (size // 6) + b"\r\n"
    assert outline(Source(head + b"body")).body == len(head)


def test_large_messages_are_read_through_a_window():
    text = b"some text of a line\r\n" * 1000
    data = b"Content-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\n\r\n" + text * 300 + b"--w--\r\n"
    source = Source(data)
    octets = octets_of(source)
    assert isinstance(octets, Windowed)
    (part,) = parse(octets).children
    assert part.lines == 300_000
    assert part.content(50) == text[:50]
    assert max(length for _, length in source.reads) <= mime.WINDOW_OCTETS


def test_a_file_shorter_than_its_size_ends_the_search():
    source = Source(b"Content-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\n")
    source.size = 10_000_000
    message = parse(octets_of(source))
    assert message.end == 10_000_000
