"""The small text files that let the index be made again: one a folder, one of subscriptions an account.

`mailstack-folder` has a line `key value` for each thing; unknown keys are left out,
a broken line is as if it were not there:

    uidvalidity 1763920000
    uids-below 120            a UID from here on was never given
    mailbox-id 7
    special-use \\Sent
    keyword a $Forwarded      the letter in file names

`mailstack-annotations` has a line `name value` for each, the value in base64.  RFC 5464
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mailstack.store.flags import MAX_KEYWORDS, Keywords
from mailstack.store.values import SpecialUse

__all__ = [
    "FolderText",
    "format_annotations",
    "format_folder",
    "format_names",
    "number",
    "parse_annotations",
    "parse_folder",
    "parse_names",
    "read",
]


@dataclass(frozen=True, slots=True)
class FolderText:
    """0 stands for what was not told."""

    uidvalidity: int = 0
    uids_below: int = 0
    mailbox_id: int = 0
    special_use: SpecialUse | None = None
    keywords: Keywords = ()


def read(path: str) -> str | None:
    """The text; None when there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def format_folder(text: FolderText) -> str:
    lines = [
        "# mailstack keeps here what file names do not tell; from it the index can be made again",
        f"uidvalidity {text.uidvalidity}",
        f"uids-below {text.uids_below}",
        f"mailbox-id {text.mailbox_id}",
    ]
    if text.special_use:
        lines.append(f"special-use {text.special_use.value}")
    lines += [f"keyword {chr(ord('a') + slot)} {name}" for slot, name in enumerate(text.keywords) if name]
    return "\n".join(lines) + "\n"


def parse_folder(text: str) -> FolderText:
    found: dict[str, str] = {}
    keywords: dict[int, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        letter, _, name = value.partition(" ")
        slot = ord(letter) - ord("a") if len(letter) == 1 else -1
        if key == "keyword" and 0 <= slot < MAX_KEYWORDS and name:
            keywords[slot] = name
        else:
            found[key] = value
    return FolderText(
        number(found.get("uidvalidity")),
        number(found.get("uids-below")),
        number(found.get("mailbox-id")),
        _special_use(found.get("special-use")),
        tuple(keywords.get(slot, "") for slot in range(max(keywords, default=-1) + 1)),
    )


def number(text: str | None) -> int:
    """A number that IMAP can carry (RFC 9051 §9, nz-number), else 0."""
    return int(text) if text and text.isascii() and text.isdigit() and int(text) < 1 << 32 else 0


def _special_use(text: str | None) -> SpecialUse | None:
    return next((use for use in SpecialUse if use.value == text), None)


def format_names(names: Iterable[str]) -> str:
    return "".join(f"{name}\n" for name in sorted(names))


def parse_names(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def format_annotations(values: Mapping[str, bytes]) -> str:
    lines = ["# annotations of IMAP's METADATA (RFC 5464), values in base64"]
    lines += [f"{name} {base64.b64encode(value).decode('ascii')}" for name, value in sorted(values.items())]
    return "\n".join(lines) + "\n"


def parse_annotations(text: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")  # names may have spaces
        if name.startswith("/"):
            try:
                found[name] = base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                continue
    return found
