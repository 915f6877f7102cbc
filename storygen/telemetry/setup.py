"""Puts telemetry together for a process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from storygen.events import Observer
from storygen.settings import Settings
from storygen.telemetry.process import wants_traces

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from prometheus_client import CollectorRegistry

    from storygen.telemetry.endpoint import Endpoint
    from storygen.telemetry.families import Allowed
    from storygen.telemetry.logs import Logs
    from storygen.telemetry.metrics import Metrics
    from storygen.telemetry.redaction import Redactor

_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


class Telemetry:
    """What observes this process; `observers` go into a `Watch`, `shutdown` ends it all and never takes long.

    `url` is where the metrics are served, empty where they are not.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        logs: Logs,
        metrics: Metrics | None = None,
        registry: CollectorRegistry | None = None,
        endpoint: Endpoint | None = None,
        provider: TracerProvider | None = None,
        tracing: Observer | None = None,
    ) -> None:
        self._settings = settings
        self._logs = logs
        self._endpoint = endpoint
        self._provider = provider
        self._closed = False
        self.registry = registry
        self.metrics = metrics
        self.tracing = tracing
        self.url = endpoint.url if endpoint is not None else ""
        # Tracing comes first: the others read the ids that it fills in.
        watching = (tracing, metrics, logs.observer if settings.telemetry.enabled else None)
        self.observers: tuple[Observer, ...] = tuple(observer for observer in watching if observer is not None)

    def linger(self) -> bool:
        """Keep the metrics open until they were scraped once more; says whether they were."""
        return self._endpoint is not None and self._endpoint.linger(self._settings.telemetry.metrics_linger_seconds)

    def adopt(
        self,
        settings: Settings,
        models: Mapping[str, Sequence[str]],
        serving: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Show other budgets, timeouts and limits from now on, and name other providers and models.

        `models` and `serving` are as in `start`. Everything else stays as it was started.
        """
        if self.metrics is not None:
            self.metrics.adopt(_allowed(settings, models, serving))
            _show_settings(self.metrics, settings)

    def flush(self) -> None:
        """Deliver what is queued now; waits for the collector, so never at the end of a run."""
        if self._provider is not None:
            self._provider.force_flush()

    def shutdown(self) -> None:
        """Deliver what is on its way, and close."""
        if self._closed:
            return
        self._closed = True
        if self._provider is not None:
            self._provider.shutdown()
        if self.registry is not None and self._settings.telemetry.pushgateway:
            from storygen.telemetry.endpoint import push_last_run

            push_last_run(self.registry, self._settings.telemetry.pushgateway)
        if self._endpoint is not None:
            self._endpoint.close()
        self._logs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()


def start(
    settings: Settings,
    *,
    models: Mapping[str, Sequence[str]] | None = None,
    serving: Mapping[str, Mapping[str, str]] | None = None,
    last_success: Mapping[str, float] | None = None,
    registry: CollectorRegistry | None = None,
    environ: Mapping[str, str] = os.environ,
    stream: TextIO | None = None,
) -> Telemetry:
    """Start what the settings and the standard `OTEL_*` variables ask for, and import no more than that.

    `models` maps providers to the models that metrics may name, `serving` says which of them each uses for a
    capability; `last_success` maps pipelines to when a run last
    succeeded (Unix time). A `registry` asks for metrics that the caller serves. Raises `InvalidSettings`.
    """
    from storygen.telemetry.logs import Logs
    from storygen.telemetry.redaction import Redactor

    wanted = settings.telemetry
    metrics = endpoint = provider = tracing = None
    if wanted.enabled and (registry is not None or wanted.metrics_port is not None or wanted.pushgateway):
        registry = registry if registry is not None else new_registry()
        metrics = _create_metrics(settings, registry, models or {}, serving or {}, last_success or {})
    redactor = Redactor.from_environment(environ)
    if wanted.enabled and wants_traces(environ):
        provider, tracing = _create_tracing(environ, redactor, _counts(metrics, "traces"))
    if wanted.enabled and wanted.metrics_port is not None and registry is not None:
        from storygen.telemetry.endpoint import Endpoint

        endpoint = Endpoint(registry, wanted.metrics_port, wanted.metrics_host)
    return Telemetry(
        settings,
        logs=Logs(settings.logs, stream or sys.stderr, redactor, _counts(metrics, "logs")),
        metrics=metrics,
        registry=registry,
        endpoint=endpoint,
        provider=provider,
        tracing=tracing,
    )


def new_registry() -> CollectorRegistry:
    """A registry with the figures of the process itself."""
    from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def _create_metrics(
    settings: Settings,
    registry: CollectorRegistry,
    models: Mapping[str, Sequence[str]],
    serving: Mapping[str, Mapping[str, str]],
    last_success: Mapping[str, float],
) -> Metrics:
    from storygen.telemetry.known import watch_disks
    from storygen.telemetry.metrics import Metrics

    metrics = Metrics(registry, _allowed(settings, models, serving))
    _show_settings(metrics, settings)
    watch_disks(metrics.families, {"output": settings.folders.films, "cache": settings.folders.cache})
    for pipeline, moment in last_success.items():
        metrics.families.gauge("storygen_last_success_timestamp_seconds").of(pipeline).set(moment)
    return metrics


def _allowed(
    settings: Settings, models: Mapping[str, Sequence[str]], serving: Mapping[str, Mapping[str, str]]
) -> Allowed:
    """What labels of metrics may be under these settings."""
    from storygen.telemetry.families import allowed_from

    wanted = settings.telemetry
    known = {provider: tuple(of) for provider, of in models.items()}
    known[""] = wanted.models
    return allowed_from(settings.providers.model_dump(), known, wanted.operations, wanted.pipelines, serving)


def _show_settings(metrics: Metrics, settings: Settings) -> None:
    """Budgets, timeouts and limits as they are set now."""
    from storygen.telemetry.known import set_budgets, set_limits
    from storygen.telemetry.words import genai_provider

    limits = {"scenes": settings.run.scenes_at_once} | ({"cores": settings.run.cores} if settings.run.cores else {})
    for provider in {name for chain in settings.providers.model_dump().values() for name in chain}:
        if (vendor := getattr(settings.vendors, provider, None)) is not None:
            limits[genai_provider(provider)] = vendor.at_once
    set_limits(metrics.families, settings.run.stage_timeout.model_dump(), limits)
    set_budgets(metrics.families, {"run": settings.budget.run_usd, "24h": settings.budget.day_usd})


def _create_tracing(
    environ: Mapping[str, str], redactor: Redactor, on_lost: Callable[[int], None]
) -> tuple[TracerProvider, Observer]:
    from storygen.telemetry.export import create_exporter, create_provider
    from storygen.telemetry.tracing import Tracing

    provider = create_provider(create_exporter(environ), on_lost)
    content = environ.get(_CAPTURE, "").strip().upper() in {"SPAN_ONLY", "SPAN_AND_EVENT", "TRUE"}
    return provider, Tracing(provider.get_tracer("storygen"), content=content, redactor=redactor)


def _counts(metrics: Metrics | None, signal: str) -> Callable[[int], None]:
    """Counts what is lost of `signal`, where there are metrics to count in."""
    if metrics is None:
        return lambda _: None
    return metrics.families.counter("storygen_telemetry_dropped_total").of(signal).inc
