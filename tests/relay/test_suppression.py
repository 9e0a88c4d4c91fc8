from datetime import timedelta

import pytest

from mailstack.base.events import Event
from mailstack.queue.api import Deferred, Delivered, Failed, RemoteReply
from mailstack.relay.suppression import Suppressed, SuppressingCourier, says_nobody
from tests.queue.world import START, ScriptedCourier, World, run

NOBODY = Failed(RemoteReply("mx.t.test", 550, "5.1.1", "no such user", "RCPT TO:<x@t.test>"))
OK = Delivered(RemoteReply("mx.t.test", 250, "2.0.0", "ok"))


@pytest.fixture
def world(tmp_path):
    inner = ScriptedCourier(**{"x@t.test": [NOBODY], "y@t.test": [OK]})
    made = World(tmp_path, None)
    suppressed = Suppressed(made.ledger, made.clock.seconds, timedelta(days=3))
    made.courier = SuppressingCourier(suppressed, inner)
    made.inner, made.suppressed = inner, suppressed
    made.runner._couriers = {"mx": made.courier}
    made.start()
    yield made
    made.close()


def test_an_address_that_is_nobodys_is_not_tried_for_a_time(world):
    world.enqueue("m1", "x@t.test", "y@t.test")
    assert len(world.reports) == 1
    [known] = world.suppressed.all()
    assert (known.address, known.since.timestamp()) == ("x@t.test", START)
    assert world.told(Event.ADDRESS_SUPPRESSED)[0]["recipient"] == "x@t.test"
    world.inner.script["X@t.test"] = [OK]
    world.enqueue("m2", "X@t.test", "y@t.test")
    assert world.inner.calls[1:] == [("m2", ("y@t.test",))]
    assert b"550 5.1.1 no such user" in world.reports[1][1].replace(b"\r\n", b" ").replace(b"  ", b" ")
    world.clock.advance(3 * 86400 + 1)
    world.enqueue("m3", "x@t.test")
    assert world.inner.calls[-1] == ("m3", ("x@t.test",))


def test_removed_by_hand(world):
    world.enqueue("m1", "x@t.test")
    assert run(world.suppressed.remove("X@T.test"))
    assert not run(world.suppressed.remove("x@t.test"))
    world.enqueue("m2", "x@t.test")
    assert len(world.inner.calls) == 2


def test_switched_off_nothing_is_learnt(world):
    world.courier._suppressed = Suppressed(world.ledger, world.clock.seconds, timedelta(0))
    world.enqueue("m1", "x@t.test")
    world.enqueue("m2", "x@t.test")
    assert len(world.inner.calls) == 2
    assert world.suppressed.all() == []


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (NOBODY, True),
        (Failed(RemoteReply("mx", 550, "5.2.1", "disabled", "RCPT TO:<x>")), True),
        (Failed(RemoteReply("mx", 550, "5.7.1", "spam", "RCPT TO:<x>")), False),
        (Failed(RemoteReply("mx", 550, "5.1.1", "after all", "end of DATA")), False),
        (Failed(RemoteReply("", 0, "5.1.2", "no such domain")), False),
        (Deferred(RemoteReply("mx", 450, "4.1.1", "later", "RCPT TO:<x>")), False),
        (OK, False),
    ],
)
def test_what_says_that_it_is_nobody(outcome, says):
    assert says_nobody(outcome) is says
