"""The service extensions, one file each; here is their order in the answer to EHLO.

To add one: a file with its `EXTENSION`, a line in ALL; what it *does* belongs to
`smtp.server.transaction` (or, when it changes how octets are cut, to the engine).
"""

from mailstack.smtp.extensions import (
    auth,
    binarymime,
    chunking,
    deliverby,
    dsn,
    eightbitmime,
    enhancedstatuscodes,
    futurerelease,
    limits,
    mtpriority,
    pipelining,
    requiretls,
    size,
    smtputf8,
    starttls,
    turning,
    xclient,
)
from mailstack.smtp.grammar import Extension

__all__ = ["ALL"]

# quirk: gsasl 2.2 sees STARTTLS only with a hyphen before it, so it must not be the last; SMTPUTF8 is always there
ALL: tuple[Extension, ...] = (
    size.EXTENSION,
    pipelining.EXTENSION,
    starttls.EXTENSION,
    auth.EXTENSION,
    eightbitmime.EXTENSION,
    chunking.EXTENSION,
    binarymime.EXTENSION,
    dsn.EXTENSION,
    enhancedstatuscodes.EXTENSION,
    limits.EXTENSION,
    requiretls.EXTENSION,
    mtpriority.EXTENSION,
    deliverby.EXTENSION,
    futurerelease.EXTENSION,
    turning.EXTENSION,
    xclient.EXTENSION,
    smtputf8.EXTENSION,
)
