"""App passwords: one for each program or device, made by us, each with its own bounds, and revoked alone.

They have a hundred random bits, so that a plain hash keeps them as well as a slow one would, and a
login by one costs nothing.  SCRAM knows one password a name: app passwords go with PLAIN, LOGIN, USER.
"""

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from mailstack.accounts.database import Database
from mailstack.base.errors import Condition, MailError
from mailstack.base.secret import Secret

__all__ = ["SCOPES", "AppPassword", "AppPasswords"]

SCOPES = ("smtp", "imap", "pop3")
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_SHAPE = re.compile(r"[a-z2-7]{20}")
_NOTE_AGAIN = 60  # seconds: its use is not written down more often


@dataclass(frozen=True, slots=True)
class AppPassword:
    """Moments in UNIX seconds.  No `networks`: from anywhere.  `ends` None: never."""

    account: str
    name: str
    scopes: tuple[str, ...]
    networks: tuple[str, ...]
    made: int
    ends: int | None
    used: int | None = None
    used_ip: str = ""
    used_protocol: str = ""

    def why_not(self, scope: str, ip: str, now: float) -> str:
        """Why it is not good for this login; "" when it is."""
        if self.ends is not None and now >= self.ends:
            return f"the app password {self.name} has expired"
        if scope not in self.scopes:
            return f"the app password {self.name} is not for {scope}"
        address = ipaddress.ip_address(ip.removeprefix("::ffff:")) if self.networks else None
        if address is not None and not any(address in ipaddress.ip_network(network) for network in self.networks):
            return f"the app password {self.name} is not for logins from there"
        return ""


class AppPasswords:
    """Those of all accounts."""

    def __init__(self, file: Database) -> None:
        self._file = file

    def make(
        self, account: str, name: str, *, scopes: Sequence[str], networks: Sequence[str], ends: int | None, now: int
    ) -> Secret:
        """Shown once, and never again.  MailError(NO_SUCH_USER), MailError(LIMIT) when there is one of that name."""
        letters = "".join(secrets.choice(_LETTERS) for _ in range(20))
        with self._file.note() as db:
            row = db.execute("SELECT id FROM accounts WHERE name = ?", (account,)).fetchone()
            if row is None:
                raise MailError(Condition.NO_SUCH_USER, f"there is no account {account}")
            if not db.execute(
                "INSERT OR IGNORE INTO app_passwords (account, name, digest, scopes, networks, made, ends)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (row[0], name, _digest(letters), " ".join(scopes), " ".join(networks), now, ends),
            ).rowcount:
                raise MailError(Condition.LIMIT, f"{account} has an app password {name} already")
        return Secret("-".join(letters[start : start + 5] for start in range(0, 20, 5)))

    def find(self, account: str, password: Secret) -> AppPassword | None:
        """Blanks, dashes and capitals do not matter: people copy them by hand."""
        letters = re.sub(r"[\s-]", "", password.reveal()[:100]).lower()
        if not _SHAPE.fullmatch(letters):
            return None
        rows = self._rows("name = ? AND digest = ?", account, _digest(letters))
        return rows[0] if rows else None

    def of(self, account: str) -> list[AppPassword]:
        return self._rows("name = ?", account)

    def revoke(self, account: str, name: str) -> None:
        """Whoever is logged in by the account must log in anew.  MailError(NO_SUCH_USER) when there is none."""
        mine = "account = (SELECT id FROM accounts WHERE name = ?)"
        with self._file.change() as db:
            if not db.execute(f"DELETE FROM app_passwords WHERE {mine} AND name = ?", (account, name)).rowcount:  # noqa: S608
                raise MailError(Condition.NO_SUCH_USER, f"{account} has no app password {name}")
            db.execute("UPDATE accounts SET epoch = epoch + 1 WHERE name = ?", (account,))

    def note_use(self, found: AppPassword, *, ip: str, protocol: str, now: int) -> None:
        if found.used is not None and now - found.used < _NOTE_AGAIN and found.used_ip == ip:
            return
        with self._file.note() as db:
            db.execute(
                "UPDATE app_passwords SET used = ?, used_ip = ?, used_protocol = ?"
                " WHERE account = (SELECT id FROM accounts WHERE name = ?) AND name = ?",
                (now, ip, protocol, found.account, found.name),
            )

    def _rows(self, where: str, *arguments: object) -> list[AppPassword]:
        rows = self._file.db.execute(
            "SELECT accounts.name, app.name, scopes, networks, made, ends, used, used_ip, used_protocol"  # noqa: S608
            f" FROM app_passwords AS app JOIN accounts ON accounts.id = app.account WHERE accounts.{where}"
            " ORDER BY app.id",
            arguments,
        )
        return [
            AppPassword(account, name, tuple(scopes.split()), tuple(nets.split()), made, ends, used, ip or "", by or "")
            for account, name, scopes, nets, made, ends, used, ip, by in rows
        ]


def _digest(letters: str) -> bytes:
    return hashlib.sha256(letters.encode()).digest()
