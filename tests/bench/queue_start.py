"""How long a server with a very long queue takes to start, and what memory: `make bench-queue` (ROWS=1000000).

One message a recipient, each with its file: the worst case.  A tenth of the recipients is in
one domain, the rest in 10,000; a third is due.  A process of its own opens the queue as the
daemon does, and runs until the window wants no more.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailstack.queue import table
from mailstack.queue.pick import Agenda, Limits, by_domain
from mailstack.queue.spool import Spool
from mailstack.store.service import Store


def build(folder: Path, rows: int) -> None:
    """The rows and files of a queue that has grown for hours."""
    store, now, dice = Store(str(folder), reactor=None, durability="none"), time.time(), random.Random(5)
    store.start()
    (folder / "queue").mkdir()

    def fill(db: object) -> None:
        table.migrate(db)
        message = "INSERT INTO queue_message (id, {}) VALUES (?, {})"
        recipient = "INSERT INTO queue_recipient ({}) VALUES ({})"
        columns = "reverse_path, size, arrived, account, body, smtputf8, ret, envid, client"
        named = "message_id, address, domain, orcpt, notify, next_try"
        ids = [f"m{number:07}" for number in range(rows)]
        domains = ["huge.test" if dice.random() < 0.1 else f"d{dice.randrange(10_000)}.test" for _ in ids]
        db.executemany(  # type: ignore[attr-defined]
            message.format(columns, "?, 1000, ?, '', '7BIT', 0, '', '', ''"),
            ((each, "a@here.test", now - dice.random() * 9000) for each in ids),
        )
        db.executemany(  # type: ignore[attr-defined]
            recipient.format(named, "?, ?, ?, '', '', ?"),
            ((i, f"x@{d}", d, now + (dice.random() - 0.33) * 9000) for i, d in zip(ids, domains, strict=True)),
        )
        for each in ids:
            os.close(os.open(folder / "queue" / each, os.O_CREAT | os.O_WRONLY, 0o600))

    store.ledger.write(fill)
    Deferred.fromCoroutine(store.stop())


def start(folder: Path) -> None:
    """Prints what it took."""
    before = _resident()
    began, cpu, clock = time.perf_counter(), time.process_time(), Clock()
    clock.rightNow = time.time()
    store = Store(str(folder), reactor=None, durability="none")
    store.start()
    spool = Spool(folder / "queue", store.ledger, Agenda(Limits()), lane_of=by_domain(), now=clock.seconds)
    Deferred.fromCoroutine(spool.open())
    spool.window.look(clock.seconds())
    first = time.perf_counter() - began
    looks, longest = 1, 0.0
    while spool.window.next_look(clock.seconds()) == clock.seconds():
        begins = time.perf_counter()
        spool.window.look(clock.seconds())
        looks, longest = looks + 1, max(longest, time.perf_counter() - begins)
    took, memory = time.perf_counter() - began, _resident() - before
    recipients, messages = spool.size()
    print(f"{recipients} recipients of {messages} messages: {first:.2f} s until the first may be sent,")
    print(f"{took:.2f} s until the window is full: {len(spool.window)} rows, {memory / 1024:.0f} MiB;")
    print(f"{time.process_time() - cpu:.2f} s of CPU;")
    print(f"{looks} looks, the longest of {longest * 1000:.1f} ms")
    Deferred.fromCoroutine(store.stop())


def _resident() -> int:
    """KiB."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def main() -> None:
    if len(sys.argv) > 2:
        return start(Path(sys.argv[2]))
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        build(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
        subprocess.run([sys.executable, "-m", "tests.bench.queue_start", "start", folder], check=True)
    return None


if __name__ == "__main__":
    main()
