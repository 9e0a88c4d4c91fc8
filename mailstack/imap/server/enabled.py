"""What a client has asked the server to tell differently; it holds until it logs out.  RFC 5161 §3.1"""

from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["NAMES", "Enabled", "head"]


@dataclass(slots=True)
class Enabled:
    """`condstore`: FETCH that nobody asked for has UID and MODSEQ.  `qresync`: VANISHED instead of EXPUNGE.

    RFC 7162 §3.1, §3.2.3.  `rev2`: the session speaks IMAP4rev2.  RFC 9051 §6.3.1
    `utf8_accept`: RFC 6855 §3.  `uidonly`: UIDs in place of message numbers, in both directions.  RFC 9586 §3
    """

    condstore: bool = False
    qresync: bool = False
    rev2: bool = False
    utf8_accept: bool = False
    uidonly: bool = False

    @property
    def utf8(self) -> bool:
        """Names, quoted strings and headers are UTF-8.  RFC 9051 §4.3, §5.1, RFC 6855 §3"""
        return self.rev2 or self.utf8_accept


def head(enabled: Enabled, number: int, uid: int) -> bytes:
    """How an answer of FETCH begins.  RFC 9586 §3.3"""
    return b"* %d UIDFETCH (" % uid if enabled.uidonly else b"* %d FETCH (" % number


# what ENABLE knows, by the name in capitals: as it is answered, and the attribute
NAMES = MappingProxyType(
    {
        b"CONDSTORE": (b"CONDSTORE", "condstore"),
        b"QRESYNC": (b"QRESYNC", "qresync"),
        b"IMAP4REV2": (b"IMAP4rev2", "rev2"),
        b"UTF8=ACCEPT": (b"UTF8=ACCEPT", "utf8_accept"),
        b"UIDONLY": (b"UIDONLY", "uidonly"),
    }
)
