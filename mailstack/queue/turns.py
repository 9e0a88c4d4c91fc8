"""Whose turn it is: lanes one after the other, those with urgent mail first, those with bulk mail last.  Pure."""

from typing import Generic, TypeVar

__all__ = ["Turns"]

LaneT = TypeVar("LaneT")


class Turns(Generic[LaneT]):
    """Each lane stands in one of three lines: above, at and below priority 0."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: tuple[dict[LaneT, None], ...] = ({}, {}, {})

    def __bool__(self) -> bool:
        return any(self._lines)

    def add(self, lane: LaneT, priority: int) -> None:
        """At the end of the line that its first parcel's priority calls for; in that one it keeps its place."""
        now = 0 if priority > 0 else 1 if priority == 0 else 2
        for number, line in enumerate(self._lines):
            if number == now:
                line.setdefault(lane)
            else:
                line.pop(lane, None)

    def take(self) -> LaneT:
        """The lane whose turn it is; it leaves the line.  There is one."""
        line = next(line for line in self._lines if line)
        lane = next(iter(line))
        del line[lane]
        return lane

    def leave(self, lane: LaneT) -> None:
        for line in self._lines:
            line.pop(lane, None)
