"""The sink: on the reactor's thread it only gathers; a disk that stands still or is full never holds up anything."""

import pytest
from twisted.internet.task import Clock

from mailstack.base.events import Event, add_sink, remove_sink
from mailstack.history import recorder as module
from mailstack.history.recorder import Recorder
from mailstack.history.segments import Limits


class Disk:
    """Stands for the segments."""

    def __init__(self):
        self.limits = Limits()
        self.written = []
        self.fails = False

    def append(self, lines, _now):
        if self.fails:
            raise OSError(28, "No space left on device", "/history")
        self.written.append(lines.count(b"\n"))

    def close(self):
        self.written.append("closed")


class Threads:
    """Work that waits until `run`."""

    def __init__(self):
        self.waiting = []

    def __call__(self, work):
        self.waiting.append(work)

    def run(self):
        self.waiting.pop(0)()


@pytest.fixture
def parts():
    disk, clock, threads = Disk(), Clock(), Threads()
    return disk, clock, threads, Recorder(disk, clock, threads, lambda work: work())


def test_batches(parts):
    disk, clock, threads, recorder = parts
    for _ in range(3):
        recorder(Event.READY, {"listeners": 1})
    assert not threads.waiting
    clock.advance(0.5)
    threads.run()
    assert disk.written == [3]
    assert not clock.getDelayedCalls()  # a quiet server does nothing


def test_one_at_a_time(parts):
    disk, clock, threads, recorder = parts
    recorder(Event.READY, {})
    clock.advance(0.5)
    recorder(Event.READY, {})
    recorder(Event.READY, {})
    clock.advance(0.5)
    assert len(threads.waiting) == 1
    threads.run()
    clock.advance(0.5)
    threads.run()
    assert disk.written == [1, 2]


def test_flush_waits_for_what_is_under_way(parts):
    disk, clock, threads, recorder = parts
    done = []
    recorder(Event.READY, {})
    clock.advance(0.5)
    recorder(Event.READY, {})
    recorder.flush(lambda: done.append(list(disk.written)))
    threads.run()
    assert not done
    threads.run()
    assert done == [[1, 1]]


def test_flush_of_nothing(parts):
    _disk, _clock, threads, recorder = parts
    done = []
    recorder.flush(lambda: done.append(1))
    threads.run()
    assert done == [1]


def test_a_disk_that_stands_still(parts, monkeypatch):
    disk, clock, threads, recorder = parts
    monkeypatch.setattr(module, "_MOST", 10)
    recorder(Event.READY, {})
    clock.advance(0.5)
    for _ in range(50):
        recorder(Event.READY, {})
        clock.advance(0.5)
    assert len(recorder._held) <= 11
    threads.run()
    clock.advance(0.5)
    threads.run()
    assert disk.written[1] <= 11


def test_a_full_disk_is_told_once_and_its_end_too(parts):
    disk, clock, threads, recorder = parts
    told = []
    sink = lambda event, fields: told.append((event, dict(fields)))  # noqa: E731
    add_sink(sink)
    try:
        disk.fails = True
        for _ in range(3):
            recorder(Event.READY, {})
            clock.advance(0.5)
            threads.run()
        disk.fails = False
        recorder(Event.READY, {})
        clock.advance(0.5)
        threads.run()
    finally:
        remove_sink(sink)
    assert [event for event, _ in told] == [Event.HISTORY_LOST, Event.HISTORY_KEPT]
    assert told[0][1]["reason"] == "/history: No space left on device"
    assert disk.written == [1]


def test_the_last_is_written_at_the_end(parts):
    disk, clock, _threads, recorder = parts
    recorder(Event.STOPPED, {})
    recorder.close()
    assert disk.written == [1, "closed"]
    assert not clock.getDelayedCalls()
