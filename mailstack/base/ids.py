"""Names that are unique on this host: message ids of the log and queue, connection ids."""

import itertools
import os
import time
from functools import lru_cache

__all__ = ["connection_id", "message_id"]

_ALPHABET = "0123456789bcdfghjkmnpqrstvwxyz"  # no vowels: no words; no l: read aloud over a telephone
_serial = itertools.count(int.from_bytes(os.urandom(2)))
_connections = itertools.count(1)


_BASE = len(_ALPHABET)
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_PAIR = len(_PAIRS)


@lru_cache(maxsize=16)
def _base30(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, _BASE)
        digits = _ALPHABET[rest] + digits
    return digits or "0"


def message_id() -> str:
    """A new id such as `5kqj2v8s-7h3`: sorts by time, never given twice by one host.

    Microseconds, then the process and a serial of three digits; what changes rarely is kept.
    """
    rest, pair = divmod(time.time_ns() // 1000, _PAIR)
    high, middle = divmod(rest, _PAIR)
    serial, last = divmod(next(_serial) % (_BASE * _PAIR), _BASE)
    return f"{_base30(high)}{_PAIRS[middle]}{_PAIRS[pair]}-{_base30(os.getpid())}{_PAIRS[serial]}{_ALPHABET[last]}"


_RUN = _base30(int(time.time()) % len(_ALPHABET) ** 5)  # of this process: comes round after nine months


def connection_id() -> str:
    """`c5kq2v-17`: unique in this process, and in what is remembered of those before it."""
    return f"c{_RUN}-{next(_connections)}"
