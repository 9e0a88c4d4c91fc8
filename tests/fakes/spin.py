"""A reactor of a test's own, turned by hand until something has happened: real sockets, no threads, no sleeps."""

import time
from contextlib import contextmanager

from twisted.internet.defer import Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.protocols import tls
from twisted.python.failure import Failure


class Spinner:
    def __init__(self):
        self.reactor = EPollReactor()
        self.reactor.startRunning(installSignalHandlers=False)

    def run(self, coroutine, limit=5.0):
        """What the coroutine (or Deferred) comes to; AssertionError after `limit` seconds."""
        results = []
        waiting = coroutine if isinstance(coroutine, Deferred) else Deferred.fromCoroutine(coroutine)
        waiting.addBoth(results.append)
        self.until(lambda: results, limit)
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    def until(self, happened, limit=5.0):
        end = time.monotonic() + limit
        while not happened():
            assert time.monotonic() < end, "nothing happened"
            self.reactor.iterate(0.05)

    def close(self):
        for _ in range(3):
            self.reactor.iterate(0)  # what was told to stop stops in a turn of its own
        self.reactor.fireSystemEvent("shutdown")
        for reader in self.reactor.removeAll():
            reader.connectionLost(Failure(ConnectionError("the test is over")))
        for call in self.reactor.getDelayedCalls():
            call.cancel()
        for waker in list(self.reactor._internalReaders):
            waker.connectionLost(None)
        self.reactor._poller.close()


@contextmanager
def spinning():
    spinner = Spinner()
    usual = tls._get_default_clock
    tls._get_default_clock = lambda: spinner.reactor  # STARTTLS has no argument for it
    try:
        yield spinner
    finally:
        tls._get_default_clock = usual
        spinner.close()
