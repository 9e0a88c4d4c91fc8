"""Every text that the SMTP server says by itself, in one place.

What a failed step says comes with its MailError (`smtp.server.faults` adds code
and status).  Statuses are RFC 3463's and RFC 5248's.
"""

from mailstack.smtp.values import Reply

__all__ = [
    "ALREADY_LOGGED_IN",
    "AUTH_CANCELLED",
    "AUTH_LINE_TOO_LONG",
    "AUTH_NEEDS_TLS",
    "AUTH_NOT_HERE",
    "AUTH_REQUIRED",
    "BAD_ARGUMENT",
    "BAD_BASE64",
    "BAD_CREDENTIALS_FORM",
    "BAD_HOLD",
    "BAD_PARAMETER",
    "BAD_RECIPIENT",
    "BAD_SENDER",
    "BARE_LINE_END",
    "BARE_LINE_END_IN_DATA",
    "BDAT_BEGUN",
    "BDAT_ONLY",
    "CANNOT_VRFY",
    "EHLO_FIRST",
    "GO_AHEAD",
    "LHLO_FIRST",
    "LINE_TOO_LONG",
    "LOGGED_IN",
    "MAIL_FIRST",
    "MESSAGE_TOO_BIG",
    "NOT_IMPLEMENTED",
    "NOT_IN_TRANSACTION",
    "NO_RECIPIENTS_TAKEN",
    "NO_TLS_HERE",
    "NO_VALID_RECIPIENTS",
    "OK",
    "OUT_OF_STORAGE",
    "RECIPIENT_NEEDS_SMTPUTF8",
    "RECIPIENT_OK",
    "RSET_OK",
    "SENDER_NEEDS_SMTPUTF8",
    "SENDER_OK",
    "START_DATA",
    "TEXT_LINE_TOO_LONG",
    "TLS_ALREADY",
    "TLS_AND_AUTH_REQUIRED",
    "TOO_MANY_RECIPIENTS",
    "UNKNOWN_COMMAND",
    "UNKNOWN_MECHANISM",
    "UNKNOWN_PARAMETER",
    "XCLIENT_NOT_FOR_YOU",
    "bye",
    "challenge",
    "chunk_taken",
    "endless_chunk",
    "extensions",
    "foreign_protocol",
    "greeting",
    "hello",
    "help_text",
    "internal_error",
    "priority_lowered",
    "shutting_down",
    "timed_out",
    "too_many_errors",
    "too_much_data",
]

# --- going well --------------------------------------------------------------------------------------------------

OK = Reply(250, "2.0.0", "OK")
SENDER_OK = Reply(250, "2.1.0", "Sender OK")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient OK")
RSET_OK = Reply(250, "2.0.0", "Forgotten")
START_DATA = Reply(354, None, "Go on, end with <CRLF>.<CRLF>")
GO_AHEAD = Reply(220, "2.0.0", "Ready to start TLS")
LOGGED_IN = Reply(235, "2.7.0", "Logged in")
CANNOT_VRFY = Reply(252, "2.0.0", "Cannot tell, but will try to deliver")


def greeting(hostname: str, protocol: str = "ESMTP") -> Reply:
    return Reply(220, None, f"{hostname} {protocol} ready")


def hello(hostname: str) -> Reply:
    return Reply(250, None, hostname)


def extensions(hostname: str, lines: tuple[str, ...]) -> Reply:
    return Reply(250, None, hostname, lines)


def priority_lowered(priority: int) -> Reply:
    """RFC 6710 §4.1"""
    return Reply(250, "2.3.6", f"{priority} is the priority of this message; more is not yours to ask for")


def bye(hostname: str) -> Reply:
    return Reply(221, "2.0.0", f"{hostname} closes the connection")


def chunk_taken(octets: int) -> Reply:
    return Reply(250, "2.0.0", f"{octets} octets received")


def challenge(encoded: str) -> Reply:
    return Reply(334, None, encoded)


def help_text(verbs: str) -> Reply:
    return Reply(214, "2.0.0", "This server speaks RFC 5321:", (verbs,))


# --- not understood, or out of place -----------------------------------------------------------------------------

UNKNOWN_COMMAND = Reply(500, "5.5.1", "Command not recognised")
LINE_TOO_LONG = Reply(500, "5.5.2", "Line too long")
BARE_LINE_END = Reply(500, "5.5.2", "A line ends with CRLF; CR or LF stands nowhere else")
BAD_ARGUMENT = Reply(501, "5.5.4", "Syntax error in the argument")
BAD_SENDER = Reply(501, "5.1.7", "Syntax error in the sender address")
BAD_RECIPIENT = Reply(501, "5.1.3", "Syntax error in the recipient address")
BAD_PARAMETER = Reply(501, "5.5.4", "Bad value of a parameter, or the same parameter twice")
BAD_HOLD = Reply(501, "5.5.4", "A message is held neither beyond the time that EHLO announces nor into the past")
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "Parameter not recognised")
SENDER_NEEDS_SMTPUTF8 = Reply(550, "5.6.7", "An address that is not ASCII needs SMTPUTF8")
RECIPIENT_NEEDS_SMTPUTF8 = Reply(553, "5.6.7", "An address that is not ASCII needs SMTPUTF8")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "Command not implemented")
LHLO_FIRST = Reply(503, "5.5.1", "Send LHLO first")
NO_RECIPIENTS_TAKEN = Reply(503, "5.5.1", "No valid recipients")  # as LMTP says it: RFC 2033 §4.2
EHLO_FIRST = Reply(503, "5.5.1", "Send EHLO first")
MAIL_FIRST = Reply(503, "5.5.1", "Send MAIL first")
NOT_IN_TRANSACTION = Reply(503, "5.5.1", "Not while a message is being sent; RSET ends it")
BDAT_BEGUN = Reply(503, "5.5.1", "Not between the chunks of a message; RSET ends it")
BDAT_ONLY = Reply(503, "5.5.1", "A BINARYMIME message comes by BDAT alone")
NO_VALID_RECIPIENTS = Reply(554, "5.5.1", "No valid recipients")

# --- TLS and login ------------------------------------------------------------------------------------------------

TLS_ALREADY = Reply(503, "5.5.1", "TLS is already on")
NO_TLS_HERE = Reply(502, "5.5.1", "TLS is not available")
AUTH_NOT_HERE = Reply(502, "5.5.1", "No login on this port; use the submission ports 587 or 465")
AUTH_NEEDS_TLS = Reply(538, "5.7.11", "Login needs TLS; send STARTTLS first")
AUTH_REQUIRED = Reply(530, "5.7.0", "Log in first")
TLS_AND_AUTH_REQUIRED = Reply(530, "5.7.0", "Send STARTTLS and log in first")
XCLIENT_NOT_FOR_YOU = Reply(550, "5.7.0", "This address may not speak for others (XCLIENT)")
ALREADY_LOGGED_IN = Reply(503, "5.5.1", "Already logged in")
UNKNOWN_MECHANISM = Reply(504, "5.5.4", "Login mechanism not offered")
BAD_BASE64 = Reply(501, "5.5.2", "Not base64")
BAD_CREDENTIALS_FORM = Reply(501, "5.5.2", "Login data not understood")
AUTH_CANCELLED = Reply(501, "5.7.0", "Login cancelled")
AUTH_LINE_TOO_LONG = Reply(500, "5.5.6", "Login line too long")

# --- limits, content ------------------------------------------------------------------------------------------------

TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients; send the message again to the rest")
MESSAGE_TOO_BIG = Reply(552, "5.3.4", "Message too big")
TEXT_LINE_TOO_LONG = Reply(554, "5.6.0", "A line of the message is too long")
BARE_LINE_END_IN_DATA = Reply(550, "5.6.11", "The message has a CR or LF that is not part of a CRLF")
OUT_OF_STORAGE = Reply(452, "4.3.1", "Out of storage; try again later")


# --- last words ------------------------------------------------------------------------------------------------------


def too_many_errors(hostname: str) -> Reply:
    return Reply(421, "4.7.0", f"{hostname} Too many errors; closing")


def foreign_protocol(hostname: str) -> Reply:
    return Reply(421, "4.7.0", f"{hostname} This is SMTP; closing")


def too_much_data(hostname: str) -> Reply:
    return Reply(421, "4.3.4", f"{hostname} Message far too big; closing")


def endless_chunk(hostname: str) -> Reply:
    return Reply(421, "4.7.0", f"{hostname} Where the chunk ends cannot be told; closing")


def timed_out(hostname: str) -> Reply:
    return Reply(421, "4.4.2", f"{hostname} Nothing heard for too long; closing")


def shutting_down(hostname: str) -> Reply:
    return Reply(421, "4.3.2", f"{hostname} Service is stopping; try again later")


def internal_error(error_id: str) -> Reply:
    return Reply(451, "4.3.0", f"Internal error {error_id}; try again later")
