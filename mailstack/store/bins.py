"""Expunged mail that can still be brought back: where it lies, under which names, until when.

    <account>/mailstack-expunged/
        20261123-7-9f3a1c/           the day (UTC) on which it was expunged, the mailbox's id, what the text below says
            mailstack-bin            the mailbox's name, and which keyword each letter is
            <base>,X=<seconds>:2,FS  a message's file, as it was, with the time when it was expunged
        20261123-9-deleted-1b/       a mailbox that was deleted, whole: cur, new, and its text with the time

No mail program looks there: the name begins with no dot.  Nothing else is needed to bring a message back, so it
survives the loss of the index, and any of it can be moved to a `new` folder by hand.  A day's bins go together: a
sweep reads few names, and a message stays for the time that is set and up to a day more.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final

from mailstack.base import files
from mailstack.store import foldertext, maildir
from mailstack.store.flags import DELETED, Keywords, merged, names_of, read_letters
from mailstack.store.values import Kept

__all__ = ["BINS", "BIN_TEXT", "Bin", "bin_of", "deleted_bin", "due", "kept_name", "list_kept", "parse_bin", "sweep"]

BINS: Final = "mailstack-expunged"
BIN_TEXT: Final = "mailstack-bin"
_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class Bin:
    """What the messages of a mailbox need to come back.  `seconds`: when all of it was deleted, or 0."""

    mailbox: int
    name: str
    keywords: Keywords
    seconds: int = 0

    def text(self) -> str:
        lines = [f"mailbox-id {self.mailbox}", f"name {self.name}"]
        lines += [f"deleted {self.seconds}"] if self.seconds else []
        lines += [f"keyword {chr(ord('a') + slot)} {name}" for slot, name in enumerate(self.keywords) if name]
        return "\n".join(lines) + "\n"


def parse_bin(text: str) -> Bin:
    """The opposite of `text`; the name INBOX for a text that tells none."""
    found = dict(line.partition(" ")[::2] for line in text.splitlines() if not line.startswith("keyword "))
    keywords = foldertext.parse_folder(text).keywords
    number = foldertext.number
    return Bin(number(found.get("mailbox-id")), found.get("name") or "INBOX", keywords, number(found.get("deleted")))


def bin_of(what: Bin, now: float) -> str:
    """The folder's name, for messages expunged now."""
    told = blake2b(what.text().encode(), digest_size=4).hexdigest()
    return f"{_day(now)}-{what.mailbox}-{told}"


def deleted_bin(what: Bin, uidvalidity: int) -> str:
    return f"{_day(what.seconds)}-{what.mailbox}-deleted-{uidvalidity:x}"


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%d")


def kept_name(base: str, flags: int, disk: str, seconds: int) -> str:
    """Without \\Deleted: what comes back should stay."""
    return f"{base},X={seconds}:2,{merged(flags & ~DELETED, disk)}"


# --- listing -------------------------------------------------------------------------------------------------


def list_kept(home: str) -> Iterator[Kept]:
    """All of an account, bin by bin, the oldest day first.  What goes meanwhile is left out."""
    for name in _bins(home):
        path = f"{home}/{BINS}/{name}"
        what = parse_bin(foldertext.read(f"{path}/{BIN_TEXT}") or "")
        for folder in _mail_folders(path):
            for entry in sorted(_mail(folder)):
                kept = _kept(what, f"{name}/{entry}", f"{folder}/{entry}")
                if kept is not None:
                    yield kept


def _mail_folders(path: str) -> tuple[str, ...]:
    """Of a bin."""
    return (f"{path}/cur", f"{path}/new") if "-deleted-" in path.rpartition("/")[2] else (path,)


def _bins(home: str) -> list[str]:
    return sorted(_listed(f"{home}/{BINS}"))


def _listed(path: str) -> list[str]:
    try:
        return [name for name in os.listdir(path) if not name.startswith(".")]  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []


def _mail(folder: str) -> list[str]:
    return [name for name in _listed(folder) if not name.startswith(BIN_TEXT) and files.is_file(f"{folder}/{name}")]


def _kept(what: Bin, place: str, path: str) -> Kept | None:
    try:
        found = os.stat(path)  # noqa: PTH116  see base.files
    except FileNotFoundError:
        return None
    base, letters = maildir.split(path.rpartition("/")[2])
    told = maildir.read_base(base)
    return Kept(
        id=blake2b(place.partition(":")[0].encode("utf-8", "surrogateescape"), digest_size=5).hexdigest(),
        path=path,
        mailbox=what.mailbox,
        folder=what.name,
        uid=told.uid or 0,
        size=told.crlf_size or found.st_size,
        date=int(found.st_mtime),
        flags=names_of(read_letters(letters) & ~DELETED, what.keywords),
        expunged=what.seconds or maildir.expunged_at(base) or int(found.st_ctime),
        inode=found.st_ino if found.st_nlink > 1 else 0,
    )


# --- the end of its time -------------------------------------------------------------------------------------


def due(name: str, now: float, keep: float) -> bool:
    """Whether the time of all in this bin is over."""
    try:
        day = datetime.strptime(name[:8], "%Y%m%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return False  # not ours
    return day + _DAY + keep <= now


def sweep(home: str, now: float, keep: float, limit: int) -> int:
    """Remove up to `limit` files whose time is over, and bins that are empty then; how many.  Any thread."""
    removed = 0
    for name in _bins(home):
        if removed >= limit or not due(name, now, keep):
            break  # they are sorted by day
        path = f"{home}/{BINS}/{name}"
        for folder in _mail_folders(path):
            for entry in _mail(folder):
                if removed >= limit:
                    return removed
                with suppress(OSError):
                    removed += files.remove(f"{folder}/{entry}")
        if not any(_mail(folder) for folder in _mail_folders(path)):
            files.remove_tree(path)
    if not _bins(home):
        with suppress(OSError):
            Path(home, BINS).rmdir()
    return removed
