"""PIPELINING: the sender need not wait for each reply.  RFC 2920

The engine is pulled, so this is a promise and no code.
"""

from mailstack.smtp.grammar import Extension

__all__ = ["EXTENSION"]

EXTENSION = Extension("PIPELINING", lambda _terms: "PIPELINING")
