"""Whatever servers say and whenever the process dies: every recipient is delivered once or reported once."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mailstack.base.errors import Condition, MailError
from mailstack.queue.api import Deferred, Delivered, Failed, RemoteReply
from mailstack.queue.pick import Limits
from tests.queue.world import World, by, reply, run

OUTCOMES = {
    "ok": Delivered(reply(250)),
    "later": Deferred(reply(451)),
    "unreached": Deferred(RemoteReply("", 0, "4.4.1", "no connection")),
    "never": Failed(reply(550)),
}
ADDRESSES = ["x@s.test", "y@s.test", "x@t.test"]


class DiceCourier:
    def __init__(self):
        self.said = []
        self.delivered = Counter()

    async def deliver(self, envelope, recipients, content):
        outcomes = {}
        for recipient in recipients:
            word = self.said.pop() if self.said else "ok"
            outcomes[recipient] = OUTCOMES[word]
            self.delivered[envelope.id, recipient.address] += word == "ok"
        return outcomes


steps = st.lists(
    st.one_of(
        st.tuples(st.just("enqueue"), st.sets(st.sampled_from(ADDRESSES), min_size=1)),
        st.tuples(st.just("say"), st.lists(st.sampled_from(sorted(OUTCOMES)), max_size=4)),
        st.tuples(st.just("wait"), st.sampled_from([1, 60, 300, 3600, 200_000])),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("retry"), st.sampled_from(["all", "s.test", "x@t.test", "m0"])),
        st.tuples(st.just("report fails"), st.none()),
    ),
    max_size=14,
)


@settings(max_examples=40)
@given(steps)
def test_once_and_only_once(script):
    with tempfile.TemporaryDirectory() as folder:
        courier = DiceCourier()
        world = World(Path(folder), courier, limits=Limits(running=3, running_a_lane=1, recipients_a_parcel=2))
        world.start()
        try:
            sent = play(world, courier, script)
        finally:
            world.close()
    reported, noticed = Counter(), Counter()
    for _, message in world.reports:
        identity = next(line for line in message.split(b"\r\n") if line.startswith(b"X-Mailstack-Message-Id: "))
        for address in ADDRESSES:
            key = (identity.split(b": ")[1].decode(), address)
            kind = noticed if b"Action: delayed" in message else reported
            kind[key] += message.count(b"Final-Recipient: rfc822; " + address.encode())
    assert {key: courier.delivered[key] + reported[key] for key in sent} == dict.fromkeys(sent, 1)
    assert max(noticed.values(), default=0) <= 1


def play(world, courier, script):
    sent = []
    for action, argument in script:
        if action == "enqueue":
            message_id = f"m{len(sent)}"
            world.enqueue(message_id, *sorted(argument))
            sent += [(message_id, address) for address in argument]
        elif action == "say":
            courier.said += argument
        elif action == "wait":
            world.clock.advance(argument)
        elif action == "retry":
            run(world.spool.retry(by(argument)))
            world.clock.advance(0)
        elif action == "report fails":
            world.report_faults.append(MailError(Condition.STORAGE_FULL, "Out of storage"))
        else:
            world.ledger.connection.close()
            for call in world.clock.getDelayedCalls():
                call.cancel()
            world.open()
            world.start()
    courier.said.clear()
    for _ in range(20):
        world.clock.advance(20_000)
    assert world.waiting() == []
    assert world.files() == []
    return sent
