"""Which records belong to what somebody asks by.  It reads every segment: nothing for the reactor's thread.

The files are looked through as octets, and only lines that have what is looked for are read.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mailstack.base.spans import read as read_spans
from mailstack.history.record import Record, decode
from mailstack.history.segments import paths, started

__all__ = ["Asked", "Found", "Search"]

Ids = dict[str, float]  # and when each was first heard of, UNIX seconds

_ONE_BY_ONE = 6
_SESSION = 3600.0  # seconds that a connection may have begun before what is found
_AROUND = re.compile(rb"[\w.+=-]")  # octets of a name: what is found must not go on with one of these
_BESIDE = frozenset({"LOGIN", "MAIL_EXPUNGED", "MAIL_MOVED", "CONNECTED", "DISCONNECTED", "TLS_STARTED"})


class Asked:
    """What somebody asks by: a message's or connection's id, a Message-ID, an address, a domain, an IP address."""

    def __init__(self, text: str, since: float = 0.0) -> None:
        """`since`: UNIX seconds; nothing older is looked at."""
        self.text = text.strip()
        self.since = since
        self.needle = json.dumps(self.text, ensure_ascii=False)[1:-1].encode("utf-8", "replace").lower()

    def is_in(self, low: bytes, place: int) -> bool:
        """Whether it stands there by itself, not within a longer name."""
        end = place + len(self.needle)
        if place and _AROUND.match(low, place - 1) and low[place - 1 : place] != b"@":
            return False
        behind = low[end : end + 2]
        return not (_AROUND.match(behind) and (behind[:1] != b"." or behind[1:].isalnum()))


class Found:
    """Records by what they belong to; each list in the order of the files.  `more`: there are others, older."""

    def __init__(self) -> None:
        self.messages: dict[str, list[Record]] = {}  # by `mid`, in the order in which they were last heard of
        self.sessions: dict[str, list[Record]] = {}  # by `cid`
        self.lonely: list[Record] = []  # of no connection: refused at the door, the server's own
        self.handled: dict[str, list[Record]] = {}  # deletions and moves, by account
        self.more = False


class Search:
    """`folder` of the segments.  `most` is how many messages, and how many sessions, are looked up in full."""

    def __init__(self, folder: str, asked: Asked, most: int) -> None:
        self._asked, self._most = asked, most
        self._paths = [path for path, end in _with_ends(paths(folder)) if end > asked.since - _SESSION]

    def run(self) -> Found:
        found = Found()
        mids, cids = self._first(found)
        begin = min((*mids.values(), *cids.values()), default=0.0) - _SESSION
        self._gather(found, mids, cids, begin)
        self._gather_handled(found, begin)
        return found

    # --- what has it in it ---------------------------------------------------------------------------------

    def _first(self, found: Found) -> tuple[Ids, Ids]:
        """Messages and connections that it is about: the newest, in the order of time."""
        mids: Ids = {}
        cids: Ids = {}
        for path in reversed(self._paths):
            for record in reversed(list(self._hits(path))):
                self._note(record, found, mids, cids)
            if len(mids) > self._most or len(cids) > self._most:
                break
        found.more = len(mids) > self._most or len(cids) > self._most
        found.lonely.reverse()
        return self._newest(mids), self._newest(cids)

    def _newest(self, ids: Ids) -> Ids:
        return dict(list(ids.items())[: self._most][::-1])

    def _note(self, record: Record, found: Found, mids: Ids, cids: Ids) -> None:
        """Records come from the youngest on: what stays is when an id was first heard of."""
        mid, cid, asked = record.text("mid"), record.text("cid"), self._asked.text
        if cid == asked:
            cids[cid] = record.time
        elif record.text("report_mid") == asked:
            mids[asked] = record.time
        elif mid:
            mids[mid] = record.time
        elif record.event in _BESIDE:
            pass  # a name that logs in all day
        elif cid:
            cids[cid] = record.time
        elif len(found.lonely) < self._most:
            found.lonely.append(record)

    def _hits(self, path: Path) -> Iterator[Record]:
        data = path.read_bytes()
        low, asked = data.lower(), self._asked
        place = low.find(asked.needle) if asked.needle else -1
        while place >= 0:
            if not asked.is_in(low, place):
                place = low.find(asked.needle, place + 1)
                continue
            end, record = _line_at(path, data, place)
            if record is not None and record.time >= asked.since:
                yield record
            place = low.find(asked.needle, end)

    # --- what belongs to it ----------------------------------------------------------------------------------

    def _gather(self, found: Found, mids: Iterable[str], cids: Iterable[str], begin: float) -> None:
        """All of these messages, their sessions, and the reports that were made of them."""
        found.messages = {mid: [] for mid in mids}
        found.sessions = {cid: [] for cid in cids}
        self._collect(found, {*mids}, {*cids}, begin)
        reports = {record.text("report_mid") for each in found.messages.values() for record in each} - {""}
        of_messages = {record.text("cid") for each in found.messages.values() for record in each} - {""}
        self._collect(found, reports - {*mids}, of_messages - {*cids}, begin)

    def _collect(self, found: Found, mids: set[str], cids: set[str], begin: float) -> None:
        for record in self._with(b'id":"', mids | cids, begin):
            _put(record, found, mids, cids)

    def _gather_handled(self, found: Found, begin: float) -> None:
        """Deletions and moves in the mailboxes where the messages were filed."""
        stored = (record for each in found.messages.values() for record in each if record.event == "MAIL_STORED")
        accounts = {record.text("account") for record in stored}
        for event in (b"MAIL_EXPUNGED", b"MAIL_MOVED"):
            for record in self._with(b'"%s",{"account":"' % event, accounts, begin):
                found.handled.setdefault(record.text("account"), []).append(record)
        for records in found.handled.values():
            records.sort(key=lambda record: record.place)

    def _with(self, start: bytes, values: set[str], begin: float) -> Iterator[Record]:
        """Records of `begin` and later that have `start`, one of the values and a quotation mark."""
        if not values:
            return
        inside = [
            start + json.dumps(value, ensure_ascii=False)[1:-1].encode("utf-8", "replace") + b'"' for value in values
        ]
        for path, until in _with_ends(self._paths):
            if until > begin:
                data = path.read_bytes()
                for place in _places(data, inside):
                    _, record = _line_at(path, data, place)
                    if record is not None:
                        yield record


def _places(data: bytes, inside: Sequence[bytes]) -> list[int]:
    """A place in each line that has one of these, in order.  A few are looked for one by one: that is faster."""
    if len(inside) > _ONE_BY_ONE:
        pattern = re.compile(b"|".join(map(re.escape, inside)))
        found = [match.start() for match in pattern.finditer(data)]
    else:
        found = []
        for each in inside:
            place = data.find(each)
            while place >= 0:
                found.append(place)
                place = data.find(each, place + 1)
    return list({data.rfind(b"\n", 0, place): place for place in sorted(found)}.values())


def _put(record: Record, found: Found, mids: set[str], cids: set[str]) -> None:
    for mid in {record.text("mid"), record.text("report_mid")} & mids:
        found.messages.setdefault(mid, []).append(record)
    if record.text("cid") in cids:
        found.sessions.setdefault(record.text("cid"), []).append(record)


def _line_at(path: Path, data: bytes, place: int) -> tuple[int, Record | None]:
    """(where the line ends, what it says)"""
    start = data.rfind(b"\n", 0, place) + 1
    end = data.find(b"\n", place)
    end = len(data) if end < 0 else end
    return end, decode(data[start:end], (started(path), start))


def _with_ends(segments: Sequence[Path]) -> Iterator[tuple[Path, float]]:
    """Each with the time at which the next begins."""
    for number, path in enumerate(segments):
        yield path, started(segments[number + 1]) if number + 1 < len(segments) else float("inf")


def became_of(account: str, mailbox: str, uid: int, handled: Mapping[str, Sequence[Record]]) -> Iterator[Record]:
    """What was done to one copy of a message, wherever it went: moves, and its deletion."""
    for record in handled.get(account, ()):
        if record.text("mailbox") != mailbox:
            continue
        uids, became = _uids(record, "uids"), _uids(record, "became")
        if uid not in uids:
            continue
        yield record
        if record.event == "MAIL_EXPUNGED" or len(became) != len(uids):
            return
        mailbox, uid = record.text("target"), became[uids.index(uid)]


def _uids(record: Record, key: str) -> list[int]:
    """None of what cannot be read."""
    try:
        return list(read_spans(record.text(key)))
    except ValueError:
        return []
