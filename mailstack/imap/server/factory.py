"""Makes the engine and session of each connection."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from mailstack.accounts.api import Login
from mailstack.base.engine import Wire
from mailstack.imap.engine import ImapEngine
from mailstack.imap.responses import Response
from mailstack.imap.server import capabilities
from mailstack.imap.server.commands import TABLE
from mailstack.imap.server.session import ImapSettings, Session, Shared
from mailstack.imap.values import Row
from mailstack.sasl import USUAL_MECHANISMS
from mailstack.sasl.api import Mechanisms
from mailstack.store.api import MailStore

__all__ = ["ImapSessions"]


class ImapSessions:
    """One listener's sessions.

    All listeners get the same `sessions` dict: the limit is an account's, not a listener's.
    """

    def __init__(
        self,
        store: MailStore,
        login: Login,
        settings: ImapSettings,
        *,
        mechanisms: Mechanisms = USUAL_MECHANISMS,
        sessions: dict[str, int] | None = None,
        rows: Mapping[bytes, Row] = TABLE,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._rows = rows
        self._shared = Shared(
            store=store,
            login=login,
            mechanisms=mechanisms,
            settings=settings,
            capabilities=capabilities.after_login(rows, settings.limits.message_bytes),
            sessions={} if sessions is None else sessions,
            now=now or partial(datetime.now, UTC),
        )

    def __call__(self, wire: Wire[Response]) -> tuple[ImapEngine, Session]:
        return ImapEngine(self._rows, self._shared.settings.limits), Session(self._shared, wire)
