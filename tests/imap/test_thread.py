"""THREAD's algorithms: known mailboxes, and what holds of every mailbox."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.imap.thread import Threaded, by_references, by_references_only, by_subject, rendered


async def pause():
    pass


def threads(algorithm, *rows):
    """Rows are (id, references, subject, is reply, sent)."""
    ids, references, subjects, replies, sent = zip(*rows, strict=True) if rows else ((),) * 5
    references = [tuple(word.encode() for word in text.split()) for text in references]
    mail = Threaded(
        [name.encode() for name in ids], references, [s.encode() for s in subjects], replies, list(sent), list(sent)
    )
    forest = asyncio.run(algorithm(mail, pause))
    return rendered(forest, range(1, len(rows) + 1)).decode()


def row(name, references="", subject="", *, reply=False, sent=0):
    return name, references, subject, reply, sent


TABLE = [
    ([], ""),
    ([row("a")], "(1)"),
    ([row("a"), row("b", "a"), row("c", "a b")], "(1 2 3)"),
    ([row("a"), row("b", "a"), row("c", "a")], "(1 (2)(3))"),
    # not in the order they were written
    ([row("c", "a b"), row("b", "a"), row("a")], "(3 2 1)"),
    # a parent that is not there: dropped above one child, kept above two
    ([row("b", "a")], "(1)"),
    ([row("b", "a"), row("c", "a")], "((1)(2))"),
    # a missing one in the middle is left out
    ([row("a"), row("c", "a b"), row("d", "a b")], "(1 (2)(3))"),
    # a row of missing ones
    ([row("x", "p q r"), row("y", "p q")], "((1)(2))"),
    # the same ID twice: the first has it
    ([row("a"), row("a"), row("b", "a")], "(1 3)(2)"),
    # no ID at all
    ([row(""), row("", "a"), row("a")], "(1)(3 2)"),
    # a loop is not closed
    ([row("a", "b"), row("b", "a")], "(2 1)"),
    ([row("a", "a")], "(1)"),
    ([row("a", "c"), row("b", "a"), row("c", "b")], "(3 1 2)"),
    # truncated references give way to the message's own
    ([row("c", "a"), row("d", "b c"), row("a"), row("b")], "(3 1 2)(4)"),
    # siblings by date, threads by the date of their first
    ([row("a", sent=5), row("b", "a", sent=9), row("c", "a", sent=7), row("d", sent=1)], "(4)(1 (3)(2))"),
    # the same subject: replies under the original
    ([row("a", subject="S"), row("b", subject="S", reply=True)], "(1 2)"),
    ([row("b", subject="S", reply=True), row("a", subject="S", sent=1)], "(2 1)"),
    # neither is a reply, or both are: side by side
    ([row("a", subject="S"), row("b", subject="S")], "((1)(2))"),
    ([row("a", subject="S", reply=True), row("b", subject="S", reply=True)], "((1)(2))"),
    ([row("a", subject="S"), row("b", subject="S"), row("c", subject="S")], "((1)(2)(3))"),
    # dummies are joined, and joined to
    ([row("b", "a", "S"), row("c", "a", "S"), row("e", "d", "S"), row("f", "d", "S")], "((1)(2)(3)(4))"),
    ([row("b", "a", "S"), row("c", "a", "S"), row("e", subject="S")], "((1)(2)(3))"),
    # an empty subject joins nobody
    ([row("a"), row("b")], "(1)(2)"),
]


@pytest.mark.parametrize(("rows", "expected"), TABLE)
def test_references(rows, expected):
    assert threads(by_references, *rows) == expected


def test_ordered_subject():
    rows = [
        row("a", subject="S", sent=3),
        row("b", subject="T", sent=1),
        row("c", subject="S", sent=5),
        row("d", "c", subject="S", sent=4),
        row("e", "a", subject="T", sent=9),
    ]
    assert threads(by_subject, *rows) == "(2 5)(1 (4)(3))"


def test_references_only():
    """Subjects tell nothing, and the thread that got the latest message comes last."""
    rows = [
        row("a", subject="S", sent=1),
        row("b", subject="S", sent=2),
        row("c", "a", subject="S", sent=3),
    ]
    assert threads(by_references_only, *rows) == "(2)(1 3)"


def test_rfc_example():
    """RFC 5256 §4: 3 and 6, then 4 with 23, and 44 with 7 and 96."""
    rows = [row("x")] * 96
    rows[2] = row("3")
    rows[5] = row("6", "3")
    rows[3], rows[22] = row("4", "6"), row("23", "4")
    rows[43], rows[6], rows[95] = row("44", "6"), row("7", "44"), row("96", "7")
    assert "(3 6 (4 23)(44 7 96))" in threads(by_references, *rows)


def test_a_thread_as_deep_as_it_is_long():
    rows = [row(str(n), str(n - 1)) for n in range(5000)]
    assert threads(by_references, *rows) == f"({' '.join(str(n) for n in range(1, 5001))})"
    assert threads(by_references, *reversed(rows)) == f"({' '.join(str(n) for n in range(5000, 0, -1))})"


NAMES = st.sampled_from("abcdefgh")
ROWS = st.lists(
    st.builds(
        row, NAMES | st.just(""), st.lists(NAMES, max_size=4).map(" ".join), st.sampled_from(["", "S", "T"]),
        reply=st.booleans(), sent=st.integers(0, 3),
    ),
    max_size=12,
)  # fmt: skip


@given(ROWS, st.sampled_from([by_subject, by_references, by_references_only]))
def test_every_message_is_in_one_thread(rows, algorithm):
    said = threads(algorithm, *rows)
    numbers = said.replace("(", " ").replace(")", " ").split()
    assert sorted(map(int, numbers)) == list(range(1, len(rows) + 1))
    assert said.count("(") == said.count(")")
    assert "()" not in said
