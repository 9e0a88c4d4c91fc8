"""STARTTLS, LOGIN, AUTHENTICATE: who is there."""

import base64
import binascii
from dataclasses import dataclass

from mailstack.accounts.api import Claim
from mailstack.base.engine import After
from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.base.secret import Secret
from mailstack.imap.cursor import Cursor
from mailstack.imap.responses import Continue, Done
from mailstack.imap.server.commands.basics import no_arguments
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Sink, State
from mailstack.sasl.api import Challenge, Refused

__all__ = ["ROWS"]


async def starttls(cmd: Command, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 9051 §6.2.1.  What was sent behind it in the clear closes the connection (`net.connection`)."""
    if not session.starttls:
        return Done.bad("TLS is on already" if session.settings.starttls else "No TLS here")
    return Done("Begin TLS negotiation now")


def _refuse_clear_text(session: Session) -> None:
    """RFC 9051 §11.1"""
    if session.clear_text:
        raise MailError(Condition.TLS_REQUIRED, "Log in over TLS: send STARTTLS first, or use the TLS port")


# --- LOGIN ---


@dataclass(frozen=True, slots=True)
class LogIn(Command):
    name: str
    password: Secret


def parse_login(cur: Cursor) -> LogIn:
    """login = "LOGIN" SP userid SP password, both astring   RFC 9051 §6.2.3"""
    name = cur.astring()
    cur.space()
    password = cur.astring()
    try:
        return LogIn(name.decode("utf-8"), Secret(password.decode("utf-8")))
    except UnicodeDecodeError:
        raise ParseFault("name and password are UTF-8") from None


async def login(cmd: LogIn, session: Session, out: Sink) -> Done:  # noqa: ARG001
    _refuse_clear_text(session)
    if not session.takes_passwords:
        raise MailError(Condition.NOT_ALLOWED, "LOGIN is disabled: use AUTHENTICATE with a mechanism of CAPABILITY")
    return await session.log_in(Claim("LOGIN", cmd.name, cmd.password))


# --- AUTHENTICATE ---


@dataclass(frozen=True, slots=True)
class Authenticate(Command):
    """`initial` is what SASL-IR brought, b"" when it was `=`."""

    mechanism: str
    initial: bytes | None


def parse_authenticate(cur: Cursor) -> Authenticate:
    """authenticate = "AUTHENTICATE" SP auth-type [SP (base64 / "=")]   RFC 4959 §3"""
    mechanism = cur.word().decode("ascii")
    if not cur.spaced():
        return Authenticate(mechanism, None)
    initial = cur.rest().strip(b" ")
    return Authenticate(mechanism, b"" if initial == b"=" else _from_base64(initial))


def _from_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ParseFault("this is no base64") from None


async def authenticate(cmd: Authenticate, session: Session, out: Sink) -> Done | Continue:  # noqa: ARG001
    """RFC 9051 §6.2.2"""
    session.exchange = session.converse(cmd.mechanism)
    if session.exchange is None:
        return Done.no("No such mechanism", b"CANNOT")
    _refuse_clear_text(session)
    return await _step(session, cmd.initial)


async def go_on(line: bytes, session: Session, out: Sink) -> Done | Continue:  # noqa: ARG001
    """The client's response to a challenge; `*` gives up.  RFC 9051 §6.2.2"""
    if line == b"*":
        session.exchange = None
        return Done.bad("AUTHENTICATE cancelled")
    try:
        response = _from_base64(line)
    except ParseFault:
        session.exchange = None
        raise
    return await _step(session, response)


async def _step(session: Session, response: bytes | None) -> Done | Continue:
    exchange, session.exchange = session.exchange, None
    assert exchange is not None
    answer = await exchange.hear(response)
    if isinstance(answer, Challenge):
        session.exchange = exchange
        return Continue(base64.b64encode(answer.data))
    if isinstance(answer, Refused):
        raise MailError(Condition.LOGIN_FAILED, "Authentication failed", detail=answer.reason)
    return await session.admit(answer.principal)


ROWS = (
    Row(b"STARTTLS", no_arguments, starttls, State.NOT_AUTHENTICATED, after=After.START_TLS),
    Row(b"LOGIN", parse_login, login, State.NOT_AUTHENTICATED, then=State.AUTHENTICATED),
    Row(
        b"AUTHENTICATE",
        parse_authenticate,
        authenticate,
        State.NOT_AUTHENTICATED,
        then=State.AUTHENTICATED,
        resume=go_on,
    ),
)
