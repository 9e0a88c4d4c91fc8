"""Keeps the certificate of `[tls.acme]` fresh: looks twice a day, orders in a thread, puts it to use by a reload."""

import random
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, log
from mailstack.config.model import Config
from mailstack.dns.api import DnsFailure
from mailstack.dns.tools import change_text, read_key
from mailstack.tls.acme.kept import Kept
from mailstack.tls.acme.provers import AlpnProver, DnsProver, HttpProver, Prover
from mailstack.tls.acme.values import AcmeFault, Authority
from mailstack.tls.certs import utc_now

__all__ = ["CertificateKeeper", "kept_of", "order"]

LOOK_EVERY = 12 * 3600.0  # seconds; half as much again by chance, so that not all servers come at once
FIRST_RETRY, LAST_RETRY = 3600.0, 86400.0
_PORTS = {"http-01": 80, "tls-alpn-01": 443}


def kept_of(config: Config) -> Kept:
    return Kept(config.certificates_folder, (config.hostname, *config.tls.acme.names))


def order(config: Config, kept: Kept) -> None:
    """Order one now, and keep it.  It blocks.  AcmeFault, OSError."""
    from mailstack.tls.acme.order import obtain

    acme = config.tls.acme
    authority = Authority(acme.directory, acme.email, kept.account_key, acme.trust)
    try:
        kept.keep(obtain(authority, kept.names, _prover(config), utc_now()))
    except DnsFailure as fault:
        raise AcmeFault(f"the record for dns-01 cannot be put: {fault}") from None


def _prover(config: Config) -> Prover:
    acme = config.tls.acme
    if acme.challenge == "dns-01":
        server = (acme.dns_server[0].host, acme.dns_server[0].port)
        key = read_key(acme.dns_key) if acme.dns_key else None
        return DnsProver(
            lambda owner, text: change_text(server, key, owner, put=text),
            lambda owner, text: change_text(server, key, owner, remove=text),
        )
    host, port = (acme.address[0].host, acme.address[0].port) if acme.address else ("", _PORTS[acme.challenge])
    return HttpProver(host, port) if acme.challenge == "http-01" else AlpnProver(host, port, utc_now)


class CertificateKeeper(Service):
    """`config` gives what is in force, `reload` puts new files to use."""

    def __init__(self, config: Callable[[], Config], reload: Callable[[], object], reactor: Any) -> None:
        self._config, self._reload, self._reactor = config, reload, reactor
        self._timer: Any = None
        self._retry = FIRST_RETRY
        self._ordering: Deferred[None] | None = None

    def startService(self) -> None:
        Service.startService(self)
        self._look()

    def stopService(self) -> None:
        Service.stopService(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _look(self) -> None:
        if not self._config().tls.acme.enabled:
            self._again(LOOK_EVERY)
            return
        reason = kept_of(self._config()).why_due(utc_now())
        if reason:
            log(Event.CERTIFICATE_DUE, reason=reason)
            self.renew().addErrback(lambda _: None)  # told in the log
        else:
            self._again(LOOK_EVERY * random.uniform(1.0, 1.5))  # noqa: S311  no secret

    def renew(self) -> "Deferred[None]":
        """Order now; who asks while an order is under way gets its end.  AcmeFault, OSError"""
        done: Deferred[None] = Deferred()
        if self._ordering is None:
            config = self._config()
            self._ordering = deferToThreadPool(
                self._reactor, self._reactor.getThreadPool(), order, config, kept_of(config)
            )
            self._ordering.addBoth(self._ended)
        self._ordering.addBoth(_pass_on, done)
        return done

    async def renew_now(self) -> str:
        """For the command line.  MailError"""
        try:
            await self.renew()
        except (AcmeFault, OSError) as fault:
            raise MailError(Condition.UNAVAILABLE, f"no certificate this time: {fault}") from None
        return f"A new certificate for {', '.join(kept_of(self._config()).names)} is in use."

    def _ended(self, result: Any) -> Any:
        self._ordering = None
        if isinstance(result, Failure):
            fault = result.value
            words = str(fault) if isinstance(fault, (AcmeFault, OSError)) else result.getTraceback()
            log(Event.CERTIFICATE_FAILED, reason=words, hours=round(self._retry / 3600, 1))
            self._again(self._retry)
            self._retry = min(self._retry * 2, LAST_RETRY)
            return result
        self._retry = FIRST_RETRY
        self._reload()
        log(Event.CERTIFICATE_RENEWED, names=", ".join(kept_of(self._config()).names))
        self._again(LOOK_EVERY)
        return None

    def _again(self, seconds: float) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self.running:
            self._timer = self._reactor.callLater(seconds, self._look)


def _pass_on(result: Any, done: "Deferred[None]") -> Any:
    done.callback(result)
    return None if isinstance(result, Failure) else result
