"""A process of its own for test_memory: a thousand accounts open at once; prints what real memory it took."""

import gc
import json
import sys
from pathlib import Path
from unittest import mock

from mailstack.store import foldering
from tests.store.world import World, run

ACCOUNTS, MESSAGES, OCTETS = 1000, 4, 64 << 10


def resident():
    gc.collect()
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096


def main(root, octets):
    with mock.patch.object(foldering, "DEFAULT_FOLDERS", ()):
        world = World(root, memory=octets)
        names = [f"u{number}@demo.test" for number in range(ACCOUNTS)]
        for number in range(MESSAGES):
            world.deliver(b"Subject: %d\r\n\r\n" % number, *((name, "INBOX") for name in names))
        start = resident()
        accounts = [world.account(name) for name in names]
        mailboxes = [run(account.open("INBOX")) for account in accounts]
        opened = resident()
        for mailbox in mailboxes:
            for uid in mailbox.columns.uids:
                mailbox.kept("envelope", uid, lambda _content, uid=uid: b"%d" % uid * OCTETS)
            mailbox.keep_digest("text", {1: b"d" * OCTETS})
        used = resident()
        for mailbox in mailboxes:
            mailbox.release()
        memory = world.store.opened.memory
        print(
            json.dumps(
                {
                    "open": opened - start,
                    "kept": used - opened,
                    "counted": memory.allowance.used,
                    "mailboxes": len(memory.mailboxes),
                }
            )
        )
        world.close()


main(sys.argv[1], int(sys.argv[2]))
