"""The closed list of log events: what the server says about itself, in one place.

An event has a name, a level and a format with named fields; the same fields go
to the text log and to JSON lines.  A field called `mid` is a message's id, the
same from MAIL to the last relay try; `cid` is a connection's.  An event may
have more fields than its format names: they are for JSON and for the history.  Secrets have a
type that does not print, so that a mistake here stays harmless.

This floor knows no logger: `app` adds a sink (twisted.logger), tests add their own.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

__all__ = ["Event", "Level", "add_sink", "log", "remove_sink"]


class Level(Enum):
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class Event(Enum):
    """(level, format).  Add a row, never a free text somewhere else."""

    # life of the process
    STARTING = Level.INFO, "mailstack {version} starts, state in {state}"
    LISTENING = Level.INFO, "{listener} listens on {address}"
    RUNS_AS_ROOT = Level.WARN, "the server runs as root; give it a user of its own: twistd --uid, or systemd's User="
    LISTEN_SKIPPED = Level.WARN, "{listener} does not listen on {address}: {reason}"
    READY = Level.INFO, "ready: {listeners} listeners"
    RELOADED = Level.INFO, "configuration reloaded: {changes}"
    RELOAD_REFUSED = Level.ERROR, "configuration not reloaded, the old one stays: {faults}"
    STOPPING = Level.INFO, "stopping: {sessions} sessions may end within {limit} s"
    STOPPED = Level.INFO, "stopped"
    INTERNAL_ERROR = Level.ERROR, "internal error {error_id} in {where}: {failure}"

    # connections
    CONNECTED = Level.DEBUG, "{cid} {listener}: {ip} connected"
    DISCONNECTED = Level.DEBUG, "{cid} {listener}: {ip} gone: {reason}"
    CONNECTION_REFUSED = Level.WARN, "{listener}: {ip} refused: {reason}"
    CERTIFICATE_DUE = Level.INFO, "a certificate is ordered: {reason}"
    CERTIFICATE_RENEWED = Level.INFO, "a new certificate for {names} is in use"
    CERTIFICATE_FAILED = Level.ERROR, "no certificate this time, tried again in {hours} h: {reason}"
    TLS_STARTED = Level.DEBUG, "{cid} {listener}: TLS with {ip}: {tls}"
    TLS_FAILED = Level.INFO, "{listener}: no TLS with {ip}: {reason}"
    PROTOCOL_FAULT = Level.INFO, "{cid} {listener}: {ip}: {fault}"
    INJECTION = Level.WARN, "{cid} {listener}: {ip} sent octets behind STARTTLS: closed"

    # logins
    LOGIN = Level.INFO, "{cid} {listener}: {account} logged in from {ip} by {mechanism} ({tls})"
    LOGIN_FAILED = Level.WARN, "{cid} {listener}: login as {name} from {ip} failed: {reason}"
    NEW_NETWORK = Level.INFO, "{account} has logged in from {ip} ({listener}), a network it never came from before"
    LOGGED_OUT = Level.INFO, "{cid}: {account} must log in anew: {reason}"
    SENDING_LIMIT = Level.WARN, "{account} has reached its limit of {limit}; see: mailstack account limits {account}"
    BANNED = Level.WARN, "{network} is refused for {seconds} s: {reason}; to let it in: mailstack ban lift {network}"
    GUARD_NOT_KEPT = Level.WARN, "who may log in from where is not remembered over a restart: {reason}"
    BAN_LIFTED = Level.INFO, "{network} may come in again"
    PASSWORD_UPGRADED = Level.INFO, "the password of {account} is kept as new ones are from now on"

    # a message's way
    MAIL_REFUSED = Level.INFO, "{cid} {listener}: {ip}: {step} refused: {reason}"
    MAIL_ACCEPTED = (
        Level.INFO,
        "{mid} accepted from <{reverse_path}> by {listener} ({ip}), {size} octets, for {recipients}",
    )
    MAIL_STORED = Level.INFO, "{mid} stored for {account} in {mailbox}"
    SUCCESS_REPORTED = Level.INFO, "{mid} was delivered; report {report_mid} to <{reverse_path}>, who asked for it"
    MAIL_QUEUED = Level.INFO, "{mid} queued for {recipients}"
    MAIL_SIGNED = Level.DEBUG, "{mid} signed for {domain} with {selectors}"
    MAIL_RELAYED = Level.INFO, "{mid} to <{recipient}>: delivered to {host} ({tls}): {text}"
    MAIL_DEFERRED = Level.INFO, "{mid} to <{recipient}>: {text}; next try in {wait}"
    MAIL_FAILED = Level.WARN, "{mid} to <{recipient}>: failed: {text}"
    MAIL_BOUNCED = Level.INFO, "{mid}: {report} report {report_mid} to <{reverse_path}>"
    MAIL_DROPPED = Level.WARN, "{mid}: {reason}"
    QUEUE_NOT_RECORDED = Level.ERROR, "{mid}: {reason}; trying again in {wait}"
    MAIL_EXPUNGED = Level.DEBUG, "{account} {mailbox}: {uids} deleted"
    MAIL_MOVED = Level.DEBUG, "{account} {mailbox}: {uids} moved to {target}"
    IMAP_UIDONLY_DROPPED = Level.INFO, "{cid}: the client uses message numbers after ENABLE UIDONLY; the mode is off"
    RELAY_ATTEMPT = Level.DEBUG, "{mid} tries {host} [{ip}], {tls}"
    RELAY_TROUBLE = Level.DEBUG, "{mid}: {text}"
    DKIM_KEYS_UNREAD = Level.ERROR, "DKIM: {reason}; mail is not signed with it"
    ADDRESS_SUPPRESSED = Level.INFO, "{mid}: <{recipient}> is not tried for a time: {text}"
    TLS_FELL = Level.WARN, "{domain}: mail goes to {host} {level}, before: {before}; an attack, or a worse server?"
    TLS_REPORT_SENT = Level.INFO, "TLS report {report} for {domain} sent to {to}"
    TLS_REPORT_FAILED = Level.INFO, "TLS report for {domain}: {reason}"
    TLS_REPORT_RECEIVED = (
        Level.INFO,
        "{mid}: TLS report of {organization}: {domain}: {successes} good, {failures} not",
    )
    MTA_STS_FAILED = Level.INFO, "MTA-STS of {domain}: {reason}"

    # the store
    STORE_DEGRADED = Level.ERROR, "store degraded: {reason}; new mail is deferred"
    STORE_RECOVERED = Level.INFO, "store works again"
    STORE_FULL = Level.ERROR, "{reason}; new mail is deferred"
    STORE_HAS_ROOM = Level.INFO, "there is room for new mail again"
    STORE_RECONCILED = (
        Level.INFO,
        "{account} {mailbox}: {arrived} arrived, {vanished} vanished, {changed} changed on disk",
    )
    STORE_REBUILT = Level.WARN, "{account} {mailbox}: index rebuilt from {messages} files"
    STORE_ODD_FILE = Level.WARN, "{path}: {reason}"

    # what `mailstack why` reads
    HISTORY_LOST = Level.WARN, "history not kept: {reason}; {events} events are lost"
    HISTORY_KEPT = Level.INFO, "the history is kept again"

    # the CLI's socket
    CONTROL = Level.INFO, "control: {command}"


Sink = Callable[[Event, Mapping[str, Any]], None]
_sinks: list[Sink] = []


def add_sink(sink: Sink) -> None:
    _sinks.append(sink)


def remove_sink(sink: Sink) -> None:
    _sinks.remove(sink)


def log(event: Event, **fields: Any) -> None:
    """Tell every sink.  Cheap when there is none."""
    for sink in _sinks:
        sink(event, fields)
