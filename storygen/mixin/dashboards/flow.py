"""The rows of the overview that follow the flow of the data."""

from __future__ import annotations

from collections.abc import Iterator

from storygen.mixin.config import Config
from storygen.mixin.dashboards.base import (
    Panel,
    Query,
    Row,
    Scope,
    ask,
    heatmap,
    increase,
    percentile,
    quantiles,
    rate,
    ratio,
    red_above,
    series,
)
from storygen.mixin.dashboards.providers import breakers
from storygen.telemetry import words

_SCOPE = Scope("pipeline")
_RUNS = "storygen_run_duration_seconds_count"
_STAGE_BUCKETS = "storygen_stage_duration_seconds_bucket"


def rows(config: Config) -> tuple[Row, ...]:
    """Runs, then stages in their order, then providers."""
    return (
        Row(title="Runs", panels=(*_runs(config), *_films())),
        Row(title=f"Stages: {' → '.join(words.STAGES)}", panels=tuple(_stages())),
        Row(title="Providers", panels=tuple(_providers(config))),
    )


def in_flow(expr: str) -> tuple[Query, ...]:
    """`expr` once for each stage in the order of the flow, its `STAGE` replaced by the name."""
    return tuple(ask(expr.replace("STAGE", stage), stage) for stage in words.STAGES)


def _runs(config: Config) -> Iterator[Panel]:
    yield series(
        "Runs by outcome, an hour",
        "short",
        "Runs that ended. When failed or timeout grow, Stage detail says where; cancelled are stopped by people.",
        ask(increase("outcome", _SCOPE.raw(_RUNS), "1h"), "{{outcome}}"),
        alert="RunErrorBudgetBurn",
        stacked=True,
        least=0,
    )
    yield series(
        "How long runs take",
        "s",
        "Runs that succeeded. A point leads to its trace. Above the dashed line a run is slow by the objective.",
        *quantiles("", _SCOPE.raw("storygen_run_duration_seconds_bucket", outcome="success")),
        alert="RunLatencyBudgetBurn",
        board="storygen-stage",
        steps=((config.objectives.fast_seconds, "red"),),
        least=0,
    )
    yield heatmap(
        "Run durations",
        "s",
        "How many runs took how long. A second band above the first is a group of runs with another fate: open one.",
        ask(rate("le", _SCOPE.raw("storygen_run_duration_seconds_bucket")), "{{le}}", exemplar=True),
    )


def _films() -> Iterator[Panel]:
    yield series(
        "Runs started and under way",
        "short",
        "Under way without any that end means that something hangs; see RunStalled and Stage detail.",
        ask(increase("", _SCOPE.raw("storygen_runs_started_total"), "1h"), "started in an hour"),
        ask(f"sum ({_SCOPE.now('storygen_runs_in_progress')})", "under way"),
        alert="PipelineStalled",
        least=0,
        width=12,
        height=6,
    )
    yield series(
        "Films by fidelity, an hour",
        "short",
        "Degraded: a fallback was used or a scene left out. Placeholder: made of stand-ins. Media quality says more.",
        ask(increase("fidelity", _SCOPE.raw("storygen_films_total"), "1h"), "{{fidelity}}"),
        alert="FilmsDegraded",
        board="storygen-quality",
        stacked=True,
        least=0,
        width=12,
        height=6,
    )


def _stages() -> Iterator[Panel]:
    p95 = percentile(0.95, "", _SCOPE.raw(_STAGE_BUCKETS, stage="STAGE", outcome="success"))
    yield series(
        "95 % of a stage's work takes less than",
        "s",
        "Per scene where a stage has scenes; what came from the cache is left out. The line that leaves its own "
        "past is "
        "the one to open in Stage detail.",
        *(ask(query.expr, query.legend, exemplar=True) for query in in_flow(p95)),
        alert="StageSlowdown",
        board="storygen-stage",
        least=0,
    )
    yield series(
        "Critical path by stage",
        "percentunit",
        "Seconds of the critical path in a second, in the order of the flow. The widest band is what runs wait for.",
        *in_flow(rate("", _SCOPE.raw("storygen_stage_critical_seconds_total", stage="STAGE"))),
        alert="StageBottleneck",
        board="storygen-stage",
        stacked=True,
        least=0,
    )
    yield series(
        "Failures by stage, an hour",
        "short",
        "Work that failed or ran out of time. Stage detail says with which error.",
        *in_flow(increase("", _SCOPE.raw("storygen_stage_failures_total", stage="STAGE"), "1h")),
        alert="StageFailureRatioHigh",
        board="storygen-stage",
        stacked=True,
        least=0,
    )


def _providers(config: Config) -> Iterator[Panel]:
    attempts = _SCOPE.raw("storygen_attempts_total", error_type="!=cancelled")
    failed = _SCOPE.raw("storygen_attempts_total", error_type="!~|cancelled")
    yield series(
        "Failed attempts by provider",
        "percentunit",
        "Attempts that a retry cured are in it. Above the dashed line open Providers and models, errors by kind.",
        ask(ratio(rate("provider", failed), rate("provider", attempts)), "{{provider}}"),
        alert="ProviderErrorRatioHigh",
        board="storygen-providers",
        steps=red_above(config, "ProviderErrorRatioHigh"),
        least=0,
        traces={"gen_ai.provider.name": "$provider", "error": "true"},
    )
    yield series(
        "95 % of attempts answer within",
        "s",
        "By provider. A provider that turns slow slows the stage that it serves; a point leads to a trace.",
        ask(
            percentile(0.95, "gen_ai_provider_name", _SCOPE.raw("gen_ai_client_operation_duration_seconds_bucket")),
            "{{gen_ai_provider_name}}",
            exemplar=True,
        ),
        board="storygen-providers",
        least=0,
        traces={"gen_ai.provider.name": "$gen_ai_provider_name"},
    )
    yield breakers(_SCOPE)
