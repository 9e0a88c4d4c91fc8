from datetime import timedelta

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event
from mailstack.queue.api import Deferred, Delivered, Failed, Recipient, RemoteReply
from mailstack.queue.pick import Limits, together
from mailstack.queue.runner import QueueTimes
from tests.queue.world import MESSAGE, START, ScriptedCourier, SlowCourier, World, by, reply, run

OK = Delivered(reply(250, text="queued"), "TLSv1.3 X unverified")
LATER = Deferred(reply(451, text="greylisted"))
NEVER = Failed(reply(550, "5.1.1", "no such user"))
UNREACHED = Deferred(RemoteReply("", 0, "4.4.1", "no connection"))


@pytest.fixture
def world(tmp_path):
    made = []

    def make(courier, **more):
        made.append(World(tmp_path, courier, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_delivered_mail_leaves_nothing_behind(world):
    w = world(ScriptedCourier(**{"x@t.test": [OK]}))
    w.start()
    w.enqueue("m1", "x@t.test")
    assert w.courier.calls == [("m1", ("x@t.test",))]
    assert w.waiting() == []
    assert w.files() == []
    assert w.reports == []
    (told,) = w.told(Event.MAIL_RELAYED)
    assert (told["mid"], told["host"]) == ("m1", "mx.there.test")


def test_the_courier_gets_the_envelope_and_the_octets(world):
    w = world(SlowCourier())
    w.start()
    w.enqueue("m1", Recipient("x@t.test", "rfc822;o@t.test", frozenset({"NEVER"})), envid="E1", ret="HDRS")
    envelope, recipients, octets, _ = w.courier.calls[0]
    assert octets == MESSAGE
    assert recipients == (Recipient("x@t.test", "rfc822;o@t.test", frozenset({"NEVER"})),)
    assert (envelope.envid, envelope.ret, envelope.arrived.timestamp()) == ("E1", "HDRS", START)


def test_one_call_for_each_domain_and_one_for_a_smarthost(world):
    outcomes = {address: [OK] for address in ("a@s.test", "b@t.test", "c@T.test")}
    w = world(ScriptedCourier(**outcomes))
    w.start()
    w.enqueue("m1", *outcomes)
    assert sorted(w.courier.calls) == [("m1", ("a@s.test",)), ("m1", ("b@t.test", "c@T.test"))]


def test_a_smarthost_gets_all_domains_together(world):
    outcomes = {address: [OK] for address in ("a@s.test", "b@t.test")}
    w = world(ScriptedCourier(**outcomes), lane_of=together())
    w.start()
    w.enqueue("m1", *outcomes)
    assert w.courier.calls == [("m1", ("a@s.test", "b@t.test"))]


def test_deferred_mail_is_tried_again_on_time(world):
    w = world(ScriptedCourier(**{"x@t.test": [LATER, LATER, OK], "y@t.test": [OK]}))
    w.start()
    w.enqueue("m1", "x@t.test", "y@t.test")
    assert w.waiting() == [("m1", "x@t.test", 1)]
    (queued,) = w.spool.list()[0]
    assert queued.next_try.timestamp() == START + 300
    assert queued.last_reply == LATER.reply
    w.clock.advance(299)
    assert len(w.courier.calls) == 1
    w.clock.advance(1)
    assert w.waiting() == [("m1", "x@t.test", 2)]
    w.clock.advance(900)
    assert w.waiting() == []
    assert w.files() == []
    assert [wait["wait"] for wait in w.told(Event.MAIL_DEFERRED)] == ["5 min", "15 min"]


def test_refused_recipients_are_reported_once_and_forgotten(world):
    w = world(ScriptedCourier(**{"x@t.test": [NEVER], "y@t.test": [OK]}))
    w.start()
    w.enqueue("m1", "x@t.test", "y@t.test")
    ((envelope, message),) = w.reports
    assert envelope.reverse_path == ""
    assert [r.address for r in envelope.recipients] == ["a@here.test"]
    assert b"Final-Recipient: rfc822; x@t.test" in message
    assert b"550 5.1.1 no such user" in message
    assert b"y@t.test" not in message
    assert w.waiting() == []
    assert w.files() == []


@pytest.mark.parametrize(
    ("reverse_path", "notify"), [("", ()), ("a@here.test", ("NEVER",)), ("a@here.test", ("SUCCESS", "DELAY"))]
)
def test_no_report_where_none_is_wanted(world, reverse_path, notify):
    w = world(ScriptedCourier(**{"x@t.test": [NEVER]}))
    w.start()
    w.enqueue("m1", Recipient("x@t.test", notify=frozenset(notify)), reverse_path=reverse_path)
    assert w.reports == []
    assert w.waiting() == []
    assert len(w.told(Event.MAIL_DROPPED)) == 1


def test_given_up_after_five_days_with_the_last_reply(world):
    w = world(ScriptedCourier(**{"x@t.test": [LATER]}))
    w.start()
    w.enqueue("m1", "x@t.test")
    for _ in range(120):
        times = [call.getTime() for call in w.clock.getDelayedCalls()]
        if not times:
            break
        w.clock.advance(min(times) - w.clock.seconds())
    assert w.clock.seconds() == START + timedelta(days=5).total_seconds()
    (_, notice), (_, message) = w.reports
    assert b"Action: delayed" in notice
    assert b"Status: 4.4.7" in message
    assert b"greylisted" in message
    assert w.waiting() == []


def test_refused_and_given_up_are_told_apart(world):
    w = world(
        ScriptedCourier(**{"x@t.test": [LATER], "y@t.test": [NEVER]}), times=QueueTimes(give_up_after=timedelta(0))
    )
    w.start()
    w.enqueue("m1", "x@t.test", "y@t.test")
    statuses = [b"Status: 4.4.7" in message for _, message in w.reports]
    assert statuses == [False, True]


def test_a_restart_sends_nothing_twice_and_forgets_nothing(world):
    w = world(ScriptedCourier(**{"x@t.test": [OK], "y@t.test": [LATER, OK]}))
    w.start()
    w.enqueue("m1", "x@t.test", "y@t.test")
    w.ledger.connection.close()
    w.open()  # nothing was said good-bye to
    w.start()
    assert len(w.courier.calls) == 1
    w.clock.advance(300)
    assert w.courier.calls[1:] == [("m1", ("y@t.test",))]
    assert w.files() == []


def test_mail_queued_before_the_runner_starts(world):
    w = world(ScriptedCourier(**{"x@t.test": [OK]}))
    w.enqueue("m1", "x@t.test")
    assert w.courier.calls == []
    w.start()
    assert w.waiting() == []


def test_limits_a_lane(world):
    w = world(SlowCourier(), limits=Limits(running=3, running_a_lane=2))
    w.start()
    for n in range(4):
        w.enqueue(f"m{n}", "x@t.test")
    w.enqueue("other", "x@s.test")
    assert [call[0].id for call in w.courier.calls] == ["m0", "m1", "other"]
    assert [q.next_try is None for q in w.spool.list()[0]] == [True, True, False, False, True]
    w.courier.answer(2, OK)
    w.clock.advance(0)
    assert len(w.courier.calls) == 3
    w.courier.answer(0, OK)
    w.clock.advance(0)
    assert [call[0].id for call in w.courier.calls][3:] == ["m2"]


def test_a_lane_that_is_not_reached_rests(world):
    w = world(SlowCourier(), limits=Limits(running_a_lane=1))
    w.start()
    for n in range(3):
        w.enqueue(f"m{n}", "x@t.test")
    w.courier.answer(0, UNREACHED)
    w.clock.advance(59)
    assert len(w.courier.calls) == 1
    w.clock.advance(1)
    assert len(w.courier.calls) == 2
    w.courier.answer(1, LATER)  # somebody spoke: no rest
    w.clock.advance(0)
    assert len(w.courier.calls) == 3


def test_retry_makes_due_now_and_wakes_a_resting_lane(world):
    w = world(ScriptedCourier(**{"x@t.test": [UNREACHED, UNREACHED, OK], "y@s.test": [UNREACHED, OK]}))
    w.start()
    w.enqueue("m1", "x@t.test", "y@s.test")
    assert run(w.spool.retry(by("nowhere.test"))) == (0, None)
    assert run(w.spool.retry(by("T.test"))) == (1, None)
    w.clock.advance(0)
    assert w.waiting() == [("m1", "x@t.test", 2), ("m1", "y@s.test", 1)]
    assert run(w.spool.retry(by("all"))) == (2, None)
    w.clock.advance(0)
    assert w.waiting() == []


def test_retry_leaves_alone_what_is_running(world):
    w = world(SlowCourier())
    w.start()
    w.enqueue("m1", "x@t.test")
    assert run(w.spool.retry(by("m1"))) == (0, None)
    w.courier.answer(0, LATER)
    assert run(w.spool.retry(by("X@T.test"))) == (1, None)
    w.clock.advance(0)
    assert len(w.courier.calls) == 2


@pytest.mark.parametrize("selector", ["m1", "all", "t.test"])
def test_drop_removes_without_a_report(world, selector):
    w = world(ScriptedCourier(**{"x@t.test": [LATER]}))
    w.start()
    w.enqueue("m1", "x@t.test")
    assert run(w.spool.drop(by(selector))) == (1, None)
    assert (w.waiting(), w.files(), w.reports) == ([], [], [])
    w.clock.advance(301)
    assert len(w.courier.calls) == 1


def test_drop_while_it_is_being_sent(world):
    w = world(SlowCourier())
    w.start()
    w.enqueue("m1", "x@t.test")
    assert run(w.spool.drop(by("m1"))) == (1, None)
    w.courier.answer(0, LATER)
    w.clock.advance(301)
    assert len(w.courier.calls) == 1
    assert w.waiting() == []


def test_a_courier_that_breaks_defers(world):
    w = world(ScriptedCourier(**{"x@t.test": [ZeroDivisionError("bug"), OK]}))
    w.start()
    w.enqueue("m1", "x@t.test")
    assert w.waiting() == [("m1", "x@t.test", 1)]
    (told,) = w.told(Event.INTERNAL_ERROR)
    assert "ZeroDivisionError" in told["failure"]
    (queued,) = w.spool.list()[0]
    assert told["error_id"] in queued.last_reply.text
    w.clock.advance(300)
    assert w.waiting() == []


def test_a_courier_that_forgets_a_recipient(world):
    class Forgetful:
        async def deliver(self, envelope, recipients, content):
            return {}

    w = world(Forgetful())
    w.start()
    w.enqueue("m1", "x@t.test")
    assert w.waiting() == [("m1", "x@t.test", 1)]


def test_what_was_delivered_is_recorded_however_long_the_disk_is_full(world):
    w = world(SlowCourier())
    w.start()
    w.enqueue("m1", "x@t.test")
    w.ledger.broken = 3
    w.courier.answer(0, OK)
    assert len(w.waiting()) == 1
    w.clock.pump([10, 10])
    assert len(w.waiting()) == 1
    w.clock.advance(10)
    assert w.waiting() == []
    assert len(w.courier.calls) == 1
    assert len(w.told(Event.QUEUE_NOT_RECORDED)) == 3


def test_a_report_that_cannot_be_kept_is_made_again(world):
    w = world(ScriptedCourier(**{"x@t.test": [NEVER], "y@t.test": [OK]}))
    w.report_faults = [MailError(Condition.STORAGE_FULL, "Out of storage")]
    w.start()
    w.enqueue("m1", "x@t.test", "y@t.test")
    assert w.waiting() == [("m1", "x@t.test", 0)]
    w.clock.advance(10)
    assert len(w.reports) == 1
    assert w.waiting() == []
    assert w.courier.calls == [("m1", ("x@t.test", "y@t.test")), ("m1", ("x@t.test",))]


def test_a_bug_in_the_report_is_logged_and_nothing_lost(world):
    w = world(ScriptedCourier(**{"x@t.test": [NEVER]}))
    w.report_faults = [KeyError("bug")]
    w.start()
    w.enqueue("m1", "x@t.test")
    assert len(w.told(Event.INTERNAL_ERROR)) == 1
    assert w.waiting() == [("m1", "x@t.test", 0)]
    w.clock.advance(60)
    assert len(w.reports) == 1


def test_enqueue_that_fails_keeps_nothing(world):
    w = world(ScriptedCourier())
    w.ledger.broken = 1
    with pytest.raises(MailError):
        w.enqueue("m1", "x@t.test")
    assert w.files() == []
    assert w.waiting() == []


def test_stop_lets_deliveries_end(world):
    w = world(SlowCourier())
    w.start()
    w.enqueue("m1", "x@t.test")
    stopped = []
    w.runner.stopService().addBoth(stopped.append)
    w.enqueue("m2", "x@t.test")
    assert stopped == []
    w.courier.answer(0, OK)
    assert len(stopped) == 1
    assert w.waiting() == [("m2", "x@t.test", 0)]
    assert w.clock.getDelayedCalls() == []


def test_stop_cuts_off_after_its_limit_and_the_mail_stays(world):
    w = world(SlowCourier())
    w.start()
    w.enqueue("m1", "x@t.test")
    stopped = []
    w.runner.stopService().addBoth(stopped.append)
    w.clock.advance(19.9)
    assert stopped == []
    w.clock.advance(0.2)
    assert len(stopped) == 1
    assert w.waiting() == [("m1", "x@t.test", 0)]
    assert w.told(Event.INTERNAL_ERROR) == []
    w.ledger.connection.close()
    w.open()
    w.start()
    assert len(w.courier.calls) == 2
    w.courier.answer(1, OK)


def test_a_vanished_file(world):
    w = world(ScriptedCourier(**{"x@t.test": [LATER]}))
    w.start()
    w.enqueue("m1", "x@t.test")
    (w.folder / "m1").unlink()
    w.clock.advance(300)
    assert w.waiting() == []
    assert "file is gone" in w.told(Event.MAIL_FAILED)[0]["text"]
    ((envelope, report),) = w.reports
    assert envelope.recipients[0].address == "a@here.test"
    assert b"Status: 5.3.0" in report
    assert b"<x@t.test>" in report


HOUR = 3600


def delays(w):
    return [report for _, report in w.reports if b"Action: delayed" in report]


def test_a_notice_of_delay_after_four_hours_and_no_second(world):
    w = world(ScriptedCourier(**{"x@t.test": [LATER], "y@t.test": [LATER]}))
    w.start()
    w.enqueue("m1", "x@t.test", "y@t.test")
    pump(w, 4 * HOUR - 1)
    assert w.reports == []
    pump(w, 1)
    ((envelope, report),) = w.reports
    assert (envelope.reverse_path, envelope.recipients[0].address) == ("", "a@here.test")
    assert report.count(b"Action: delayed") == 2
    assert b"451 4.0.0 greylisted" in report
    assert b"Will-Retry-Until: " in report
    assert b"text/rfc822-headers" in report
    pump(w, 24 * HOUR)
    assert len(w.reports) == 1


def test_a_restart_remembers_the_notice(world):
    w = world(ScriptedCourier(**{"x@t.test": [LATER]}))
    w.start()
    w.enqueue("m1", "x@t.test")
    pump(w, 4 * HOUR)
    w.runner.stopService()
    w.ledger.connection.close()
    w.open()
    w.start()
    pump(w, 24 * HOUR)
    assert len(delays(w)) == 1


@pytest.mark.parametrize(
    ("notify", "reverse_path", "after", "notices"),
    [
        ({"DELAY"}, "a@here.test", 4, 1),
        ({"FAILURE", "SUCCESS"}, "a@here.test", 4, 0),
        ({"NEVER"}, "a@here.test", 4, 0),
        ({"DELAY"}, "", 4, 0),
        ((), "a@here.test", 0, 0),
        ((), "a@here.test", 1, 1),
    ],
)
def test_who_gets_notices_of_delay(world, notify, reverse_path, after, notices):
    times = QueueTimes(delay_notice_after=timedelta(hours=after))
    w = world(ScriptedCourier(**{"x@t.test": [LATER]}), times=times)
    w.start()
    w.enqueue("m1", Recipient("x@t.test", notify=frozenset(notify)), reverse_path=reverse_path)
    pump(w, 10 * HOUR)
    assert len(delays(w)) == notices


def test_a_notice_that_could_not_be_kept_comes_with_the_next_try(world):
    w = world(ScriptedCourier(**{"x@t.test": [LATER]}))
    w.start()
    w.enqueue("m1", "x@t.test")
    w.report_faults.append(MailError(Condition.STORAGE_FULL, "Out of storage"))
    pump(w, 4 * HOUR)
    assert w.reports == []
    pump(w, 5 * HOUR)
    assert len(delays(w)) == 1


def pump(w, seconds):
    """Time goes by in steps, as a reactor's does."""
    end = w.clock.seconds() + seconds
    while w.clock.seconds() < end:
        w.clock.advance(min(60.0, end - w.clock.seconds()))


def test_success_is_reported_where_the_next_server_does_not(world):
    asked, silent = frozenset({"SUCCESS"}), Delivered(OK.reply, reports=False)
    w = world(ScriptedCourier(**{"x@t.test": [silent], "y@t.test": [OK], "z@t.test": [silent]}))
    w.start()
    w.enqueue("m1", Recipient("x@t.test", notify=asked), Recipient("y@t.test", notify=asked), "z@t.test")
    [(envelope, message)] = w.reports
    assert (envelope.reverse_path, envelope.recipients[0].address) == ("", "a@here.test")
    assert b"Action: relayed\r\n" in message
    assert message.count(b"Final-Recipient: ") == message.count(b"Final-Recipient: rfc822; x@t.test\r\n") == 1


def test_a_report_of_success_that_cannot_be_kept_holds_nothing_up(world):
    w = world(ScriptedCourier(**{"x@t.test": [Delivered(OK.reply, reports=False)]}))
    w.report_faults.append(MailError(Condition.STORAGE_FULL, "full"))
    w.start()
    w.enqueue("m1", Recipient("x@t.test", notify=frozenset({"SUCCESS"})))
    assert w.reports == []
    assert w.waiting() == []


def test_a_report_that_nobody_takes_goes_to_our_postmaster_once(world):
    w = world(ScriptedCourier(**{"a@here.test": [NEVER], "postmaster": [NEVER], "x@t.test": [NEVER]}))
    w.start()
    w.enqueue("m1", "x@t.test")
    [(report, message)] = w.reports
    w.enqueue(report.id, *report.recipients, reverse_path="", message=message, client=report.client)
    double, octets = w.reports[1]
    assert (double.reverse_path, [r.address for r in double.recipients]) == ("", ["postmaster"])
    assert b"To: postmaster@mx.here.test" in octets
    assert b"Final-Recipient: rfc822; a@here.test" in octets
    assert b"Auto-Submitted: auto-replied" in octets
    w.enqueue(double.id, *double.recipients, reverse_path="", message=octets, client=double.client)
    assert len(w.reports) == 2


def test_somebody_elses_bounce_is_dropped(world):
    w = world(ScriptedCourier(**{"x@t.test": [NEVER]}))
    w.start()
    w.enqueue("m1", "x@t.test", reverse_path="", client="[192.0.2.1] by smtp")
    assert w.reports == []
    assert w.files() == []
