"""Timed work as OpenTelemetry spans, named and filled as `spans.SPANS` says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from storygen.errors import StorygenError
from storygen.events import BreakerSaw, CacheLooked, Event, FellBack, Halted, Polled, Retried, Shipped, Spent, Timed
from storygen.story import Outcome
from storygen.telemetry import spans
from storygen.telemetry.redaction import Redactor
from storygen.telemetry.words import error_type, genai_provider

Plain: TypeAlias = str | bool | int | float
_KINDS = {
    "INTERNAL": SpanKind.INTERNAL,
    "CLIENT": SpanKind.CLIENT,
    "SERVER": SpanKind.SERVER,
    "PRODUCER": SpanKind.PRODUCER,
    "CONSUMER": SpanKind.CONSUMER,
}
_BROKEN = frozenset({Outcome.FAILED, Outcome.TIMEOUT})
_NAMES = {kind: f"{span.prefix} " for kind, span in spans.SPANS.items()}
_OUTCOMES: Mapping[Outcome | None, str] = {None: ""} | {outcome: outcome.value for outcome in Outcome}
_TEXT_LIMIT = 500


class Tracing:
    """The observer that makes spans.

    A span becomes current while its work goes on, so that instrumented libraries nest theirs. `timed.trace_id` and
    `span_id` are filled where the span is sampled. `content` allows prompts and answers on spans.
    """

    def __init__(self, tracer: Tracer, *, content: bool = False, redactor: Redactor | None = None) -> None:
        self._start = tracer.start_span
        self._content = content
        self._redact = (redactor or Redactor()).redact

    def began(self, timed: Timed) -> None:
        """Start the span and make it current."""
        span = self._start(_NAMES[timed.kind] + timed.name) if timed.kind == "operation" else self._start_known(timed)
        timed.trace = (span, attach(set_span_in_context(span)))
        context = span.get_span_context()
        if context.trace_flags & TraceFlags.SAMPLED:
            timed.trace_id = f"{context.trace_id:032x}"
            timed.span_id = f"{context.span_id:016x}"

    def ended(self, timed: Timed) -> None:
        """Fill the span with what is known now, and end it."""
        if timed.trace is None:
            return
        span, token = timed.trace
        detach(token)
        if timed.trace_id or span.is_recording():
            # One by one: for the few that most spans have, the library's way with many takes twice as long.
            put = span.set_attribute
            put(spans.OUTCOME, _OUTCOMES[timed.outcome])
            if timed.kind == "operation":
                put(spans.OPERATION_NAME, timed.name)
            elif timed.kind == "request":  # which route it takes is known only now
                span.update_name(f"{timed.name} {timed.fields.get('route', '')}".rstrip())
            if timed.stage:
                put(spans.STAGE_NAME, timed.stage)
            if timed.scene is not None:
                put(spans.SCENE_INDEX, timed.scene)
            if timed.fields:
                span.set_attributes(self._filled(timed))
            if timed.error is not None:
                self._fail(span, timed, timed.error)
        span.end()

    def noted(self, event: Event, within: Timed | None) -> None:
        """Put an event, or what it says, on the span that it belongs to."""
        note = _NOTES.get(type(event))
        if note is not None and within is not None:
            note(event, within)

    def _start_known(self, timed: Timed) -> Span:
        """A span of the pipeline's own, with what a sampler may want to know of it."""
        name = _NAMES[timed.kind] + timed.name
        if timed.kind == "attempt":
            name = f"{timed.name} {timed.fields.get('model', '')}".rstrip()
        kind = _KINDS[spans.SPANS[timed.kind].kind]
        return self._start(name, _parent(timed), kind, _ATTRIBUTES[timed.kind](timed), _links(timed))

    def _filled(self, timed: Timed) -> dict[str, Plain]:
        known = spans.SPANS[timed.kind].fields
        filled: dict[str, Plain] = {}
        for key, value in timed.fields.items():
            self._fill(filled, timed.kind, known.get(key), key, value)
        return filled

    def _fill(self, filled: dict[str, Plain], kind: str, attribute: str | None, key: str, value: Any) -> None:
        if attribute is None:
            if key in spans.CONTENT and self._content:
                filled[spans.CONTENT[key]] = self._redact(str(value))
            if kind != "operation" or key in spans.CONTENT or key == "scene":
                return
            attribute = spans.METADATA + key
        if isinstance(value, bool | int | float):
            filled[attribute] = value
        elif value is not None:
            filled[attribute] = self._redact(str(value)[:_TEXT_LIMIT])
        if attribute == "storygen.cost.usd" and isinstance(value, int | float):
            filled[spans.COST_BAND] = spans.cost_band(value)

    def _fail(self, span: Span, timed: Timed, error: BaseException) -> None:
        span.set_attribute(spans.ERROR_TYPE, error_type(error))
        if timed.kind == "run" and isinstance(error, StorygenError):
            # A trace store searches for one span: who looks for runs finds them by where they broke.
            for attribute, where in ((spans.FAILED_STAGE, error.stage), (spans.FAILED_PROVIDER, error.provider)):
                if where:
                    span.set_attribute(attribute, where)
        if timed.outcome in _BROKEN:
            # Only errors of our own tree: the words of others may quote prompts.
            says = self._redact(error.message) if isinstance(error, StorygenError) else type(error).__name__
            span.set_status(StatusCode.ERROR, says[:_TEXT_LIMIT])


def parse_traceparent(text: str) -> SpanContext | None:
    """A W3C traceparent as a remote span context; None where it is not one."""
    parts = text.split("-")
    try:
        trace_id, span_id, flags = int(parts[1], 16), int(parts[2], 16), int(parts[3], 16)
    except (IndexError, ValueError):
        return None
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return context if context.is_valid else None


def _parent(timed: Timed) -> Context | None:
    """The trace context that came from another process, None for that of here."""
    text = timed.fields.get("parent")
    context = parse_traceparent(text) if text else None
    return set_span_in_context(NonRecordingSpan(context)) if context is not None else None


def _links(timed: Timed) -> list[Link]:
    earlier = timed.fields.get("link")
    context = parse_traceparent(earlier) if earlier else None
    return [Link(context)] if context is not None else []


def _of_run(timed: Timed) -> dict[str, Plain]:
    return {spans.GENAI_OPERATION: "invoke_workflow", spans.PIPELINE_NAME: timed.name}


def _of_attempt(timed: Timed) -> dict[str, Plain]:
    provider = genai_provider(str(timed.fields.get("provider", "")))
    return {spans.GENAI_OPERATION: timed.name, spans.GENAI_PROVIDER: provider}


def _of_call(timed: Timed) -> dict[str, Plain]:
    return {spans.GENAI_OPERATION: timed.name}


def _of_job(timed: Timed) -> dict[str, Plain]:
    return {
        spans.MESSAGING_SYSTEM: "storygen",
        spans.MESSAGING_OPERATION: timed.kind,
        spans.MESSAGING_QUEUE: timed.name,
    }


def _of_other(_: Timed) -> dict[str, Plain]:
    return {}


_ATTRIBUTES: Mapping[str, Callable[[Timed], dict[str, Plain]]] = {
    "run": _of_run,
    "stage": _of_other,
    "call": _of_call,
    "attempt": _of_attempt,
    "ffmpeg": _of_other,
    "send": _of_job,
    "process": _of_job,
    "request": _of_other,
}


def _span_around(timed: Timed, *kinds: str) -> Span | None:
    """The span of the innermost work of one of `kinds`, or of `timed` itself where there is none."""
    here: Timed | None = timed
    while here is not None and here.kind not in kinds:
        here = here.parent
    found = here or timed
    return found.trace[0] if found.trace is not None else None


def _note_retry(event: Retried, within: Timed) -> None:
    if span := _span_around(within, "call"):
        span.add_event("retry", {"attempt": event.attempt, "reason": event.reason, "wait": event.wait})


def _note_fallback(event: FellBack, within: Timed) -> None:
    if span := _span_around(within, "call"):
        said = {"from": event.from_provider, "to": event.to_provider, "reason": event.reason}
        span.add_event("fallback", said)


def _note_breaker(event: BreakerSaw, within: Timed) -> None:
    if event.result == "rejected" and (span := _span_around(within, "call")):
        span.add_event("breaker.rejected", {"provider": event.provider, "capability": event.capability})


def _note_poll(event: Polled, within: Timed) -> None:
    if span := _span_around(within, "attempt"):
        span.add_event("poll", {"state": event.state, "progress": event.progress})


def _note_spent(event: Spent, within: Timed) -> None:
    if span := _span_around(within, "attempt"):
        usage = event.usage
        if usage.input_tokens or usage.output_tokens:
            span.set_attribute("gen_ai.usage.input_tokens", usage.input_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)
        if event.cost_usd is not None:
            span.set_attribute("storygen.cost.usd", event.cost_usd)


def _note_cache(event: CacheLooked, within: Timed) -> None:
    if within.trace is not None:
        within.trace[0].set_attribute(spans.CACHE_RESULT, event.result)


def _note_shipped(event: Shipped, within: Timed) -> None:
    if span := _span_around(within, "run"):
        span.set_attribute("storygen.fidelity", event.fidelity)
        span.set_attribute("storygen.film.seconds", event.seconds)


def _note_stall(event: Halted, within: Timed) -> None:
    if span := _span_around(within, "stage"):
        span.add_event("stall", {"seconds": event.seconds})


_NOTES: Mapping[type, Callable[[Any, Timed], None]] = {
    Retried: _note_retry,
    FellBack: _note_fallback,
    BreakerSaw: _note_breaker,
    Polled: _note_poll,
    Spent: _note_spent,
    CacheLooked: _note_cache,
    Shipped: _note_shipped,
    Halted: _note_stall,
}
