"""Object identifiers: the same for the same thing, whatever it is called and wherever it lies.  RFC 8474

A message's is a hash of its octets, so copies have it too, and a lost index does not change it.
Threads have none: THREADID is NIL.
"""

import base64
import re
from hashlib import blake2b
from typing import Final

from mailstack.imap.cursor import Cursor
from mailstack.message.mime import Source

__all__ = ["mailbox_id", "make_email_id", "objectid"]

_OBJECTID: Final = re.compile(rb"[A-Za-z0-9_-]{1,255}(?=[ )]|\Z)")
_READ_OCTETS: Final = 1 << 20


def objectid(cur: Cursor) -> bytes:
    """objectid = 1*255(ALPHA / DIGIT / "_" / "-")   RFC 8474 §7"""
    return cur.match(_OBJECTID, "an object identifier")[0]


def mailbox_id(number: int) -> bytes:
    """RFC 8474 §8.1: a letter in front."""
    return b"F%d" % number


def make_email_id(content: Source) -> bytes:
    """For `Mailbox.kept`: `(id)`, as FETCH has it.  RFC 8474 §5.1"""
    digest = blake2b(digest_size=18)
    for offset in range(0, content.size, _READ_OCTETS):
        digest.update(content.read(offset, _READ_OCTETS))
    return b"(M%b)" % base64.urlsafe_b64encode(digest.digest())
