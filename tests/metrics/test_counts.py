"""What events make of the counters, and what Prometheus' own parser reads of it."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import mailstack
from mailstack.base.events import Event
from mailstack.base.histogram import Histogram
from mailstack.metrics.counts import COUNTERS, Counts
from mailstack.metrics.exposition import Exposition, Now

ACCEPTED = {"mid": "m", "listener": "smtp", "size": 1000}


def exposed(counts):
    batches = Histogram((1.0, 2.0))
    batches.observe(1)
    batches.observe(7)
    now = Now("1.2", 60.0, {"smtp": 3}, {"waiting": 2, "sending": 1, "held": 0}, 2, 5, 1, batches)
    families = text_string_to_metric_families(Exposition(counts, lambda: now).text().decode())
    samples = (sample for family in families for sample in family.samples)
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


def value(counts, name, **labels):
    return exposed(counts)[f"mailstack_{name}", tuple(sorted(labels.items()))]


def test_mail_in():
    counts = Counts()
    counts(Event.MAIL_ACCEPTED, ACCEPTED)
    counts(Event.MAIL_ACCEPTED, ACCEPTED | {"size": 500})
    counts(Event.MAIL_REFUSED, {"listener": "smtp", "reply": "550 5.1.1 No", "condition": "NO_SUCH_USER"})
    counts(Event.MAIL_REFUSED, {"listener": "smtp", "reply": "500 5.5.2 What", "condition": ""})
    assert value(counts, "messages_accepted_total", listener="smtp") == 2
    assert value(counts, "message_octets_accepted_total", listener="smtp") == 1500
    assert value(counts, "refusals_total", listener="smtp", code="550", condition="no_such_user") == 1
    assert value(counts, "refusals_total", listener="smtp", code="500", condition="syntax") == 1


def test_relay():
    counts = Counts()
    for seconds in (0.5, 3, 4000):
        counts(Event.MAIL_RELAYED, {"seconds": seconds})
    counts(Event.MAIL_DEFERRED, {"said": ["mx.test", 451, "4.7.1", "later"]})
    counts(Event.MAIL_DEFERRED, {"said": ["", 0, "4.4.1", "no connection"]})
    assert value(counts, "relay_delivered_total") == 3
    assert value(counts, "relay_deferred_total", reply="4xx") == 1
    assert value(counts, "relay_deferred_total", reply="none") == 1
    assert value(counts, "relay_delay_seconds_bucket", le="1.0") == 1
    assert value(counts, "relay_delay_seconds_bucket", le="5.0") == 2
    assert value(counts, "relay_delay_seconds_count") == 3
    assert value(counts, "relay_delay_seconds_sum") == 4003.5


def test_the_store():
    counts = Counts()
    assert value(counts, "store_degraded") == 0
    counts(Event.STORE_DEGRADED, {"reason": "I/O error"})
    assert (counts.degraded, value(counts, "store_degraded")) == ("I/O error", 1)
    counts(Event.STORE_RECOVERED, {})
    assert value(counts, "store_degraded") == 0
    counts(Event.STORE_FULL, {"reason": "disk full"})
    assert value(counts, "store_full") == 1
    counts(Event.STORE_HAS_ROOM, {})
    assert value(counts, "store_full") == 0
    assert value(counts, "store_degradations_total") == 1


def test_what_is_so_now():
    counts = Counts()
    assert value(counts, "open_connections", listener="smtp") == 3
    assert value(counts, "queue_recipients", state="waiting") == 2
    assert value(counts, "commit_batch_jobs_count") == 2
    assert value(counts, "commit_batch_jobs_bucket", le="2.0") == 1
    assert value(counts, "info", version="1.2") == 1
    assert exposed(counts)["process_resident_memory_bytes", ()] > 0


def test_nobody_makes_it_grow():
    """Labels come from closed sets; should one not, there is an end."""
    counts = Counts()
    for number in range(1000):
        counts(Event.CONNECTED, {"listener": f"l{number}"})
    assert len(counts.values["connections"]) == 201
    assert value(counts, "connections_total", listener="other") == 800


@pytest.mark.parametrize("event", list(Event))
def test_no_event_breaks_it(event):
    counts = Counts()
    counts(event, {})
    counts(event, {"listener": ["?"], "size": None, "said": [1], "seconds": "x"})
    assert exposed(counts)


def test_names_are_as_they_should_be():
    assert len({row.name for row in COUNTERS}) == len(COUNTERS)
    for row in COUNTERS:
        assert re.fullmatch(r"[a-z][a-z_]+", row.name)
        assert not row.name.endswith("_total")  # prometheus_client adds it
        assert bool(row.names) is (row.labels is not None)
        assert not {"ip", "recipient", "account", "mid", "cid"} & set(row.names)


def test_every_counted_event_is_logged_somewhere():
    code = "".join(path.read_text("utf-8") for path in Path(mailstack.__file__).parent.rglob("*.py"))
    for row in COUNTERS:
        assert len(re.findall(rf"Event\.{row.event.name}\b", code)) >= 2, row.event  # here and where it happens
