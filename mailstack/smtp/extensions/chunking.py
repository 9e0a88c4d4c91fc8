"""CHUNKING: the message in counted chunks, without dots.  RFC 3030 §2

The engine reads the octets behind each BDAT whatever its answer will be: a chunk
that is out of place, or behind one that was refused, is swallowed and answered
503.  Only where the size cannot be read is the end of the chunk unknown, and then
the connection ends: body octets never become commands.
"""

import re

from mailstack.smtp import replies
from mailstack.smtp.grammar import ANY_STATE, CommandFault, Context, Extension, State, Verb
from mailstack.smtp.values import Bdat

__all__ = ["EXTENSION", "IN_PLACE"]

_ARGUMENT = re.compile(r"([0-9]{1,20})( +LAST)?", re.IGNORECASE)

IN_PLACE = frozenset({State.RCPT, State.CHUNKS})


def _bdat(argument: str, _context: Context) -> Bdat:
    """bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ] CR LF     RFC 3030 §2"""
    match = _ARGUMENT.fullmatch(argument)
    if match is None:
        raise CommandFault(replies.BAD_ARGUMENT)
    return Bdat(int(match[1]), last=match[2] is not None)


# in any state: the octets come after it even where it is out of place
EXTENSION = Extension("CHUNKING", lambda _terms: "CHUNKING", verbs=(Verb("BDAT", _bdat, ANY_STATE),))
