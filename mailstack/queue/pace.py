"""How many deliveries at once a destination bears: found out by trying.  Pure.

The window of a lane grows by one for each window's worth of successes and is cut to about a
half when all that runs in it is pushed back: slow up, fast down, as TCP does.  The operator's
limit is the ceiling.
"""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Generic, TypeVar

from mailstack.queue.api import Deferred, Failed, Outcome

__all__ = ["Pace", "Sign", "sign_of"]

LaneT = TypeVar("LaneT")

START = 3.0  # deliveries at once to a destination of which nothing is known
_REMEMBERED = 10_000  # lanes; the one longest unheard of is forgotten first


class Sign(Enum):
    """What a delivery says about how busy the destination is."""

    GOOD = auto()  # it takes mail
    PUSH_BACK = auto()  # it asks for less: 421, 451, or no answer in time
    NONE = auto()


def sign_of(outcomes: Iterable[Outcome]) -> Sign:
    """One push-back counts more than any success; a refusal for good is an answer like any other."""
    sign = Sign.NONE
    for outcome in outcomes:
        if not isinstance(outcome, Deferred):
            sign = Sign.GOOD if not isinstance(outcome, Failed) or outcome.reply.code else sign
        elif outcome.reply.code in {421, 451} or (outcome.reply.code == 0 and outcome.reply.status == "4.4.2"):
            return Sign.PUSH_BACK
    return sign


class Pace(Generic[LaneT]):
    """The windows of all lanes."""

    def __init__(self) -> None:
        self._windows: dict[LaneT, float] = {}  # longest unheard of first

    def allowed(self, lane: LaneT, ceiling: int) -> int:
        """How many may run at once; at least one."""
        return max(1, min(int(self._windows.get(lane, START)), ceiling))

    def heard(self, lane: LaneT, sign: Sign, running: int, ceiling: int) -> None:
        """`running`: how many ran in the lane, the one that is told of included."""
        if sign is Sign.NONE:
            return
        window = min(self._windows.pop(lane, START), float(ceiling))
        if sign is Sign.GOOD:
            window = min(window + 1 / window, float(ceiling))
        else:
            window = max(1.0, window * (1 - 1 / (2 * max(running, 1))))
        self._windows[lane] = window
        if len(self._windows) > _REMEMBERED:
            del self._windows[next(iter(self._windows))]
