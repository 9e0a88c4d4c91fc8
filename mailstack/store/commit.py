"""The writer: gathers jobs, runs them in batches (store.batches), and brings the results back to the reactor's thread.

The next batch is whoever gathered while the last one was made durable; there is no timer.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from threading import Condition as Wakeup
from threading import Thread
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred

from mailstack.base.errors import Condition, MailError
from mailstack.base.events import log
from mailstack.store.batches import NOTHING, Batches, Job, Task

__all__ = ["InlineCommitter", "ThreadCommitter"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

BATCH_JOBS = 256
CHORES_BETWEEN = 32  # chores done before looking for jobs again: about 1 ms
CHORES_REST = 0.01  # seconds without a job until chores begin: those who were just answered need the processor now
MANY_CHORES = 1000  # from here on some are done after every batch
PROBE_EVERY = 1.0  # seconds, while degraded


class _Done(Generic[T_co]):
    """An awaitable that has ended already: `await` it with no event loop at all."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __await__(self) -> Generator[Any, None, T_co]:
        yield from ()
        if self._task.failure is not None:
            raise self._task.failure
        return self._task.result  # type: ignore[no-any-return]


class InlineCommitter:
    """Every job at once, on the caller's thread, chores included.  For tests and tools without a reactor."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._stopped = False

    def start(self) -> None:
        pass

    @property
    def trouble(self) -> str:
        return self._batches.degraded

    def submit(self, job: Job[T]) -> Awaitable[T]:
        task = Task(job, _told)
        if self._stopped:
            task.failure = _shut_down()
            return _Done(task)
        self._batches.run([task])
        _release([task], self._batches)
        self._do_chores()
        return _Done(task)

    def _do_chores(self) -> None:
        while self._batches.has_chores:
            self._batches.do_chores(CHORES_BETWEEN)
            self._batches.run([])
        _release([], self._batches)

    def post(self, job: Job[Any]) -> None:
        self.submit(job)

    def stop(self) -> Awaitable[None]:
        if not self._stopped:
            self._stopped = True
            self._batches.run([])
            self._batches.close()
        return _Done(Task(NOTHING, _told))


class ThreadCommitter:
    """One thread that writes; results come back through `call_from_thread`."""

    def __init__(self, batches: Batches, call_from_thread: Callable[..., Any]) -> None:
        self._batches = batches
        self._call_from_thread = call_from_thread
        self._wakeup = Wakeup()
        self._waiting: deque[Task] = deque()
        self._stopping: Deferred[None] | None = None
        self._is_resting = False  # nobody has asked for anything for a while
        self._thread = Thread(target=self._loop, name="mailstack-committer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def trouble(self) -> str:
        return self._batches.degraded

    def submit(self, job: Job[T]) -> Awaitable[T]:
        """Reactor's thread.  Cancelling the answer gives up waiting, not the work."""
        answer: Deferred[T] = Deferred()
        task = Task(job, lambda done: _fire(answer, done))
        with self._wakeup:
            if self._stopping is not None:
                task.failure = _shut_down()
            else:
                self._waiting.append(task)
                self._wakeup.notify()
        if task.failure is not None:
            answer.errback(task.failure)
        return answer

    def post(self, job: Job[Any]) -> None:
        with self._wakeup:
            if self._stopping is None:
                self._waiting.append(Task(job, _told))
                self._wakeup.notify()

    def stop(self) -> Awaitable[None]:
        """Ends when everything that was asked for is done, chores too."""
        with self._wakeup:
            if self._stopping is None:
                self._stopping = Deferred()
                self._wakeup.notify()
        return self._stopping

    # --- in the thread ---

    def _loop(self) -> None:
        while True:
            tasks, ended = self._gather()
            if ended:
                break
            if tasks or not self._batches.has_chores:
                self._batches.run(tasks)
                self._call_from_thread(_release, tasks, self._batches)
            if not tasks or self._batches.backlog > MANY_CHORES:
                self._batches.do_chores(CHORES_BETWEEN)
        self._batches.close()
        assert self._stopping is not None
        self._call_from_thread(self._stopping.callback, None)

    def _gather(self) -> tuple[list[Task], bool]:
        """What waits, or nothing when there are chores to go on with; and whether it is time to end."""
        with self._wakeup:
            while not self._waiting:
                if self._batches.degraded and self._stopping is None:
                    self._wakeup.wait(PROBE_EVERY)  # then a batch of nothing tries whether the disk works again
                    break
                if not self._batches.degraded and (self._batches.has_chores or self._batches.has_settles):
                    if self._is_resting or self._stopping is not None:
                        return [], False
                    self._is_resting = not self._wakeup.wait(CHORES_REST)
                    continue
                if self._stopping is not None:
                    return [], True
                self._wakeup.wait()
            self._is_resting = False
            count = min(len(self._waiting), BATCH_JOBS)
            return [self._waiting.popleft() for _ in range(count)], False


def _shut_down() -> MailError:
    return MailError(Condition.SHUTTING_DOWN, "Shutting down")


def _told(_task: Task) -> None:
    """Nobody to wake: the caller looks when the call returns."""


def _fire(answer: "Deferred[Any]", task: Task) -> None:
    if task.failure is None:
        answer.callback(task.result)
    else:
        answer.errback(task.failure)


def _release(tasks: Sequence[Task], batches: Batches) -> None:
    """In the reactor's thread, in the order of commits.  One watcher's mistake does not stop the others' news."""
    while batches.events:
        event, fields = batches.events.popleft()
        log(event, **fields)
    rest = deque(tasks)
    while rest:
        task = rest.popleft()
        try:
            if task.failure is None:
                task.job.publish(task.result)
        finally:
            task.tell(task)
