"""Maildir++: names of accounts' folders, of mailboxes' folders, and of messages' files.

    <root>/<domain>/<local>/         the account's Maildir, which is its INBOX
        cur/  new/  tmp/             see below
        .Sent/cur/ …                 mailbox `Sent`;  `.A.B` is `A/B`
        mailstack-folder             in each: what the index knows of it (store.foldertext)
        mailstack-annotations        in each that has some: store.annotating
        mailstack-subscriptions      one name a line

Mailbox names are in modified UTF-7 on the disk, as Dovecot writes them.  A level
that has `.` or `\\` in it gets `\\2e` or `\\5c` there (as Dovecot's listescape does):
any program can still list it, under a name that shows what is meant.

A message's file is `<time>.M<usec>P<pid>Q<n>.<host>,S=<octets>,U=<uid>:2,<letters>`:
the whole index can be made again from names.  `S` is the file's size; `W`, only when
the file has bare LFs, the size with CRLFs; what stands before the first comma is
unique on this disk.  Files of other programs are renamed to this form, with their own
first part.

*Races.*  One thread changes files (store.batches), so there are none between our own
operations.  Against other programs: rename and link are atomic; a listing that races
a rename may miss a file, so two listings must agree before a message counts as gone.
We deliver into `cur/`, not `new/`: as nothing of ours is ever in `new/`, that folder is
empty or has somebody else's mail in it, and looking for mail costs next to nothing.
`\\Recent` does not hang on it.
"""

import os
import re
import socket
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.imap.names import decode_name, encode_name
from mailstack.store.values import INBOX, SEPARATOR

__all__ = [
    "ACCOUNT_ANNOTATIONS_TEXT",
    "ANNOTATIONS_TEXT",
    "FOLDER_TEXT",
    "SUBSCRIPTIONS_TEXT",
    "FileName",
    "account_path",
    "accounts_below",
    "checked",
    "expunged_at",
    "file_name",
    "folder_of",
    "has_crlf",
    "host_name",
    "is_usable",
    "letters",
    "listing",
    "mailbox_of",
    "make_base",
    "normal",
    "parents",
    "read_base",
    "split",
    "unique_part",
]

FOLDER_TEXT: Final = "mailstack-folder"
SUBSCRIPTIONS_TEXT: Final = "mailstack-subscriptions"
ANNOTATIONS_TEXT: Final = "mailstack-annotations"
ACCOUNT_ANNOTATIONS_TEXT: Final = "mailstack-account-annotations"
MAX_FOLDER_OCTETS: Final = 240  # a file name has 255, and other programs add to it
MAX_LEVELS: Final = 32

_ESCAPED = re.compile(r"\\([0-9a-fA-F]{2})")
_FIELD = re.compile(r",([A-Z])=([0-9]+)")
_SECONDS_DIGITS = 11  # of UNIX time: until the year 5138
_PLAIN_FILE = re.compile(r"[!-~]+")


# --- accounts ------------------------------------------------------------------------------------------


def account_path(root: str, account: str) -> str:
    """Where the Maildir of `alice@demo.test` is.  MailError(NO_SUCH_USER) for a name that could lead elsewhere."""
    local, _, domain = account.rpartition("@")
    if not (_is_safe(local) and _is_safe(domain)):
        raise MailError(Condition.NO_SUCH_USER, "No such user", detail=f"not usable as a folder: {account!r}")
    return f"{root}/{domain}/{local}"


def accounts_below(root: str) -> list[str]:
    """Every account that has a Maildir of ours, sorted."""
    return sorted(
        f"{local.name}@{domain.name}"
        for domain in os.scandir(root)
        if domain.is_dir() and _is_safe(domain.name)
        for local in os.scandir(domain.path)
        if _is_safe(local.name) and os.path.isfile(f"{local.path}/{FOLDER_TEXT}")  # noqa: PTH113
    )


def _is_safe(part: str) -> bool:
    """Usable as one level of a path: no way up, nothing hidden, nothing that a terminal minds."""
    return (
        bool(part)
        and not part.startswith(".")
        and "/" not in part
        and part.isprintable()
        and len(part.encode(errors="replace")) <= MAX_FOLDER_OCTETS
    )


# --- mailboxes -----------------------------------------------------------------------------------------


@lru_cache(1024)
def normal(name: str) -> str:
    """The store's own form: NFC, no separator at the end, INBOX in capitals wherever it is the first level."""
    name = unicodedata.normalize("NFC", name).removesuffix(SEPARATOR)
    first, separator, rest = name.partition(SEPARATOR)
    return INBOX + separator + rest if first.upper() == INBOX else name


def checked(name: str) -> str:
    """The normal form of a name that a mailbox may have.  MailError(BAD_MAILBOX_NAME)"""
    name = normal(name)
    levels = name.split(SEPARATOR)
    if not all(levels):
        raise MailError(Condition.BAD_MAILBOX_NAME, "Mailbox name has an empty level")
    if len(levels) > MAX_LEVELS:
        raise MailError(Condition.BAD_MAILBOX_NAME, "Mailbox name has too many levels")
    if not _is_printable(name):
        raise MailError(Condition.BAD_MAILBOX_NAME, "Mailbox name has characters that are not allowed")
    if len(folder_of(name)) > MAX_FOLDER_OCTETS:
        raise MailError(Condition.BAD_MAILBOX_NAME, "Mailbox name is too long")
    return name


def _is_printable(name: str) -> bool:
    return not any(unicodedata.category(sign) in {"Cc", "Cs", "Cn", "Zl", "Zp"} for sign in name)


def parents(name: str) -> list[str]:
    """`a/b/c` → `a`, `a/b`."""
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:depth]) for depth in range(1, len(levels))]


def folder_of(name: str) -> str:
    """The directory of a mailbox, below its account's Maildir: `A/B.c` → `.A.B\\2ec`, INBOX → ``."""
    if name == INBOX:
        return ""
    return "".join("." + _escaped(level) for level in name.split(SEPARATOR))


def _escaped(level: str) -> str:
    return encode_name(level.replace("\\", "\\5c").replace(".", "\\2e")).decode("ascii")


def mailbox_of(folder: str) -> str | None:
    """The name of the mailbox in this directory; None when it is not one.  Names in UTF-8 are read too."""
    if not folder.startswith(".") or folder.startswith("..") or not _is_printable(folder):
        return None
    levels = [_unescaped(level) for level in folder[1:].split(".")]
    name = normal(SEPARATOR.join(levels))
    if name == INBOX or not all(levels) or any(SEPARATOR in level for level in levels) or not _is_printable(name):
        return None
    return name


def _unescaped(level: str) -> str:
    try:
        level = decode_name(level.encode("ascii")) if level.upper() != INBOX else level
    except (ParseFault, UnicodeEncodeError):
        level = os.fsencode(level).decode("utf-8", errors="replace")
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), level)


# --- messages ------------------------------------------------------------------------------------------


class FileName(NamedTuple):
    """What the part of a file's name before its flags tells; None: nothing."""

    unique: str
    size: int | None  # octets of the file
    crlf_size: int | None  # only when the file has bare LFs
    uid: int | None


def file_name(base: str, flag_letters: str) -> str:
    return f"{base}:2,{flag_letters}"


def split(name: str) -> tuple[str, str]:
    """(base, letters) of a file's name, whoever made it."""
    base, _, info = name.partition(":")
    return base, letters(info)


@lru_cache(4096)
def letters(info: str) -> str:
    """The letters of the part behind the colon."""
    if not info.startswith("2,"):
        return ""
    return "".join(sorted(set(info[2:].partition(",")[0])))


def read_base(base: str) -> FileName:
    unique, comma, rest = base.partition(",")
    if not comma:
        return FileName(unique, None, None, None)
    found = {key: int(value) for key, value in _FIELD.findall(comma + rest)}
    return FileName(unique, found.get("S"), found.get("W"), found.get("U"))


def has_crlf(base: str) -> bool:
    """Whether the file is the message octet by octet: it has no bare LFs."""
    return ",W=" not in base


def expunged_at(base: str) -> int | None:
    """UNIX seconds, of a file in a bin (store.bins)."""
    return next((int(value) for key, value in _FIELD.findall(base) if key == "X"), None)


def make_base(unique: str, size: int, uid: int, crlf_size: int | None = None) -> str:
    virtual = "" if crlf_size is None else f",W={crlf_size}"
    return f"{unique},S={size}{virtual},U={uid}"


def saved_at(base: str) -> int | None:
    """UNIX seconds at which the file was named; None for a name that does not say."""
    seconds, dot, _ = base.partition(".")
    return int(seconds) if dot and seconds.isdecimal() and len(seconds) <= _SECONDS_DIGITS else None


def is_usable(unique: str) -> bool:
    """Whether somebody else's unique part can stay."""
    return bool(_PLAIN_FILE.fullmatch(unique)) and len(unique) <= 160 and not unique.startswith(".")


def unique_part(now: float, serial: int, host: str) -> str:
    """Never made twice: time, process, and a number within the process."""
    seconds, fraction = divmod(now, 1)
    return f"{int(seconds)}.M{int(fraction * 1e6):06}P{os.getpid()}Q{serial}.{host}"


def host_name() -> str:
    """This host, as it may stand in a file's name: `/` and `:` written as Maildir says, `,` left out."""
    name = socket.gethostname() or "localhost"
    safe = name.replace("/", "\\057").replace(":", "\\072").replace(",", "")
    return "".join(sign for sign in safe if "!" <= sign <= "~")[:64] or "localhost"


def listing(path: str) -> Iterator[str]:
    """The files of `cur` or `new`, in no order; other programs' dot files are not mail."""
    return (name for name in os.listdir(path) if not name.startswith("."))  # noqa: PTH208
