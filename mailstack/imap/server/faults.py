"""The IMAP words for every condition: the response code of RFC 5530 and RFC 9051 §7.1 that a NO carries."""

from types import MappingProxyType

from mailstack.base.errors import Condition, MailError
from mailstack.imap.responses import Done

__all__ = ["CODES", "done"]

CODES = MappingProxyType(
    {
        Condition.NO_SUCH_MAILBOX: b"NONEXISTENT",
        Condition.MAILBOX_EXISTS: b"ALREADYEXISTS",
        Condition.BAD_MAILBOX_NAME: b"CANNOT",
        Condition.NO_SUCH_MESSAGE: b"EXPUNGEISSUED",
        Condition.NO_SUCH_USER: b"AUTHENTICATIONFAILED",
        Condition.NO_SUCH_DOMAIN: b"AUTHENTICATIONFAILED",
        Condition.NOT_ALLOWED: b"NOPERM",
        Condition.RELAY_DENIED: b"NOPERM",
        Condition.SENDER_NOT_ALLOWED: b"NOPERM",
        Condition.READ_ONLY: b"READ-ONLY",
        Condition.LOGIN_FAILED: b"AUTHENTICATIONFAILED",
        Condition.LOGIN_UNAVAILABLE: b"UNAVAILABLE",
        Condition.TLS_REQUIRED: b"PRIVACYREQUIRED",
        Condition.ACCOUNT_DISABLED: b"AUTHORIZATIONFAILED",
        Condition.MESSAGE_TOO_BIG: b"TOOBIG",
        Condition.TOO_MANY_RECIPIENTS: b"LIMIT",
        Condition.TOO_MANY_CONNECTIONS: b"LIMIT",
        Condition.RATE_LIMITED: b"LIMIT",
        Condition.OVER_QUOTA: b"OVERQUOTA",
        Condition.OVER_QUOTA_NOW: b"OVERQUOTA",
        Condition.LIMIT: b"LIMIT",
        Condition.LOOP: b"CANNOT",
        Condition.BAD_CONTENT: b"CANNOT",
        Condition.BARE_LINE_END: b"CANNOT",
        Condition.UNDELIVERABLE: b"CANNOT",
        Condition.NON_ASCII_REFUSED: b"CANNOT",
        Condition.IN_USE: b"INUSE",
        Condition.STORAGE_FULL: b"OVERQUOTA",
        Condition.UNAVAILABLE: b"UNAVAILABLE",
        Condition.SHUTTING_DOWN: b"UNAVAILABLE",
        Condition.NOT_SUPPORTED: b"CANNOT",
        Condition.INTERNAL: b"SERVERBUG",
    }
)


def done(failure: MailError) -> Done:
    """The tagged NO for it.  A command with words of its own (TRYCREATE) catches the condition itself."""
    return Done.no(failure.public, CODES[failure.condition])
