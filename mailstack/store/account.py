"""One account's mailboxes: what LIST shows is in memory, everything else goes through the writer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mailstack.base.errors import Condition, MailError
from mailstack.store import annotating, filing, foldering, maildir
from mailstack.store.columns import MailColumns
from mailstack.store.effects import AccountRead
from mailstack.store.feed import Feed
from mailstack.store.flags import DELETED, SEEN
from mailstack.store.foldering import Home
from mailstack.store.index import annotations, mailboxes, messages, usage
from mailstack.store.index.mailboxes import Box
from mailstack.store.mailbox import OpenMailbox
from mailstack.store.memory import Memory, as_known, look_at
from mailstack.store.snapshot import read_columns
from mailstack.store.txn import Txn
from mailstack.store.values import (
    INBOX,
    Annotated,
    Appended,
    Change,
    Folder,
    FolderCreated,
    FolderDeleted,
    FolderRenamed,
    FolderSubscribed,
    Incoming,
    Quota,
    SpecialUse,
    Status,
    Usage,
)

__all__ = ["OpenAccount"]


class OpenAccount:
    """Implements `store.api.MailAccount`.  Made by store.service from what the writer has read."""

    def __init__(self, memory: Memory, told: AccountRead) -> None:
        self.name = told.account
        self._memory = memory
        self._feed = Feed()
        self._messages = Feed()
        self._folders: dict[str, Folder] = {}
        self._subscriptions: set[str] = set()
        self._stamp = 0
        self.update(told)

    def update(self, told: AccountRead) -> None:
        """All there is, as of a moment before now."""
        self._home = Home(told.id, told.account, self._memory.site.account_path(told.account))
        self._folders = {folder.name: folder for folder in told.folders}
        self._subscriptions = set(told.subscriptions)
        self._stamp = told.stamp

    def seems_changed(self) -> bool:
        """Folders may have come or gone on the disk since they were read."""
        return foldering.stamp_of(self._home.root) != self._stamp

    @property
    def is_watched(self) -> bool:
        return bool(self._feed)

    async def refresh(self) -> None:
        if self.seems_changed():
            with as_known():
                await self._memory.write(lambda txn: foldering.read_account(txn, self.name), self.update)

    async def _found(self, name: str) -> Folder:
        """Also one that another program has made just now.  MailError(NO_SUCH_MAILBOX)"""
        if maildir.normal(name) not in self._folders:
            await self.refresh()
        return self.folder(name)

    # --- store.api.MailAccount -----------------------------------------------------------------------

    def folders(self) -> Sequence[Folder]:
        return sorted(self._folders.values(), key=lambda folder: (folder.name != INBOX, folder.name))

    def folder(self, name: str) -> Folder:
        found = self._folders.get(maildir.normal(name))
        if found is None:
            raise MailError(Condition.NO_SUCH_MAILBOX, "No such mailbox")
        return found

    def path_of(self, name: str) -> tuple[int, str]:
        """(mailbox, its Maildir).  MailError(NO_SUCH_MAILBOX)"""
        folder = self.folder(name)
        return folder.id, self._home.folder_path(maildir.folder_of(folder.name))

    def subscriptions(self) -> Sequence[str]:
        return sorted(self._subscriptions)

    async def create(self, name: str, special_use: SpecialUse | None = None) -> Folder:
        return await self._memory.write(lambda txn: foldering.create(txn, self.name, name, special_use))

    async def delete(self, name: str, *, for_good: bool = False) -> None:
        await self._memory.write(lambda txn: foldering.delete(txn, self.name, name, for_good=for_good))

    async def rename(self, old_name: str, new_name: str) -> None:
        work = filing.rename_inbox if maildir.normal(old_name) == INBOX else foldering.rename
        await self._memory.write(lambda txn: work(txn, self.name, old_name, new_name))

    async def subscribe(self, name: str) -> None:
        await self._memory.write(lambda txn: foldering.subscribe(txn, self.name, name))

    async def unsubscribe(self, name: str) -> None:
        await self._memory.write(lambda txn: foldering.unsubscribe(txn, self.name, name))

    def annotations(self, name: str | None) -> Mapping[str, bytes]:
        number = 0 if name is None else self.folder(name).id
        return self._memory.read(lambda db: annotations.all_of(db, self._home.id, number))

    async def annotate(
        self, name: str | None, values: Mapping[str, bytes | None], *, source: object | None = None
    ) -> None:
        await self._memory.write(lambda txn: annotating.annotate(txn, self.name, name, values, source))

    async def status(self, name: str) -> Status:
        folder = await self._found(name)
        mailbox = self._memory.mailboxes.get(folder.id)
        if isinstance(mailbox, OpenMailbox):
            await mailbox.refresh()
        else:
            await self._look_if_changed(folder)
        return self.known_status(name)

    def known_status(self, name: str) -> Status:
        folder = self.folder(name)
        mailbox = self._memory.mailboxes.get(folder.id)
        if isinstance(mailbox, OpenMailbox):
            return mailbox.status()
        box = self._memory.read(lambda db: mailboxes.by_id(db, folder.id))
        if box is None:
            raise MailError(Condition.NO_SUCH_MAILBOX, "No such mailbox")
        total, recent, unseen, deleted, octets = self._memory.read(
            lambda db: messages.counts(db, box.id, box.recent, SEEN, DELETED)
        )
        return Status(total, recent, unseen, deleted, box.uidnext, box.uidvalidity, octets, box.modseq)

    def deleted_octets(self, name: str) -> int:
        folder = self.folder(name)
        return self._memory.read(lambda db: messages.octets_with(db, folder.id, DELETED))

    async def _look_if_changed(self, folder: Folder) -> None:
        box = self._memory.read(lambda db: mailboxes.by_id(db, folder.id))
        if box is not None and self._memory.site.stamps.seems_changed(box.id, self._home.path(box)):
            await self._memory.look_at(box.id)

    async def open(self, name: str) -> OpenMailbox:
        folder = await self._found(name)
        mailbox = self._memory.mailboxes.get(folder.id)
        if not isinstance(mailbox, OpenMailbox):
            await self._read(folder)
            mailbox = self._memory.mailboxes.get(folder.id)
        if not isinstance(mailbox, OpenMailbox):
            raise MailError(Condition.NO_SUCH_MAILBOX, "No such mailbox")
        self._memory.in_use(mailbox)
        try:
            await mailbox.refresh()
        except BaseException:
            mailbox.release()
            raise
        return mailbox

    async def _read(self, folder: Folder) -> None:
        with as_known():
            while await self._memory.write(lambda txn: _read_mailbox(txn, folder.id), self._keep) is None:
                pass
        if folder.id in self._memory.mailboxes:
            return
        known = self._memory.read(lambda db: _known_mailbox(Txn(db, self._memory.site), folder.id))
        if known is not None:
            self._keep(known)

    def _keep(self, read: tuple[Box, MailColumns] | None) -> None:
        """What was read is memory's from now on, unless another session was quicker."""
        if read is None:
            return
        box, columns = read
        if box.id not in self._memory.mailboxes:
            folder = box.as_folder(subscribed=box.name in self._subscriptions)
            self._memory.keep(OpenMailbox(self._memory, self._home, box, folder, columns))

    async def append(self, name: str, messages: Sequence[Incoming]) -> Appended:
        self._memory.quota(self.name)
        return await self._memory.write(lambda txn: filing.append(txn, self.name, name, messages))

    def quota(self) -> Quota:
        return self._memory.quota(self.name)

    def usage(self) -> Usage:
        return self._memory.read(lambda db: usage.of(db, self._home.id))

    def watch(self, watcher: Callable[[Change], None]) -> None:
        self._feed.watch(watcher)

    def unwatch(self, watcher: Callable[[Change], None]) -> None:
        self._feed.unwatch(watcher)

    def watch_messages(self, watcher: Callable[[Change], None]) -> None:
        self._messages.watch(watcher)

    def unwatch_messages(self, watcher: Callable[[Change], None]) -> None:
        self._messages.unwatch(watcher)

    def lock_maildrop(self) -> Callable[[], None]:
        if self.name in self._memory.locked:
            raise MailError(Condition.IN_USE, "Mailbox is in use by another session")
        self._memory.locked.add(self.name)
        return lambda: self._memory.locked.discard(self.name)

    @property
    def id(self) -> int:
        return self._home.id

    def touched(self, change: Change) -> None:
        """Messages of one of its mailboxes have come, gone or changed."""
        self._messages.publish(change)

    # --- changes that are durable, in the order of their commits -----------------------------------------

    def created(self, folder: Folder) -> None:
        self._folders[folder.name] = folder
        self._feed.publish(FolderCreated(self.name, folder))

    def deleted(self, folder: Folder) -> None:
        self._folders.pop(folder.name, None)
        self._feed.publish(FolderDeleted(self.name, folder))

    def renamed(self, old_name: str, folder: Folder) -> None:
        if self._folders.get(old_name, folder).id == folder.id:
            self._folders.pop(old_name, None)
        self._folders[folder.name] = folder
        self._feed.publish(FolderRenamed(self.name, old_name, folder))

    def subscribed(self, name: str, *, yes: bool) -> None:
        if yes:
            self._subscriptions.add(name)
        else:
            self._subscriptions.discard(name)
        folder = self._folders.get(name)
        if folder is not None:
            self._folders[name] = replace(folder, subscribed=yes)
            mailbox = self._memory.mailboxes.get(folder.id)
            if mailbox is not None:
                mailbox.subscribed(yes=yes)
        self._feed.publish(FolderSubscribed(self.name, name, yes))

    def annotated(self, change: Annotated) -> None:
        self._feed.publish(change)


def _read_mailbox(txn: Txn, mailbox: int) -> tuple[Box, MailColumns] | None:
    """Compared with the disk first; None while there is more to compare."""
    if look_at(txn, mailbox):
        return None
    box = mailboxes.by_id(txn.db, mailbox)
    assert box is not None  # or look_at had raised
    return box, read_columns(txn, box)


def _known_mailbox(txn: Txn, mailbox: int) -> tuple[Box, MailColumns] | None:
    """As the rows say, read by the reactor's connection; nothing that the Txn gathers is done."""
    box = mailboxes.by_id(txn.db, mailbox)
    return None if box is None else (box, read_columns(txn, box))
