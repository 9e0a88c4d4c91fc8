"""The store against a plain model: any order of changes, ours and other programs', with restarts at any point."""

import shutil
import tempfile

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mailstack.base.errors import Condition, MailError
from mailstack.store.values import DEFAULT_FOLDERS, FlagMode
from tests.store.world import ALICE, Mirror, World, picture, run

NAMES = st.sampled_from(["INBOX", "inbox", "Sent", "A", "A/B", "A/B.c", "Ü & Co", "B\\x", "Archive"])
FLAGS = st.sets(
    st.sampled_from(["\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft", "$Junk", "todo"]), max_size=4
)
LETTERS = st.sets(st.sampled_from("DFPRST"), max_size=3)
SYSTEM = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
PICK = st.lists(st.integers(0, 5), max_size=4)


def normal(name):
    return "INBOX" if name.upper() == "INBOX" else name


class Box:
    """A mailbox of the model."""

    def __init__(self, folder):
        self.id, self.uidvalidity = folder.id, folder.uidvalidity
        self.messages = {}  # uid → (flags, octets)
        self.highest = 0

    def add(self, uid, flags, octets):
        assert uid > self.highest, "a UID was given twice"
        self.highest = uid
        self.messages[uid] = (frozenset(flags), octets)


class StoreMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.root = tempfile.mkdtemp()
        self.world = World(self.root)
        self.serial = 0
        self.account = self.world.account()
        self.boxes = {folder.name: Box(folder) for folder in self.account.folders()}
        self.used_uidvalidities = {box.uidvalidity for box in self.boxes.values()}
        self.subscribed = {"INBOX", *(name for name, _ in DEFAULT_FOLDERS)}
        self.mirrors = {}
        assert set(self.boxes) == self.subscribed

    def teardown(self):
        self.world.close()
        shutil.rmtree(self.root)

    # --- helpers -------------------------------------------------------------------------------------

    def text(self, line_end=b"\r\n"):
        self.serial += 1
        return b"Subject: %d" % self.serial + 2 * line_end + b"x" * (self.serial % 7) + line_end

    def opened(self, name):
        name = normal(name)
        if name not in self.mirrors:
            self.mirrors[name] = Mirror(run(self.account.open(name)))
        return self.mirrors[name].mailbox

    def pick(self, name, indices):
        uids = sorted(self.boxes[normal(name)].messages) if normal(name) in self.boxes else []
        return sorted({uids[index] for index in indices if index < len(uids)})

    def refused(self, condition, coroutine):
        try:
            run(coroutine)
        except MailError as error:
            assert error.condition is condition
        else:
            raise AssertionError(f"{condition} expected")

    # --- mail ----------------------------------------------------------------------------------------

    @rule(name=NAMES, flags=FLAGS, count=st.integers(1, 3))
    def append(self, name, flags, count):
        box = self.boxes.get(normal(name))
        if box is None:
            self.refused(Condition.NO_SUCH_MAILBOX, self.account.append(name, []))
            return
        texts = [self.text() for _ in range(count)]
        for uid, text in zip(self.world.append(name, *texts, flags=tuple(flags)), texts, strict=True):
            box.add(uid, flags, text)

    @rule(name=NAMES)
    def deliver(self, name):
        box = self.boxes.get(normal(name), self.boxes["INBOX"])
        text = self.text()
        before = run(self.account.status(next(n for n, b in self.boxes.items() if b is box))).uidnext
        self.world.deliver(text, (ALICE, name), (ALICE, name))
        box.add(before, (), text)

    @rule(name=NAMES, indices=PICK, flags=FLAGS, mode=st.sampled_from(FlagMode))
    def set_flags(self, name, indices, flags, mode):
        box = self.boxes.get(normal(name))
        if box is None:
            return
        uids = self.pick(name, indices)
        changed = run(self.opened(name).set_flags([*uids, 999999], mode, flags))
        for uid in uids:
            old, text = box.messages[uid]
            new = {FlagMode.ADD: old | flags, FlagMode.REMOVE: old - flags, FlagMode.REPLACE: flags}[mode]
            assert (uid in changed) == (new != old)
            box.messages[uid] = (frozenset(new), text)

    @rule(name=NAMES, indices=PICK)
    def expunge(self, name, indices):
        box = self.boxes.get(normal(name))
        if box is None:
            return
        uids = self.pick(name, indices)
        assert list(run(self.opened(name).expunge([*uids, 999999]))) == uids
        for uid in uids:
            del box.messages[uid]

    @rule(name=NAMES, goal=NAMES, indices=PICK, moving=st.booleans())
    def copy_or_move(self, name, goal, indices, moving):
        box, other = self.boxes.get(normal(name)), self.boxes.get(normal(goal))
        if box is None:
            return
        mailbox, uids = self.opened(name), self.pick(name, indices)
        work = mailbox.move if moving else mailbox.copy
        if other is None:
            self.refused(Condition.NO_SUCH_MAILBOX, work(uids, goal))
            return
        done = run(work([*uids, 999999], goal))
        assert list(done.sources) == uids
        assert done.uidvalidity == other.uidvalidity
        for source, new in zip(done.sources, done.targets, strict=True):
            other.add(new, *box.messages[source])
            if moving:
                del box.messages[source]

    # --- folders -------------------------------------------------------------------------------------

    @rule(name=NAMES)
    def create(self, name):
        name = normal(name)
        if name in self.boxes:
            self.refused(Condition.MAILBOX_EXISTS, self.account.create(name))
            return
        run(self.account.create(name))
        self.note_new_folders()

    def note_new_folders(self):
        for folder in self.account.folders():
            if folder.name not in self.boxes:
                assert folder.uidvalidity not in self.used_uidvalidities
                self.used_uidvalidities.add(folder.uidvalidity)
                self.boxes[folder.name] = Box(folder)

    @rule(name=NAMES)
    def delete(self, name):
        name = normal(name)
        if name not in self.boxes:
            self.refused(Condition.NO_SUCH_MAILBOX, self.account.delete(name))
        elif name == "INBOX":
            self.refused(Condition.NOT_ALLOWED, self.account.delete(name))
        else:
            run(self.account.delete(name))
            del self.boxes[name]
            mirror = self.mirrors.pop(name, None)
            assert mirror is None or type(mirror.changes[-1]).__name__ == "MailboxInvalidated"

    @rule(name=NAMES, goal=NAMES)
    def rename(self, name, goal):
        name, target = normal(name), normal(goal)
        if name not in self.boxes:
            self.refused(Condition.NO_SUCH_MAILBOX, self.account.rename(name, target))
        elif name != "INBOX" and (target == name or target.startswith(name + "/")):
            self.refused(Condition.NOT_ALLOWED, self.account.rename(name, target))
        elif target in self.boxes or self.collides(name, target):
            self.refused(Condition.MAILBOX_EXISTS, self.account.rename(name, target))
        elif name == "INBOX":
            self.rename_inbox(target)
        else:
            run(self.account.rename(name, target))
            for held in (self.boxes, self.mirrors):
                for old in [old for old in held if old == name or old.startswith(name + "/")]:
                    held[target + old[len(name) :]] = held.pop(old)
            self.note_new_folders()

    def collides(self, name, target):
        return name != "INBOX" and any(
            target + old[len(name) :] in self.boxes for old in self.boxes if old.startswith(name + "/")
        )

    def rename_inbox(self, target):
        run(self.account.rename("INBOX", target))
        self.note_new_folders()
        old, new = self.boxes["INBOX"], self.boxes[target]
        for number, uid in enumerate(sorted(old.messages), start=1):
            new.add(number, *old.messages[uid])
        old.messages = {}

    @rule(name=NAMES, yes=st.booleans())
    def subscribe(self, name, yes):
        run(self.account.subscribe(name) if yes else self.account.unsubscribe(name))
        (self.subscribed.add if yes else self.subscribed.discard)(normal(name))

    # --- other programs ------------------------------------------------------------------------------

    def path(self, name):
        folder = self.world.store._memory.read(
            lambda db: db.execute("SELECT folder FROM mailbox WHERE id = ?", (self.boxes[name].id,)).fetchone()[0]
        )
        return self.world.maildir(folder)

    @rule(name=NAMES, part=st.sampled_from(["new", "cur"]), crlf=st.booleans(), letters=LETTERS)
    def others_bring(self, name, part, crlf, letters):
        box = self.boxes.get(normal(name))
        if box is None:
            return
        text = self.text(b"\r\n" if crlf else b"\n")
        suffix = ":2," + "".join(sorted(letters)) if part == "cur" else ""
        uidnext = self.opened(name).uidnext
        (self.path(normal(name)) / part / f"{self.serial}.foreign{suffix}").write_bytes(text)
        run(self.opened(name).refresh())
        flags = {SYSTEM[letter] for letter in letters if letter in SYSTEM} if part == "cur" else set()
        box.add(uidnext, flags, text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    @rule(name=NAMES, index=st.integers(0, 5))
    def others_remove(self, name, index):
        for uid in self.pick(name, [index]):
            self.opened(name)
            self.file_of(normal(name), uid).unlink()
            run(self.opened(name).refresh())
            del self.boxes[normal(name)].messages[uid]

    @rule(name=NAMES, index=st.integers(0, 5), letters=LETTERS)
    def others_flag(self, name, index, letters):
        for uid in self.pick(name, [index]):
            box = self.boxes[normal(name)]
            path = self.file_of(normal(name), uid)
            self.opened(name)
            base, _, old = path.name.partition(":2,")
            kept = "".join(letter for letter in old if letter.islower())
            path.rename(path.with_name(f"{base}:2,{''.join(sorted(letters))}{kept}"))
            run(self.opened(name).refresh())
            flags, text = box.messages[uid]
            keywords = {flag for flag in flags if not flag.startswith("\\")}
            box.messages[uid] = (frozenset(keywords | {SYSTEM[x] for x in letters if x in SYSTEM}), text)

    def file_of(self, name, uid):
        (found,) = (self.path(name) / "cur").glob(f"*,U={uid}:2,*")
        return found

    # --- restarts ------------------------------------------------------------------------------------

    @rule(crash=st.booleans(), without_index=st.booleans())
    def restart(self, crash, without_index):
        (self.world.crash if crash else self.world.reopen)(without_index=without_index)
        self.mirrors.clear()
        self.account = self.world.account()

    # --- what always holds -----------------------------------------------------------------------------

    @invariant()
    def folders_agree(self):
        assert {f.name: (f.id, f.uidvalidity) for f in self.account.folders()} == {
            name: (box.id, box.uidvalidity) for name, box in self.boxes.items()
        }
        assert set(self.account.subscriptions()) == self.subscribed
        assert all(f.subscribed == (f.name in self.subscribed) for f in self.account.folders())

    @invariant()
    def status_agrees(self):
        for name, box in self.boxes.items():
            status = run(self.account.status(name))
            assert status.messages == len(box.messages)
            assert status.unseen == sum("\\Seen" not in flags for flags, _ in box.messages.values())
            assert status.deleted == sum("\\Deleted" in flags for flags, _ in box.messages.values())
            assert status.size == sum(len(text) for _, text in box.messages.values())
            assert status.uidnext > box.highest

    @precondition(lambda self: self.boxes)
    @rule(name=NAMES)
    def look(self, name):
        if normal(name) in self.boxes:
            self.opened(name)

    @invariant()
    def open_mailboxes_agree(self):
        for name, mirror in self.mirrors.items():
            mirror.check()
            assert mirror.mailbox.folder.name == name
            seen = {uid: (frozenset(flags), text) for uid, (flags, text) in picture(mirror.mailbox).items()}
            assert seen == self.boxes[name].messages

    @invariant()
    def names_carry_everything(self):
        """Nothing is left to do: the disk alone says what the index does."""
        for name, box in self.boxes.items():
            assert len(list((self.path(name) / "cur").iterdir())) == len(box.messages)


TestStore = StoreMachine.TestCase
