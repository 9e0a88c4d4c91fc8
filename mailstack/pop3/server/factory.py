"""Makes the engine and session of each connection."""

import time
from collections.abc import Callable

from mailstack.accounts.api import Login
from mailstack.base.engine import Wire
from mailstack.pop3.engine import Pop3Engine
from mailstack.pop3.responses import Response
from mailstack.pop3.server.session import People, Pop3Session, Pop3Settings, Shared
from mailstack.sasl import USUAL_MECHANISMS
from mailstack.sasl.api import Mechanisms
from mailstack.store.api import MailStore

__all__ = ["Pop3Sessions"]


class Pop3Sessions:
    """One listener's sessions."""

    def __init__(
        self,
        store: MailStore,
        login: Login,
        settings: Pop3Settings,
        *,
        mechanisms: Mechanisms = USUAL_MECHANISMS,
        people: People | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """All listeners get the same `people`: a maildrop is an account's, not a listener's."""
        self._shared = Shared(
            store=store,
            login=login,
            mechanisms=mechanisms,
            settings=settings,
            people=People() if people is None else people,
            now=now,
        )

    def __call__(self, wire: Wire[Response]) -> tuple[Pop3Engine, Pop3Session]:
        return Pop3Engine(self._shared.settings.limits), Pop3Session(self._shared, wire)
