"""BINARYMIME: octets without lines, in BDAT only.  RFC 3030 §3

Mailboxes are read by IMAP and POP3, which know lines and no NUL; so a binary part becomes base64 when the
message has come (`message.recode`), for whomever it is, and nothing binary ever waits in the queue.
"""

from mailstack.smtp.grammar import Extension

__all__ = ["EXTENSION"]

EXTENSION = Extension("BINARYMIME", lambda _terms: "BINARYMIME")
