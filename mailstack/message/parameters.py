"""Values with parameters: Content-Type, Content-Disposition.  RFC 2045 §5.1, RFC 2183, RFC 2231"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from mailstack.message.words import decode, decode_words

__all__ = ["Valued", "parse_valued", "without_comments"]

# parameter = attribute "=" value; quirks: unquoted values with blanks or specials, a quote that is not closed
_PARAMETER: Final = re.compile(
    rb';[ \t]*(?P<name>[^\s=;"]+)[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"?|(?P<plain>[^;]*))', re.DOTALL
)
_VALUE: Final = re.compile(rb'[ \t]*([^;\s"]*)(?:[ \t]*/[ \t]*([^;\s"]+))?')
_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)
_SECTION: Final = re.compile(r"(?P<name>[^*]+)(?:\*(?P<number>\d{1,4}))?(?P<star>\*)?\Z")
_LEXEME: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|\\.|[^"\\()]+|[()\\]', re.DOTALL)
_SHORT_OCTETS: Final = 60
_PARAMETERS: Final = 200  # of one field; more are not looked at


@dataclass(frozen=True, slots=True)
class Valued:
    """`value` in lower case, and its parameters in order.

    Parameters that RFC 2231 cut in pieces are whole; `name*` stands for those with charset and
    percent-encoding, which are kept so: a client decodes them itself.
    """

    value: bytes
    parameters: tuple[tuple[str, bytes], ...]

    def raw(self, name: str) -> bytes:
        """The plain parameter's octets, b"" without one."""
        return next((octets for key, octets in self.parameters if key == name), b"")

    def text(self, name: str) -> str:
        """The parameter as a person reads it, from RFC 2231 or (wrongly but often) RFC 2047; "" without one."""
        for key, octets in self.parameters:
            if key == name + "*":
                charset, _, rest = octets.partition(b"'")
                return decode(unquote_to_bytes(rest.partition(b"'")[2]), charset.decode("latin-1"))
            if key == name:
                return decode_words(octets)
        return ""


def parse_valued(field: bytes) -> Valued:
    """An unfolded field: value *(";" parameter).  Short ones are the same few in nearly all mail."""
    return _known(field) if len(field) <= _SHORT_OCTETS else _parsed(field)


def _parsed(field: bytes) -> Valued:
    if b"(" in field:
        field = without_comments(field)
    head = _VALUE.match(field)
    value, sub = head.groups() if head else (b"", None)
    found = [_parameter(match) for match in _PARAMETER.finditer(field)] if b";" in field else []
    if any("*" in name for name, _ in found):
        found = _joined(found[:_PARAMETERS])
    return Valued((value + b"/" + sub if sub else value).lower(), tuple(found[:_PARAMETERS]))


_known = lru_cache(2048)(_parsed)


def without_comments(value: bytes) -> bytes:
    """Each comment becomes a blank; parentheses in quoted strings stay.  RFC 5322 §3.2.2"""
    out: list[bytes] = []
    depth = 0
    for token in _LEXEME.findall(value):
        if token == b"(":
            depth += 1
        elif token == b")" and depth:
            depth -= 1
            if not depth:
                out.append(b" ")
        elif not depth:
            out.append(token)
    return b"".join(out)


def _parameter(match: re.Match[bytes]) -> tuple[str, bytes]:
    quoted = match["quoted"]
    octets = match["plain"].rstrip(b" \t") if quoted is None else _PAIR.sub(rb"\1", quoted)
    return match["name"].decode("ascii", "replace").lower(), octets


def _joined(found: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Pieces `name*0`, `name*1*` … become one `name`, or `name*` when a piece is percent-encoded.  RFC 2231 §3, §4.1"""
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    order: list[tuple[str, bytes] | str] = []
    for name, octets in found:
        section = _SECTION.match(name)
        if section is None or section["number"] is None:
            order.append((name, octets))
            continue
        whole = section["name"]
        if whole not in pieces:
            pieces[whole] = {}
            order.append(whole)
        pieces[whole].setdefault(int(section["number"]), (octets, section["star"] is not None))
    return [entry if isinstance(entry, tuple) else _whole(entry, pieces[entry]) for entry in order]


def _whole(name: str, pieces: dict[int, tuple[bytes, bool]]) -> tuple[str, bytes]:
    """Pieces count from 0; behind a gap nothing is used.  Plain pieces beside encoded ones are encoded."""
    run: list[tuple[bytes, bool]] = []
    while len(run) in pieces:
        run.append(pieces[len(run)])
    if not run:
        run = [pieces[min(pieces)]]
    if not any(encoded for _, encoded in run):
        return name, b"".join(octets for octets, _ in run)
    if not run[0][1]:
        run.insert(0, (b"''", True))
    return name + "*", b"".join(
        octets if encoded else quote_from_bytes(octets, safe="!#$&+-.^_`{|}~").encode() for octets, encoded in run
    )
