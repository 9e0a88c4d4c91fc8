"""What each listener does with a connection: from its configuration to its engine and session."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mailstack import __version__
from mailstack.app.parts import Parts
from mailstack.config.model import Config, Listener
from mailstack.flow.inbound import Inbound
from mailstack.flow.promise import Promise
from mailstack.flow.settings import FlowSettings
from mailstack.flow.submission import Submission
from mailstack.imap.server.factory import ImapSessions
from mailstack.imap.server.session import ImapSettings
from mailstack.imap.values import ImapLimits
from mailstack.net.connection import Sessions, Setting
from mailstack.net.listen import Bind, Limits
from mailstack.net.unixsocket import UnixBind
from mailstack.pop3.server.factory import Pop3Sessions
from mailstack.pop3.server.session import Pop3Settings
from mailstack.pop3.values import Pop3Limits
from mailstack.sasl import SERVER_MECHANISMS
from mailstack.sasl.api import Mechanisms
from mailstack.sasl.oauth import OAuthBearerExchange
from mailstack.smtp.server.factory import Listening, SmtpSessions
from mailstack.smtp.values import BareLineEnds, SmtpLimits

__all__ = ["binds_of", "door_limits", "setting"]


def setting(config: Config, parts: Parts, listener: Listener, reactor: Any, tls: Any) -> Setting:
    """All that a connection to `listener` needs.  `tls` None: there is no certificate."""
    return Setting(
        listener.name,
        reactor,
        _SESSIONS[listener.protocol](config, parts, listener, reactor),
        tls=tls if listener.tls != "none" else None,
        implicit_tls=listener.tls == "implicit",
        protocol=listener.protocol,
        handshake_seconds=config.limits.tls_handshake.total_seconds(),
    )


def binds_of(listener: Listener) -> list[Bind | UnixBind]:
    """Its sockets, addresses first."""
    binds: list[Bind | UnixBind] = [Bind(address.host, address.port) for address in listener.address]
    if listener.path:
        binds.append(UnixBind(listener.path, int(listener.path_mode, 8), listener.path_group))
    return binds


def door_limits(config: Config, listener: Listener) -> Limits:
    per_ip = listener.max_connections_per_address
    if not per_ip and listener.protocol == "smtp":
        per_ip = config.limits.smtp_connections_per_address
    return Limits(
        listener.max_connections,
        per_ip,
        _REFUSALS[listener.protocol],
        listener.proxy_protocol_from,
        login=listener.protocol not in {"smtp", "lmtp"},
        greeting_seconds=config.smtp.greeting_delay.total_seconds() if _waits(listener) else 0.0,
    )


def _waits(listener: Listener) -> bool:
    """Where servers come that have time, and who speaks first is heard to: not behind TLS."""
    return listener.protocol == "smtp" and listener.tls != "implicit"


_REFUSALS = {
    "smtp": b"421 4.7.0 Too many connections, try again later\r\n",
    "lmtp": b"421 4.7.0 Too many connections, try again later\r\n",
    "submission": b"421 4.7.0 Too many connections, try again later\r\n",
    "imap": b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n",
    "pop3": b"-ERR [SYS/TEMP] Too many connections, try again later\r\n",
}


def _mechanisms(config: Config, listener: Listener) -> Mechanisms:
    """A token that was no good is answered with where to get another."""
    known: Mechanisms = {
        **SERVER_MECHANISMS,
        OAuthBearerExchange.name: partial(OAuthBearerExchange, config.oauth.issuer),
    }
    return {name: known[name] for name in listener.mechanisms}


_BARE_LINE_ENDS = {"refuse": BareLineEnds.REFUSE, "normalise": BareLineEnds.NORMALISE}


def _smtp(config: Config, parts: Parts, listener: Listener, reactor: Any) -> Sessions:
    def now() -> datetime:
        return datetime.fromtimestamp(reactor.seconds(), UTC)

    settings = FlowSettings(
        config.hostname,
        max_hops=config.limits.hops,
        check_header_from=config.submission.check_header_from,
        show_client_ip=config.submission.show_client_ip,
        srs=parts.srs,
    )
    reports, seen = parts.reports, parts.tls_watch.seen
    promise = Promise(
        parts.store, parts.spool, parts.directory, settings, now, reports.succeeded, reports, parts.aside, seen
    )
    submission = listener.protocol == "submission"
    flow = (
        Submission(promise, parts.directory, settings, now, parts.sending)
        if submission
        else Inbound(promise, parts.directory, settings)
    )
    limits = config.limits
    return SmtpSessions(
        flow,
        parts.login,
        _mechanisms(config, listener),
        SmtpLimits(
            command_line_octets=limits.smtp_command_line,
            auth_line_octets=limits.smtp_auth_line,
            text_line_octets=limits.smtp_text_line,
            message_octets=limits.message_size,
            drained_octets=2 * limits.message_size,
            recipients=limits.recipients,
            recipients_unauthenticated=limits.recipients_unauthenticated,
            bad_commands=limits.bad_commands,
            errors=limits.errors,
            command_seconds=limits.smtp_idle.total_seconds(),
            data_seconds=limits.smtp_idle.total_seconds(),
            body_seconds=limits.smtp_message.total_seconds(),
        ),
        Listening(
            config.hostname,
            submission=submission,
            now=now,
            lmtp=listener.protocol == "lmtp",
            xclient_from=listener.xclient_from,
            named=parts.directory.who_may_log_in,
            hold_seconds=int(config.submission.hold_at_most.total_seconds()),
            urgent_senders=frozenset(config.submission.urgent_senders),
            starttls=listener.tls == "starttls",
            auth_in_clear_on_loopback=config.accounts.allow_auth_in_clear_on_loopback,
            bare_line_ends=_BARE_LINE_ENDS[config.smtp.bare_line_ends],
            bare_line_ends_authenticated=_BARE_LINE_ENDS[config.submission.bare_line_ends],
        ),
    )


def _imap(config: Config, parts: Parts, listener: Listener, reactor: Any) -> Sessions:
    def now() -> datetime:
        return datetime.fromtimestamp(reactor.seconds(), UTC)

    limits = config.limits
    settings = ImapSettings(
        ImapLimits(
            unauthenticated_bytes=limits.imap_literal_before_login,
            command_bytes=limits.imap_command,
            message_bytes=limits.message_size,
            bad_commands=limits.bad_commands,
            sessions_per_account=limits.imap_connections_per_account,
            login_seconds=limits.before_login.total_seconds(),
            idle_seconds=limits.imap_idle.total_seconds(),
            nesting=limits.imap_nesting,
        ),
        starttls=listener.tls == "starttls",
        clear_login_on_loopback=config.accounts.allow_auth_in_clear_on_loopback,
        version=__version__,
        comment=config.imap.comment,
        admin=config.imap.admin,
    )
    mechanisms = _mechanisms(config, listener)
    return ImapSessions(
        parts.store, parts.login, settings, mechanisms=mechanisms, sessions=parts.imap_sessions, now=now
    )


def _pop3(config: Config, parts: Parts, listener: Listener, reactor: Any) -> Sessions:
    limits = config.limits
    settings = Pop3Settings(
        Pop3Limits(
            bad_commands=limits.bad_commands,
            login_seconds=limits.before_login.total_seconds(),
            idle_seconds=limits.pop3_idle.total_seconds(),
        ),
        starttls=listener.tls == "starttls",
        clear_login_on_loopback=config.accounts.allow_auth_in_clear_on_loopback,
        newest=config.pop3.newest,
        newer_than_seconds=config.pop3.newer_than.total_seconds(),
        login_delay_seconds=config.pop3.login_delay.total_seconds(),
        take_over_seconds=config.pop3.take_over_after.total_seconds(),
    )
    return Pop3Sessions(
        parts.store,
        parts.login,
        settings,
        mechanisms=_mechanisms(config, listener),
        people=parts.pop3_people,
        now=reactor.seconds,
    )


_SESSIONS: Mapping[str, Callable[[Config, Parts, Listener, Any], Sessions]] = {
    "smtp": _smtp,
    "submission": _smtp,
    "lmtp": _smtp,
    "imap": _imap,
    "pop3": _pop3,
}
