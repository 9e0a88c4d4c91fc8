"""Reading another server: its replies, and what it offers.  Every read has a limit."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailstack.base.errors import ParseFault
from mailstack.base.framing import Framer
from mailstack.queue.api import RemoteReply

__all__ = ["Offer", "RawReply", "ReplyReader", "read_offer"]

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: +|$)")  # RFC 2034 §4
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class RawReply:
    """One whole reply: its code, and the texts of its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def positive(self) -> bool:
        return self.code < 300

    def by(self, host: str, command: str) -> RemoteReply:
        """As it is logged and reported: one line, with a status; ours is the general one when the server gave none."""
        status, texts = f"{self.code // 100}.0.0", []
        for line in self.lines:
            found = _STATUS.match(line)
            if found and found[1][0] == str(self.code)[0]:
                status, line = found[1], line[found.end() :]  # noqa: PLW2901  the same line without it
            texts.append(line.strip())
        return RemoteReply(host, self.code, status, " ".join(filter(None, texts)), command)


class ReplyReader:
    """Octets in, whole replies out.  RFC 5321 §4.2.1

    `next` raises ParseFault for what is no reply, and for one that does not end
    within `lines_max` lines of `line_max` octets.
    """

    def __init__(self, line_max: int, lines_max: int) -> None:
        self._framer = Framer()
        self._line_max, self._lines_max = line_max, lines_max
        self._texts: list[str] = []

    def __len__(self) -> int:
        """Octets that are not yet a reply's line."""
        return len(self._framer)

    @property
    def within_reply(self) -> bool:
        return bool(self._texts) or len(self._framer) > 0

    def feed(self, data: bytes) -> None:
        self._framer.feed(data)

    def next(self) -> RawReply | None:
        while (line := self._framer.line(self._line_max)) is not None:
            found = _LINE.fullmatch(line)
            if found is None:
                raise ParseFault(f"not an SMTP reply: {clean(line[:80])!r}")
            self._texts.append(clean(found[3] or b""))
            if found[2] != b"-":
                texts, self._texts = self._texts, []
                return RawReply(int(found[1]), tuple(texts))
            if len(self._texts) >= self._lines_max:
                raise ParseFault(f"a reply of more than {self._lines_max} lines")
        return None


def clean(octets: bytes) -> str:
    """Text that is safe in a log and a report, whatever a server sends."""
    return _CONTROLS.sub(" ", octets.decode("utf-8", "backslashreplace"))


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server said it can do: keyword in capitals → its parameters.  Empty after HELO."""

    keywords: Mapping[str, Sequence[str]]

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def size_max(self) -> int | None:
        """RFC 1870 §4; None when it sets no limit or none that can be read."""
        first = next(iter(self.keywords.get("SIZE", ())), "")
        return int(first) if first.isascii() and first.isdigit() and len(first) <= 20 and int(first) else None

    @property
    def least_time(self) -> int:
        """Seconds below which it cannot keep a time with mode R; 0 when it says nothing.  RFC 2852 §3"""
        first = next(iter(self.keywords.get("DELIVERBY", ())), "")
        return int(first) if first.isascii() and first.isdigit() and len(first) <= 9 else 0

    @property
    def mechanisms(self) -> frozenset[str]:
        """SASL mechanisms, in capitals."""
        return frozenset(word.upper() for word in self.keywords.get("AUTH", ()))


def read_offer(reply: RawReply) -> Offer:
    """ehlo-line = ehlo-keyword *( SP ehlo-param )                RFC 5321 §4.1.1.1

    quirk: `AUTH=LOGIN PLAIN` of old Microsoft servers is read as `AUTH LOGIN PLAIN`.
    """
    keywords: dict[str, tuple[str, ...]] = {}
    for line in reply.lines[1:]:
        words = line.split()
        if not words:
            continue
        if words[0].upper().startswith("AUTH="):
            words[:1] = ["AUTH", words[0][5:]]
        keyword = words[0].upper()
        keywords[keyword] = (*keywords.get(keyword, ()), *words[1:])
    return Offer(keywords)
