"""MTA-STS policies as they are known here: looked up, fetched, kept in the database.  RFC 8461 §3.3, §5"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from mailstack.base.errors import MailError, ParseFault
from mailstack.base.events import Event, log
from mailstack.dns.api import DnsFailure, Resolver
from mailstack.relay.mtasts import StsMode, StsPolicy, read_policy, read_record
from mailstack.relay.tlsresult import TlsResult, Watch, ignore
from mailstack.store.api import Ledger

__all__ = ["Fetch", "FetchFailed", "StsPolicies"]

Fetch = Callable[[str], Awaitable[bytes]]  # domain → the policy's octets; FetchFailed
_AGAIN = 300.0  # seconds after which what failed may be tried again (RFC 8461 §3.3)
_REMEMBERED = 10_000  # domains whose last fetch failed


class FetchFailed(Exception):
    """The policy could not be had.  `str()` is one line for the log."""


class _Kept(NamedTuple):
    id: str
    policy: StsPolicy
    expires: float  # UNIX seconds


class StsPolicies:
    """What each domain asks of those who send to it.  `now` tells UNIX seconds.

    A policy that is known holds until it expires, also when its record has vanished from
    the DNS or it cannot be fetched anew: who can hide a record must not be able to take
    TLS away.
    """

    def __init__(
        self, resolver: Resolver, fetch: Fetch, ledger: Ledger, now: Callable[[], float], watch: Watch = ignore
    ) -> None:
        self._resolver, self._fetch, self._ledger, self._now = resolver, fetch, ledger, now
        self._watch = watch
        self._kept: dict[str, _Kept] | None = None
        self._failed: dict[str, float] = {}  # when; oldest first

    async def of(self, domain: str) -> StsPolicy | None:
        """None without a policy, or with mode none.  Raises nothing."""
        kept = (await self._known()).get(domain)
        if kept is not None and kept.expires <= self._now():
            kept = None
        if self._may_ask(domain):
            id_ = await self._id(domain)
            if id_ is not None and (kept is None or kept.id != id_):
                kept = await self._fetched(domain, id_) or kept
        return None if kept is None or kept.policy.mode is StsMode.NONE else kept.policy

    async def _id(self, domain: str) -> str | None:
        try:
            return read_record((await self._resolver.texts(f"_mta-sts.{domain}")).texts)
        except DnsFailure:
            self._note_failure(domain)
            return None

    def _may_ask(self, domain: str) -> bool:
        return self._failed.get(domain, float("-inf")) + _AGAIN <= self._now()

    async def _fetched(self, domain: str, id_: str) -> _Kept | None:
        try:
            octets = await self._fetch(domain)
            policy = read_policy(octets)
        except (FetchFailed, ParseFault) as failure:
            log(Event.MTA_STS_FAILED, domain=domain, reason=str(failure))
            kind = "sts-policy-invalid" if isinstance(failure, ParseFault) else "sts-policy-fetch-error"
            self._watch(TlsResult(domain, "", "", None, kind, str(failure)))
            self._note_failure(domain)
            return None
        kept = _Kept(id_, policy, self._now() + policy.max_age)
        await self._keep(domain, kept)
        return kept

    def _note_failure(self, domain: str) -> None:
        """Others need not wait for the same time-out."""
        self._failed.pop(domain, None)
        self._failed[domain] = self._now()
        if len(self._failed) > _REMEMBERED:
            del self._failed[next(iter(self._failed))]

    # --- the table ---------------------------------------------------------------------------------------

    async def _known(self) -> dict[str, _Kept]:
        if self._kept is None:
            try:
                await self._ledger.write(_make_table, syncs_files=False)
                self._kept = self._ledger.read(_all)
            except MailError:
                return {}  # the disk is full; the policies are asked for anew meanwhile
        return self._kept

    async def _keep(self, domain: str, kept: _Kept) -> None:
        (await self._known())[domain] = kept
        policy = kept.policy
        row = (domain, kept.id, policy.mode.value, " ".join(policy.mx), policy.max_age, kept.expires)
        try:
            await self._ledger.write(
                lambda db: db.execute("INSERT OR REPLACE INTO relay_mtasts VALUES (?, ?, ?, ?, ?, ?)", row),
                syncs_files=False,
            )
        except MailError as error:
            log(Event.MTA_STS_FAILED, domain=domain, reason=f"policy not kept: {error}")


def _make_table(connection: Any) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS relay_mtasts (domain TEXT PRIMARY KEY, id TEXT NOT NULL, mode TEXT NOT NULL,"
        " mx TEXT NOT NULL, max_age INTEGER NOT NULL, expires REAL NOT NULL) WITHOUT ROWID"
    )


def _all(connection: Any) -> dict[str, _Kept]:
    rows = connection.execute("SELECT domain, id, mode, mx, max_age, expires FROM relay_mtasts")
    return {
        domain: _Kept(id_, StsPolicy(StsMode(mode), tuple(mx.split()), max_age), expires)
        for domain, id_, mode, mx, max_age, expires in rows
    }
