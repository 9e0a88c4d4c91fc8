"""What a client has asked the server to tell differently; it holds until it logs out.  RFC 5161 §3.1"""

from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["NAMES", "Enabled"]


@dataclass(slots=True)
class Enabled:
    """`condstore`: FETCH that nobody asked for has UID and MODSEQ.  `qresync`: VANISHED instead of EXPUNGE.

    RFC 7162 §3.1, §3.2.3.  `rev2`: the session speaks IMAP4rev2.  RFC 9051 §6.3.1
    """

    condstore: bool = False
    qresync: bool = False
    rev2: bool = False

    @property
    def utf8(self) -> bool:
        """Names and quoted strings are UTF-8.  RFC 9051 §4.3, §5.1"""
        return self.rev2


# what ENABLE knows, by the name in capitals: as it is answered, and the attribute
NAMES = MappingProxyType(
    {
        b"CONDSTORE": (b"CONDSTORE", "condstore"),
        b"QRESYNC": (b"QRESYNC", "qresync"),
        b"IMAP4REV2": (b"IMAP4rev2", "rev2"),
    }
)
