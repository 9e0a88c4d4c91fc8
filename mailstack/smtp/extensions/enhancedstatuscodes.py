"""ENHANCEDSTATUSCODES: a status of RFC 3463 behind the code of each reply.  RFC 2034"""

from mailstack.smtp.grammar import Extension

__all__ = ["EXTENSION"]

EXTENSION = Extension("ENHANCEDSTATUSCODES", lambda _terms: "ENHANCEDSTATUSCODES")
