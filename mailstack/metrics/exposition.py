"""The numbers in Prometheus' text form."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from mailstack.base.histogram import Histogram
from mailstack.metrics.counts import COUNTERS, Counts

__all__ = ["CONTENT_TYPE", "Exposition", "Now"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "mailstack_"


@dataclass(frozen=True, slots=True)
class Now:
    """What is so just now.  `queue` is recipients by state: due and waiting, running, held."""

    version: str
    seconds: float  # since the start
    connections: Mapping[str, int]  # by listener
    queue: Mapping[str, int]
    queued_messages: int
    accounts: int
    domains: int
    batches: Histogram  # of the store's group commit: callers each


class _Families(Collector):
    def __init__(self, counts: Counts, now: Callable[[], Now]) -> None:
        self._counts, self._now = counts, now

    def describe(self) -> Iterator[Metric]:
        """Nothing in advance: registering asks no part."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield from self._counters()
        yield from self._gauges(self._now())

    def _counters(self) -> Iterator[Metric]:
        for row in COUNTERS:
            family = CounterMetricFamily(_PREFIX + row.name, f"{row.help}.", labels=row.names)
            for labels, value in list(self._counts.values[row.name].items()):
                family.add_metric(labels, value)
            yield family
        yield _histogram("relay_delay_seconds", "From the queue to the other server", self._counts.relay_delay)

    def _gauges(self, now: Now) -> Iterator[Metric]:
        yield GaugeMetricFamily(f"{_PREFIX}up_seconds", "Since the start.", now.seconds)
        info = GaugeMetricFamily(f"{_PREFIX}info", "Which version runs.", labels=("version",))
        info.add_metric((now.version,), 1)
        yield info
        yield _by("open_connections", "Connections that are open", "listener", now.connections)
        yield _by("queue_recipients", "Recipients in the queue", "state", now.queue)
        yield GaugeMetricFamily(f"{_PREFIX}queue_messages", "Messages in the queue.", now.queued_messages)
        yield GaugeMetricFamily(f"{_PREFIX}accounts", "Accounts.", now.accounts)
        yield GaugeMetricFamily(f"{_PREFIX}domains", "Domains.", now.domains)
        yield GaugeMetricFamily(
            f"{_PREFIX}store_degraded", "1 while the disk has failed and mail is deferred.", bool(self._counts.degraded)
        )
        yield GaugeMetricFamily(
            f"{_PREFIX}store_full", "1 while there is no room for new mail.", bool(self._counts.full)
        )
        yield _histogram("commit_batch_jobs", "Callers whose work one commit made durable", now.batches)


def _by(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(_PREFIX + name, f"{text}.", labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(_PREFIX + name, f"{text}.")
    family.add_metric((), histogram.buckets(), histogram.sum)
    return family


class Exposition:
    """`text()` is what /metrics answers."""

    def __init__(self, counts: Counts, now: Callable[[], Now]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Families(counts, now))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        return generate_latest(self._registry)
