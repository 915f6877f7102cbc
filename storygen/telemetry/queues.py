"""Figures of the durable queue, read when somebody looks, and never waited for where its database is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from storygen.telemetry import names
from storygen.telemetry.families import Families

PATIENCE_SECONDS = 0.25
FRESH_SECONDS = 0.5
_LOG = logging.getLogger("storygen.telemetry")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStanding:
    """How a queue is: jobs by state, and in seconds the age of the oldest one by open state.

    `silent` is how long nothing was heard of the running job that was heard of longest ago, None where none runs.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    oldest: Mapping[str, float] = field(default_factory=dict)
    silent: float | None = None


class QueueGauges(Collector):
    """Shows a queue as `read` finds it; one process tells for a store that many share.

    A thread of its own reads. A scrape waits for it a quarter of a second at most and goes without these figures then;
    while a reading is not done no other one is begun.
    """

    def __init__(
        self, queue: str, read: Callable[[], QueueStanding], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._queue = queue
        self._read = read
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="storygen-queue-gauges")
        self._reading: Future[QueueStanding] | None = None
        self._read_at = float("-inf")
        self._is_away = False

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The names alone: registering reads nothing."""
        return self._families(QueueStanding())

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The figures, without samples where they cannot be had now."""
        return self._families(self._standing() or QueueStanding())

    def close(self) -> None:
        """Read no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _standing(self) -> QueueStanding | None:
        reading = self._reading
        if reading is None or (reading.done() and self._clock() - self._read_at > FRESH_SECONDS):
            reading = self._reading = self._thread.submit(self._read)
            self._read_at = self._clock()
        try:
            found = reading.result(PATIENCE_SECONDS)
        except Exception as error:  # noqa: BLE001 - a scrape shows what there is, whatever a database does
            if not self._is_away:
                _LOG.warning("The figures of the queue cannot be read: %s", type(error).__name__)
            self._is_away = True
            return None
        self._is_away = False
        return found

    def _families(self, standing: QueueStanding) -> list[GaugeMetricFamily]:
        jobs, oldest, silent = (_family(name) for name in _NAMES)
        for state, count in standing.counts.items():
            jobs.add_metric([self._queue, state], count)
        for state, seconds in standing.oldest.items():
            oldest.add_metric([self._queue, state], seconds)
        if standing.silent is not None:
            silent.add_metric([self._queue], standing.silent)
        return [jobs, oldest, silent]


def serve_queue(families: Families, queues: Iterable[str]) -> None:
    """Create what a process that works on these queues will fill."""
    families.histogram("storygen_queue_wait_seconds").create(queues)


_NAMES = tuple(metric.name for metric in names.METRICS if metric.is_read)


def _family(name: str) -> GaugeMetricFamily:
    declared = names.BY_NAME[name]
    return GaugeMetricFamily(name, declared.help, labels=[label.name for label in declared.labels])
