"""Brings spans to a collector over OTLP, without ever being in the way."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from storygen.errors import InvalidSettings
from storygen.telemetry.process import ENDPOINTS, installed_version

QUEUE = 16_384
BATCH = 512
TIMEOUT = 2.0
EXIT_SECONDS = 1.25
LONGEST_EXIT_SECONDS = 10.0
_SILENCED = ("opentelemetry.exporter", "opentelemetry.sdk")


def create_exporter(environ: Mapping[str, str]) -> SpanExporter:
    """The exporter that `OTEL_EXPORTER_OTLP_PROTOCOL` names; without it the port tells: 4318 is HTTP.

    Raises `InvalidSettings` for a protocol that OTLP does not have.
    """
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or ""
    endpoint = next(value for name in ENDPOINTS if (value := environ.get(name)))
    is_http = protocol == "http/protobuf" or (not protocol and (":4318" in endpoint or "/v1/traces" in endpoint))
    timeout = None if any(environ.get(f"OTEL_EXPORTER_OTLP_{part}TIMEOUT") for part in ("", "TRACES_")) else TIMEOUT
    if is_http:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

        return HttpExporter(timeout=timeout)
    if protocol in {"", "grpc"}:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter(timeout=timeout)
    raise InvalidSettings(
        f"OTEL_EXPORTER_OTLP_PROTOCOL: there is no {protocol!r}.", hint="There are grpc and http/protobuf."
    )


def describe_process() -> Resource:
    """Who sends: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` come before what is said here."""
    ours = {
        "service.name": "storygen",
        "service.version": installed_version(),
        "service.instance.id": str(uuid.uuid4()),
        "deployment.environment.name": "local",
    }
    theirs = OTELResourceDetector().detect().attributes
    return Resource.create({key: value for key, value in ours.items() if key not in theirs})


class Delivery(SpanExporter):
    """Hands batches on, counts those that are lost, and says once when the collector goes away.

    After `close` a collector that fails once is not asked again.
    """

    def __init__(self, exporter: SpanExporter, on_lost: Callable[[int], None]) -> None:
        self._exporter = exporter
        self._on_lost = on_lost
        self._closing = False
        self._failing = False
        self.taken = 0
        self.last_delivery = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver one batch."""
        self.taken += len(spans)
        if self._closing and self._failing:
            self._on_lost(len(spans))
            return SpanExportResult.FAILURE
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.last_delivery = time.monotonic()
            self._failing = False
            return result
        self._on_lost(len(spans))
        if not self._failing:
            self._failing = True
            logging.getLogger("storygen.telemetry").warning("telemetry.export_failed")
        return result

    def close(self) -> None:
        """From now on be impatient."""
        self._closing = True

    def shutdown(self) -> None:
        """Interrupt what is under way."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the library's signature
        """Nothing is held here."""
        return True


class Batches(BatchSpanProcessor):
    """The library's processor, which counts what its full queue throws away and never holds the exit."""

    def __init__(self, delivery: Delivery, on_lost: Callable[[int], None]) -> None:
        super().__init__(delivery, max_queue_size=QUEUE, max_export_batch_size=BATCH)
        self._delivery = delivery
        self._on_lost = on_lost
        self._emit = self._batch_processor.emit
        self._queued = self._batch_processor._queue  # noqa: SLF001 - how full it is, it tells nobody

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span; the library drops the oldest when the queue is full, and only logs it."""
        if span.context is not None and span.context.trace_flags.sampled:
            if len(self._queued) >= QUEUE:
                self._on_lost(1)
            self._emit(span)

    def shutdown(self) -> None:
        """Deliver what is queued, as long as batches arrive; a collector that is dead costs less than two seconds."""
        started = time.monotonic()
        self._delivery.close()
        closing = threading.Thread(target=super().shutdown, name="storygen-traces", daemon=True)
        closing.start()
        while closing.is_alive():
            now = time.monotonic()
            patience = max(started, self._delivery.last_delivery) + EXIT_SECONDS - now
            closing.join(min(patience, 0.05))
            if patience <= 0 or now - started > LONGEST_EXIT_SECONDS:
                break
        if left := len(self._queued):
            self._on_lost(left)


def create_provider(exporter: SpanExporter, on_lost: Callable[[int], None]) -> TracerProvider:
    """A provider whose spans go to `exporter` in batches."""
    for name in _SILENCED:
        # One line per lost batch or span would fill the log; `Delivery` says it once, and a metric counts.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    provider = TracerProvider(resource=describe_process(), shutdown_on_exit=False)
    provider.add_span_processor(Batches(Delivery(exporter, on_lost), on_lost))
    return provider
