"""The states of a POP3 session, and its limits."""

from dataclasses import dataclass
from enum import Flag, auto

__all__ = ["Pop3Limits", "State"]


class State(Flag):
    """RFC 1939 §3; UPDATE is no state of its own: nothing can be said in it."""

    AUTHORIZATION = auto()
    TRANSACTION = auto()
    ANY = AUTHORIZATION | TRANSACTION


@dataclass(frozen=True, slots=True)
class Pop3Limits:
    """Octets, counts and seconds.  DESIGN §4"""

    command_bytes: int = 2048  # with CRLF; RFC 2449 §4 asks for 255, passwords and tokens for more
    auth_bytes: int = 12288  # a line of a SASL exchange
    bad_commands: int = 20
    failed_logins: int = 5
    login_seconds: float = 60
    idle_seconds: float = 10 * 60  # RFC 1939 §3: not less
