"""The sink: takes events on the reactor's thread, and has them written on another."""

from collections.abc import Callable, Mapping
from typing import Any

from mailstack.base.events import Event, log
from mailstack.history.record import Happening, encode
from mailstack.history.segments import Limits, Segments

__all__ = ["Recorder"]

_EVERY = 0.5  # seconds: what a crash loses
_MOST = 100_000  # events that may wait for a disk that stands still

Work = Callable[[], None]


class Recorder:
    """A sink of base.events.  `clock` is Twisted's IReactorTime, its seconds UNIX time.

    `in_thread(work)` runs it elsewhere, `back(work)` runs it on the reactor's thread; both at once in tests.
    """

    def __init__(
        self, segments: Segments, clock: Any, in_thread: Callable[[Work], Any], back: Callable[[Work], Any]
    ) -> None:
        self._segments, self._clock, self._in_thread, self._back = segments, clock, in_thread, back
        self._now: Callable[[], float] = clock.seconds
        self._held: list[Happening] = []
        self._timer: Any = None
        self._writing = False
        self._lost = 0
        self._failing = False
        self._waiting: list[Work] = []  # who wants to know when all of this is on the disk

    @property
    def limits(self) -> Limits:
        return self._segments.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._segments.limits = limits

    def __call__(self, event: Event, fields: Mapping[str, Any]) -> None:
        self._held.append((self._now(), event, fields))
        if self._timer is None:
            self._timer = self._clock.callLater(_EVERY, self._write)

    def flush(self, done: Work) -> None:
        """`done()` when everything that was told before is written, or lost."""
        self._waiting.append(done)
        if not self._writing:
            self._cancel()
            self._write()

    def close(self) -> None:
        """At the very end, when no thread runs any more: what is left is written here and now."""
        self._cancel()
        held, self._held = self._held, []
        if held:
            self._keep(held, self._now())
        self._segments.close()

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _write(self) -> None:
        """One batch at a time: while the disk stands still, events wait here, up to a limit."""
        self._timer = None
        if self._writing:
            if len(self._held) > _MOST:
                self._lost += len(self._held) - _MOST
                del self._held[:-_MOST]
            return
        held, self._held = self._held, []
        waiting, self._waiting = self._waiting, []
        self._writing = True
        now = self._now()
        self._in_thread(lambda: self._batch(held, waiting, now))

    def _batch(self, held: list[Happening], waiting: list[Work], now: float) -> None:
        """In the thread."""
        failure = self._keep(held, now) if held else ""
        self._back(lambda: self._written(len(held), failure, waiting))

    def _keep(self, held: list[Happening], now: float) -> str:
        """Why it could not be kept."""
        try:
            self._segments.append(encode(held), now)
        except OSError as fault:
            return f"{fault.filename or 'its file'}: {fault.strerror}"
        return ""

    def _written(self, count: int, failure: str, waiting: list[Work]) -> None:
        self._writing = False
        if failure:
            self._lost += count
            if not self._failing:
                self._failing = True
                log(Event.HISTORY_LOST, reason=failure, events=self._lost)
        elif count and self._failing:
            self._failing = False
            log(Event.HISTORY_KEPT, lost=self._lost)
        for done in waiting:
            done()
        if self._waiting:
            self._cancel()
            self._write()
        elif self._held and self._timer is None:
            self._timer = self._clock.callLater(_EVERY, self._write)
