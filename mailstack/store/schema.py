"""Numbered migrations, and a row that says which the database has.

Several components share `index.sqlite` (the store, the queue), each with a row of
its own.  `version` is the newest migration that was run; `compat` the oldest code
version that can still work with the result: a migration that older code survives
(a new table, a column with a default) leaves it, so that an update can be taken
back.  Code that is older than `compat` refuses to start instead of guessing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mailstack.base.errors import Condition, MailError

__all__ = ["STORE", "Migration", "migrate"]


@dataclass(frozen=True, slots=True)
class Migration:
    """Statements that are run once, in one transaction; never edited after a release."""

    statements: tuple[str, ...]
    breaks_older: bool = False  # code without this migration cannot work with the database any more


def migrate(connection: Any, component: str, migrations: Sequence[Migration]) -> None:
    """Bring the tables of one component up to this code.  Call inside a write transaction (`Ledger.write`).

    MailError(NOT_SUPPORTED) when newer code was here and changed what this code relies on.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_version"
        " (component TEXT PRIMARY KEY, version INTEGER NOT NULL, compat INTEGER NOT NULL) WITHOUT ROWID"
    )
    found = connection.execute(
        "SELECT version, compat FROM schema_version WHERE component = ?", (component,)
    ).fetchone()
    version, compat = found or (0, 0)
    if compat > len(migrations):
        raise MailError(
            Condition.NOT_SUPPORTED,
            "The database was written by a newer mailstack",
            detail=f"{component}: schema {version} needs code that knows {compat}, this knows {len(migrations)}",
        )
    for number, migration in enumerate(migrations[version:], start=version + 1):
        for statement in migration.statements:
            connection.execute(statement)
        version, compat = number, number if migration.breaks_older else max(compat, 1)
    connection.execute("INSERT OR REPLACE INTO schema_version VALUES (?, ?, ?)", (component, version, compat))


STORE = (
    Migration(
        (
            "CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
            # folder: its directory's name below the account's Maildir, "" for INBOX
            # reserved: UIDs below it may be in use, says the folder's text file
            """CREATE TABLE mailbox (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                account INTEGER NOT NULL, name TEXT NOT NULL, folder TEXT NOT NULL,
                uidvalidity INTEGER NOT NULL, uidnext INTEGER NOT NULL, reserved INTEGER NOT NULL,
                modseq INTEGER NOT NULL, recent INTEGER NOT NULL, special_use TEXT, keywords TEXT NOT NULL,
                UNIQUE (account, name)
            )""",
            # cur, new: mtimes (ns) of the two directories that the rows agree with; scanned: UNIX time of the last
            # whole comparison; unsure: we changed a directory since, and so may not have seen somebody else's change
            """CREATE TABLE stamp (
                mailbox INTEGER PRIMARY KEY, cur INTEGER NOT NULL, new INTEGER NOT NULL, scanned REAL NOT NULL,
                unsure INTEGER NOT NULL
            )""",
            "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
            # base: the file's name up to its flags; disk: the letters behind it, as far as the disk is known
            """CREATE TABLE message (
                mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, modseq INTEGER NOT NULL, flags INTEGER NOT NULL,
                size INTEGER NOT NULL, date INTEGER NOT NULL, base TEXT NOT NULL, disk TEXT NOT NULL,
                PRIMARY KEY (mailbox, uid)
            ) WITHOUT ROWID""",
            # base: while the file is still to be removed; then NULL
            """CREATE TABLE tombstone (
                mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, modseq INTEGER NOT NULL, base TEXT,
                PRIMARY KEY (mailbox, uid)
            ) WITHOUT ROWID""",
            "CREATE INDEX tombstone_left ON tombstone (mailbox) WHERE base IS NOT NULL",
            """CREATE TABLE subscription (
                account INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account, name)
            ) WITHOUT ROWID""",
        ),
        breaks_older=True,
    ),
    Migration(("CREATE INDEX tombstone_modseq ON tombstone (mailbox, modseq)",)),
    Migration(("CREATE TABLE snapshot (mailbox INTEGER PRIMARY KEY, modseq INTEGER NOT NULL, columns BLOB NOT NULL)",)),
    Migration(
        (
            "CREATE TABLE usage (account INTEGER PRIMARY KEY, messages INTEGER NOT NULL, octets INTEGER NOT NULL)",
            """INSERT INTO usage SELECT mailbox.account, count(*), sum(size)
                FROM message JOIN mailbox ON mailbox.id = message.mailbox GROUP BY mailbox.account""",
        ),
        breaks_older=True,  # it would not count along
    ),
    Migration(
        (
            # which messages of other programs have been brought in: store.transfer
            """CREATE TABLE imported (
                account INTEGER NOT NULL, folder TEXT NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (account, folder, key)
            ) WITHOUT ROWID""",
        )
    ),
    Migration(
        (
            # mailbox: 0 for those of the account itself
            """CREATE TABLE annotation (
                account INTEGER NOT NULL, mailbox INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL,
                PRIMARY KEY (account, mailbox, name)
            )""",
        )
    ),
)
