"""What lies at a path: an mbox, a Maildir(++), .eml files, or a tree of any of them; each with its mailbox's name."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mailstack.base.errors import Condition, MailError
from mailstack.store import maildir
from mailstack.store.transfer.eml import FLAGS, is_eml, read_eml
from mailstack.store.transfer.found import Bad, Found
from mailstack.store.transfer.maildirs import is_maildir, read_maildir
from mailstack.store.transfer.mbox import looks_like_mbox, read_mbox
from mailstack.store.values import INBOX

__all__ = ["Source", "sources"]

_ENDINGS: Final = (".sbd", ".mbox", ".mbx", ".mbs")  # of folders and files that stand for mailboxes
_NOT_MAIL: Final = (".msf", ".dat", ".index", ".lock", ".sqlite", ".json", ".html")


@dataclass(frozen=True, slots=True)
class Source:
    """One mailbox's worth.  `folder` is "" when the source does not say where it belongs."""

    kind: str
    folder: str
    read: Callable[[str], Iterator[Found | Bad]] = field(repr=False)  # with the mailbox that it goes to
    alone: bool = False  # its folder is only its file's name


def sources(path: str) -> Iterator[Source]:
    """In the order of names.  MailError(NOT_SUPPORTED) for what is no mail; OSError."""
    path = os.path.abspath(path)  # noqa: PTH100
    if os.path.isdir(path):  # noqa: PTH112
        yield from _folder(path, path, [])
        return
    with open(path, "rb"):  # noqa: PTH123  says what is wrong
        pass
    if looks_like_mbox(path):
        yield _mbox(path, path, [_name(Path(path).name)])
    elif is_eml(path.rpartition("/")[2]):
        yield _eml([path], path.rpartition("/")[0], [])
    else:
        raise MailError(Condition.NOT_SUPPORTED, f"{path} is neither an mbox, a Maildir, an .eml file nor a folder")


def _folder(path: str, root: str, levels: list[str]) -> Iterator[Source]:
    if is_maildir(path):
        yield _maildir(path, root, levels)
        names = sorted(name for name in os.listdir(path) if name not in ("cur", "new", "tmp"))  # noqa: PTH208
        for name in names:
            below = maildir.mailbox_of(name)
            if below is not None and is_maildir(f"{path}/{name}"):
                yield _maildir(f"{path}/{name}", root, [*levels, *below.split("/")])
            elif not name.startswith((".", "mailstack-")) and is_maildir(f"{path}/{name}"):
                yield from _folder(f"{path}/{name}", root, [*levels, name])
        return
    yield from _files(path, root, levels)


def _files(path: str, root: str, levels: list[str]) -> Iterator[Source]:
    entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    messages = [entry.path for entry in entries if is_eml(entry.name) and entry.is_file()]
    if messages:
        yield _eml(messages, root, levels)
    for entry in entries:
        if entry.name.startswith(".") or is_eml(entry.name) or entry.name == FLAGS:
            continue
        if entry.is_dir():
            yield from _folder(entry.path, root, [*levels, _name(entry.name)])
        elif not entry.name.endswith(_NOT_MAIL) and entry.is_file() and looks_like_mbox(entry.path):
            inside = levels if entry.name == "mbox" and levels else [*levels, _name(entry.name)]  # Apple Mail
            yield _mbox(entry.path, root, inside)


def _name(name: str) -> str:
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name or "_"


def _joined(levels: Sequence[str]) -> str:
    return maildir.normal("/".join(level.replace("/", "_") for level in levels))


def _maildir(path: str, root: str, levels: list[str]) -> Source:
    name = os.path.relpath(path, root)
    return Source("Maildir", _joined(levels) or INBOX, lambda folder: read_maildir(path, folder, name))


def _eml(paths: list[str], root: str, levels: list[str]) -> Source:
    return Source(".eml files", _joined(levels), lambda folder: read_eml(paths, folder, root))


def _mbox(path: str, root: str, levels: list[str]) -> Source:
    name = os.path.relpath(path, root) if path != root else Path(path).name

    def read(folder: str) -> Iterator[Found | Bad]:
        with Path(path).open("rb") as file:
            yield from read_mbox(file, folder, name)

    return Source("mbox", _joined(levels), read, alone=path == root)
