"""`[imap]`: what IMAP sessions see."""

from dataclasses import dataclass
from typing import ClassVar

from mailstack.config.kinds import TEXT, URI
from mailstack.config.setting import Section, setting

__all__ = ["Imap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imap(Section):
    doc: ClassVar[str] = "What IMAP sessions see: listeners with the protocol imap."

    comment: str = setting(
        TEXT,
        "",
        "A note about this server that mail programs may show (METADATA, /shared/comment).",
        why="people should know something about the server: whose it is, when it is down",
    )
    admin: str = setting(
        URI,
        "",
        "Where to reach you, as a URI that mail programs may show (METADATA, /shared/admin).",
        why="people need to find you",
        example="mailto:postmaster@example.org",
    )
