"""Address fields: From, To and the like.  RFC 5322 §3.4 with the obsolete forms of §4.4

Reading never fails: every address that a person would see is found, what is
broken gives an address with an empty part.  Octets stay octets: encoded words
(RFC 2047) and raw 8-bit are left to whoever shows them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Address", "Group", "mailboxes", "parse_addresses", "quoted_local"]


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox.  `display` and `local` are without quotes, `domain` "" when there was none.

    `route` is obs-route without its colon (`@a,@b`), for IMAP's envelope.
    """

    display: bytes
    local: bytes
    domain: bytes
    route: bytes = b""

    @property
    def spec(self) -> bytes:
        """addr-spec, the local part quoted where it must be."""
        local = quoted_local(self.local)
        return local + b"@" + self.domain if self.domain else local


@dataclass(frozen=True, slots=True)
class Group:
    """`name: members;`"""

    name: bytes
    members: tuple[Address, ...]


class _Token(NamedTuple):
    text: bytes  # without quotes
    kind: bytes  # b"a" for atoms, b'"' for quoted strings, else the special itself
    gap: bool  # blanks or a comment stood before it


# What is not closed reaches to the end, so that no octet is looked at again and again.
_LEXEME = re.compile(
    rb'"(?P<quoted>(?:[^"\\]|\\.)*+)"?'
    rb"|(?P<comment>\()"
    rb"|(?P<blank>[ \t\r\n]+)"
    rb"|(?P<special>[<>,;:@.])"
    rb"|(?P<atom>\[[^\[\]<>,;\s]*\]|[^\s()<>,;:@.\"\[]+|.)",
    re.DOTALL,
)
_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_PAREN = re.compile(rb"\\.|[()]", re.DOTALL)
_SEPARATORS = frozenset((b"<", b">", b",", b";", b":"))
# What nearly all addresses are: a name of words, or a quoted one without escapes, and <a.b@c.d>; or the address alone.
_ATOM = rb"[^\s()<>,;:@.\"\[\]\\\x00-\x1f]++"
_WORD = rb"[^\s()<>,;:@\"\[\]\\\x00-\x1f]++"
_SPEC = rb"(%b(?:\.%b)*+)@(%b(?:\.%b)*+)" % ((_ATOM,) * 4)
_PLAIN = re.compile(rb" *+(?:(?:(%b(?: %b)*+)|\"([^\"\\]*+)\")? *+<%b>|%b) *+(?:,|\Z)" % (_WORD, _WORD, _SPEC, _SPEC))
_DOT_ATOM = re.compile(rb"[^\s()<>,;:@.\"\[\]\\\x00-\x1f]+(?:\.[^\s()<>,;:@.\"\[\]\\\x00-\x1f]+)*")


def parse_addresses(value: bytes) -> list[Address | Group]:
    """address-list, in order; `value` may still be folded."""
    value = value.translate(None, b"\r\n")
    return _plain(value) or _Reader(value).read()


def _plain(value: bytes) -> list[Address | Group]:
    """What the reader finds, in a sixth of the time; nothing when any of it has a form that is not plain."""
    found: list[Address | Group] = []
    at = 0
    while at < len(value):
        match = _PLAIN.match(value, at)
        if match is None:
            return []
        words, quoted, local, domain, bare_local, bare_domain = match.groups(b"")
        found.append(Address(words or quoted, local or bare_local, domain or bare_domain))
        at = match.end()
    return found


def mailboxes(value: bytes) -> list[Address]:
    """All addresses of a field, those in groups too."""
    found: list[Address] = []
    for entry in parse_addresses(value):
        found.extend(entry.members if isinstance(entry, Group) else (entry,))
    return found


def quoted_local(local: bytes) -> bytes:
    """local-part: a dot-atom as it is, anything else as quoted-string.  RFC 5322 §3.4.1"""
    if _DOT_ATOM.fullmatch(local):
        return local
    return b'"' + local.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


class _Reader:
    """Reads tokens up to each separator, then makes an address of them."""

    def __init__(self, value: bytes) -> None:
        self._value = value
        self._comment = b""  # the last one seen: quirk: `a@b (Name)`, older than display names
        self._pending: list[_Token] = []
        self._angle: bytes | None = None  # inside <…>, or behind it: the display name before it
        self._closed = False  # the > has come
        self._route = False  # in obs-route, whose commas part no addresses
        self._found: list[Address | Group] = []
        self._group: list[Address] | None = None
        self._group_name = b""

    def read(self) -> list[Address | Group]:
        for token in self._tokens():
            if token.kind in _SEPARATORS:
                self._separator(token)
            elif not self._closed:  # between `>` and the next separator stands nothing of use
                self._route = self._route or (token.kind == b"@" and self._angle is not None and not self._pending)
                self._pending.append(token)
        self._end_address()
        self._end_group()
        return self._found

    def _separator(self, token: _Token) -> None:
        kind = token.kind
        if kind == b"<":
            self._open_angle()
        elif kind == b">":
            self._closed = self._angle is not None
        elif kind == b",":
            if self._route:
                self._pending.append(token)
            else:
                self._end_address()
        elif kind == b";":
            self._end_address()
            self._end_group()
        elif self._angle is None and self._group is None:
            self._group, self._group_name, self._pending = [], _words(self._pending), []
        else:
            self._pending.append(token)
            self._route = False

    def _open_angle(self) -> None:
        if self._angle is None:
            self._angle = _words(self._pending)
            self._pending = []

    def _end_address(self) -> None:
        if self._angle is not None:
            self._add(_angle_address(self._angle or self._comment, self._pending))
        elif self._pending:
            self._add(_bare_address(self._pending, self._comment))
        self._angle, self._pending, self._comment = None, [], b""
        self._closed = self._route = False

    def _add(self, address: Address) -> None:
        if self._group is None:
            self._found.append(address)
        else:
            self._group.append(address)

    def _end_group(self) -> None:
        if self._group is not None:
            self._found.append(Group(self._group_name, tuple(self._group)))
            self._group = None

    def _tokens(self) -> Iterator[_Token]:
        value, at, gap = self._value, 0, False
        while at < len(value):
            match = _LEXEME.match(value, at)
            assert match is not None  # its last branch takes any octet
            at = match.end()
            kind = match.lastgroup
            if kind == "blank":
                gap = True
                continue
            if kind == "comment":
                at = self._skip_comment(at)
                gap = True
                continue
            yield _token(match, kind, gap=gap)
            gap = False

    def _skip_comment(self, start: int) -> int:
        """comment = "(" *([FWS] ccontent) [FWS] ")", nested; `start` is behind the first parenthesis."""
        depth = 1
        for match in _PAREN.finditer(self._value, start):
            if match[0] == b"(":
                depth += 1
            elif match[0] == b")":
                depth -= 1
                if depth == 0:
                    self._comment = _PAIR.sub(rb"\1", self._value[start : match.start()]).strip()
                    return match.end()
        self._comment = _PAIR.sub(rb"\1", self._value[start:]).strip()
        return len(self._value)


def _token(match: re.Match[bytes], kind: str | None, *, gap: bool) -> _Token:
    if kind == "quoted":
        return _Token(_PAIR.sub(rb"\1", match["quoted"]), b'"', gap)
    if kind == "special":
        return _Token(match[0], match[0], gap)
    return _Token(match[0], b"a", gap)


def _words(tokens: list[_Token]) -> bytes:
    """phrase: the words as they stand, one blank where there were any."""
    return b"".join(b" " * (token.gap and i > 0) + token.text for i, token in enumerate(tokens))


def _joined(tokens: list[_Token]) -> bytes:
    return b"".join(token.text for token in tokens)


def _last_at(tokens: list[_Token]) -> int:
    """Index of the last @, -1 without one: the domain decides where mail goes, so nothing may stand behind it."""
    return max((i for i, token in enumerate(tokens) if token.kind == b"@"), default=-1)


def _angle_address(display: bytes, inside: list[_Token]) -> Address:
    """angle-addr = "<" [obs-route] addr-spec ">"; all of it is the address, blanks fall out."""
    route = b""
    if inside[:1] and inside[0].kind == b"@":
        colon = next((i for i, token in enumerate(inside) if token.kind == b":"), None)
        if colon is not None:
            route, inside = _joined(inside[:colon]), inside[colon + 1 :]
    at = _last_at(inside)
    if at < 0:
        return Address(display, _joined(inside), b"", route)
    return Address(display, _joined(inside[:at]), _joined(inside[at + 1 :]), route)


def _bare_address(tokens: list[_Token], comment: bytes) -> Address:
    """addr-spec without brackets; quirk: words before it are a display name whose brackets were forgotten."""
    at = _last_at(tokens)
    if at < 0:
        single = not any(token.gap for token in tokens[1:])
        return Address(comment, _joined(tokens), b"") if single else Address(_words(tokens), b"", b"")
    begin = at
    while begin > 0 and _belongs(tokens[begin - 1], tokens[begin], at_sign=begin == at):
        begin -= 1
    end = at + 1
    while end < len(tokens) and (
        end == at + 1 or not tokens[end].gap or b"." in (tokens[end].kind, tokens[end - 1].kind)
    ):
        end += 1
    return Address(_words(tokens[:begin]) or comment, _joined(tokens[begin:at]), _joined(tokens[at + 1 : end]))


def _belongs(before: _Token, after: _Token, *, at_sign: bool) -> bool:
    """Whether `before` is of the same local part: it touches, or blanks stand beside a dot (obs-local-part)."""
    return at_sign or not after.gap or b"." in (before.kind, after.kind)
