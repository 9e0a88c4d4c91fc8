"""Makes the engine and the session of each connection to one SMTP listener."""

from mailstack.accounts.api import Login
from mailstack.base.engine import Wire
from mailstack.flow.api import Flow
from mailstack.sasl.api import Mechanisms
from mailstack.smtp.engine import SmtpEngine
from mailstack.smtp.server.listening import Listening
from mailstack.smtp.server.session import SmtpSession
from mailstack.smtp.values import Reply, SmtpLimits, Terms

__all__ = ["Listening", "SmtpSessions"]


class SmtpSessions:
    """Called with each new connection's wire."""

    def __init__(
        self,
        flow: Flow,
        login: Login,
        mechanisms: Mechanisms,
        limits: SmtpLimits,
        listening: Listening,
    ) -> None:
        """`mechanisms` in the order in which they are offered; a listener that is not for submission offers none."""
        self._flow, self._login, self._limits, self._listening = flow, login, limits, listening
        self._mechanisms = dict(mechanisms) if listening.submission else {}

    def __call__(self, wire: Wire[Reply]) -> tuple[SmtpEngine, SmtpSession]:
        engine = SmtpEngine(self._limits, Terms(self._listening.hostname, lmtp=self._listening.lmtp))
        session = SmtpSession(
            wire=wire,
            engine=engine,
            flow=self._flow,
            login=self._login,
            mechanisms=self._mechanisms,
            limits=self._limits,
            listening=self._listening,
        )
        return engine, session
