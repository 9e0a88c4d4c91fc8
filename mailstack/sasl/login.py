"""LOGIN: the name, then the password, each in a message of its own.  draft-murchison-sasl-login-00

Never a standard, still the only clear-text mechanism of Outlook for SMTP.
"""

from mailstack.accounts.api import Claim
from mailstack.base.errors import ParseFault
from mailstack.base.secret import Secret
from mailstack.sasl.api import Challenge, Done, Refused
from mailstack.sasl.fields import NAME_LIMIT, PASSWORD_LIMIT, text_field

__all__ = ["LoginExchange"]

# quirk: Outlook and Microsoft's cloud wait for just these words, and not for the draft's "User Name\0"
ASK_NAME = Challenge(b"Username:")
ASK_PASSWORD = Challenge(b"Password:")


class LoginExchange:
    """An initial response, which the draft does not know and Outlook sends, is the name."""

    name = "LOGIN"

    def __init__(self) -> None:
        self._asked = False
        self._user: str | None = None

    def step(self, response: bytes | None) -> Challenge | Done | Refused:
        if not self._asked:
            self._asked = True
            if not response:  # none, or an empty one: nothing was said yet
                return ASK_NAME
        try:
            return self._take(response or b"")
        except ParseFault as fault:
            return Refused(str(fault))

    def _take(self, response: bytes) -> Challenge | Done:
        if self._user is None:
            self._user = text_field(response, "user name", NAME_LIMIT)
            return ASK_PASSWORD
        password = text_field(response, "password", PASSWORD_LIMIT)
        return Done(Claim(self.name, self._user, Secret(password)))
