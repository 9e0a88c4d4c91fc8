"""`rm index.sqlite*`: every kind of folder is found again, with the files of other programs mixed in."""

import pytest

from mailstack.store.values import FlagMode, SpecialUse
from tests.store.world import ALICE, BOB, World, body_of, run

NAMES = [
    "INBOX",
    "INBOX/Below",
    "Sent",  # with a special use
    "Old Mail",  # with one that it was given
    "Work",
    "Work/Sub Level/Deep",
    "R&D v2.0",
    "back\\slash",
    "Übung",
    "日本語/テスト",
    "Ende.",
]
LF = b"Subject: foreign\n\nbare lines\n"
KEYWORDS = ["$Forwarded", "NonJunk", "a"]


def message(number):
    return b"Subject: %d\r\n\r\n%b\r\n" % (number, b"x" * number)


def seen(world, account):
    """name → everything of it that sessions see."""
    pictures = {}
    opened = world.account(account)
    for folder in opened.folders():
        mailbox = run(opened.open(folder.name))
        columns = mailbox.columns
        messages = {
            uid: (sorted(columns.flags(uid)), columns.internal_date(uid), columns.size(uid), body_of(mailbox, uid))
            for uid in columns.uids
        }
        facts = folder.id, folder.uidvalidity, folder.special_use, folder.subscribed
        pictures[folder.name] = facts, sorted(mailbox.keywords), messages
        mailbox.release()
    return pictures, opened.subscriptions()


def foreign(world, account, folder, name, text=LF):
    path = world.maildir(folder, account) / name
    path.write_bytes(text)


def fill(world, account):
    opened = world.account(account)
    run(opened.delete("Archive"))
    for name in NAMES:
        if name not in [folder.name for folder in opened.folders()]:
            run(opened.create(name, SpecialUse.ARCHIVE if name == "Old Mail" else None))
    for number, name in enumerate(NAMES, start=1):
        world.append(
            name, *(message(number * 10 + each) for each in range(4)), flags=("\\Seen", "z-9"), account=account
        )
        mailbox = world.open(name, account)
        run(mailbox.set_flags([2], FlagMode.REPLACE, ["\\Flagged", KEYWORDS[number % 3]]))
        run(mailbox.expunge([1]))
        (folder,) = [each for each in opened.folders() if each.name == name]
        path = opened.path_of(folder.name)[1].removeprefix(str(world.maildir("", account))).removeprefix("/")
        foreign(world, account, path, f"cur/{number}.foreign:2,FS")
        foreign(world, account, path, f"new/{number}.newer")
        run(mailbox.refresh())
        run(mailbox.move([3], "Trash"))
        run(mailbox.copy([2, 4], "Sent"))
    run(opened.subscribe("Only/A Name"))
    run(opened.subscribe("日本語/テスト"))
    run(opened.unsubscribe("Trash"))


@pytest.mark.parametrize("end", ["reopen", "crash"])
def test_every_kind_of_folder_is_the_same_again(tmp_path, end):
    world = World(tmp_path)
    for account in (ALICE, BOB):
        fill(world, account)
    before = {account: seen(world, account) for account in (ALICE, BOB)}
    assert len(before[ALICE][0]) == len(NAMES) + 3 + 2  # Drafts, Trash, Junk; the levels between
    assert len(before[ALICE][0]["Work"][2]) == 4
    getattr(world, end)(without_index=True)
    assert {account: seen(world, account) for account in (ALICE, BOB)} == before
    world.close()


def test_files_that_came_meanwhile_are_new_mail(tmp_path):
    world = World(tmp_path)
    fill(world, ALICE)
    before, subscriptions = seen(world, ALICE)
    run(world.store.stop())
    for folder in ("", ".Work", ".Sent"):
        foreign(world, ALICE, folder, "cur/9.came:2,S")
        (taken, *_) = (world.maildir(folder) / "cur").glob("*U=2:2,*")
        foreign(world, ALICE, folder, f"new/{taken.name.partition(':')[0]}", taken.read_bytes())  # a copy of another
    world.start_again(without_index=True)
    after, subscriptions_after = seen(world, ALICE)
    assert subscriptions_after == subscriptions
    for name, (facts, keywords, messages) in before.items():
        assert after[name][:2] == (facts, keywords)
        assert {uid: after[name][2][uid] for uid in messages} == messages
        new = after[name][2].keys() - messages.keys()
        assert len(new) == (2 if name in ("INBOX", "Work", "Sent") else 0), name
        assert all(uid > max(messages, default=0) for uid in new)
    world.close()
