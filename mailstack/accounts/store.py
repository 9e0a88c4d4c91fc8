"""`accounts.sqlite`: who there is.  Small synchronous functions; each change is one transaction, durable at its end.

Used by the daemon (on its reactor thread: a change takes a few milliseconds and
is rare) and by the command line while no daemon runs.  Names given to it are
canonical already (see `names`).
"""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mailstack.accounts.api import Rights
from mailstack.accounts.apppasswords import AppPasswords
from mailstack.accounts.database import Database
from mailstack.accounts.passwords import Credential, ScramKeys
from mailstack.base.errors import Condition, MailError

__all__ = ["Account", "AccountStore", "Alias", "Limits", "Picture"]


Limits = tuple[int | None, int | None]  # octets and messages; 0: no limit, None: what is above it says


@dataclass(frozen=True, slots=True)
class Account:
    """One account.  `addresses` holds its name too; `added` and `password_changed` are UNIX seconds."""

    name: str
    addresses: tuple[str, ...]
    added: int
    password_changed: int
    rights: Rights = field(default_factory=Rights)


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
    rights: dict[str, Rights] = field(default_factory=dict)
    quotas: dict[str, Limits] = field(default_factory=dict)  # of an account, or of `@domain`


class AccountStore:
    """Opens the file, and makes it when it is not there.  MailError(UNAVAILABLE) when it cannot be used.

    `secret`: octets that this file alone has, the same for ever.
    """

    def __init__(self, path: str | Path, *, look_every: float = 0.0) -> None:
        self._file = Database(path, look_every=look_every)
        self.path = self._file.path
        self.app_passwords = AppPasswords(self._file)
        self.secret: bytes
        (self.secret,) = self._file.one("SELECT value FROM secrets WHERE name = 'nobody'")

    def close(self) -> None:
        self._file.close()

    # --- what the daemon's directory asks -------------------------------------------------------------------

    def version(self) -> tuple[int, int]:
        """Differs from the last answer as soon as anybody, in any process, has changed something."""
        return self._file.version()

    def picture(self) -> Picture:
        with self._file.reading() as db:
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
                rights=_rights(db),
                quotas={row[0]: row[1:] for row in db.execute("SELECT subject, octets, messages FROM quotas")},
            )

    def credential(self, account: str) -> Credential | None:
        row = self._file.one(
            "SELECT hash, id FROM passwords JOIN accounts ON accounts.id = passwords.account WHERE name = ?", account
        )
        if row is None:
            return None
        kept = self._file.db.execute(
            "SELECT salt, iterations, stored_key, server_key, algorithm FROM scram_keys WHERE account = ?"
            " ORDER BY algorithm DESC",
            (row[1],),
        )
        return Credential(row[0], tuple(ScramKeys(*keys) for keys in kept))

    # --- domains ------------------------------------------------------------------------------------------------

    def domains(self) -> Sequence[str]:
        return [name for (name,) in self._file.db.execute("SELECT name FROM domains ORDER BY name")]

    def add_domain(self, domain: str) -> None:
        """MailError(LIMIT) when it is there already."""
        with self._file.change() as db:
            if not db.execute("INSERT OR IGNORE INTO domains VALUES (?, ?)", (domain, _now())).rowcount:
                raise MailError(Condition.LIMIT, f"the domain {domain} is there already")

    def remove_domain(self, domain: str) -> None:
        """MailError(NO_SUCH_DOMAIN); MailError(IN_USE) as long as it has accounts or aliases."""
        with self._file.change() as db:
            for table in ("addresses", "aliases"):
                row = db.execute(
                    f"SELECT address FROM {table} WHERE substr(address, -?) = ? LIMIT 1",  # noqa: S608  our own names
                    (len(domain) + 1, f"@{domain}"),
                ).fetchone()
                if row is not None:
                    raise MailError(Condition.IN_USE, f"{row[0]} is in the domain {domain}; remove it first")
            db.execute("DELETE FROM quotas WHERE subject = ?", (f"@{domain}",))
            if not db.execute("DELETE FROM domains WHERE name = ?", (domain,)).rowcount:
                raise MailError(Condition.NO_SUCH_DOMAIN, f"there is no domain {domain}")

    # --- accounts -----------------------------------------------------------------------------------------------

    def accounts(self) -> Sequence[Account]:
        """Sorted by name."""
        with self._file.reading() as db:
            addresses: dict[int, list[str]] = {}
            for address, account in db.execute("SELECT address, account FROM addresses ORDER BY address"):
                addresses.setdefault(account, []).append(address)
            rights = _rights(db)
            return [
                Account(name, tuple(addresses.get(number, ())), added, changed or 0, rights[name])
                for number, name, added, changed in db.execute(
                    "SELECT id, name, added, changed FROM accounts"
                    " LEFT JOIN passwords ON passwords.account = accounts.id ORDER BY name"
                )
            ]

    def add_account(self, name: str, credential: Credential, addresses: Sequence[str] = ()) -> None:
        """`addresses` are further ones.  MailError(NO_SUCH_DOMAIN), MailError(MAILBOX_EXISTS) when one is taken."""
        with self._file.change() as db:
            for address in (name, *addresses):
                _expect_own(db, address)
                _expect_free(db, address)
            number = db.execute("INSERT INTO accounts (name, added) VALUES (?, ?)", (name, _now())).lastrowid
            for address in dict.fromkeys((name, *addresses)):
                db.execute("INSERT INTO addresses VALUES (?, ?)", (address, number))
            _put_credential(db, number, credential, _now())

    def set_credential(self, account: str, credential: Credential) -> None:
        """MailError(NO_SUCH_USER)."""
        with self._file.change() as db:
            number = _number(db, account)
            _put_credential(db, number, credential, _now())
            _end_sessions(db, number)

    def set_right(self, account: str, right: str, *, given: bool) -> None:
        """`right`: "enabled", "may_send", "may_receive".  Who may no longer log in is logged out.

        MailError(NO_SUCH_USER).
        """
        with self._file.change() as db:
            number = _number(db, account)
            assert right in {"enabled", "may_send", "may_receive"}
            db.execute(f"UPDATE accounts SET {right} = ? WHERE id = ?", (given, number))  # noqa: S608  one of three
            if right == "enabled" and not given:
                _end_sessions(db, number)

    def set_limit(self, account: str, name: str, value: int | None) -> None:
        """One of `accounts.sending`'s, for this account; None: what is set for all.  MailError(NO_SUCH_USER)."""
        with self._file.change() as db:
            number = _number(db, account)
            if value is None:
                db.execute("DELETE FROM account_limits WHERE account = ? AND name = ?", (number, name))
            else:
                db.execute("INSERT OR REPLACE INTO account_limits VALUES (?, ?, ?)", (number, name, value))

    def add_address(self, account: str, address: str) -> None:
        """MailError(NO_SUCH_USER), MailError(NO_SUCH_DOMAIN), MailError(MAILBOX_EXISTS) when it is taken."""
        with self._file.change() as db:
            number = _number(db, account)
            _expect_own(db, address)
            _expect_free(db, address)
            db.execute("INSERT INTO addresses VALUES (?, ?)", (address, number))

    def remove_address(self, account: str, address: str) -> None:
        """MailError(NO_SUCH_USER) when it has no such address, MailError(NOT_ALLOWED) for its own name."""
        with self._file.change() as db:
            number = _number(db, account)
            if address == account:
                raise MailError(
                    Condition.NOT_ALLOWED, f"{address} is the account's name; it stays as long as the account"
                )
            if not db.execute("DELETE FROM addresses WHERE account = ? AND address = ?", (number, address)).rowcount:
                raise MailError(Condition.NO_SUCH_USER, f"{address} is not an address of {account}")
            db.execute("DELETE FROM aliases WHERE target = ?", (address,))

    def upgrade_credential(self, account: str, old: str, credential: Credential) -> None:
        """The same password kept in another way; nothing happens when its hash is no longer `old`."""
        with self._file.change() as db:
            row = db.execute(
                "SELECT id, changed FROM passwords JOIN accounts ON id = account WHERE name = ? AND hash = ?",
                (account, old),
            ).fetchone()
            if row is not None:
                _put_credential(db, row[0], credential, row[1])

    def remove_account(self, name: str) -> Sequence[str]:
        """It leaves every alias too; the aliases that had no other member are gone, and named in the answer.

        MailError(NO_SUCH_USER).  The mail is not touched.
        """
        with self._file.change() as db:
            number = _number(db, name)
            mine = {a for (a,) in db.execute("SELECT address FROM addresses WHERE account = ?", (number,))}
            before = {a for (a,) in db.execute("SELECT address FROM aliases")}
            db.executemany("DELETE FROM aliases WHERE target = ?", [(address,) for address in mine])
            after = {a for (a,) in db.execute("SELECT address FROM aliases")}
            db.execute("DELETE FROM accounts WHERE id = ?", (number,))
            db.execute("DELETE FROM quotas WHERE subject = ?", (name,))
            return sorted(before - after)

    # --- quotas -------------------------------------------------------------------------------------------------

    def set_quota(self, subject: str, octets: int | None, messages: int | None) -> None:
        """Of an account, or of everybody in `@domain`.  MailError(NO_SUCH_USER | NO_SUCH_DOMAIN)"""
        with self._file.change() as db:
            if subject.startswith("@"):
                _expect_own(db, subject)
            else:
                _number(db, subject)
            db.execute("DELETE FROM quotas WHERE subject = ?", (subject,))
            if (octets, messages) != (None, None):
                db.execute("INSERT INTO quotas VALUES (?, ?, ?)", (subject, octets, messages))

    # --- aliases ------------------------------------------------------------------------------------------------

    def aliases(self) -> Sequence[Alias]:
        return [Alias(address, targets) for address, targets in sorted(self.picture().aliases.items())]

    def add_alias(self, address: str, targets: Sequence[str]) -> None:
        """Make it, or give it more members.  `@domain` is the catch-all of a domain.

        MailError(NO_SUCH_DOMAIN), MailError(MAILBOX_EXISTS) when it is an account's address,
        MailError(NO_SUCH_USER) for a member in an own domain whom nobody is.
        """
        with self._file.change() as db:
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
        with self._file.change() as db:
            if not targets and not db.execute("DELETE FROM aliases WHERE address = ?", (address,)).rowcount:
                raise MailError(Condition.NO_SUCH_USER, f"there is no alias {address}")
            for target in targets:
                if not db.execute("DELETE FROM aliases WHERE address = ? AND target = ?", (address, target)).rowcount:
                    raise MailError(Condition.NO_SUCH_USER, f"{target} is not a member of the alias {address}")


def _now() -> int:
    return int(time.time())


def _rights(db: sqlite3.Connection) -> dict[str, Rights]:
    limits: dict[int, dict[str, int]] = {}
    for account, name, value in db.execute("SELECT account, name, value FROM account_limits"):
        limits.setdefault(account, {})[name] = value
    rows = db.execute("SELECT id, name, enabled, may_send, may_receive, epoch FROM accounts")
    return {
        name: Rights(bool(enabled), bool(may_send), bool(may_receive), epoch, limits.get(number, {}))
        for number, name, enabled, may_send, may_receive, epoch in rows
    }


def _number(db: sqlite3.Connection, account: str) -> int:
    row = db.execute("SELECT id FROM accounts WHERE name = ?", (account,)).fetchone()
    if row is None:
        raise MailError(Condition.NO_SUCH_USER, f"there is no account {account}")
    return int(row[0])


def _put_credential(db: sqlite3.Connection, number: int | None, credential: Credential, changed: int) -> None:
    db.execute("INSERT OR REPLACE INTO passwords VALUES (?, ?, ?)", (number, credential.hashed, changed))
    db.execute("DELETE FROM scram_keys WHERE account = ?", (number,))
    db.executemany(
        "INSERT INTO scram_keys VALUES (?, ?, ?, ?, ?, ?)",
        [(number, k.algorithm, k.salt, k.iterations, k.stored_key, k.server_key) for k in credential.scram],
    )


def _end_sessions(db: sqlite3.Connection, number: int) -> None:
    """Whoever is logged in by what was right before must log in anew."""
    db.execute("UPDATE accounts SET epoch = epoch + 1 WHERE id = ?", (number,))


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
