"""Access tokens for a smarthost that takes no passwords any more (Microsoft 365): client credentials.  RFC 6749 §4.4"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from mailstack.accounts.api import Fetch, IssuerUnreachable
from mailstack.base.secret import Secret

__all__ = ["ClientCredentials"]

_EARLIER = 120.0  # seconds before its end that a token is not used any more
_USUAL_LIFE = 600.0  # seconds, where the answer does not say


@dataclass(slots=True)
class ClientCredentials:
    """`url` is the issuer's token endpoint; `now` tells UNIX seconds."""

    url: str
    client_id: str
    secret: Secret
    scope: str
    fetch: Fetch
    now: Callable[[], float]
    _token: Secret = field(default_factory=lambda: Secret(""))
    _until: float = 0.0

    async def token(self) -> Secret:
        """Kept until shortly before its end.  IssuerUnreachable."""
        if self.now() >= self._until:
            form = {"grant_type": "client_credentials", "client_id": self.client_id}
            form |= {"client_secret": self.secret.reveal()} | ({"scope": self.scope} if self.scope else {})
            self._take(await self.fetch(self.url, form))
        return self._token

    def _take(self, answer: bytes) -> None:
        try:
            found = json.loads(answer)
            token, life = found["access_token"], float(found.get("expires_in", _USUAL_LIFE))
        except (ValueError, KeyError, TypeError, AttributeError):
            token, life = "", 0.0
        if not isinstance(token, str) or not token:
            raise IssuerUnreachable(f"{self.url}: no access token in the answer")
        self._token, self._until = Secret(token), self.now() + life - _EARLIER
