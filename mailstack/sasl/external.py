"""EXTERNAL: the client has shown a certificate already.  RFC 4422 appendix A"""

from mailstack.accounts.api import CertificateClaim
from mailstack.base.errors import ParseFault
from mailstack.sasl.api import Challenge, Done, Refused
from mailstack.sasl.fields import NAME_LIMIT, text_field

__all__ = ["ExternalExchange"]


class ExternalExchange:
    """The one message is the name of whom the client wants to be, or empty; it chooses among the certificate's."""

    name = "EXTERNAL"

    def step(self, response: bytes | None) -> Challenge | Done | Refused:
        if response is None:
            return Challenge(b"")
        try:
            name = text_field(response, "authorization identity", NAME_LIMIT) if response else ""
        except ParseFault as fault:
            return Refused(str(fault))
        return Done(CertificateClaim(self.name, name))
