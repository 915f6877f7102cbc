"""The same operation as a careful engineer would write it by hand, on the bare libraries."""

from __future__ import annotations

import time
from typing import Any, TextIO

import structlog
from opentelemetry.context import attach, detach
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import set_span_in_context
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from storygen.telemetry.export import BATCH, QUEUE
from storygen.telemetry.names import OPERATION_BUCKETS


class _Lines:
    """A buffered log: lines are written by hundreds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []

    def debug(self, line: str) -> None:
        """Take one line."""
        self._lines.append(line)
        if len(self._lines) >= 512:
            self._stream.write("\n".join(self._lines) + "\n")
            self._stream.flush()
            self._lines.clear()


class Bare:
    """A tracer, metrics with bound children, and a logger; `work` does as many operations as it is asked."""

    def __init__(self, endpoint: str, log: TextIO) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.provider = TracerProvider(shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint)
        self.provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=QUEUE, max_export_batch_size=BATCH)
        )
        registry = CollectorRegistry()
        self._tracer = self.provider.get_tracer("bare")
        self._in_use = Gauge("in_use", "Operations.", ["limit"], registry=registry).labels("operations")
        self._misses = Counter("cache", "Look-ups.", ["cache", "result"], registry=registry).labels("observed", "miss")
        self._seconds = Histogram(
            "seconds", "Durations.", ["operation", "outcome"], buckets=OPERATION_BUCKETS, registry=registry
        ).labels("work", "success")
        self._log = structlog.wrap_logger(
            _Lines(log),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper("iso"),
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(0),
        ).bind()

    def work(self, number: int) -> float:
        """Do `number` operations; says how many seconds that took."""
        tracer, in_use, misses, seconds, log = self._tracer, self._in_use, self._misses, self._seconds, self._log
        clock, entries, run_id = time.perf_counter, list[Any](), "0" * 32
        began = clock()
        for _ in range(number):
            span = tracer.start_span("operation work")
            token = attach(set_span_in_context(span))
            in_use.inc()
            started, outcome = clock(), "failed"
            try:
                misses.inc()
                span.set_attribute("storygen.cache.result", "miss")
                entries.append(("observed", "miss", clock()))
                outcome = "success"
            finally:
                ended = clock()
                detach(token)
                span.set_attribute("storygen.outcome", outcome)
                span.set_attribute("storygen.operation.name", "work")
                span.end()
                context = span.get_span_context()
                ids = {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
                in_use.dec()
                seconds.observe(ended - started, ids)
                entries.append(("work", started, ended, outcome))
                took = round(ended - started, 6)
                log.debug("operation.ended", operation="work", outcome=outcome, seconds=took, run_id=run_id, **ids)
        return clock() - began
