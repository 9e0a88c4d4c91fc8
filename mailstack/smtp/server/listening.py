"""What one listener's configuration says to SMTP, and the terms that follow from it on one connection."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailstack.base.engine import Peer
from mailstack.sasl.conversation import offered
from mailstack.smtp.values import BareLineEnds, SmtpLimits, Terms

__all__ = ["Listening"]


@dataclass(frozen=True, slots=True)
class Listening:
    """One listener.  With `submission`, MAIL needs a login; without, there is no login at all."""

    hostname: str  # in the greeting, EHLO and every 421
    submission: bool
    starttls: bool  # a certificate is there, and TLS is not on from the first octet
    lmtp: bool = False  # RFC 2033; a message has an answer for each recipient
    auth_in_clear_on_loopback: bool = False
    bare_line_ends: BareLineEnds = BareLineEnds.REFUSE
    bare_line_ends_authenticated: BareLineEnds = BareLineEnds.NORMALISE

    def may_log_in(self, peer: Peer) -> bool:
        """Whether a password may be said on this connection as it is now."""
        return self.submission and (peer.tls or (self.auth_in_clear_on_loopback and peer.loopback))

    def terms(self, peer: Peer, mechanisms: Iterable[str], limits: SmtpLimits, *, authenticated: bool) -> Terms:
        return Terms(
            hostname=self.hostname,
            message_octets=limits.message_octets,
            recipients=limits.recipients if self.submission or self.lmtp else limits.recipients_unauthenticated,
            starttls=self.starttls and not peer.tls,
            mechanisms=offered(mechanisms, peer) if self.may_log_in(peer) else (),
            authenticated=authenticated,
            lmtp=self.lmtp,
            bare_line_ends=self.bare_line_ends_authenticated if authenticated else self.bare_line_ends,
        )
