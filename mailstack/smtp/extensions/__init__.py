"""The service extensions, one file each; here is their order in the answer to EHLO.

To add one: a file with its `EXTENSION`, a line in ALL; what it *does* belongs to
`smtp.server.transaction` (or, when it changes how octets are cut, to the engine).
"""

from mailstack.smtp.extensions import (
    auth,
    chunking,
    dsn,
    eightbitmime,
    enhancedstatuscodes,
    limits,
    pipelining,
    size,
    smtputf8,
    starttls,
    turning,
)
from mailstack.smtp.grammar import Extension

__all__ = ["ALL"]

ALL: tuple[Extension, ...] = (
    size.EXTENSION,
    pipelining.EXTENSION,
    eightbitmime.EXTENSION,
    smtputf8.EXTENSION,
    chunking.EXTENSION,
    dsn.EXTENSION,
    enhancedstatuscodes.EXTENSION,
    limits.EXTENSION,
    starttls.EXTENSION,
    auth.EXTENSION,
    turning.EXTENSION,
)
