"""A disk as a power cut may leave it: a model of what is durable and of what only the page cache has.

What it takes for granted of the file system: a rename is atomic, and a change of a name is
never there without the changes of the same name before it.  Everything else that was not
synced may be there or not, each by itself: names, octets (none, the first half, zeros in
their place, any of several writes), times.  ext4 keeps names in order; this disk does not.
"""

import itertools
from dataclasses import dataclass

__all__ = ["Disk", "Folder", "Names", "Size", "Sync", "Time", "Write"]


@dataclass(frozen=True, slots=True)
class Names:
    """Atomic: (folder, name, what it stands for from now on or None)."""

    slots: tuple


@dataclass(frozen=True, slots=True)
class Folder:
    """A new folder; nowhere as long as it has no name."""

    inode: int


@dataclass(frozen=True, slots=True)
class Write:
    inode: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Size:
    inode: int
    octets: int


@dataclass(frozen=True, slots=True)
class Time:
    inode: int
    ns: int


@dataclass(frozen=True, slots=True)
class Sync:
    """Of one file or folder; of everything when `inode` is None."""

    inode: int | None


ALL, NONE, HALF, ZEROS = "all", "none", "half", "zeros"


class Disk:
    """`folders`: what is durable of each, name → inode; `octets` and `times`: of each file.  Inode 1 is the top."""

    def __init__(self, folders, octets, times):
        self.folders, self.octets, self.times = folders, octets, times
        self._names, self._data, self._times = [], {}, {}
        self._told = set()  # outcomes since the last sync

    def happen(self, event):
        if isinstance(event, Sync):
            self._sync(event.inode)
            self.tell_again()
        elif isinstance(event, Folder):
            self.folders[event.inode] = {}
        elif isinstance(event, Names):
            self._names.append(event)
        elif isinstance(event, Time):
            self._times[event.inode] = event.ns
        else:
            self._data.setdefault(event.inode, []).append(event)

    def _sync(self, inode):
        needs = self._needs()
        mine = [
            at
            for at, event in enumerate(self._names)
            if inode is None or any(folder == inode for folder, _, _ in event.slots)
        ]
        kept = set().union(*(needs[at] for at in mine))
        for at in sorted(kept):
            _rename(self.folders, self._names[at])
        self._names = [event for at, event in enumerate(self._names) if at not in kept]
        for each in list(self._data) if inode is None else [inode] * (inode in self._data):
            self.octets[each] = _written(self.octets.get(each, b""), self._data.pop(each))
        for each in list(self._times) if inode is None else [inode] * (inode in self._times):
            self.times[each] = self._times.pop(each)

    def keep_all(self):
        self._sync(None)

    def tell_again(self):
        """Outcomes are not left out any more for being known."""
        self._told.clear()

    def _needs(self):
        """For each pending change of names the changes that are there when it is, itself included."""
        last, needs = {}, []
        for at, event in enumerate(self._names):
            places = [(folder, name) for folder, name, _ in event.slots]
            needs.append({at}.union(*(needs[last[place]] for place in places if place in last)))
            last.update(dict.fromkeys(places, at))
        return needs

    def outcomes(self, random, tries):
        """Trees that a power cut now may leave, path → (octets or None for a folder, time); None for known ones."""
        needs = self._needs()
        every, inodes = range(len(self._names)), list(self._data)
        whole = dict.fromkeys(inodes, ALL)
        for names, fate in itertools.product((every, ()), (ALL, NONE, HALF, ZEROS)):
            yield self._tree(names, dict.fromkeys(inodes, fate), fate == ALL)
        for at in every:
            yield self._tree([each for each in every if at not in needs[each]], whole, True)
            yield self._tree(needs[at], whole, False)
        for inode in inodes:
            for fate in (NONE, HALF, ZEROS):
                yield self._tree(every, {**whole, inode: fate}, True)
        for _ in range(tries):
            chosen = [at for at in every if random.random() < 0.5]
            fates = {inode: random.choice([ALL, ALL, NONE, HALF, ZEROS, random.random()]) for inode in inodes}
            yield self._tree(set().union(*(needs[at] for at in chosen)), fates, random.random() < 0.5)

    def _tree(self, names, fates, with_times):
        """`fates`: of the octets that are not synced; a number chooses some of the writes."""
        data = ((inode, fate, len(self._data[inode])) for inode, fate in fates.items() if fate != NONE)
        key = frozenset(names), frozenset(data)
        if key in self._told:
            return None
        self._told.add(key)
        folders = {inode: dict(entries) for inode, entries in self.folders.items()}
        for at in sorted(names):
            _rename(folders, self._names[at])
        times = {**self.times, **self._times} if with_times else self.times
        tree = {}
        self._walk(folders, 1, "", fates, times, tree)
        return tree

    def _walk(self, folders, inode, path, fates, times, tree):
        for name, child in folders[inode].items():
            here = f"{path}/{name}"
            if child in folders:
                tree[here] = (None, 0)
                self._walk(folders, child, here, fates, times, tree)
            else:
                tree[here] = (self._octets(child, fates.get(child, ALL)), times.get(child, 0))

    def _octets(self, inode, fate):
        durable, writes = self.octets.get(inode, b""), self._data.get(inode, ())
        if not writes or fate == NONE:
            return durable
        if fate == ALL:
            return _written(durable, writes)
        if fate == HALF:
            return _written(durable, [*writes[: len(writes) // 2], *_half(writes[len(writes) // 2])])
        if fate == ZEROS:
            return _written(durable, [_blank(each) for each in writes])
        return _written(durable, [each for at, each in enumerate(writes) if hash((fate, at)) % 2])


def _rename(folders, event):
    for folder, name, inode in event.slots:
        entries = folders[folder]
        if inode is None:
            entries.pop(name, None)
        else:
            entries[name] = inode


def _half(event):
    return [Write(event.inode, event.offset, event.data[: len(event.data) // 2])] if isinstance(event, Write) else []


def _blank(event):
    return Write(event.inode, event.offset, bytes(len(event.data))) if isinstance(event, Write) else event


def _written(octets, events):
    result = bytearray(octets)
    for event in events:
        if isinstance(event, Size):
            result = result[: event.octets].ljust(event.octets, b"\0")
        else:
            if len(result) < event.offset:
                result += bytes(event.offset - len(result))
            result[event.offset : event.offset + len(event.data)] = event.data
    return bytes(result)
