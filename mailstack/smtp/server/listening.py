"""What one listener's configuration says to SMTP, and the terms that follow from it on one connection."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address

from mailstack.accounts.api import Principal
from mailstack.base.engine import Peer
from mailstack.queue.api import Wishes
from mailstack.sasl.conversation import offered
from mailstack.smtp.server.wishes import hold_line, wishes_of
from mailstack.smtp.values import BareLineEnds, Params, SmtpLimits, Terms

__all__ = ["Listening"]


def _nobody(_name: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Listening:
    """One listener.  With `submission`, MAIL needs a login; without, there is no login at all."""

    hostname: str  # in the greeting, EHLO and every 421
    submission: bool
    now: Callable[[], datetime]  # aware, UTC
    starttls: bool  # a certificate is there, and TLS is not on from the first octet
    lmtp: bool = False  # RFC 2033; a message has an answer for each recipient
    auth_in_clear_on_loopback: bool = False
    xclient_from: tuple[IPv4Network | IPv6Network, ...] = ()  # proxies that may speak for others
    named: Callable[[str], Principal | None] = _nobody  # whose login name it is, if it may log in
    hold_seconds: int = 0  # for how long a message may be held (RFC 4865); 0: not at all
    urgent_senders: frozenset[str] = frozenset()  # accounts that may raise a priority; `*` is everybody
    bare_line_ends: BareLineEnds = BareLineEnds.REFUSE
    bare_line_ends_authenticated: BareLineEnds = BareLineEnds.NORMALISE

    def may_log_in(self, peer: Peer) -> bool:
        """Whether a password may be said on this connection as it is now."""
        return self.submission and (peer.tls or (self.auth_in_clear_on_loopback and peer.loopback))

    def may_speak_for_others(self, peer: Peer) -> bool:
        """`peer` is the connection's own."""
        return any(ip_address(peer.ip) in network for network in self.xclient_from)

    def may_raise(self, principal: Principal | None) -> bool:
        """Whether a priority above 0 is granted: to servers of ours, and to those who are named.  RFC 6710 §4.1"""
        if principal is None:
            return self.lmtp
        return not self.urgent_senders.isdisjoint({"*", principal.account})

    def wishes(self, params: Params, principal: Principal | None) -> Wishes:
        """CommandFault"""
        hold_seconds, may_raise = self.hold_seconds if self.submission else 0, self.may_raise(principal)
        return wishes_of(params, self.now, hold_seconds=hold_seconds, may_raise=may_raise)

    def terms(
        self, peer: Peer, mechanisms: Iterable[str], limits: SmtpLimits, *, authenticated: bool, xclient: bool = False
    ) -> Terms:
        return Terms(
            hostname=self.hostname,
            message_octets=limits.message_octets,
            recipients=limits.recipients if self.submission or self.lmtp else limits.recipients_unauthenticated,
            starttls=self.starttls and not peer.tls,
            tls=peer.tls,
            xclient=xclient,
            hold=hold_line(self.now(), self.hold_seconds) if self.submission and self.hold_seconds else "",
            mechanisms=offered(mechanisms, peer) if self.may_log_in(peer) else (),
            authenticated=authenticated,
            lmtp=self.lmtp,
            bare_line_ends=self.bare_line_ends_authenticated if authenticated else self.bare_line_ends,
        )
