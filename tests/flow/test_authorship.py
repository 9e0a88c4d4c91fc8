"""The header block of a submitted message: what is added, what goes, and that the rest stays octet for octet."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import Condition, MailError
from mailstack.flow.authorship import HeaderRewriter, complete_header, written_by
from tests.smtp.world import Memory

MOMENT = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
ID = b"Message-ID: <m1@mail.demo.test>\r\n"
DATE = b"Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"


@pytest.mark.parametrize(
    ("head", "stored"),
    [
        (b"Subject: x\r\n\r\n", ID + DATE + b"Subject: x\r\n\r\n"),
        (b"Date: now\r\nmessage-id: <x>\r\n\r\n", b"Date: now\r\nmessage-id: <x>\r\n\r\n"),
        (b"DATE : now\r\n\r\n", ID + b"DATE : now\r\n\r\n"),
        (b"Message-Id:\r\n <x>\r\n\r\n", DATE + b"Message-Id:\r\n <x>\r\n\r\n"),
        (b"A: 1\r\nBcc: x@y,\r\n z@y\r\nB: 2\r\n\r\n", ID + DATE + b"A: 1\r\nB: 2\r\n\r\n"),
        (b"bCC:x\r\nBcc : y\r\nResent-Bcc: z\r\nB: 2\r\n\r\n", ID + DATE + b"B: 2\r\n\r\n"),
        (b"X-Bcc: x\r\n\r\n", ID + DATE + b"X-Bcc: x\r\n\r\n"),
        (b"A: 1\r\nBcc: x", ID + DATE + b"A: 1\r\n"),
        (b"\r\n", ID + DATE + b"\r\n"),
        (b"no header\r\n\r\n", ID + DATE + b"\r\nno header\r\n\r\n"),
        (b" folded: 1\r\nA: 2\r\n\r\n", ID + DATE + b"\r\n folded: 1\r\nA: 2\r\n\r\n"),
        (b"", ID + DATE + b"\r\n"),
    ],
)
def test_complete_header(head, stored):
    assert complete_header(head, message_id="m1@mail.demo.test", moment=MOMENT) == stored


@pytest.mark.parametrize(
    ("head", "authors"),
    [
        (b"From: alice@demo.test\r\n\r\n", ["alice@demo.test"]),
        (b"From: Alice <Alice@Demo.test>\r\n\r\n", ["Alice@Demo.test"]),
        (b'From: "bob@demo.test" <alice@demo.test>\r\n\r\n', ["alice@demo.test"]),
        (b"From: a@b.test,\r\n c@d.test\r\nFROM: e@f.test\r\n\r\n", ["a@b.test", "c@d.test", "e@f.test"]),
        (b"From: group: a@b.test;\r\n\r\n", ["a@b.test"]),
        (b"From:\r\n\r\n", [""]),
        (b"From: root\r\n\r\n", [""]),
        (b"Subject: From: x@y.test\r\n\r\n", []),
    ],
)
def test_written_by(head, authors):
    assert written_by(head) == authors


def through(message, cuts, limit=1000):
    staged, blocks = Memory(), []

    def rewrite(head):
        blocks.append(head)
        return b"<" + head + b">"

    rewriter = HeaderRewriter(staged, rewrite, limit)
    edges = [0, *sorted(cut for cut in cuts if cut < len(message)), len(message)]
    for start, end in itertools.pairwise(edges):
        if start < end:
            rewriter.write(message[start:end])
    rewriter.finish()
    assert staged.finished
    return blocks, bytes(staged.data)


@pytest.mark.parametrize(
    ("message", "block"),
    [
        (b"A: 1\r\n\r\nbody\r\n\r\nmore\r\n", b"A: 1\r\n\r\n"),
        (b"\r\nA: 1\r\n\r\nbody", b"\r\n"),
        (b"\r\n", b"\r\n"),
        (b"A: 1\r\n", b"A: 1\r\n"),
        (b"A: 1\r\n\r\n", b"A: 1\r\n\r\n"),
        (b"", b""),
    ],
)
@given(cuts=st.lists(st.integers(1, 25), max_size=6))
def test_the_block_is_found_however_it_is_cut(message, block, cuts):
    assert through(message, cuts) == ([block], b"<" + block + b">" + message[len(block) :])


@pytest.mark.parametrize("message", [b"x" * 101, b"A: " + b"x" * 99 + b"\r\n\r\n"])
@pytest.mark.parametrize("cuts", [[], [50], [100]])
def test_a_block_too_long_is_refused(message, cuts):
    with pytest.raises(MailError) as caught:
        through(message, cuts, limit=100)
    assert caught.value.condition is Condition.BAD_CONTENT


def test_a_long_body_is_no_long_header():
    assert through(b"A: 1\r\n\r\n" + b"x" * 500, [], limit=100)[0] == [b"A: 1\r\n\r\n"]
