"""The reactor's side of the store: what is open, and how a committed job reaches it.

Everything here runs in the reactor's thread.  The writer hands over effects in the
order of commits; each brings memory up to date and is then told to watchers, before
the caller who asked for it goes on.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar

from mailstack.base.errors import Condition, MailError
from mailstack.base.events import log
from mailstack.store.allowance import Allowance
from mailstack.store.batches import Job
from mailstack.store.content import LineMaps
from mailstack.store.delivery import Delivery
from mailstack.store.digests import Digests
from mailstack.store.effects import (
    Added,
    Annotated,
    Created,
    Deleted,
    Effect,
    Noted,
    Reflagged,
    Remade,
    Removed,
    Renamed,
    Subscribed,
    as_change,
)
from mailstack.store.foldering import Home
from mailstack.store.index import mailboxes
from mailstack.store.kept import Kept
from mailstack.store.reconcile import reconcile
from mailstack.store.staying import Accounts, Mailboxes
from mailstack.store.txn import Site, StoreJob, Txn
from mailstack.store.values import NO_QUOTA, Change, Filed, Folder, Quota, Staged
from mailstack.store.watching import Watching

__all__ = ["Committer", "Memory", "OpenedAccount", "OpenedMailbox", "as_known", "look_at"]

T = TypeVar("T")

ARRIVALS_AT_ONCE = 1000  # messages of other programs in one transaction: 0.05 s that everybody waits for

_TAKES_NOTHING = frozenset({Condition.STORAGE_FULL, Condition.UNAVAILABLE})


@contextmanager
def as_known() -> Iterator[None]:
    """A look that cannot be written down, as the disk takes nothing, is no reason not to read what is known."""
    try:
        yield
    except MailError as fault:
        if fault.condition not in _TAKES_NOTHING:
            raise


class Committer(Protocol):
    """What store.commit offers in two forms."""

    @property
    def trouble(self) -> str:
        """Why nothing can be made durable just now; "" when all is well."""

    def start(self) -> None: ...

    def submit(self, job: Job[T]) -> Awaitable[T]: ...

    def post(self, job: Job[Any]) -> None:
        """Nobody waits; a failure is only logged."""

    def stop(self) -> Awaitable[None]: ...


class OpenedMailbox(Protocol):
    """store.mailbox.OpenMailbox, as it is told of changes."""

    folder: Folder
    sessions: int

    def __len__(self) -> int: ...

    @property
    def is_watched(self) -> bool: ...

    async def refresh(self) -> None: ...

    def knows(self, modseq: int) -> bool: ...

    def added(self, effect: Added) -> None: ...

    def reflagged(self, effect: Reflagged) -> None: ...

    def removed(self, effect: Removed) -> None: ...

    def renamed(self, folder: Folder, path: str) -> None: ...

    def subscribed(self, *, yes: bool) -> None: ...

    def invalidated(self, reason: str) -> None: ...


class OpenedAccount(Protocol):
    """store.account.OpenAccount, as it is told of changes."""

    def created(self, folder: Folder) -> None: ...

    def deleted(self, folder: Folder) -> None: ...

    def renamed(self, old_name: str, folder: Folder) -> None: ...

    def subscribed(self, name: str, *, yes: bool) -> None: ...

    def annotated(self, change: Annotated) -> None: ...

    @property
    def id(self) -> int: ...

    @property
    def is_watched(self) -> bool: ...

    async def refresh(self) -> None: ...

    def touched(self, change: Change) -> None: ...


class Memory:
    """`accounts` by name and `mailboxes` by id: those that are in memory."""

    def __init__(
        self, site: Site, committer: Committer, kept: Kept, digests: Digests, reader: Any, octets: int
    ) -> None:
        """`octets`: about what all that is kept only to be quicker may take."""
        self.site = site
        self.kept = kept
        self.digests = digests
        self.line_maps = LineMaps()
        self.staying_accounts = Accounts()
        self.accounts = self.staying_accounts.by_name
        self.owners = self.staying_accounts.by_number
        self.mailboxes: dict[int, OpenedMailbox] = {}
        self.locked: set[str] = set()  # accounts with a POP3 session
        self.quota_of: Callable[[str], Quota] = lambda _: NO_QUOTA
        self.watching: Watching | None = None  # None: there is only the poll
        self._staying = Mailboxes(self.mailboxes)
        parts = ((kept, 0.25), (digests, 0.45), (self._staying, 0.25), (self.staying_accounts, 0.05))
        self.allowance = Allowance(octets, parts)
        kept.on_growth = digests.on_growth = self.allowance.keep
        self._committer = committer
        self._reader = reader

    # --- to the writer and the rows --------------------------------------------------------------------

    def write(self, work: Callable[[Txn], T], then: Callable[[T], None] | None = None) -> Awaitable[T]:
        """Durable when it ends; `then` is called when memory is up to date, before the awaiting caller goes on."""
        return self._committer.submit(StoreJob(self.site, work, self.apply, then))

    def deliver(
        self, staged: Staged, recipients: Sequence[tuple[str, str]], *, keeps_to_quotas: bool = True
    ) -> Awaitable[Sequence[Filed]]:
        if keeps_to_quotas:
            for account, _ in recipients:
                self.quota(account)
        job = Delivery(self.site, self.apply, staged, recipients, keeps_to_quotas=keeps_to_quotas)
        return self._committer.submit(job)

    def write_unwatched(self, work: Callable[[Txn], Any]) -> None:
        self._committer.post(StoreJob(self.site, work, self.apply, None))

    def quota(self, account: str) -> Quota:
        """As it is now; the writer goes by it from now on."""
        quota = self.site.quotas[account] = self.quota_of(account)
        return quota

    def read(self, work: Callable[[Any], T]) -> T:
        return work(self._reader)

    async def look_at(self, mailbox: int) -> None:
        """Compare with the disk, when it seems to have changed.  With a disk that takes nothing what is known stays."""
        with as_known():
            while await self.write(lambda txn: look_at(txn, mailbox)):
                pass

    # --- what stays in memory --------------------------------------------------------------------------

    def keep(self, mailbox: OpenedMailbox) -> None:
        """A mailbox was read; nobody has it open yet."""
        self.mailboxes[mailbox.folder.id] = mailbox
        self.is_idle(mailbox)

    def in_use(self, mailbox: OpenedMailbox) -> None:
        mailbox.sessions += 1
        self._staying.in_use(mailbox)

    def is_idle(self, mailbox: OpenedMailbox) -> None:
        """The last session has left: it stays for the next one, unless others need the room more."""
        if self.mailboxes.get(mailbox.folder.id) is mailbox:
            self._staying.idle(mailbox)
            self.allowance.keep()

    def keep_account(self, name: str, account: OpenedAccount) -> None:
        """It was read just now."""
        self.staying_accounts.add(name, account)
        self.allowance.keep()

    def follow(self, mailbox: OpenedMailbox, path: str) -> None:
        """Somebody watches it: changes on the disk should be seen soon."""
        if self.watching is not None and self.mailboxes.get(mailbox.folder.id) is mailbox:
            self.watching.follow(mailbox.folder.id, path)

    def unfollow(self, mailbox: int) -> None:
        if self.watching is not None:
            self.watching.unfollow(mailbox)

    async def poll(self, turn: int, turns: int, *, followed: bool = True) -> None:
        """Look at the accounts and mailboxes whose turn it is and that somebody watches.

        `followed`: also at mailboxes that the system tells about (it may have lost count).
        """
        for account in list(self.accounts.values())[turn::turns]:
            if account.is_watched:
                with suppress(MailError, OSError):
                    await account.refresh()
        for number, mailbox in list(self.mailboxes.items())[turn::turns]:
            if mailbox.is_watched and (followed or self.watching is None or not self.watching.follows(number)):
                await self.refresh(number)

    async def refresh(self, mailbox: int) -> None:
        """Look at a folder again; a fault waits for the next time."""
        opened = self.mailboxes.get(mailbox)
        if opened is not None and opened.is_watched:
            with suppress(MailError, OSError):
                await opened.refresh()

    # --- effects ---------------------------------------------------------------------------------------

    def apply(self, effect: Effect) -> None:
        if isinstance(effect, Added | Reflagged | Removed):
            self._apply_to_mailbox(effect)
        elif isinstance(effect, Remade):
            self._drop(effect.mailbox, "Mailbox was made again from its files")
        elif isinstance(effect, Noted):
            log(effect.event, **effect.fields)
        else:
            self._apply_to_account(effect)

    def _apply_to_mailbox(self, effect: Added | Reflagged | Removed) -> None:
        mailbox = self.mailboxes.get(effect.box.id)
        if mailbox is None or (mailbox.knows(effect.box.modseq) and not isinstance(effect, Reflagged)):
            pass
        elif isinstance(effect, Added):
            mailbox.added(effect)
        elif isinstance(effect, Removed):
            mailbox.removed(effect)
        else:
            mailbox.reflagged(effect)
        account = self.owners.get(effect.box.account)
        if account is not None:
            account.touched(as_change(effect))

    def _apply_to_account(self, effect: Created | Deleted | Renamed | Subscribed | Annotated) -> None:
        account = self.accounts.get(effect.account)
        if isinstance(effect, Annotated):
            if account is not None:
                account.annotated(effect)
            return
        if isinstance(effect, Subscribed):
            if account is not None:
                account.subscribed(effect.name, yes=effect.subscribed)
            return
        mailbox = self.mailboxes.get(effect.folder.id)
        if isinstance(effect, Created):
            if account is not None:
                account.created(effect.folder)
        elif isinstance(effect, Renamed):
            if mailbox is not None:
                mailbox.renamed(effect.folder, effect.path)
            if account is not None:
                account.renamed(effect.old_name, effect.folder)
        else:
            self._delete(effect, account, mailbox)

    def _delete(self, effect: Deleted, account: OpenedAccount | None, mailbox: OpenedMailbox | None) -> None:
        if mailbox is not None:
            self._drop(effect.folder.id, "Mailbox has been deleted")
        if account is not None:
            account.deleted(effect.folder)

    def _drop(self, number: int, reason: str) -> None:
        """Who has it open has to select it again, if it is still there."""
        mailbox = self.mailboxes.pop(number, None)
        if mailbox is not None:
            self._staying.gone(number)
            self.unfollow(number)
            mailbox.invalidated(reason)


def look_at(txn: Txn, mailbox: int) -> bool:
    """Whether there is more of it to look at.  MailError(NO_SUCH_MAILBOX)"""
    box = mailboxes.by_id(txn.db, mailbox)
    place = mailboxes.place_of(txn.db, mailbox)
    if box is None or place is None:
        raise MailError(Condition.NO_SUCH_MAILBOX, "Mailbox has been deleted")
    account, _ = place
    home = Home(box.account, account, txn.site.account_path(account))
    return reconcile(txn, home, box, at_most=ARRIVALS_AT_ONCE)
