"""One HTTPS request of our own: a valid certificate, no redirects, a small answer, a limit of time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import treq
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.ssl import Certificate, optionsForClientTLS, platformTrust, trustRootFromCertificates
from twisted.web.client import Agent
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from mailstack.accounts.api import IssuerUnreachable

__all__ = ["Https"]

_OCTETS_MAX = 1024 * 1024
_SECONDS = 10.0  # somebody waits for his login


class Https:
    """Implements `accounts.api.Fetch`.  `authority`: a CA file to trust in place of the system's.  OSError."""

    def __init__(self, reactor: Any, authority: str = "") -> None:
        self._reactor = reactor
        self._agent = Agent(reactor, contextFactory=_Trust(authority), connectTimeout=_SECONDS)

    async def __call__(self, url: str, form: Mapping[str, str] | None = None, authorization: str = "") -> bytes:
        asking = Deferred.fromCoroutine(self._ask(url, form, authorization))
        try:
            return await asking.addTimeout(_SECONDS, self._reactor)
        except IssuerUnreachable:
            raise
        except TooLate as late:
            raise IssuerUnreachable(f"{url}: no answer within {_SECONDS:.0f} s") from late
        except Exception as failure:
            raise IssuerUnreachable(f"{url}: {_words(failure)}") from failure

    async def post(self, url: str, content_type: str, octets: bytes) -> None:
        """IssuerUnreachable for anything but an answer 2yz."""
        headers: dict[bytes | str, bytes | str] = {"User-Agent": "mailstack", "Content-Type": content_type}
        asked: Any = treq.post(
            url,
            headers=headers,
            data=octets,
            allow_redirects=False,
            agent=self._agent,
        )

        async def ask() -> int:
            response = await asked
            return int(response.code)

        try:
            code = await Deferred.fromCoroutine(ask()).addTimeout(_SECONDS, self._reactor)
        except TooLate as late:
            raise IssuerUnreachable(f"{url}: no answer within {_SECONDS:.0f} s") from late
        except Exception as failure:
            raise IssuerUnreachable(f"{url}: {_words(failure)}") from failure
        if not 200 <= code < 300:
            raise IssuerUnreachable(f"{url}: status {code}")

    async def _ask(self, url: str, form: Mapping[str, str] | None, authorization: str) -> bytes:
        headers: dict[bytes | str, bytes | str] = {"User-Agent": "mailstack", "Accept": "application/json"}
        if authorization:
            headers["Authorization"] = authorization
        asked: Any = treq.request(
            "GET" if form is None else "POST",
            url,
            headers=headers,
            data=None if form is None else dict(form),
            allow_redirects=False,
            agent=self._agent,
        )
        response = await asked
        if response.code != 200:
            raise IssuerUnreachable(f"{url}: status {response.code}")
        collected = bytearray()

        def collect(data: bytes) -> None:
            collected.extend(data)
            if len(collected) > _OCTETS_MAX:
                raise IssuerUnreachable(f"{url}: an answer of more than {_OCTETS_MAX} octets")

        await treq.collect(response, collect)
        return bytes(collected)


@implementer(IPolicyForHTTPS)
class _Trust:
    def __init__(self, authority: str) -> None:
        self._root: Any = platformTrust()
        if authority:
            self._root = trustRootFromCertificates([Certificate.loadPEM(Path(authority).read_bytes())])

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:  # noqa: ARG002, N802  Twisted's
        return optionsForClientTLS(hostname.decode("ascii"), trustRoot=self._root)


def _words(failure: Exception) -> str:
    """Twisted keeps the reasons of a failed request in a list."""
    reasons = getattr(failure, "reasons", ())
    return "; ".join(str(each.value) for each in reasons) or str(failure) or type(failure).__name__
