"""STARTTLS.  RFC 3207"""

from mailstack.smtp.commands import without_argument
from mailstack.smtp.grammar import Extension, State, Verb
from mailstack.smtp.values import StartTls, Terms

__all__ = ["EXTENSION"]


def _line(terms: Terms) -> str | None:
    return "STARTTLS" if terms.starttls else None


EXTENSION = Extension(
    "STARTTLS",
    _line,
    verbs=(Verb("STARTTLS", without_argument(StartTls), frozenset({State.GREETED})),),
)
