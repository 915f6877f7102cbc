"""Stages one by one: how much they do, how often they fail, how long they take, what runs wait for."""

from __future__ import annotations

from collections.abc import Iterator

from storygen.mixin.config import Config
from storygen.mixin.dashboards.base import (
    Board,
    Panel,
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
    stat,
    table,
    total,
)
from storygen.mixin.rules.pace import PACE, PAST, SHARE
from storygen.mixin.rules.stages import P95

_SCOPE = Scope("stage")
_COUNT = "storygen_stage_duration_seconds_count"
_BUCKETS = "storygen_stage_duration_seconds_bucket"
_DONE = _SCOPE.raw(_COUNT, outcome="success")
_FAILED = _SCOPE.raw("storygen_stage_failures_total")


def board(config: Config) -> Board:
    """Read it when a stage fails, slows down or holds the others up."""
    return Board(
        uid="storygen-stage",
        title="Storygen / Stage detail",
        says="Choose a stage above. Rate, failures and durations first, then what runs wait for, then what is inside.",
        variables=("stage",),
        rows=(
            Row(title="In short", panels=(*_short(config), *_pace())),
            Row(title="Rate, failures, duration", panels=tuple(_red(config))),
            Row(title="Time limits and the bottleneck", panels=tuple(_limits(config))),
            Row(title="Why it fails", panels=tuple(_failures())),
            Row(title="Inside the stage", panels=(*_inside(), *_makings())),
        ),
    )


def _short(config: Config) -> Iterator[Panel]:
    worked, failures = increase("", _DONE, "1h"), increase("", _FAILED, "1h")
    limit = config.of("StageFailureRatioHigh").limit
    yield stat(
        "Work done, 1 h",
        "short",
        "Pieces of work of the chosen stages; a stage with scenes does one piece for each. Nothing while runs are "
        "under "
        "way: something before it hangs.",
        worked,
        alert="PipelineStalled",
        width=6,
        base="text",
    )
    yield stat(
        "Share that fails, 1 h",
        "percentunit",
        "Failed or out of time. See why below; a retry that went well is no failure.",
        ratio(failures, f"({failures} + {worked})"),
        alert="StageFailureRatioHigh",
        steps=((limit / 2, "orange"), (limit, "red")),
        empty="No work",
        width=6,
    )


def _pace() -> Iterator[Panel]:
    yield stat(
        "95 % take less than, 1 h",
        "s",
        "Successful work, without what came from the cache. When it rises, see below whether one stage or all of "
        "them slowed down.",
        percentile(0.95, "", _SCOPE.raw(_BUCKETS, outcome="success"), "1h"),
        alert="StageSlowdown",
        empty="No work",
        width=6,
        base="text",
    )
    yield stat(
        "From the cache, 1 h",
        "percentunit",
        "Share of work that was already done. Near nothing when a run is repeated: open Cache.",
        ratio(
            f"({total(increase('', _SCOPE.raw(_COUNT, outcome='cached'), '1h'))})",
            increase("", _SCOPE.raw(_COUNT, outcome="=~success|cached"), "1h"),
        ),
        board="storygen-cache",
        empty="No work",
        width=6,
        base="text",
    )


def _red(config: Config) -> Iterator[Panel]:
    failures = rate("stage", _FAILED)
    yield series(
        "Work by outcome",
        "ops",
        "Pieces of work a second. `cached` is a look-up; `skipped` was not needed. When failed or timeout grow, see "
        "why it fails, below.",
        ask(rate("stage, outcome", _SCOPE.raw(_COUNT)), "{{stage}} {{outcome}}"),
        stacked=True,
        least=0,
    )
    yield series(
        "Share that fails",
        "percentunit",
        "Above the dashed line for a while, StageFailureRatioHigh fires. Open the traces of a line by its menu.",
        ask(ratio(failures, f"({failures} + {rate('stage', _DONE)})"), "{{stage}}"),
        alert="StageFailureRatioHigh",
        steps=red_above(config, "StageFailureRatioHigh"),
        least=0,
        traces={"storygen.stage.name": "$stage", "error": "true"},
    )
    yield series(
        "How long work takes",
        "s",
        "Successful work; a point leads to its trace. When all lines rise, suspect the machine; when only p99 does, "
        "suspect single scenes.",
        *quantiles("stage", _SCOPE.raw(_BUCKETS, outcome="success"), "{{stage}}"),
        alert="StageSlowdown",
        least=0,
        traces={"storygen.stage.name": "$stage"},
    )


def _limits(config: Config) -> Iterator[Panel]:
    limit = f"max by (job, stage) ({_SCOPE.now('storygen_stage_timeout_seconds')})"
    yield series(
        "Time against the limit",
        "percentunit",
        "The 95th percentile over the stage's configured limit. At 1 work is cut off: raise the limit, or find out "
        "what "
        "slowed down.",
        ask(f"{_SCOPE.recorded(P95)} / on (job, stage) {limit}", "{{stage}}"),
        alert="StageNearTimeout",
        steps=red_above(config, "StageNearTimeout"),
        least=0,
    )
    yield series(
        "Share of the critical path",
        "percentunit",
        "What a run would save were the stage instant, over 30 minutes. Speeding up any other stage changes little.",
        ask(_SCOPE.recorded(SHARE), "{{stage}}"),
        alert="StageBottleneck",
        steps=red_above(config, "StageBottleneck"),
        stacked=True,
        least=0,
    )
    yield series(
        "Seconds of work for a second of film",
        "none",
        "Work of the stage over the length of the films that came of it, so that long stories do not look slow; "
        "beside it "
        "the slower of a day and a week ago. Far above that line, something has changed.",
        ask(_SCOPE.recorded(PACE), "{{stage}}"),
        ask(_SCOPE.recorded(PAST), "{{stage}} before"),
        alert="StageSlowdown",
        least=0,
    )


def _failures() -> Iterator[Panel]:
    yield series(
        "Failures by kind of error",
        "short",
        "In an hour. timeout and unavailable point at the provider, invalid_output at its answers, out_of_space and "
        "the "
        "like at this machine.",
        ask(f"{increase('stage, error_type', _FAILED, '1h')} > 0", "{{stage}} {{error_type}}"),
        alert="StageFailureRatioHigh",
        empty="No failures",
        stacked=True,
        least=0,
        traces={"storygen.stage.name": "$stage", "error.type": "$error_type"},
    )
    yield series(
        "Stalls",
        "short",
        "Work that was ended in an hour because nothing moved. ffmpeg or a provider hung: the trace shows the last "
        "step.",
        ask(increase("stage", _SCOPE.raw("storygen_stalls_total"), "1h"), "{{stage}}"),
        alert="RunStalled",
        least=0,
        traces={"storygen.stage.name": "$stage", "error": "true"},
    )
    yield table(
        "Failures in the time shown",
        "short",
        "Stage and kind of error, the most frequent first. Start with the first line: open its traces, then its "
        "runbook.",
        ask(f"{increase('stage, error_type', _FAILED, '$__range')} > 0", "Failures"),
        columns={"stage": "Stage", "error_type": "Error"},
        alert="StageFailureRatioHigh",
        empty="No failures",
        width=8,
    )


def _inside() -> Iterator[Panel]:
    operations = Scope().raw("storygen_operation_duration_seconds_bucket", outcome="success")
    yield heatmap(
        "Durations of the stage",
        "s",
        "How many pieces of work took how long; points are traces. A band near the time limit is work that hangs: "
        "open a point in it.",
        ask(rate("le", _SCOPE.raw(_BUCKETS)), "{{le}}", exemplar=True),
    )
    yield series(
        "Parts of stages: 95 % take less than",
        "s",
        "Work on this machine by name, such as render and normalisation, for all stages. When render grows with "
        "nothing "
        "else, cores are short: see Queue and workers.",
        ask(percentile(0.95, "operation", operations), "{{operation}}", exemplar=True),
        board="storygen-queue",
        least=0,
        traces={"storygen.operation.name": "$operation"},
    )
    yield series(
        "Calls of the stage by outcome",
        "ops",
        "`fallback` went well with another provider than the first; `rejected` was not made. Providers and models says "
        "why.",
        ask(rate("stage, outcome", _SCOPE.raw("storygen_calls_total")), "{{stage}} {{outcome}}"),
        board="storygen-providers",
        stacked=True,
        least=0,
    )


def _makings() -> Iterator[Panel]:
    yield series(
        "Retries of the stage by reason",
        "short",
        "In an hour. Every retry is paid for in time, and often in money.",
        ask(increase("stage, reason", _SCOPE.raw("storygen_retries_total"), "1h"), "{{stage}} {{reason}}"),
        alert="RetryRatioHigh",
        board="storygen-providers",
        stacked=True,
        least=0,
        width=12,
        height=7,
    )
    yield series(
        "Elements of scripts",
        "short",
        "In an hour, all stages. A sudden lack of one kind means that a model's answers or a source changed.",
        ask(increase("element", Scope().raw("storygen_script_elements_total"), "1h"), "{{element}}"),
        board="storygen-quality",
        least=0,
        width=12,
        height=7,
    )
