"""The one vocabulary of failure.

A part of the server that cannot do what it was asked raises `MailError` with a
`Condition`.  Conditions are neutral: each face (SMTP, IMAP, POP3, the command
line) has one `faults.py` table that turns them into its own words, and a test
asserts that no table lacks one.  Whether a failure is permanent or temporary is
a property of the condition, never a second return value.

What a *peer* does wrong on the wire is not a MailError: see `ParseFault`.
"""

from enum import Enum

__all__ = ["Condition", "MailError", "ParseFault"]


class Condition(Enum):
    """Every way an asked-for thing can fail: (what it is called in a log, whether trying again may help)."""

    # what was named does not exist, or exists already
    NO_SUCH_MAILBOX = "no such mailbox", False
    MAILBOX_EXISTS = "mailbox exists already", False
    BAD_MAILBOX_NAME = "name not usable for a mailbox", False
    NO_SUCH_MESSAGE = "no such message", False
    NO_SUCH_USER = "no such user", False
    NO_SUCH_DOMAIN = "no such domain", False

    # it may not be done
    NOT_ALLOWED = "not allowed", False
    RELAY_DENIED = "relaying denied", False
    SENDER_NOT_ALLOWED = "sender address not allowed for this account", False
    READ_ONLY = "mailbox is open read-only", False
    LOGIN_FAILED = "login failed", False
    LOGIN_UNAVAILABLE = "login service unavailable", True
    TLS_REQUIRED = "TLS required", False
    ACCOUNT_DISABLED = "account disabled", False

    # it is too much
    MESSAGE_TOO_BIG = "message too big", False
    TOO_MANY_RECIPIENTS = "too many recipients", True
    TOO_MANY_CONNECTIONS = "too many connections", True
    RATE_LIMITED = "too many requests", True
    OVER_QUOTA = "over quota", False
    OVER_QUOTA_NOW = "over quota for the time being", True  # the operator asks senders to wait
    LIMIT = "a limit is reached", False

    # the message itself
    LOOP = "mail loop", False
    BAD_CONTENT = "message content refused", False
    BARE_LINE_END = "bare CR or LF in the message", False
    UNDELIVERABLE = "cannot be delivered", False
    NON_ASCII_REFUSED = "needs SMTPUTF8", False

    # this server cannot just now
    IN_USE = "in use by another session", True
    STORAGE_FULL = "out of storage", True
    UNAVAILABLE = "temporarily unavailable", True
    SHUTTING_DOWN = "shutting down", True
    NOT_SUPPORTED = "not supported", False
    INTERNAL = "internal error", True

    @property
    def temporary(self) -> bool:
        """Whether the same thing may work later."""
        return self.value[1]


class MailError(Exception):
    """An expected failure.  `public` may go to the peer, `detail` only to the log."""

    def __init__(self, condition: Condition, public: str, *, detail: str = "") -> None:
        super().__init__(f"{condition.name}: {public}" + (f" ({detail})" if detail else ""))
        self.condition = condition
        self.public = public
        self.detail = detail


class ParseFault(ValueError):
    """The peer's octets do not follow the grammar.  `str(fault)` is one line, safe to send back."""
