"""mbox: every dialect read, one written, and what was written is read again."""

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.store.transfer.found import Bad, Found, read_head, with_crlf
from mailstack.store.transfer.mbox import read_mbox, write_mbox

FROM = b"From far@elsewhere.test Mon Feb  3 04:05:06 2020\n"
DATE = 1580702706


def read(tmp_path, octets):
    """[(flags, date, octets)]"""
    path = tmp_path / "some.mbox"
    path.write_bytes(octets)
    with path.open("rb") as file:
        return [
            (each.flags, each.date, b"".join(each.chunks)) if isinstance(each, Found) else each
            for each in read_mbox(file, "Some", "some.mbox")
        ]


def test_plain(tmp_path):
    octets = FROM + b"Subject: a\n\none\n\n" + FROM + b"Subject: b\n\ntwo\nlines\n"
    assert read(tmp_path, octets) == [
        ((), DATE, b"Subject: a\r\n\r\none\r\n"),
        ((), DATE, b"Subject: b\r\n\r\ntwo\r\nlines\r\n"),
    ]


@pytest.mark.parametrize(
    ("body", "read_as"),
    [
        (b">From here\n", b"From here\r\n"),
        (b">>From here\n", b">From here\r\n"),
        (b"> From here\n", b"> From here\r\n"),
        (b"a\n\nFrom now on it is text\n", b"a\r\n\r\nFrom now on it is text\r\n"),
        (b"a\nFrom x@y.test Mon Feb  3 04:05:06 2020\n", b"a\r\nFrom x@y.test Mon Feb  3 04:05:06 2020\r\n"),
        (b"\n\n\nx\n\n\n", b"\r\n\r\n\r\nx\r\n\r\n\r\n"),
        (b"", b""),
        (b"x\r\ny\r\n", b"x\r\ny\r\n"),
        (b"z" * 200_000 + b"\nFrom\n", b"z" * 200_000 + b"\r\nFrom\r\n"),
    ],
)
def test_bodies(tmp_path, body, read_as):
    octets = FROM + b"Subject: a\n\n" + body + b"\n" + FROM + b"Subject: last\n\nend\n"
    first, last = read(tmp_path, octets)
    assert first[2] == b"Subject: a\r\n\r\n" + read_as
    assert last[2] == b"Subject: last\r\n\r\nend\r\n"


def test_content_length_is_believed_where_it_is_right(tmp_path):
    body = b"one\n\nFrom x@y.test Mon Feb  3 04:05:06 2020\n>From\n"
    good = FROM + b"Content-Length: %d\nSubject: a\n\n%b\n" % (len(body), body)
    wrong = FROM + b"Content-Length: 3\nSubject: b\n\n>From here\n\n"
    first, second, last = read(tmp_path, good + wrong + FROM + b"Content-Length: 4\n\nend\n")
    assert first[2] == b"Subject: a\r\n\r\n" + body.replace(b"\n", b"\r\n")
    assert second[2] == b"Subject: b\r\n\r\nFrom here\r\n"
    assert last[2] == b"\r\nend\r\n"


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        (b"Status: RO\nX-Status: AF\n", ("\\Seen", "\\Answered", "\\Flagged")),
        (b"Status: O\n", ()),
        (b"X-Status: TD\n", ("\\Draft", "\\Deleted")),
        (b"X-Keywords: $Forwarded  work \n", ("$Forwarded", "work")),
        (
            b"X-Mozilla-Status: 1007\nX-Mozilla-Keys: $label1\n",
            ("\\Seen", "\\Answered", "\\Flagged", "$Forwarded", "$label1"),
        ),
    ],
)
def test_state(tmp_path, fields, flags):
    [(found, _, octets)] = read(tmp_path, FROM + b"A: b\n" + fields + b"Subject: c\n\nx\n")
    assert found == flags
    assert octets == b"A: b\r\nSubject: c\r\n\r\nx\r\n"


@pytest.mark.parametrize(
    "fields", [b"X-Mozilla-Status: 0009\n", b"X-IMAP: 1 2\n", b"Subject: DON'T DELETE -- FOLDER INTERNAL DATA\n"]
)
def test_what_its_program_does_not_show_is_no_message(tmp_path, fields):
    assert read(tmp_path, FROM + fields + b"\nx\n\n" + FROM + b"\nseen\n") == [((), DATE, b"\r\nseen\r\n")]


@pytest.mark.parametrize(
    ("separator", "date"),
    [
        (b"From - Mon Feb  3 04:05:06 2020\n", DATE),
        (b"From x@y Mon Feb  3 04:05 2020\n", DATE - 6),
        (b"From x@y Mon Feb  3 04:05:06 CET 2020\n", DATE),
        (b"From x@y Mon Feb 31 04:05:06 2020\n", DATE + 1),
        (b"From x@y\n", DATE + 1),
    ],
)
def test_dates(tmp_path, separator, date):
    octets = separator + b"Received: by z; Mon, 3 Feb 2020 04:05:07 +0000\nDate: Sun, 2 Feb 2020 00:00:00 +0000\n\nx\n"
    assert read(tmp_path, octets)[0][1] == date


def test_without_any_date_the_files_counts(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(b"From x\nSubject: a\n\nb\n")
    os.utime(path, (5, 5))
    with path.open("rb") as file:
        [found] = read_mbox(file, "", "m")
    assert found.date == 5


def test_what_is_none(tmp_path):
    assert read(tmp_path, b"") == []
    assert read(tmp_path, b"Subject: a\n\nb\n") == [Bad("some.mbox: octet 0", "no mbox: it does not begin with From")]
    bad, good = read(tmp_path, FROM + b"\n\n" + FROM + b"Subject: a\n\nb\n")
    assert bad == Bad("some.mbox: octet 0", "an empty message")
    assert good[2] == b"Subject: a\r\n\r\nb\r\n"


def test_messages_that_nobody_drew_are_passed(tmp_path):
    path = tmp_path / "m"
    path.write_bytes((FROM + b"Subject: a\n\nb\n\n") * 3)
    with path.open("rb") as file:
        keys = [each.key for each in read_mbox(file, "", "m")]
    with path.open("rb") as file:
        assert [each.key for each in read_mbox(file, "", "m") if b"".join(each.chunks)] == keys
    assert len(set(keys)) == 3


LINES = st.sampled_from([b"From me\r\n", b">From me\r\n", b"text\r\n", b"\r\n", b"From x Mon Feb  3 04:05:06 2020\r\n"])
FLAGS = st.lists(st.sampled_from(["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "$work"]), unique=True)


@given(st.lists(st.tuples(st.lists(LINES), FLAGS, st.integers(0, 4_000_000_000)), min_size=1, max_size=4), st.data())
def test_written_and_read_again(tmp_path_factory, messages, data):
    out, wanted = io.BytesIO(), []
    for lines, flags, date in messages:
        octets = b"Subject: s\r\n\r\n" + b"".join(lines)
        cut = data.draw(st.integers(14, len(octets)))
        write_mbox(out, [octets[:cut], octets[cut:]], flags, date)
        wanted.append((set(flags), date, octets))
    found = read(tmp_path_factory.mktemp("mbox"), out.getvalue())
    assert [(set(flags), date, octets) for flags, date, octets in found] == wanted


@given(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"\r\n"])), st.data())
def test_line_ends_however_cut(pieces, data):
    octets = b"".join(pieces)
    cut = data.draw(st.integers(0, len(octets)))
    whole = b"".join(with_crlf([octets]))
    assert b"".join(with_crlf([octets[:cut], octets[cut:]])) == whole
    assert whole.replace(b"\r\n", b"").count(b"\n") == 0


def test_the_head_keeps_what_is_no_field():
    head = read_head(b"Subject: a\nrubbish\nStatus: R\n folded\nTo: b\n\n")
    assert head.octets == b"Subject: a\nrubbish\nTo: b\n\n"
