"""Who is logged in on which connection, and whether that still holds."""

from collections.abc import Collection, Iterator

from mailstack.accounts.directory import AccountDirectory

__all__ = ["Live"]


class Live:
    """A login holds as long as the account is there, enabled, and has the password that it had."""

    def __init__(self, directory: AccountDirectory) -> None:
        self._directory = directory
        self._entered: dict[str, tuple[str, int]] = {}  # connection → account, epoch
        self._seen: tuple[int, int] | None = None

    def entered(self, cid: str, account: str, epoch: int) -> None:
        """`epoch`: when the proof began; who changes the password meanwhile ends this login, too."""
        self._entered[cid] = account, epoch
        self._seen = None

    def over(self) -> Iterator[tuple[str, str, str]]:
        """(connection, account, reason) of each login that holds no longer; cheap while nothing has changed."""
        version = self._directory.version()
        if version == self._seen:
            return
        self._seen = version
        for cid, (account, epoch) in list(self._entered.items()):
            rights = self._directory.rights(account)
            if rights is None:
                yield cid, account, "the account is gone"
            elif rights.epoch != epoch:
                yield cid, account, "the account was changed" if rights.enabled else "the account is disabled"

    def keep_only(self, connections: Collection[str]) -> None:
        """Forget those that are gone."""
        for cid in [cid for cid in self._entered if cid not in connections]:
            del self._entered[cid]
