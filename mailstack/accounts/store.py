"""`accounts.sqlite`: who there is.  Small synchronous functions; each change is one transaction, durable at its end.

Used by the daemon (on its reactor thread: a change takes a few milliseconds and
is rare) and by the command line while no daemon runs.  Names given to it are
canonical already (see `names`).
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailstack.accounts.passwords import Credential, ScramKeys
from mailstack.base.errors import Condition, MailError

__all__ = ["Account", "AccountStore", "Alias", "Picture"]

# each brings a file from the version before it to its own, from an empty file on
_SCHEMAS = (
    """
CREATE TABLE domains (name TEXT PRIMARY KEY, added INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    added INTEGER NOT NULL
);
CREATE TABLE addresses (
    address TEXT PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE aliases (
    address TEXT NOT NULL,
    position INTEGER NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (address, position),
    UNIQUE (address, target)
) WITHOUT ROWID;
CREATE TABLE credentials (
    account INTEGER PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    argon2 TEXT NOT NULL,
    scram_salt BLOB NOT NULL,
    scram_iterations INTEGER NOT NULL,
    scram_stored_key BLOB NOT NULL,
    scram_server_key BLOB NOT NULL,
    changed INTEGER NOT NULL
);
""",
    """
CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO secrets VALUES ('nobody', randomblob(32));
""",
)


@dataclass(frozen=True, slots=True)
class Account:
    """One account.  `addresses` holds its name too; `added` and `password_changed` are UNIX seconds."""

    name: str
    addresses: tuple[str, ...]
    added: int
    password_changed: int


@dataclass(frozen=True, slots=True)
class Alias:
    address: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """All names at one moment.  `accounts` in the order in which they were added."""

    domains: tuple[str, ...]
    accounts: tuple[str, ...]
    addresses: dict[str, str]  # address → account
    aliases: dict[str, tuple[str, ...]]


class AccountStore:
    """Opens the file, and makes it when it is not there.  MailError(UNAVAILABLE) when it cannot be used.

    `secret`: octets that this file alone has, the same for ever.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._own_changes = 0
        try:
            _make_file(self.path)
            self._db = sqlite3.connect(self.path, timeout=5.0, isolation_level=None)
            self._prepare()
        except (OSError, sqlite3.Error) as failure:
            raise MailError(
                Condition.UNAVAILABLE, f"the accounts file {self.path} cannot be used: {failure}", detail=repr(failure)
            ) from failure

    def close(self) -> None:
        self._db.close()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        if self._schema_version() < len(_SCHEMAS):
            with self._change() as db:
                for version in range(self._schema_version(), len(_SCHEMAS)):  # read anew: somebody may have been faster
                    for statement in _SCHEMAS[version].split(";\n"):
                        db.execute(statement)
                    db.execute(f"PRAGMA user_version = {version + 1}")
        self.secret: bytes
        (self.secret,) = self._one("SELECT value FROM secrets WHERE name = 'nobody'")

    def _schema_version(self) -> int:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(_SCHEMAS):
            raise sqlite3.DatabaseError(f"it was written by a newer mailstack (schema {version})")
        return int(version)

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One write transaction, rolled back on any error."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._own_changes += 1

    # --- what the daemon's directory asks -------------------------------------------------------------------

    def version(self) -> tuple[int, int]:
        """Differs from the last answer as soon as anybody, in any process, has changed something."""
        (others,) = self._db.execute("PRAGMA data_version").fetchone()
        return others, self._own_changes

    def picture(self) -> Picture:
        with self._reading() as db:
            aliases: dict[str, tuple[str, ...]] = {}
            for address, target in db.execute("SELECT address, target FROM aliases ORDER BY address, position"):
                aliases[address] = (*aliases.get(address, ()), target)
            return Picture(
                domains=tuple(name for (name,) in db.execute("SELECT name FROM domains ORDER BY added, name")),
                accounts=tuple(name for (name,) in db.execute("SELECT name FROM accounts ORDER BY id")),
                addresses=dict(
                    db.execute("SELECT address, name FROM addresses JOIN accounts ON accounts.id = addresses.account")
                ),
                aliases=aliases,
            )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Several queries over one moment."""
        self._db.execute("BEGIN")
        try:
            yield self._db
        finally:
            self._db.execute("ROLLBACK")

    def credential(self, account: str) -> Credential | None:
        row = self._one(
            "SELECT argon2, scram_salt, scram_iterations, scram_stored_key, scram_server_key"
            " FROM credentials JOIN accounts ON accounts.id = credentials.account WHERE name = ?",
            account,
        )
        return None if row is None else Credential(row[0], ScramKeys(*row[1:]))

    # --- domains ------------------------------------------------------------------------------------------------

    def domains(self) -> Sequence[str]:
        return [name for (name,) in self._db.execute("SELECT name FROM domains ORDER BY name")]

    def add_domain(self, domain: str) -> None:
        """MailError(LIMIT) when it is there already."""
        with self._change() as db:
            if not db.execute("INSERT OR IGNORE INTO domains VALUES (?, ?)", (domain, _now())).rowcount:
                raise MailError(Condition.LIMIT, f"the domain {domain} is there already")

    def remove_domain(self, domain: str) -> None:
        """MailError(NO_SUCH_DOMAIN); MailError(IN_USE) as long as it has accounts or aliases."""
        with self._change() as db:
            for table in ("addresses", "aliases"):
                row = db.execute(
                    f"SELECT address FROM {table} WHERE substr(address, -?) = ? LIMIT 1",  # noqa: S608  our own names
                    (len(domain) + 1, f"@{domain}"),
                ).fetchone()
                if row is not None:
                    raise MailError(Condition.IN_USE, f"{row[0]} is in the domain {domain}; remove it first")
            if not db.execute("DELETE FROM domains WHERE name = ?", (domain,)).rowcount:
                raise MailError(Condition.NO_SUCH_DOMAIN, f"there is no domain {domain}")

    # --- accounts -----------------------------------------------------------------------------------------------

    def accounts(self) -> Sequence[Account]:
        """Sorted by name."""
        with self._reading() as db:
            addresses: dict[int, list[str]] = {}
            for address, account in db.execute("SELECT address, account FROM addresses ORDER BY address"):
                addresses.setdefault(account, []).append(address)
            return [
                Account(name, tuple(addresses.get(number, ())), added, changed or 0)
                for number, name, added, changed in db.execute(
                    "SELECT id, name, added, changed FROM accounts"
                    " LEFT JOIN credentials ON credentials.account = accounts.id ORDER BY name"
                )
            ]

    def add_account(self, name: str, credential: Credential, addresses: Sequence[str] = ()) -> None:
        """`addresses` are further ones.  MailError(NO_SUCH_DOMAIN), MailError(MAILBOX_EXISTS) when one is taken."""
        with self._change() as db:
            for address in (name, *addresses):
                _expect_own(db, address)
                _expect_free(db, address)
            number = db.execute("INSERT INTO accounts (name, added) VALUES (?, ?)", (name, _now())).lastrowid
            for address in dict.fromkeys((name, *addresses)):
                db.execute("INSERT INTO addresses VALUES (?, ?)", (address, number))
            _put_credential(db, number, credential)

    def set_credential(self, account: str, credential: Credential) -> None:
        """MailError(NO_SUCH_USER)."""
        with self._change() as db:
            _put_credential(db, _number(db, account), credential)

    def remove_account(self, name: str) -> Sequence[str]:
        """It leaves every alias too; the aliases that had no other member are gone, and named in the answer.

        MailError(NO_SUCH_USER).  The mail is not touched.
        """
        with self._change() as db:
            number = _number(db, name)
            mine = {a for (a,) in db.execute("SELECT address FROM addresses WHERE account = ?", (number,))}
            before = {a for (a,) in db.execute("SELECT address FROM aliases")}
            db.executemany("DELETE FROM aliases WHERE target = ?", [(address,) for address in mine])
            after = {a for (a,) in db.execute("SELECT address FROM aliases")}
            db.execute("DELETE FROM accounts WHERE id = ?", (number,))
            return sorted(before - after)

    # --- aliases ------------------------------------------------------------------------------------------------

    def aliases(self) -> Sequence[Alias]:
        return [Alias(address, targets) for address, targets in sorted(self.picture().aliases.items())]

    def add_alias(self, address: str, targets: Sequence[str]) -> None:
        """Make it, or give it more members.  `@domain` is the catch-all of a domain.

        MailError(NO_SUCH_DOMAIN), MailError(MAILBOX_EXISTS) when it is an account's address,
        MailError(NO_SUCH_USER) for a member in an own domain whom nobody is.
        """
        with self._change() as db:
            _expect_own(db, address)
            _expect_no_account(db, address)
            for target in targets:
                _expect_somebody(db, target)
            (last,) = db.execute(
                "SELECT coalesce(max(position), 0) FROM aliases WHERE address = ?", (address,)
            ).fetchone()
            for position, target in enumerate(targets, last + 1):
                db.execute("INSERT OR IGNORE INTO aliases VALUES (?, ?, ?)", (address, position, target))

    def remove_alias(self, address: str, targets: Sequence[str] = ()) -> None:
        """All of it, or only some members.  MailError(NO_SUCH_USER) when one is not there."""
        with self._change() as db:
            if not targets and not db.execute("DELETE FROM aliases WHERE address = ?", (address,)).rowcount:
                raise MailError(Condition.NO_SUCH_USER, f"there is no alias {address}")
            for target in targets:
                if not db.execute("DELETE FROM aliases WHERE address = ? AND target = ?", (address, target)).rowcount:
                    raise MailError(Condition.NO_SUCH_USER, f"{target} is not a member of the alias {address}")

    def _one(self, query: str, *arguments: object) -> Any:
        return self._db.execute(query, arguments).fetchone()


def _now() -> int:
    return int(time.time())


def _make_file(path: str) -> None:
    """Nobody but its owner may read it.  Made by root in somebody's state folder, it is that somebody's."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        folder = Path(path).absolute().parent.stat()
        if os.geteuid() == 0 and os.fstat(descriptor).st_uid != folder.st_uid:
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)


def _number(db: sqlite3.Connection, account: str) -> int:
    row = db.execute("SELECT id FROM accounts WHERE name = ?", (account,)).fetchone()
    if row is None:
        raise MailError(Condition.NO_SUCH_USER, f"there is no account {account}")
    return int(row[0])


def _put_credential(db: sqlite3.Connection, number: int | None, credential: Credential) -> None:
    keys = credential.scram
    db.execute(
        "INSERT OR REPLACE INTO credentials VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, credential.argon2, keys.salt, keys.iterations, keys.stored_key, keys.server_key, _now()),
    )


def _is_own(db: sqlite3.Connection, address: str) -> bool:
    domain = address.rpartition("@")[2]
    return db.execute("SELECT 1 FROM domains WHERE name = ?", (domain,)).fetchone() is not None


def _expect_own(db: sqlite3.Connection, address: str) -> None:
    if not _is_own(db, address):
        domain = address.rpartition("@")[2]
        raise MailError(
            Condition.NO_SUCH_DOMAIN, f"{domain} is not a domain of this server; first: mailstack domain add {domain}"
        )


def _expect_no_account(db: sqlite3.Connection, address: str) -> None:
    row = db.execute(
        "SELECT name FROM addresses JOIN accounts ON accounts.id = account WHERE address = ?", (address,)
    ).fetchone()
    if row is not None:
        raise MailError(Condition.MAILBOX_EXISTS, f"{address} is an address of the account {row[0]} already")


def _expect_free(db: sqlite3.Connection, address: str) -> None:
    _expect_no_account(db, address)
    if db.execute("SELECT 1 FROM aliases WHERE address = ?", (address,)).fetchone() is not None:
        raise MailError(Condition.MAILBOX_EXISTS, f"{address} is an alias already")


def _expect_somebody(db: sqlite3.Connection, target: str) -> None:
    """Members in other domains cannot be checked; those in ours must lead somewhere, with or without a tag."""
    if not _is_own(db, target):
        return
    local, _, domain = target.rpartition("@")
    for name in (target, *(f"{local.partition(sign)[0]}@{domain}" for sign in "+-=")):
        for table in ("addresses", "aliases"):
            if db.execute(f"SELECT 1 FROM {table} WHERE address = ?", (name,)).fetchone() is not None:  # noqa: S608
                return
    raise MailError(Condition.NO_SUCH_USER, f"there is no {target} to pass mail on to")
