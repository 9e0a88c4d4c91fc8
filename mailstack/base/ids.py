"""Names that are unique on this host: message ids of the log and queue, connection ids."""

import itertools
import os
import time

__all__ = ["connection_id", "message_id"]

_ALPHABET = "0123456789bcdfghjkmnpqrstvwxyz"  # no vowels: no words; no l: read aloud over a telephone
_serial = itertools.count(int.from_bytes(os.urandom(2)))
_connections = itertools.count(1)


def _base30(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[rest] + digits
    return digits or "0"


def message_id() -> str:
    """A new id such as `5kqj2v8s-7h3`: sorts by time, never given twice by one host."""
    return f"{_base30(time.time_ns() // 1000)}-{_base30(next(_serial) % 27000 + os.getpid() * 27000)}"


_RUN = _base30(int(time.time()) % len(_ALPHABET) ** 5)  # of this process: comes round after nine months


def connection_id() -> str:
    """`c5kq2v-17`: unique in this process, and in what is remembered of those before it."""
    return f"c{_RUN}-{next(_connections)}"
