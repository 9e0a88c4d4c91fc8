"""Folders of `.eml` files, one a message.  What they cannot tell, dates and flags, is in `mailstack-flags.tsv` beside

them when we wrote them: name, UNIX seconds, flags.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from mailstack.store.transfer.found import Bad, Found, date_in, key_of, read_head, with_crlf
from mailstack.store.transfer.maildirs import read_chunks

__all__ = ["FLAGS", "EmlWriter", "is_eml", "read_eml"]

FLAGS: Final = "mailstack-flags.tsv"
_UNFIT: Final = re.compile(r"[^\w .,;()&@+=-]+")


def is_eml(name: str) -> bool:
    return name.lower().endswith((".eml", ".emlx")) and not name.startswith(".")


def read_eml(paths: Iterable[str], folder: str, root: str) -> Iterator[Found | Bad]:
    """Of one folder, in the order given.  `root` is the source's path."""
    told: Mapping[str, tuple[int, tuple[str, ...]]] | None = None
    for path in paths:
        here, _, name = path.rpartition("/")
        told = _told(f"{here}/{FLAGS}") if told is None else told
        where = os.path.relpath(path, root)
        try:
            found = os.stat(path)  # noqa: PTH116  see base.files
            pieces = read_chunks(path)
            first = next(pieces, b"")
        except OSError as fault:
            yield Bad(where, fault.strerror or str(fault))
            continue
        if not first.strip():
            yield Bad(where, "an empty file")
            continue
        head = read_head(first)
        date, flags = told.get(name) or (date_in(first) or int(found.st_mtime), head.flags)
        key = key_of("eml", where, found.st_size)
        yield Found(folder, where, key, flags, date, with_crlf(chain([head.octets], pieces)))


def _told(path: str) -> dict[str, tuple[int, tuple[str, ...]]]:
    told = {}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    for line in lines:
        name, _, rest = line.partition("\t")
        date, _, flags = rest.partition("\t")
        if date.lstrip("-").isdecimal():
            told[name] = int(date), tuple(flags.split())
    return told


class EmlWriter:
    """One folder below `root`; a message that is there already is not written again."""

    def __init__(self, root: str, folder: str) -> None:
        self.path = Path(root, *(_fit(level) for level in folder.split("/")))
        self.path.mkdir(parents=True, exist_ok=True)
        self._told = _told(str(self.path / FLAGS))

    def write(self, uid: int, subject: str, chunks: Iterable[bytes], flags: Sequence[str], date: int) -> bool:
        """Whether it was missing.  OSError"""
        name = f"{uid:08} {_fit(subject)[:80]}".strip() + ".eml"
        if name in self._told and (self.path / name).exists():
            return False
        fresh = self.path / f".{uid:08}.part"
        with fresh.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        os.utime(fresh, (date, date))
        with (self.path / FLAGS).open("a", encoding="utf-8") as told:
            told.write(f"{name}\t{date}\t{' '.join(flags)}\n")
        fresh.rename(self.path / name)
        return True


def _fit(name: str) -> str:
    """For any file system."""
    return _UNFIT.sub("_", name).strip(" .") or "_"
