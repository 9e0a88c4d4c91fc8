"""`guard.sqlite`: what is remembered of good and bad visitors over a restart.  It may be deleted at any time.

Writes are rare (a ban, a network that is new, once a day for one that is not), small, and not waited for: a crash may
lose the last of them.
"""

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from mailstack.accounts.bans import Ban
from mailstack.base.errors import Condition, MailError

__all__ = ["GuardFile"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS bans (
    network TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    since REAL NOT NULL,
    until REAL NOT NULL,
    times INTEGER NOT NULL,
    everything INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known_networks (
    account TEXT NOT NULL,
    network TEXT NOT NULL,
    first REAL NOT NULL,
    last REAL NOT NULL,
    PRIMARY KEY (account, network)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (
    account TEXT NOT NULL,
    piece INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    new INTEGER NOT NULL,
    PRIMARY KEY (account, piece)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS met (
    account TEXT NOT NULL,
    address BLOB NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (account, address)
) WITHOUT ROWID;
"""


class GuardFile:
    """MailError(UNAVAILABLE) when it cannot be used."""

    def __init__(self, path: str | Path) -> None:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(path, timeout=5.0, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as failure:
            raise MailError(
                Condition.UNAVAILABLE, f"the file {path} cannot be used: {failure}; it may be removed"
            ) from failure

    def close(self) -> None:
        self._db.close()

    # --- bans ---------------------------------------------------------------------------------------------------

    def bans(self) -> Iterable[Ban]:
        rows = self._db.execute("SELECT network, reason, since, until, times, everything FROM bans").fetchall()
        return [Ban(name, why, since, until, times, bool(every)) for name, why, since, until, times, every in rows]

    def put_ban(self, ban: Ban) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO bans VALUES (?, ?, ?, ?, ?, ?)",
            (ban.network, ban.reason, ban.since, ban.until, ban.times, ban.everything),
        )

    def drop_bans(self, networks: Iterable[str]) -> None:
        self._db.executemany("DELETE FROM bans WHERE network = ?", [(network,) for network in networks])

    # --- networks from which somebody has logged in -----------------------------------------------------------------

    def known_networks(self) -> list[tuple[str, str, float]]:
        """(account, network, when last), the oldest first."""
        return self._db.execute("SELECT account, network, last FROM known_networks ORDER BY last").fetchall()

    def note_network(self, account: str, network: str, now: float) -> None:
        self._db.execute(
            "INSERT INTO known_networks VALUES (?1, ?2, ?3, ?3) ON CONFLICT (account, network) DO UPDATE SET last = ?3",
            (account, network, now),
        )

    def forget_networks(self, before: float) -> None:
        self._db.execute("DELETE FROM known_networks WHERE last < ?", (before,))

    # --- what was sent: see `accounts.sending` ----------------------------------------------------------------------

    def sent(self) -> list[tuple[str, int, int, int, int]]:
        """(account, piece, messages, recipients, new recipients)"""
        return self._db.execute("SELECT account, piece, messages, recipients, new FROM sent").fetchall()

    def met(self, account: str, addresses: Iterable[bytes]) -> set[bytes]:
        """To whom of them the account has written before."""
        query = "SELECT 1 FROM met WHERE account = ? AND address = ?"
        return {each for each in addresses if self._db.execute(query, (account, each)).fetchone() is not None}

    def note_sent(self, account: str, piece: int, counts: Iterable[int], met: Iterable[bytes], now: int) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.execute("INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?, ?)", (account, piece, *counts))
            self._db.executemany("INSERT OR REPLACE INTO met VALUES (?, ?, ?)", [(account, each, now) for each in met])
        finally:
            self._db.execute("COMMIT")

    def forget_sent(self, piece_before: int, met_before: int) -> None:
        self._db.execute("DELETE FROM sent WHERE piece <= ?", (piece_before,))
        self._db.execute("DELETE FROM met WHERE last < ?", (met_before,))
