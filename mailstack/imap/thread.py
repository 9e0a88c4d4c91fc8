"""Which message answers which: the threading algorithms.  RFC 5256 §3

Messages are numbers from 0, in the order of the mailbox; numbers behind the last one are dummies,
messages that others refer to and that are not there.  Nothing recurses: a thread may be as deep as it is long.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Forest", "Threaded", "by_references", "by_references_only", "by_subject", "rendered"]

_TURN = 256  # messages between two chances for others

Pause = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Threaded:
    """What is compared of each message; parallel."""

    ids: Sequence[bytes | None]
    references: Sequence[Sequence[bytes] | None]
    subjects: Sequence[bytes]
    replies: Sequence[object]  # true for a reply or forward
    sent: Sequence[int]
    received: Sequence[int]


@dataclass(slots=True)
class Forest:
    """The threads: `roots` in order, each node's `children` in order."""

    roots: list[int]
    children: list[list[int]]
    messages: int  # nodes from here on are dummies


async def by_subject(mail: Threaded, pause: Pause) -> Forest:
    """ORDEREDSUBJECT: the first message of each base subject, the later ones its children."""
    groups: dict[bytes, list[int]] = {}
    for node in _by_date(mail.sent):
        groups.setdefault(mail.subjects[node], []).append(node)
    await pause()
    children: list[list[int]] = [[] for _ in mail.sent]
    for group in groups.values():
        children[group[0]] = group[1:]
    return Forest([group[0] for group in groups.values()], children, len(mail.sent))


async def by_references(mail: Threaded, pause: Pause) -> Forest:
    """REFERENCES: by References and In-Reply-To, then threads of the same base subject together."""
    forest = await _linked(mail, pause)
    rank = _ranks(mail.sent)
    _sort_roots(forest, rank)
    await pause()
    _merge_subjects(forest, mail)
    await pause()
    for siblings in forest.children:
        siblings.sort(key=rank.__getitem__)
    _sort_roots(forest, rank)
    return forest


async def by_references_only(mail: Threaded, pause: Pause) -> Forest:
    """REFS: subjects tell nothing, and the thread with the latest arrival is the last one.

    As Dovecot and Cyrus do it, after draft-ietf-morg-inthread: siblings are in the order of their arrival.
    """
    forest = await _linked(mail, pause)
    rank = _ranks(mail.received)
    for siblings in forest.children:
        siblings.sort(key=rank.__getitem__)
    latest = _latest(forest, rank)
    forest.roots.sort(key=latest.__getitem__)
    return forest


def _by_date(dates: Sequence[int]) -> list[int]:
    """Ascending; what has the same date stays in the order of the mailbox.  RFC 5256 §2.2"""
    return sorted(range(len(dates)), key=dates.__getitem__)


def _ranks(dates: Sequence[int]) -> list[int]:
    ranks = [0] * len(dates)
    for rank, node in enumerate(_by_date(dates)):
        ranks[node] = rank
    return ranks


def _latest(forest: Forest, rank: Sequence[int]) -> dict[int, int]:
    """For each root the highest rank in its thread."""
    latest = {}
    for root in forest.roots:
        left, best = [root], -1
        while left:
            node = left.pop()
            if node < forest.messages:
                best = max(best, rank[node])
            left += forest.children[node]
        latest[root] = best
    return latest


# --- steps 1 to 3: who is whose parent ---


async def _linked(mail: Threaded, pause: Pause) -> Forest:
    parents = await _parents(mail, pause)
    count = len(mail.sent)
    await pause()
    _prune(parents, count)
    children: list[list[int]] = [[] for _ in parents]
    for node in range(count):
        if parents[node] >= 0:
            children[parents[node]].append(node)
    roots = [node for node in range(count) if parents[node] < 0]
    for node in range(count, len(parents)):
        # step 3: a dummy stays only above several messages
        roots += [node] if len(children[node]) > 1 else children[node]
    return Forest(roots, children, count)


async def _parents(mail: Threaded, pause: Pause) -> list[int]:
    """Step 1: each node's parent, -1 for none; dummies behind the messages."""
    links = _Links(mail.ids)
    for node, references in enumerate(mail.references):
        if node % _TURN == 0:
            await pause()
        parent = links.chain(references or ())
        links.parents[node] = -1
        if parent >= 0:
            links.link(parent, node)
    return links.parents


class _Links:
    """Parents as they become known.  Of messages with the same ID the first has it."""

    def __init__(self, ids: Sequence[bytes | None]) -> None:
        self.parents = [-1] * len(ids)
        self._has_children = [False] * len(ids)
        self._nodes: dict[bytes, int] = {}
        for node, name in enumerate(ids):
            if name:
                self._nodes.setdefault(name, node)

    def chain(self, references: Iterable[bytes]) -> int:
        """Link each to the one before, where it has no parent yet; the last one, -1 without any.  Step 1.A"""
        parent = -1
        for name in references:
            child = self._node(name)
            if parent >= 0 and self.parents[child] < 0:
                self.link(parent, child)
            parent = child
        return parent

    def _node(self, name: bytes) -> int:
        """The message of this ID; else its dummy."""
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = len(self.parents)
            self.parents.append(-1)
            self._has_children.append(False)
        return node

    def link(self, parent: int, child: int) -> None:
        """Unless that made a loop."""
        above = parent if self._has_children[child] or parent == child else -1
        while above >= 0:
            if above == child:
                return
            above = self.parents[above]
        self.parents[child] = parent
        self._has_children[parent] = True


def _prune(parents: list[int], count: int) -> None:
    """Step 3: no dummy stays between messages; those at the top stay for now."""
    for node in range(count):
        path = []
        above = parents[node]
        while above >= count and parents[above] >= 0:
            path.append(above)
            above = parents[above]
        for dummy in path[:-1]:  # the next one through here has a short way; the last one has it already
            parents[dummy] = above
        parents[node] = above


# --- steps 4 to 6: subjects, order ---


def _sort_roots(forest: Forest, rank: Sequence[int]) -> None:
    """By date; a dummy has that of its first child, and those are sorted."""
    keys = {}
    for root in forest.roots:
        if root >= forest.messages:
            forest.children[root].sort(key=rank.__getitem__)
            keys[root] = rank[forest.children[root][0]]
        else:
            keys[root] = rank[root]
    forest.roots.sort(key=keys.__getitem__)


def _merge_subjects(forest: Forest, mail: Threaded) -> None:
    """Step 5: threads of one base subject become one."""
    count, children = forest.messages, forest.children
    table: dict[bytes, int] = {}
    subjects = {root: mail.subjects[root if root < count else children[root][0]] for root in forest.roots}
    for root in forest.roots:
        subject = subjects[root]
        there = table.get(subject)
        if subject and (there is None or _goes_before(root, there, mail, count)):
            table[subject] = root
    merged: set[int] = set()
    for root in list(forest.roots):
        subject = subjects[root]
        there = table.get(subject)
        if there is None or there == root:
            continue
        merged.add(root)
        if there >= count and root >= count:
            children[there] += children[root]
        elif there >= count or (mail.replies[root] and not mail.replies[there]):
            children[there].append(root)
        else:
            merged.add(there)
            table[subject] = len(children)
            forest.roots.append(len(children))
            children.append([there, root])
    forest.roots = [root for root in forest.roots if root not in merged]


def _goes_before(root: int, there: int, mail: Threaded, count: int) -> bool:
    """Whether the thread is the better one to gather its subject's threads."""
    if there >= count:
        return False
    return root >= count or bool(mail.replies[there] and not mail.replies[root])


# --- the answer ---


def rendered(forest: Forest, numbers: Sequence[int]) -> bytes:
    """thread-list = "(" (thread-members / thread-nested) ")", all of them   RFC 5256 §5"""
    out: list[bytes] = []
    left: list[int | bytes] = list(reversed(forest.roots))
    while left:
        item = left.pop()
        if isinstance(item, bytes):
            out.append(item)
            continue
        out.append(b"(")
        nested = _members(forest, numbers, item, out)
        left.append(b")")
        left += reversed(nested)
    return b"".join(out)


def _members(forest: Forest, numbers: Sequence[int], node: int, out: list[bytes]) -> Sequence[int]:
    """nz-number *(SP nz-number): down to where the thread ends or parts; those it parts into."""
    separator = b""
    while True:
        children = forest.children[node]
        if node < forest.messages:
            out.append(separator + b"%d" % numbers[node])
            separator = b" "
        if len(children) != 1:
            if children:
                out.append(separator)
            return children
        node = children[0]
