"""Ascending numbers as text, `1:3,7`, and back: for the log, where ten thousand of them may stand in one event."""

from collections.abc import Iterable, Iterator

__all__ = ["read", "spelled"]


def spelled(numbers: Iterable[int]) -> str:
    """`1:3,7` of 1, 2, 3, 7."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in spans)


def read(text: str) -> Iterator[int]:
    """What `spelled` was given.  ValueError for anything else."""
    for span in filter(None, text.split(",")):
        first, _, last = span.partition(":")
        yield from range(int(first), int(last or first) + 1)
