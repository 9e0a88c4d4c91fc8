"""The real reactor in a thread of the test process, for tests that talk to the server by blocking sockets.

It is started once and never stopped: a Twisted reactor cannot be started again.
"""

import threading

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread

_started = threading.Event()
_lock = threading.Lock()


def in_reactor(work, *arguments):
    """Run `work` (a function, or one that gives a coroutine) on the reactor's thread; its result."""
    with _lock:
        if not _started.is_set():
            reactor.callWhenRunning(_started.set)
            threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False}, daemon=True).start()
            _started.wait(10)

    def call():
        result = work(*arguments)
        return Deferred.fromCoroutine(result) if hasattr(result, "send") else result

    return blockingCallFromThread(reactor, call)
