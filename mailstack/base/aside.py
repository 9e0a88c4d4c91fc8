"""Work that would hold up everybody else is done aside: in a thread, or at once where nobody waits (tests)."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

__all__ = ["Aside", "at_once"]

T = TypeVar("T")


class Aside(Protocol):
    """Does `work` somewhere else; what it returns or raises comes back."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


async def at_once(work: Callable[[], T]) -> T:
    return work()
