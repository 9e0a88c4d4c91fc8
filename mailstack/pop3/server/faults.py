"""The POP3 words for every condition: the response code that -ERR carries.  RFC 2449 §8.1, RFC 3206 §4

`AUTH` makes a mail program ask for the password again, `SYS/PERM` makes it call
the postmaster, `SYS/TEMP` and `IN-USE` make it wait.
"""

from collections.abc import Mapping
from types import MappingProxyType

from mailstack.base.errors import Condition, MailError
from mailstack.pop3.responses import Err

__all__ = ["CODES", "err"]

CODES: Mapping[Condition, str] = MappingProxyType(
    {
        Condition.NO_SUCH_MAILBOX: "SYS/PERM",
        Condition.MAILBOX_EXISTS: "SYS/PERM",
        Condition.BAD_MAILBOX_NAME: "SYS/PERM",
        Condition.NO_SUCH_MESSAGE: "SYS/PERM",
        Condition.NO_SUCH_USER: "AUTH",
        Condition.NO_SUCH_DOMAIN: "AUTH",
        Condition.NOT_ALLOWED: "SYS/PERM",
        Condition.RELAY_DENIED: "SYS/PERM",
        Condition.SENDER_NOT_ALLOWED: "SYS/PERM",
        Condition.READ_ONLY: "SYS/PERM",
        Condition.LOGIN_FAILED: "AUTH",
        Condition.LOGIN_UNAVAILABLE: "SYS/TEMP",
        Condition.TLS_REQUIRED: "SYS/PERM",
        Condition.ACCOUNT_DISABLED: "AUTH",
        Condition.MESSAGE_TOO_BIG: "SYS/PERM",
        Condition.TOO_MANY_RECIPIENTS: "SYS/TEMP",
        Condition.TOO_MANY_CONNECTIONS: "SYS/TEMP",
        Condition.RATE_LIMITED: "SYS/TEMP",
        Condition.OVER_QUOTA: "SYS/PERM",
        Condition.OVER_QUOTA_NOW: "SYS/TEMP",
        Condition.LIMIT: "SYS/PERM",
        Condition.LOOP: "SYS/PERM",
        Condition.BAD_CONTENT: "SYS/PERM",
        Condition.BARE_LINE_END: "SYS/PERM",
        Condition.UNDELIVERABLE: "SYS/PERM",
        Condition.NON_ASCII_REFUSED: "SYS/PERM",
        Condition.IN_USE: "IN-USE",
        Condition.STORAGE_FULL: "SYS/TEMP",
        Condition.UNAVAILABLE: "SYS/TEMP",
        Condition.SHUTTING_DOWN: "SYS/TEMP",
        Condition.NOT_SUPPORTED: "SYS/PERM",
        Condition.INTERNAL: "SYS/TEMP",
    }
)


def err(failure: MailError) -> Err:
    return Err(failure.public, CODES[failure.condition])
