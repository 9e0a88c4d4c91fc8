"""What the sender asks of the queue: order (RFC 6710), a time to begin (RFC 4865), a time to end (RFC 2852)."""

from datetime import UTC, datetime

import pytest

from mailstack.queue.api import Deferred, Delivered, Failed, Recipient, Tls, Wishes
from mailstack.queue.pick import Agenda, Lane, Limits, Parcel
from tests.queue.world import START, ScriptedCourier, SlowCourier, World, reply

OK = Delivered(reply(250, text="queued"))
LATER = Deferred(reply(451, text="greylisted"))
A, B, C = (Lane("mx", f"{name}.test") for name in "abc")


def at(seconds):
    return datetime.fromtimestamp(START + seconds, UTC)


@pytest.fixture
def world(tmp_path):
    made = []

    def make(courier, **more):
        made.append(World(tmp_path, courier, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_urgent_first_within_a_lane_then_the_order_of_arrival():
    agenda = Agenda(Limits(running_a_lane=1))
    for row, priority in ((1, 0), (2, -4), (3, 6), (4, 0), (5, 6), (6, 9)):
        agenda.add(Parcel(f"m{row}", A, (row,), 0.0, priority))
    order = []
    while (parcel := agenda.take(0.0)) is not None:
        order.append(parcel.rows[0])
        agenda.done(parcel)
    assert order == [6, 3, 5, 1, 4, 2]


def test_lanes_with_urgent_mail_have_their_turn_first_and_bulk_mail_its_last():
    agenda = Agenda(Limits(running=1))
    for row, lane, priority in ((1, A, -1), (2, B, 0), (3, B, 0), (4, C, 3)):
        agenda.add(Parcel(f"m{row}", lane, (row,), 0.0, priority))
    order = []
    while (parcel := agenda.take(0.0)) is not None:
        order.append(parcel.rows[0])
        agenda.done(parcel)
    assert order == [4, 2, 3, 1]


def test_what_becomes_urgent_moves_its_lane_forward():
    agenda = Agenda(Limits(running=1, running_a_lane=1))
    agenda.add(Parcel("m1", A, (1,), 0.0))
    first = agenda.take(0.0)
    for row, lane, priority in ((2, B, 0), (3, A, 0), (4, A, 5)):
        agenda.add(Parcel(f"m{row}", lane, (row,), 0.0, priority))
    assert agenda.take(0.0) is None
    agenda.done(first)
    assert agenda.take(0.0).rows == (4,)


def test_all_wishes_outlive_a_restart(world):
    wishes = Wishes(Tls.REQUIRED, -3, at(60), "for;60", at(7200), "RT")
    w = world(SlowCourier())
    w.enqueue("m1", "x@t.test", wishes=wishes)
    w.ledger.connection.close()
    w.open()
    w.start()
    assert w.courier.calls == []
    w.clock.advance(60)
    ((envelope, *_),) = w.courier.calls
    assert envelope.wishes == wishes


def test_held_mail_waits_and_its_five_days_begin_then(world):
    w = world(ScriptedCourier(**{"x@t.test": [LATER]}))
    w.start()
    w.enqueue("m1", "x@t.test", wishes=Wishes(hold_until=at(86400 * 10), hold="for;864000"))
    w.clock.advance(86400 * 10 - 1)
    assert w.courier.calls == []
    (queued,) = w.spool.list()[0]
    assert queued.next_try == at(86400 * 10)
    w.clock.advance(1)
    assert len(w.courier.calls) == 1
    w.clock.pump([3600] * 24 * 5)
    assert w.waiting() == []
    (_, delayed), (_, failed) = w.reports
    assert b"Action: delayed" in delayed
    assert b"Future-Release-Request: for;864000\r\n" in failed


def test_mode_r_comes_back_when_its_time_is_over(world):
    w = world(ScriptedCourier(**{"x@t.test": [LATER]}))
    w.start()
    w.enqueue("m1", "x@t.test", wishes=Wishes(deliver_by=at(1000), by_mode="R"))
    w.clock.pump([100] * 9)
    assert w.reports == []
    w.clock.advance(100)
    assert w.waiting() == []
    ((_, report),) = w.reports
    assert b"Action: failed\r\nStatus: 5.4.7\r\n" in report
    assert b"Deliver-By-Date: " in report
    assert b"within the time that you had set" in report.replace(b"\r\n", b" ")


def test_mode_r_is_not_even_tried_too_late(world):
    w = world(ScriptedCourier(**{"x@t.test": [OK]}))
    w.enqueue("m1", "x@t.test", wishes=Wishes(deliver_by=at(1000), by_mode="R"))
    w.clock.advance(1000)
    w.start()
    assert w.courier.calls == []
    ((_, report),) = w.reports
    assert b"Status: 5.4.7" in report


def test_mode_n_tells_of_the_delay_once_and_goes_on(world):
    w = world(ScriptedCourier(**{"x@t.test": [LATER] * 5 + [OK]}))
    w.start()
    w.enqueue("m1", "x@t.test", wishes=Wishes(deliver_by=at(600), by_mode="N"))
    w.clock.pump([60] * 9)
    assert w.reports == []
    w.clock.advance(60)
    ((_, report),) = w.reports
    assert b"Action: delayed" in report
    w.clock.pump([600] * 40)
    assert w.waiting() == []
    assert len(w.reports) == 1


def test_mode_n_heeds_notify(world):
    w = world(ScriptedCourier(**{"x@t.test": [LATER]}))
    w.start()
    never = Recipient("x@t.test", notify=frozenset({"NEVER"}))
    w.enqueue("m1", never, wishes=Wishes(deliver_by=at(600), by_mode="N"))
    w.clock.pump([60] * 20)
    assert w.reports == []


@pytest.mark.parametrize(
    ("mode", "keeps_time", "notify", "told"),
    [
        ("N", True, "", False),
        ("N", False, "", True),  # nobody watches its time any more
        ("N", False, "FAILURE", True),
        ("N", False, "NEVER", False),
        ("NT", True, "", True),  # traced
        ("RT", True, "", True),
        ("RT", True, "NEVER", False),
    ],
)
def test_who_hears_that_it_was_relayed(world, mode, keeps_time, notify, told):
    outcome = Delivered(reply(250), keeps_time=keeps_time)
    w = world(ScriptedCourier(**{"x@t.test": [outcome]}))
    w.start()
    recipient = Recipient("x@t.test", notify=frozenset(notify.split()))
    w.enqueue("m1", recipient, wishes=Wishes(deliver_by=at(600), by_mode=mode))
    assert [b"Action: relayed" in report for _, report in w.reports] == [True] * told


def test_reports_are_as_safe_and_as_urgent_as_the_message(world):
    """RFC 8689 §5: only the header goes back; RFC 6710 §4.6"""
    w = world(ScriptedCourier(**{"x@t.test": [Failed(reply(550, "5.1.1", "nobody"))]}))
    w.start()
    w.enqueue("m1", "x@t.test", wishes=Wishes(Tls.REQUIRED, 4))
    ((envelope, report),) = w.reports
    assert envelope.wishes == Wishes(Tls.REQUIRED, 4)
    assert b"text/rfc822-headers" in report
    assert b"\r\n\r\nbody" not in report
