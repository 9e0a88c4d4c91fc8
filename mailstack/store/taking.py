"""Messages that the operator brings in from elsewhere: files beside the mail become messages.  The writer's thread."""

import os
from collections.abc import Sequence

from mailstack.store import foldering, maildir
from mailstack.store.effects import Added
from mailstack.store.filing import give_keywords, reserve, take_uid
from mailstack.store.flags import MAX_KEYWORDS, bits_of, merged
from mailstack.store.foldering import Home
from mailstack.store.index import imported, mailboxes, messages, usage
from mailstack.store.index.mailboxes import Box
from mailstack.store.index.messages import Row
from mailstack.store.txn import Txn
from mailstack.store.values import Carried

__all__ = ["take_in"]


def take_in(txn: Txn, account: str, folder: str, carried: Sequence[Carried]) -> tuple[int, int]:
    """(messages that came, messages that had come before).  The mailbox is made if it is missing.

    All of them or none.  No quota hinders it.  MailError(BAD_MAILBOX_NAME)
    """
    home = foldering.ensure_home(txn, account)
    box = _box(txn, home, folder)
    fresh = [each for each in carried if not each.key or imported.add(txn.db, home.id, box.name, each.key)]
    if fresh:
        _take(txn, home, box, fresh)
    return len(fresh), len(carried) - len(fresh)


def _box(txn: Txn, home: Home, folder: str) -> Box:
    name = maildir.checked(folder)
    found = mailboxes.by_name(txn.db, home.id, name)
    if found is None:
        foldering.create(txn, home.name, name, None)
        foldering.subscribe(txn, home.name, name)
        found = mailboxes.by_name(txn.db, home.id, name)
    assert found is not None  # or `create` had raised
    return found


def _take(txn: Txn, home: Home, box: Box, carried: Sequence[Carried]) -> None:
    give_keywords(txn, home, box, _keywords(box, carried))
    reserve(txn, home, box, len(carried))
    box.modseq += 1
    rows = []
    with txn.touching(box, home.path(box)):
        for each in carried:
            size = os.stat(each.path).st_size  # noqa: PTH116  see base.files
            flags = bits_of(each.flags, box.keywords)
            base, disk = maildir.make_base(txn.site.unique(), size, box.uidnext), merged(flags, "")
            path = f"{home.path(box)}/cur/{maildir.file_name(base, disk)}"
            txn.set_time(each.path, each.date)
            txn.rename(each.path, path)
            txn.touched[path] = None
            rows.append(Row(take_uid(box), box.modseq, flags, size, each.date, base, disk))
    messages.insert(txn.db, box.id, rows)
    usage.add(txn.db, box.account, rows)
    mailboxes.save_counters(txn.db, box)
    txn.tell(Added(box, rows))


def _keywords(box: Box, carried: Sequence[Carried]) -> list[str]:
    """As many new ones as there is room for: what a mailbox cannot hold must not stop the mail."""
    known = {name.casefold() for name in box.keywords if name}
    room = MAX_KEYWORDS - len(known)
    wanted = dict.fromkeys(flag for each in carried for flag in each.flags if not flag.startswith("\\"))
    fresh = [name for name in wanted if name.casefold() not in known]
    return [name for name in wanted if name.casefold() in known] + fresh[:room]
