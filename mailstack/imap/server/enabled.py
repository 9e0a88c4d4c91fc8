"""What a client has asked the server to tell differently; it holds for the whole connection.  RFC 5161 §3.1"""

from dataclasses import dataclass

__all__ = ["Enabled"]


@dataclass(slots=True)
class Enabled:
    """`condstore`: FETCH that nobody asked for has UID and MODSEQ.  `qresync`: VANISHED instead of EXPUNGE.

    RFC 7162 §3.1, §3.2.3
    """

    condstore: bool = False
    qresync: bool = False
