"""What the server tells those who watch over it: the parts behind /metrics, /health and the status."""

from collections.abc import Callable, Sequence
from typing import Any

from mailstack import __version__
from mailstack.app.parts import Parts
from mailstack.config.model import Config
from mailstack.metrics.exposition import CONTENT_TYPE, Exposition, Now
from mailstack.net.listen import Listener
from mailstack.web.service import WebPorts
from mailstack.web.site import make_site

__all__ = ["made_web_ports", "why_not_ready"]


def made_web_ports(
    config: Config, parts: Parts, listeners: Sequence[Listener], reactor: Any, is_running: Callable[[], bool]
) -> WebPorts:
    """`is_running` is over as soon as the server begins to stop."""
    started = reactor.seconds()
    exposition = Exposition(parts.counts, lambda: _now(parts, listeners, reactor.seconds() - started))
    site = make_site(exposition.text, CONTENT_TYPE, lambda: why_not_ready(parts, listeners, running=is_running()))
    return WebPorts(reactor, [(address.host, address.port) for address in config.http.address], site)


def why_not_ready(parts: Parts, listeners: Sequence[Listener], *, running: bool) -> list[str]:
    """Empty while mail can be taken and read."""
    reasons = [] if running else ["the server stops"]
    if parts.store.trouble:
        reasons.append(f"no mail is taken: {parts.store.trouble}")
    if running:
        reasons += [f"{listener.name} does not listen" for listener in listeners if not listener.addresses]
    return reasons


def _now(parts: Parts, listeners: Sequence[Listener], seconds: float) -> Now:
    states, messages = parts.spool.states()
    return Now(
        version=__version__,
        seconds=seconds,
        connections={str(listener.name): len(listener.connections) for listener in listeners},
        queue=states,
        queued_messages=messages,
        accounts=len(parts.directory.accounts()),
        domains=len(parts.directory.own_domains()),
        batches=parts.store.batch_sizes,
    )
