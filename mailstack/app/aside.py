"""Where work goes that takes its time: the reactor's threads."""

from typing import Any

from twisted.internet.threads import deferToThreadPool

from mailstack.base.aside import Aside, at_once

__all__ = ["aside_of"]


def aside_of(reactor: Any, *, inline: bool) -> Aside:
    if inline:
        return at_once
    return lambda work: deferToThreadPool(reactor, reactor.getThreadPool(), work)
