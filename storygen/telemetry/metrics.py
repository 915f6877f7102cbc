"""Timed work and events as Prometheus metrics on a registry."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry

from storygen import events
from storygen.events import Event, Timed
from storygen.story import Outcome
from storygen.telemetry import words
from storygen.telemetry.critical import Piece, critical_seconds
from storygen.telemetry.families import Allowed, Families
from storygen.telemetry.known import create_known
from storygen.telemetry.words import NO_STAGE, error_type, genai_provider

_BROKEN = frozenset({Outcome.FAILED, Outcome.TIMEOUT})
_REASONS = {"unavailable": "server_error"}


class Metrics:
    """The observer that counts and measures."""

    def __init__(self, registry: CollectorRegistry, allowed: Allowed | None = None) -> None:
        allowed = allowed or Allowed()
        families = Families(registry, allowed)
        create_known(families, allowed)
        work = _Work(families)
        self._begin_run = work.run_began
        self._begin_operation = work.operating.inc
        self._ended: Mapping[str, Callable[[Timed], None]] = {
            "run": work.run_ended,
            "stage": work.stage_ended,
            "call": work.call_ended,
            "attempt": work.attempt_ended,
            "operation": work.operation_ended,
        }
        self._noted = _Notes(families).handlers()
        self.hears = self._noted.keys()
        self.families = families

    def adopt(self, allowed: Allowed) -> None:
        """Name from now on what other settings add, too, with its series."""
        self.families.adopt(allowed)
        create_known(self.families, allowed)

    def began(self, timed: Timed) -> None:
        """Count what is under way."""
        if timed.kind == "operation":
            self._begin_operation()
        elif timed.kind == "run":
            self._begin_run(timed)
        elif timed.kind == "process" and (waited := timed.fields.get("waited")) is not None:
            self.families.histogram("storygen_queue_wait_seconds").of(timed.name).observe(waited)

    def ended(self, timed: Timed) -> None:
        """Measure what has ended."""
        if (end := self._ended.get(timed.kind)) is not None:
            end(timed)

    def noted(self, event: Event, within: Timed | None) -> None:
        """Count what happened."""
        self._noted[type(event)](event, within)


class _Work:
    """What timed work means for the metrics."""

    def __init__(self, families: Families) -> None:
        self._pieces: dict[int, list[Piece]] = {}
        self._runs = families.counter("storygen_runs_started_total")
        self._running = families.gauge("storygen_runs_in_progress")
        self._run_seconds = families.histogram("storygen_run_duration_seconds")
        self._run_cost = families.histogram("storygen_run_cost_usd")
        self._last_success = families.gauge("storygen_last_success_timestamp_seconds")
        self._stage_seconds = families.histogram("storygen_stage_duration_seconds")
        self._critical = families.counter("storygen_stage_critical_seconds_total")
        self._failures = families.counter("storygen_stage_failures_total")
        self.operating = families.gauge("storygen_concurrency_in_use").of("operations")
        self._operation_seconds = families.histogram("storygen_operation_duration_seconds").of
        self._calls = families.counter("storygen_calls_total")
        self._call_attempts = families.histogram("storygen_call_attempts")
        self._attempts = families.counter("storygen_attempts_total")
        self._attempt_seconds = families.histogram("gen_ai_client_operation_duration_seconds")

    def run_began(self, timed: Timed) -> None:
        self._pieces[id(timed)] = []
        self._runs.of(timed.name).inc()
        self._running.of(timed.name).inc()

    def run_ended(self, timed: Timed) -> None:
        self._running.of(timed.name).dec()
        self._run_seconds.of(timed.name, _outcome(timed)).observe(timed.seconds, exemplar(timed))
        cost = timed.fields.get("cost_usd")
        if cost is not None:
            self._run_cost.of(timed.name).observe(cost)
        if timed.outcome is Outcome.SUCCESS:
            self._last_success.of(timed.name).set(time.time())
        pieces = self._pieces.pop(id(timed), [])
        for stage, seconds in critical_seconds(pieces, timed.started_at, timed.ended_at).items():
            self._critical.of(stage).inc(seconds)

    def stage_ended(self, timed: Timed) -> None:
        outcome = _outcome(timed)
        self._stage_seconds.of(timed.name, outcome).observe(timed.seconds, exemplar(timed))
        if timed.outcome in _BROKEN:
            self._failures.of(timed.name, error_type(timed.error) if timed.error is not None else "error").inc()
        run = timed.parent
        while run is not None and run.kind != "run":
            run = run.parent
        pieces = self._pieces.get(id(run))
        if pieces is not None:
            pieces.append(Piece(timed.name, timed.scene, timed.started_at, timed.ended_at))

    def operation_ended(self, timed: Timed) -> None:
        self.operating.dec()
        seconds = timed.ended_at - timed.started_at
        self._operation_seconds(timed.name, timed.outcome or "").observe(seconds, exemplar(timed))

    def call_ended(self, timed: Timed) -> None:
        fields = timed.fields
        provider = genai_provider(fields.get("provider") or getattr(timed.error, "provider", "") or words.OTHER)
        if timed.outcome is Outcome.CANCELLED:
            return
        result = fields.get("result") or ("error" if timed.outcome in _BROKEN else "success")
        self._calls.of(timed.stage or NO_STAGE, provider, result).inc()
        attempts = 0 if fields.get("cached") else fields.get("attempts", 0)
        if attempts:
            self._call_attempts.of(provider, timed.name).observe(attempts)

    def attempt_ended(self, timed: Timed) -> None:
        fields = timed.fields
        provider, model = genai_provider(fields.get("provider", words.OTHER)), fields.get("model") or words.OTHER
        failed = error_type(timed.error) if timed.error is not None else ""
        self._attempts.of(provider, timed.name, failed).inc()
        self._attempt_seconds.of(timed.name, provider, model, failed).observe(timed.seconds, exemplar(timed))


class _Notes:
    """What events mean for the metrics."""

    def __init__(self, families: Families) -> None:
        self._counter = families.counter
        self._gauge = families.gauge
        self._histogram = families.histogram
        self._cache = families.counter("storygen_cache_requests_total").of
        self._calls = families.counter("storygen_calls_total").of
        self._attempts = families.counter("storygen_attempts_total").of
        self._tokens = families.counter("storygen_tokens_total").of
        self._token_usage = families.histogram("gen_ai_client_token_usage").of
        self._cost = families.counter("storygen_cost_usd_total").of
        self._breaker_calls = families.counter("storygen_circuit_breaker_calls_total").of
        self._in_use = families.gauge("storygen_concurrency_in_use").of
        self._limit = families.gauge("storygen_concurrency_limit").of
        self._units = tuple(
            (unit, families.counter(name).of)
            for unit, name in (
                ("characters", "storygen_tts_characters_total"),
                ("images", "storygen_images_generated_total"),
                ("audio_seconds", "storygen_audio_generated_seconds_total"),
                ("video_seconds", "storygen_video_generated_seconds_total"),
            )
        )

    def handlers(self) -> Mapping[type, Callable[[Any, Timed | None], None]]:
        """Who counts which event."""
        return {
            events.CacheLooked: self._cache_looked,
            events.CacheEvicted: self._cache_evicted,
            events.CacheSized: self._cache_sized,
            events.Retried: self._retried,
            events.GaveUp: self._gave_up,
            events.FellBack: self._fell_back,
            events.BreakerSaw: self._breaker_saw,
            events.BreakerChanged: self._breaker_changed,
            events.SharingChanged: self._sharing_changed,
            events.BudgetRefused: self._budget_refused,
            events.Called: self._called,
            events.Occupied: self._occupied,
            events.Spent: self._spent,
            events.Checked: self._checked,
            events.Measured: self._measured,
            events.Counted: self._counted,
            events.Stored: self._stored,
            events.Halted: self._halted,
            events.Shipped: self._shipped,
        }

    def _cache_looked(self, event: events.CacheLooked, _: Timed | None) -> None:
        self._cache(event.cache, event.result).inc()
        if event.saved_usd:
            self._counter("storygen_cache_saved_usd_total").of(event.cache).inc(event.saved_usd)
        if event.saved_seconds:
            self._counter("storygen_cache_saved_seconds_total").of(event.cache).inc(event.saved_seconds)

    def _cache_evicted(self, event: events.CacheEvicted, _: Timed | None) -> None:
        self._counter("storygen_cache_evictions_total").of(event.cache).inc(event.count)

    def _cache_sized(self, event: events.CacheSized, _: Timed | None) -> None:
        self._gauge("storygen_cache_size_bytes").of(event.cache).set(event.size_bytes)

    def _retried(self, event: events.Retried, within: Timed | None) -> None:
        provider, reason = genai_provider(event.provider), _REASONS.get(event.reason, event.reason)
        self._counter("storygen_retries_total").of(_stage(within), provider, reason).inc()
        self._counter("storygen_retry_wait_seconds_total").of(provider).inc(event.wait)

    def _gave_up(self, event: events.GaveUp, within: Timed | None) -> None:
        self._counter("storygen_retries_exhausted_total").of(_stage(within), genai_provider(event.provider)).inc()

    def _fell_back(self, event: events.FellBack, within: Timed | None) -> None:
        left, taken = genai_provider(event.from_provider), genai_provider(event.to_provider)
        self._counter("storygen_fallbacks_total").of(_stage(within), left, taken).inc()

    def _breaker_saw(self, event: events.BreakerSaw, _: Timed | None) -> None:
        self._breaker_calls(genai_provider(event.provider), event.capability, event.result).inc()

    def _breaker_changed(self, event: events.BreakerChanged, _: Timed | None) -> None:
        provider, state = genai_provider(event.provider), self._gauge("storygen_circuit_breaker_state")
        self._counter("storygen_circuit_breaker_transitions_total").of(provider, event.capability, event.to_state).inc()
        for name in words.BREAKER_STATES:
            state.of(provider, event.capability, name).set(name == event.to_state)

    def _sharing_changed(self, event: events.SharingChanged, _: Timed | None) -> None:
        self._gauge("storygen_sharing_up").of(event.service).set(event.is_reachable)

    def _budget_refused(self, event: events.BudgetRefused, _: Timed | None) -> None:
        self._counter("storygen_budget_rejections_total").of(event.window).inc()

    def _called(self, event: events.Called, within: Timed | None) -> None:
        provider = genai_provider(event.provider)
        self._calls(_stage(within), provider, "error" if event.error else "success").inc()
        self._attempts(provider, event.operation, event.error).inc()

    def _occupied(self, event: events.Occupied, _: Timed | None) -> None:
        name = genai_provider(event.name)
        self._in_use(name).set(event.in_use)
        if event.limit is not None:
            self._limit(name).set(event.limit)

    def _spent(self, event: events.Spent, within: Timed | None) -> None:
        stage, provider, usage, cost = _stage(within), genai_provider(event.provider), event.usage, event.cost_usd
        operation = within.name if within is not None and within.kind == "attempt" else "chat"
        for kind, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if tokens:
                self._tokens(stage, provider, event.model, kind).inc(tokens)
                self._token_usage(operation, provider, event.model, kind).observe(tokens)
        for unit, counter in self._units:
            if amount := getattr(usage, unit):
                counter(provider).inc(amount)
        if cost is None:
            self._counter("storygen_unpriced_calls_total").of(provider, event.model).inc()
        elif event.is_uncertain:
            self._counter("storygen_uncertain_cost_usd_total").of(stage, provider).inc(0 if event.is_repeated else cost)
        elif cost:
            self._cost(stage, provider, event.model).inc(cost, exemplar(within))
            if event.wasted:
                reason = event.wasted if event.wasted in words.WASTE_REASONS else "failed"
                self._counter("storygen_wasted_cost_usd_total").of(stage, provider, reason).inc(cost)

    def _checked(self, event: events.Checked, _: Timed | None) -> None:
        check = event.check
        self._counter("storygen_quality_checks_total").of(check.artifact, check.name, check.verdict.value).inc()

    def _measured(self, event: events.Measured, _: Timed | None) -> None:
        # A drift is signed, early or late; how large it is counts here.
        self._histogram(f"storygen_{event.figure}").of(genai_provider(event.provider)).observe(
            abs(event.value) if event.figure == "subtitle_drift_seconds" else event.value
        )

    def _counted(self, event: events.Counted, _: Timed | None) -> None:
        self._counter("storygen_script_elements_total").of(event.element).inc(event.count)

    def _stored(self, event: events.Stored, _: Timed | None) -> None:
        self._histogram("storygen_artifact_size_bytes").of(event.kind).observe(event.size_bytes)

    def _halted(self, _: events.Halted, within: Timed | None) -> None:
        self._counter("storygen_stalls_total").of(_stage(within)).inc()

    def _shipped(self, event: events.Shipped, within: Timed | None) -> None:
        run = within
        while run is not None and run.kind != "run":
            run = run.parent
        pipeline = run.name if run is not None else words.OTHER
        self._counter("storygen_films_total").of(pipeline, event.fidelity).inc()
        self._histogram("storygen_film_duration_seconds").of(pipeline).observe(event.seconds)


def exemplar(timed: Timed | None) -> dict[str, str] | None:
    """What leads from a figure to its trace; None where the span is not sampled."""
    if timed is None or not timed.trace_id:
        return None
    return {"trace_id": timed.trace_id, "span_id": timed.span_id}


def _outcome(timed: Timed) -> str:
    return timed.outcome.value if timed.outcome is not None else ""


def _stage(within: Timed | None) -> str:
    return (within.stage if within is not None else "") or NO_STAGE
