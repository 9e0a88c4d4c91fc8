"""Connections kept for the next message: the handshakes, with TLS, cost more than the mail does."""

from collections.abc import Hashable
from typing import NamedTuple

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mailstack.relay.line import Line, Target
from mailstack.relay.settings import Reuse

__all__ = ["Door", "Pool"]


class Door(NamedTuple):
    """What must be the same for a connection to serve another message."""

    host: str
    port: int
    tls: Hashable  # `TlsPolicy.level`
    user: str = ""  # who is logged in


class _Idle(NamedTuple):
    line: Line
    until: IDelayedCall


class Pool:
    """Idle connections by door; the last one used is the first to be used again, so that the others may go."""

    def __init__(self, clock: IReactorTime, reuse: Reuse) -> None:
        self._clock, self.reuse = clock, reuse
        self._idle: dict[Door, list[_Idle]] = {}
        self._closed = False

    def __len__(self) -> int:
        return sum(len(kept) for kept in self._idle.values())

    def target(self, door: Door) -> Target | None:
        """Where a kept connection leads, if there is one."""
        kept = self._idle.get(door)
        return kept[-1].line.target if kept else None

    def take(self, door: Door) -> Line | None:
        """A connection that is good for another errand; it is the caller's now."""
        while kept := self._idle.get(door):
            idle = kept.pop()
            if not kept:
                del self._idle[door]
            if idle.until.active():
                idle.until.cancel()
            if idle.line.usable:
                return idle.line
            idle.line.connection.leave()
        return None

    def keep(self, door: Door, line: Line) -> None:
        """Take a connection back after an errand; one that has had its time says QUIT."""
        reuse = self.reuse
        if self._closed or line.errands >= reuse.messages_max or not line.usable or len(self) >= reuse.idle_max:
            line.connection.leave()
            return
        until = self._clock.callLater(reuse.idle_seconds, self._expire, door, line)
        self._idle.setdefault(door, []).append(_Idle(line, until))

    def close(self) -> None:
        """QUIT on everything; what comes back later is closed as well."""
        self._closed = True
        while self._idle:
            _, kept = self._idle.popitem()
            for idle in kept:
                idle.until.cancel()
                idle.line.connection.leave()

    def _expire(self, door: Door, line: Line) -> None:
        kept = [idle for idle in self._idle[door] if idle.line is not line]
        if kept:
            self._idle[door] = kept
        else:
            del self._idle[door]
        line.connection.leave()
