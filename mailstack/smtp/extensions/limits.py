"""LIMITS: what is refused beyond some number, said beforehand.  RFC 9422"""

from mailstack.smtp.grammar import Extension
from mailstack.smtp.values import Terms

__all__ = ["EXTENSION"]


def _line(terms: Terms) -> str | None:
    """limits-ehlo = "LIMITS" 1*(SP limit): recipients of one message here, nothing else has a limit.  RFC 9422 §4"""
    return f"LIMITS RCPTMAX={terms.recipients}" if terms.recipients else None


EXTENSION = Extension("LIMITS", _line)
