"""The SMTP words for every failure: reply code and enhanced status.  RFC 5321 §4.2, RFC 3463, RFC 5248"""

from collections.abc import Mapping
from types import MappingProxyType

from mailstack.base.errors import Condition, MailError
from mailstack.smtp.values import Reply

__all__ = ["REPLIES", "reply_for"]

REPLIES: Mapping[Condition, tuple[int, str]] = MappingProxyType(
    {
        Condition.NO_SUCH_MAILBOX: (550, "5.1.1"),
        Condition.MAILBOX_EXISTS: (550, "5.2.0"),
        Condition.BAD_MAILBOX_NAME: (553, "5.1.3"),
        Condition.NO_SUCH_MESSAGE: (554, "5.3.0"),
        Condition.NO_SUCH_USER: (550, "5.1.1"),
        Condition.NO_SUCH_DOMAIN: (550, "5.1.2"),
        Condition.NOT_ALLOWED: (550, "5.7.1"),
        Condition.RELAY_DENIED: (550, "5.7.1"),
        Condition.SENDER_NOT_ALLOWED: (550, "5.7.1"),
        Condition.READ_ONLY: (550, "5.2.1"),
        Condition.LOGIN_FAILED: (535, "5.7.8"),
        Condition.LOGIN_UNAVAILABLE: (454, "4.7.0"),
        Condition.TLS_REQUIRED: (530, "5.7.0"),
        Condition.ACCOUNT_DISABLED: (550, "5.2.1"),
        Condition.MESSAGE_TOO_BIG: (552, "5.3.4"),
        Condition.TOO_MANY_RECIPIENTS: (452, "4.5.3"),
        Condition.TOO_MANY_CONNECTIONS: (421, "4.7.0"),
        Condition.RATE_LIMITED: (451, "4.7.1"),
        Condition.OVER_QUOTA: (552, "5.2.2"),
        Condition.OVER_QUOTA_NOW: (452, "4.2.2"),
        Condition.LIMIT: (554, "5.5.0"),
        Condition.LOOP: (554, "5.4.6"),
        Condition.BAD_CONTENT: (554, "5.6.0"),
        Condition.BARE_LINE_END: (550, "5.6.11"),
        Condition.UNDELIVERABLE: (550, "5.4.0"),
        Condition.NON_ASCII_REFUSED: (553, "5.6.7"),
        Condition.IN_USE: (450, "4.2.0"),
        Condition.STORAGE_FULL: (452, "4.3.1"),
        Condition.UNAVAILABLE: (451, "4.3.0"),
        Condition.SHUTTING_DOWN: (421, "4.3.2"),
        Condition.NOT_SUPPORTED: (554, "5.3.3"),
        Condition.INTERNAL: (451, "4.3.0"),
    }
)


def reply_for(error: MailError) -> Reply:
    code, status = REPLIES[error.condition]
    return Reply(code, status, error.public)
