"""Flags as one whole number, and its two other forms: names (IMAP) and letters (a Maildir file's name).

Bits 0 to 4 are the system flags, bit 5+i is the mailbox's i-th keyword, which is the
letter a to z in file names; what the letters mean stands in the folder's text file.
26 keywords a mailbox at a time: a letter that no message uses is given again.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from mailstack.base.errors import Condition, MailError

__all__ = [
    "ANSWERED",
    "DELETED",
    "DRAFT",
    "FLAGGED",
    "MAX_KEYWORDS",
    "SEEN",
    "Keywords",
    "bits_of",
    "letters_of",
    "merged",
    "names_of",
    "read_letters",
    "used_slots",
    "with_keywords",
]

Keywords = tuple[str, ...]  # by slot; "" is a free one

ANSWERED: Final = 1
FLAGGED: Final = 2
DELETED: Final = 4
SEEN: Final = 8
DRAFT: Final = 16
MAX_KEYWORDS: Final = 26
MAX_KEYWORD_LENGTH: Final = 255

_SYSTEM = {"\\answered": ANSWERED, "\\flagged": FLAGGED, "\\deleted": DELETED, "\\seen": SEEN, "\\draft": DRAFT}
_NAMES = (
    (ANSWERED, "\\Answered"),
    (DELETED, "\\Deleted"),
    (DRAFT, "\\Draft"),
    (FLAGGED, "\\Flagged"),
    (SEEN, "\\Seen"),
)
_LETTERS = {"D": DRAFT, "F": FLAGGED, "R": ANSWERED, "S": SEEN, "T": DELETED} | {
    chr(ord("a") + slot): 32 << slot for slot in range(MAX_KEYWORDS)
}
_GOOD_KEYWORD = re.compile(r"[!-~]+")


@lru_cache(maxsize=4096)
def names_of(bits: int, keywords: Keywords) -> tuple[str, ...]:
    """Sorted system flags, then sorted keywords."""
    system = [name for bit, name in _NAMES if bits & bit]
    own = [name for slot, name in enumerate(keywords) if name and bits >> (5 + slot) & 1]
    return (*system, *sorted(own, key=str.casefold))


@lru_cache(maxsize=4096)
def letters_of(bits: int) -> str:
    """In ASCII order, as Maildir asks."""
    return "".join(letter for letter, bit in _LETTERS.items() if bits & bit)


@lru_cache(maxsize=4096)
def read_letters(letters: str) -> int:
    """What the letters say; letters that mean nothing to us count for nothing."""
    bits = 0
    for letter in letters:
        bits |= _LETTERS.get(letter, 0)
    return bits


@lru_cache(maxsize=4096)
def merged(bits: int, disk: str) -> str:
    """The letters for a file with these flags that has the letters `disk` now: foreign ones (P) are kept."""
    return "".join(sorted(set(letters_of(bits)) | {letter for letter in disk if letter not in _LETTERS}))


def used_slots(bits: int) -> set[int]:
    return {slot for slot in range(MAX_KEYWORDS) if bits >> (5 + slot) & 1}


def bits_of(names: Iterable[str], keywords: Keywords) -> int:
    """The number for these names; keywords without a slot, `\\Recent` and system flags nobody knows are left out."""
    slots = {name.casefold(): slot for slot, name in enumerate(keywords) if name}
    bits = 0
    for name in names:
        folded = name.casefold()
        if folded in slots:
            bits |= 32 << slots[folded]
        else:
            bits |= _SYSTEM.get(folded, 0)
    return bits


def with_keywords(names: Iterable[str], keywords: Keywords, in_use: Iterable[int]) -> Keywords:
    """`keywords` with a slot for every keyword among `names`; slots not `in_use` are given away only when none is left.

    MailError(LIMIT) when all 26 are in use, MailError(NOT_ALLOWED) for a name that cannot be one.
    """
    known = {name.casefold() for name in keywords if name}
    wanted = [name for name in _unique(names) if not name.startswith("\\") and name.casefold() not in known]
    slots = list(keywords)
    kept = {name.casefold() for name in names}
    for name in wanted:
        if not _GOOD_KEYWORD.fullmatch(name) or len(name) > MAX_KEYWORD_LENGTH:
            raise MailError(Condition.NOT_ALLOWED, "Keyword not usable")
        _give_slot(slots, name, set(in_use) | {i for i, old in enumerate(slots) if old.casefold() in kept})
    return tuple(slots)


def _unique(names: Iterable[str]) -> Sequence[str]:
    return list({name.casefold(): name for name in names}.values())


def _give_slot(slots: list[str], name: str, in_use: set[int]) -> None:
    if "" in slots:
        slots[slots.index("")] = name
        return
    if len(slots) < MAX_KEYWORDS:
        slots.append(name)
        return
    free = [slot for slot in range(MAX_KEYWORDS) if slot not in in_use]
    if not free:
        raise MailError(Condition.LIMIT, f"No more than {MAX_KEYWORDS} keywords in a mailbox")
    slots[free[0]] = name
