"""Maildir, Maildir++ and trees of Maildirs: read whoever wrote them, written for anybody.

A file's time is the message's date.  Keywords are the letters a to z of `dovecot-keywords`, or of our own
`mailstack-folder`; P (passed) is $Forwarded.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from mailstack.store import foldertext, maildir
from mailstack.store.flags import MAX_KEYWORDS, bits_of, letters_of, names_of, read_letters
from mailstack.store.transfer.found import Bad, Found, key_of, with_crlf

__all__ = ["MaildirWriter", "is_maildir", "read_chunks", "read_maildir"]

CHUNK_OCTETS: Final = 1 << 20
_NUMBER: Final = re.compile(r"[0-9]+")


def is_maildir(path: str) -> bool:
    return os.path.isdir(f"{path}/cur")  # noqa: PTH112


def read_maildir(path: str, folder: str, name: str) -> Iterator[Found | Bad]:
    """In the order of arrival, as far as names tell.  `name` is the folder's, within its source.  OSError."""
    keywords = _keywords(path)
    entries = [(_order(each), part, each) for part in ("cur", "new") for each in _names(f"{path}/{part}")]
    for _, part, each in sorted(entries):
        where = f"{name or '.'}/{part}/{each}"
        try:
            found = os.stat(f"{path}/{part}/{each}")  # noqa: PTH116  see base.files
            with open(f"{path}/{part}/{each}", "rb"):  # noqa: PTH123
                pass
        except OSError as fault:
            yield Bad(where, fault.strerror or str(fault))
            continue
        if not found.st_size:
            yield Bad(where, "an empty file")
            continue
        base, letters = maildir.split(each)
        flags = names_of(read_letters(letters), keywords) + (("$Forwarded",) if "P" in letters else ())
        chunks = with_crlf(read_chunks(f"{path}/{part}/{each}"))
        key = key_of("maildir", name, base.partition(",")[0], found.st_size)
        path_there = f"{path}/{part}/{each}"
        yield Found(folder, where, key, tuple(dict.fromkeys(flags)), int(found.st_mtime), chunks, path_there)


def _names(path: str) -> list[str]:
    try:
        return [name for name in maildir.listing(path) if not os.path.isdir(f"{path}/{name}")]  # noqa: PTH112
    except FileNotFoundError:
        return []


def _order(name: str) -> tuple[int, int, str]:
    """By our own UID where there is one, then by time."""
    number = _NUMBER.match(name)
    return maildir.read_base(name.partition(":")[0]).uid or 1 << 32, int(number[0]) if number else 0, name


def _keywords(path: str) -> tuple[str, ...]:
    ours = foldertext.read(f"{path}/{maildir.FOLDER_TEXT}")
    if ours is not None:
        return foldertext.parse_folder(ours).keywords
    names: dict[int, str] = {}
    for line in (foldertext.read(f"{path}/dovecot-keywords") or "").splitlines():
        number, _, name = line.partition(" ")
        if number.isdecimal() and int(number) < MAX_KEYWORDS and name:
            names[int(number)] = name
    return tuple(names.get(slot, "") for slot in range(max(names, default=-1) + 1))


def read_chunks(path: str) -> Iterator[bytes]:
    """OSError"""
    with Path(path).open("rb") as file:
        yield from iter(partial(file.read, CHUNK_OCTETS), b"")


# --- writing -------------------------------------------------------------------------------------------------


class MaildirWriter:
    """One folder of a Maildir++ at `root`; a message that is there already is not written again."""

    def __init__(self, root: str, folder: str) -> None:
        self.path = f"{root}/{maildir.folder_of(folder)}".rstrip("/")
        for part in ("tmp", "new", "cur"):
            Path(self.path, part).mkdir(parents=True, exist_ok=True)
        if folder != "INBOX":
            Path(self.path, "maildirfolder").touch()
        self._there = {maildir.split(name)[0] for name in maildir.listing(f"{self.path}/cur")}
        self._keywords = list(_keywords(self.path))

    def write(self, base: str, chunks: Iterable[bytes], flags: Sequence[str], date: int) -> bool:
        """Whether it was missing.  `base` is the unique part of its name.  OSError"""
        if base in self._there:
            return False
        for name in flags:
            self._learn(name)
        letters = letters_of(bits_of(flags, tuple(self._keywords)))
        if "$Forwarded" in flags:
            letters = "".join(sorted(letters + "P"))
        fresh = f"{self.path}/tmp/{base}"  # noqa: S108  the Maildir's own
        with Path(fresh).open("wb") as file:
            file.writelines(_with_lf(chunks))
        os.utime(fresh, (date, date))
        Path(fresh).rename(f"{self.path}/cur/{base}:2,{letters}")
        return True

    def _learn(self, name: str) -> None:
        known = {keyword.casefold() for keyword in self._keywords}
        if name.startswith("\\") or name == "$Forwarded" or name.casefold() in known:
            return
        if len(self._keywords) < MAX_KEYWORDS:
            self._keywords.append(name)
            lines = "".join(f"{slot} {each}\n" for slot, each in enumerate(self._keywords))
            Path(self.path, "dovecot-keywords").write_text(lines, encoding="utf-8")


def _with_lf(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """LF for each CRLF: what most programs expect in a Maildir."""
    held = b""
    for chunk in chunks:
        piece = held + chunk
        held = b"\r" if piece.endswith(b"\r") else b""
        yield piece.removesuffix(held).replace(b"\r\n", b"\n") if held else piece.replace(b"\r\n", b"\n")
    yield held
