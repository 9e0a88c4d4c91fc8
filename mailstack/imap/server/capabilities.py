"""What this server says it can do: collected from the rows, so that nothing is promised that is not there."""

from collections.abc import Collection, Mapping
from typing import Final

from mailstack.imap.values import Row
from mailstack.sasl.conversation import takes_passwords

__all__ = ["ORDER", "after_login", "before_login"]

# what engine and grammar can do for every command
_OWN: Final = frozenset({b"IMAP4rev1", b"SASL-IR", b"LITERAL+"})

# the order in which they are listed; a row's capability that is missing here fails a test
ORDER: Final = (
    b"IMAP4rev1",
    b"IMAP4rev2",
    b"SASL-IR",
    b"LITERAL+",
    b"ID",
    b"ENABLE",
    b"IDLE",
    b"NAMESPACE",
    b"CHILDREN",
    b"UNSELECT",
    b"UIDPLUS",
    b"MOVE",
    b"SPECIAL-USE",
    b"CREATE-SPECIAL-USE",
    b"LIST-EXTENDED",
    b"LIST-STATUS",
    b"LIST-METADATA",
    b"STATUS=SIZE",
    b"UTF8=ACCEPT",
    b"ESEARCH",
    b"SEARCHRES",
    b"WITHIN",
    b"PARTIAL",
    b"SORT",
    b"SORT=DISPLAY",
    b"ESORT",
    b"THREAD=ORDEREDSUBJECT",
    b"THREAD=REFERENCES",
    b"THREAD=REFS",
    b"CONTEXT=SEARCH",
    b"CONTEXT=SORT",
    b"MULTISEARCH",
    b"NOTIFY",
    b"I18NLEVEL=1",
    b"MULTIAPPEND",
    b"CATENATE",
    b"REPLACE",
    b"BINARY",
    b"COMPRESS=DEFLATE",
    b"OBJECTID",
    b"QUOTA",
    b"QUOTA=RES-STORAGE",
    b"QUOTA=RES-MESSAGE",
    b"METADATA",
    b"PREVIEW",
    b"UNAUTHENTICATE",
    b"SAVEDATE",
    b"INPROGRESS",
    b"UIDBATCHES",
    b"UIDONLY",
    b"CONDSTORE",
    b"QRESYNC",
)


def after_login(rows: Mapping[bytes, Row], message_bytes: int) -> bytes:
    """Capabilities of a session that has logged in.  APPENDLIMIT is the same for all mailboxes: RFC 7889 §2."""
    offered = _OWN.union(*(row.capability.split() for row in rows.values()))
    listed = [name for name in ORDER if name in offered]
    return b" ".join([*listed, b"APPENDLIMIT=%d" % message_bytes])


def before_login(base: bytes, *, starttls: bool, login: bool, mechanisms: Collection[str]) -> bytes:
    """The same and how to log in: mechanisms only where a login is allowed now.  RFC 9051 §7.2.2, §11.1"""
    offered = [base]
    if starttls:
        offered.append(b"STARTTLS")
    if login:
        offered += [b"AUTH=%b" % name.encode("ascii") for name in mechanisms]
    if not (login and takes_passwords(mechanisms)):
        offered.append(b"LOGINDISABLED")
    return b" ".join(offered)
