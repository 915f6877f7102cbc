"""Every span that storygen makes, declared once: names, kinds, attributes and events.

They are an API, as the metrics are. The `gen_ai` ones follow OpenTelemetry's GenAI conventions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span: named `prefix` and the value of `named_by`; `fields` maps what timed work carries to attributes."""

    prefix: str
    named_by: str
    kind: Literal["INTERNAL", "CLIENT", "SERVER", "PRODUCER", "CONSUMER"] = "INTERNAL"
    fields: Mapping[str, str] = field(default_factory=dict)
    events: tuple[str, ...] = ()
    room: str = ""


OUTCOME = "storygen.outcome"
ERROR_TYPE = "error.type"
STAGE_NAME = "storygen.stage.name"
SCENE_INDEX = "storygen.scene.index"
PIPELINE_NAME = "gen_ai.workflow.name"
OPERATION_NAME = "storygen.operation.name"
GENAI_OPERATION = "gen_ai.operation.name"
GENAI_PROVIDER = "gen_ai.provider.name"
COST_BAND = "storygen.cost.band"
MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION = "messaging.operation.type"
MESSAGING_QUEUE = "messaging.destination.name"
CACHE_RESULT = "storygen.cache.result"
FAILED_STAGE = "storygen.failed.stage"
FAILED_PROVIDER = "storygen.failed.provider"
METADATA = "storygen.metadata."
COST_BANDS = ((0.01, "below 0.01"), (0.1, "0.01 to 0.1"), (1.0, "0.1 to 1"), (10.0, "1 to 10"))
# What may hold prompts and stories: recorded only when OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT says so.
CONTENT: Mapping[str, str] = {
    "input_messages": "gen_ai.input.messages",
    "output_messages": "gen_ai.output.messages",
    "system_instructions": "gen_ai.system_instructions",
}

SPANS: Mapping[str, Span] = {
    "run": Span(
        prefix="invoke_workflow",
        named_by="pipeline",
        fields={
            "run_id": "storygen.run.id",
            "scenes": "storygen.scene.count",
            "fidelity": "storygen.fidelity",
            "reasons": "storygen.fidelity.reasons",
            "cost_usd": "storygen.cost.usd",
            "resumed": "storygen.run.resumed",
        },
    ),
    "stage": Span(
        prefix="stage",
        named_by="stage",
        fields={
            "cached": "storygen.cache.hit",
            "words": "storygen.stage.words",
            "characters": "storygen.stage.characters",
            "scenes": "storygen.scene.count",
            "seconds": "storygen.output.seconds",
            "size_bytes": "storygen.output.bytes",
        },
    ),
    "call": Span(
        prefix="call",
        named_by="operation",
        fields={
            "capability": "storygen.capability",
            "provider": "storygen.provider",
            "model": "gen_ai.request.model",
            "attempts": "storygen.attempts",
            "breaker": "storygen.breaker.state",
            "cached": "storygen.cache.hit",
            "result": "storygen.call.result",
        },
        events=("retry", "fallback", "breaker.rejected"),
    ),
    "attempt": Span(
        prefix="",
        named_by="operation and model",
        kind="CLIENT",
        fields={
            "model": "gen_ai.request.model",
            "response_model": "gen_ai.response.model",
            "response_id": "gen_ai.response.id",
            "output": "gen_ai.output.type",
            "number": "storygen.attempt",
            "job_id": "storygen.provider.job_id",
            "input_tokens": "gen_ai.usage.input_tokens",
            "output_tokens": "gen_ai.usage.output_tokens",
            "cost_usd": "storygen.cost.usd",
        },
    ),
    "ffmpeg": Span(
        prefix="ffmpeg",
        named_by="step",
        fields={
            "exit_code": "process.exit.code",
            "in_seconds": "storygen.input.seconds",
            "out_seconds": "storygen.output.seconds",
            "speed": "storygen.ffmpeg.speed",
        },
    ),
    "operation": Span(prefix="operation", named_by="operation"),
    "request": Span(
        prefix="",
        named_by="method and route",
        kind="SERVER",
        fields={"method": "http.request.method", "route": "http.route", "status": "http.response.status_code"},
    ),
    "send": Span(prefix="send", named_by="queue", kind="PRODUCER", fields={"count": "messaging.batch.message_count"}),
    "process": Span(
        prefix="process",
        named_by="queue",
        kind="CONSUMER",
        fields={"job": "messaging.message.id", "claim": "storygen.job.claim", "waited": "storygen.job.wait_seconds"},
    ),
}


def cost_band(cost_usd: float) -> str:
    """The band of a cost: searches in trace stores know equality only."""
    return next((name for limit, name in COST_BANDS if cost_usd < limit), "10 and more")
