"""Objectives: how often runs fail or are slow, what is left of the error budget, and how fast it burns."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Recording, Runbook
from storygen.mixin.config import DAY, Burn, Config, Knobs, seconds, spoken, written
from storygen.mixin.promql import LABELS, rate, selector
from storygen.mixin.proofs import percent, ramp, steps

FAILURES = "job_pipeline:storygen_run_failures_per_runs:ratio_rate"
SLOW = "job_pipeline:storygen_slow_runs_per_runs:ratio_rate"
_RUNS = "storygen_run_duration_seconds_count"
_BY = LABELS["pipeline"]
_TILE = "5m"
# How long all is well before a proof begins to burn, and how often its rules are evaluated.
_QUIET, _PACE = "2d", "30m"
# Rates over five minutes, from which everything over longer windows is computed: reading the counters of ten workers
# again over three days takes forty times as long. It is exact where rules were evaluated all the time; an average
# leaves gaps out above and below the line alike, and the counts of runs take a gap for no runs.
_ENDED, _FAILED, _GOOD, _FAST = (
    f"job_pipeline:storygen_{what}:rate5m" for what in ("runs", "run_failures", "run_successes", "fast_runs")
)


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    pairs = config.pairs
    slow = tuple(pair for pair in pairs if pair.latency)
    # Panels show all windows, also those that are not alerted on.
    windows = sorted({*_windows(config.burns), _TILE, "1h"}, key=seconds)
    recordings = (
        *_rates(config),
        *(Recording(record=f"{FAILURES}{window}", expr=_failing(config, window)) for window in windows),
        *(Recording(record=f"{SLOW}{window}", expr=_slow(config, window)) for window in windows),
        *(_count(config, "runs", pair.long) for pair in pairs),
        *(_count(config, "run_successes", pair.long) for pair in slow),
    )
    alerts = (*(_burn(config, pair) for pair in pairs), *(_slow_burn(config, pair) for pair in slow))
    return (
        Group(name="storygen-objectives", recordings=recordings, alerts=alerts),
        Group(name="storygen-budgets", interval="1m" if config.scale == 1 else "", recordings=_left(config)),
    )


def _windows(pairs: tuple[Burn, ...]) -> set[str]:
    return {window for pair in pairs for window in (pair.long, pair.short)}


def _series(config: Config, outcome: str) -> str:
    return selector(_RUNS, job=config.job, outcome=outcome)


def _fast(config: Config) -> str:
    edge = str(float(config.objectives.fast_seconds))
    return selector("storygen_run_duration_seconds_bucket", job=config.job, outcome="success", le=edge)


def _rates(config: Config) -> tuple[Recording, ...]:
    window = config.window(_TILE)
    return (
        Recording(record=_ENDED, expr=rate(_BY, _series(config, "!=cancelled"), window)),
        Recording(record=_FAILED, expr=rate(_BY, _series(config, "=~failed|timeout"), window)),
        Recording(record=_GOOD, expr=rate(_BY, _series(config, "success"), window)),
        Recording(record=_FAST, expr=rate(_BY, _fast(config), window)),
    )


def _failing(config: Config, window: str) -> str:
    return f"{_mean(config, _FAILED, window)} / ({_mean(config, _ENDED, window)} > 0)"


def _slow(config: Config, window: str) -> str:
    return f"1 - {_mean(config, _FAST, window)} / ({_mean(config, _GOOD, window)} > 0)"


def _mean(config: Config, rated: str, window: str) -> str:
    return rated if window == _TILE else f"avg_over_time({rated}[{config.window(window)}])"


def _count(config: Config, what: str, window: str) -> Recording:
    """How many runs ended in a window: the guard of the alerts, which a young history must not loosen."""
    rated, step = _ENDED if what == "runs" else _GOOD, config.window(_TILE)
    expr = f"sum_over_time({rated}[{config.window(window)}:{step}]) * {seconds(step):g}"
    return Recording(record=f"job_pipeline:storygen_{what}:increase{window}", expr=expr)


def _left(config: Config) -> tuple[Recording, ...]:
    """What is left of the budgets: 1 is all of it, below 0 more was spent than there was."""
    goals, days = config.objectives, f"{config.objectives.days}d"
    failed, slow = _failing(config, days), _slow(config, days)
    return (
        Recording(
            record="job_pipeline:storygen_error_budget_left:ratio", expr=f"1 - ({failed}) / {1 - goals.success:.6g}"
        ),
        Recording(
            record="job_pipeline:storygen_latency_budget_left:ratio", expr=f"1 - ({slow}) / {1 - goals.fast:.6g}"
        ),
    )


def _alert_expr(ratio: str, counted: str, pair: Burn, limit: float, minimum: float) -> str:
    return (
        f"{ratio}{pair.long} > {limit:.6g}\n"
        f"and on ({_BY}) {ratio}{pair.short} > {limit:.6g}\n"
        f"and on ({_BY}) job_pipeline:storygen_{counted}:increase{pair.long} >= {minimum:g}"
    )


def _knobs(config: Config, alert: str, pair: Burn) -> Knobs:
    given = config.of(alert)
    return given.model_copy(update={"hold": pair.hold, "window": pair.long, "severity": pair.severity})


def _burn(config: Config, pair: Burn) -> Alert:
    knobs = _knobs(config, "RunErrorBudgetBurn", pair)
    budget = 1 - config.objectives.success
    limit = min(pair.factor * budget, 0.99)
    gone = pair.factor * seconds(pair.long) / (config.objectives.days * DAY)
    return Alert(
        name="RunErrorBudgetBurn",
        expr=_alert_expr(FAILURES, "runs", pair, limit, knobs.minimum),
        knobs=knobs,
        labels={"long": pair.long, "short": pair.short},
        summary="{{ $labels.pipeline }}: {{ $value | humanizePercentage }} of runs fail",
        description=f"Of the runs of {{{{ $labels.pipeline }}}} in the last {spoken(config.window(pair.long))}, "
        f"{{{{ $value | humanizePercentage }}}} failed or ran out of time, and it goes on. "
        f"{percent(budget)} may. In one such window {percent(gone)} of the budget of {config.objectives.days} days "
        "is spent.",
        dashboard="storygen-slo",
        variables={"pipeline": "pipeline"},
        traces={"gen_ai.workflow.name": "$pipeline", "error": "true"},
        runbook=_FAILING,
        proofs=(_proof(config, pair, limit, {"outcome": "success"}, {"outcome": "failed"}),),
    )


def _slow_burn(config: Config, pair: Burn) -> Alert:
    knobs = _knobs(config, "RunLatencyBudgetBurn", pair)
    goals = config.objectives
    limit = min(pair.factor * (1 - goals.fast), 0.99)
    return Alert(
        name="RunLatencyBudgetBurn",
        expr=_alert_expr(SLOW, "run_successes", pair, limit, knobs.minimum),
        knobs=knobs,
        labels={"long": pair.long, "short": pair.short},
        summary="{{ $labels.pipeline }}: {{ $value | humanizePercentage }} of runs are slow",
        description=f"Of the successful runs of {{{{ $labels.pipeline }}}} in the last "
        f"{spoken(config.window(pair.long))}, {{{{ $value | humanizePercentage }}}} took longer than "
        f"{goals.fast_seconds:g} s, and it goes on. {percent(1 - goals.fast)} may.",
        dashboard="storygen-slo",
        variables={"pipeline": "pipeline"},
        traces={"gen_ai.workflow.name": "$pipeline", "storygen.outcome": "success"},
        runbook=_SLOW,
        proofs=(_slow_proof(config, pair, limit),),
    )


def _history(pair: Burn, limit: float, share: float) -> tuple[str, str, str]:
    """Good and bad runs: good ones for long enough to keep slower pairs quiet, then some of both."""
    interval, bad = "2m", min(limit * share, 1.0)
    quiet, burning = (
        steps(_QUIET, interval),
        steps(pair.long, interval) + steps(pair.hold, interval) + steps(_PACE, interval) * 3,
    )
    return ramp((10, quiet), (10 * (1 - bad), burning)), ramp((0, quiet), (10 * bad, burning)), interval


def _moment(pair: Burn) -> str:
    """When the long window holds nothing but the burning: its hold has passed, that of slower pairs has not."""
    return written(sum(map(seconds, (_QUIET, pair.long, pair.hold))) + 2 * seconds(_PACE))


def _proof(config: Config, pair: Burn, limit: float, good: dict[str, str], bad: dict[str, str]) -> Proof:
    base = {"job": config.job, "pipeline": "story"}
    names = (selector(_RUNS, **base, **good), selector(_RUNS, **base, **bad))
    below, above = (_history(pair, limit, share) for share in (0.98, 1.02))
    return Proof(
        below=dict(zip(names, below[:2], strict=True)),
        above=dict(zip(names, above[:2], strict=True)),
        at=_moment(pair),
        labels=base,
        value=percent(min(limit * 1.02, 1.0)),
        interval=below[2],
        pace=_PACE,
    )


def _slow_proof(config: Config, pair: Burn, limit: float) -> Proof:
    labels = {"job": config.job, "pipeline": "story"}
    names = (_fast(config).replace("{", '{pipeline="story", '), selector(_RUNS, **labels, outcome="success"))
    below, above = (_history(pair, limit, share) for share in (0.98, 1.02))
    every = ramp(
        (
            10,
            steps(_QUIET, below[2])
            + steps(pair.long, below[2])
            + steps(pair.hold, below[2])
            + steps(_PACE, below[2]) * 3,
        )
    )
    return Proof(
        below={names[0]: below[0], names[1]: every},
        above={names[0]: above[0], names[1]: every},
        at=_moment(pair),
        labels=labels,
        value=percent(min(limit * 1.02, 1.0)),
        interval=below[2],
        pace=_PACE,
    )


_FAILING = Runbook(
    means="More runs fail, or run out of time, than the objective allows, both over the long window and right now. "
    "The faster the budget burns, the more urgent: the pair of 1h and 5m spends a month's budget in two days.",
    felt="Stories are asked for and no film comes.",
    look="SLO, the burn by window; then Overview, failures by stage; then the trace of a run that failed.",
    do=(
        (
            "Look which other alerts are on: a provider, a stage or a disk is usually the cause, and theirs is the "
            "page to follow."
        ),
        (
            "`storygen explain RUN` for a run that failed: it names the stage, the provider, the attempts and the next "
            "step."
        ),
        "`storygen doctor --live` tries every configured provider with one small call.",
        "If one provider is the cause, put another one behind it in its chain, or take it out, until it is well.",
        "If it began with a change of settings or of storygen, take that back first and look for the reason after.",
    ),
    over="The ratio over the short window is back below the limit; the alert ends by itself, the budget takes days to "
    "heal.",
)
_SLOW = Runbook(
    means="More successful runs than the objective allows take too long, over days and right now.",
    felt="Films come, but late; a queue before the runs grows.",
    look="SLO, slow runs by window; then Overview, share of the critical path by stage: it names the stage to look at.",
    do=(
        "`storygen report` after a run: where its time went, stage by stage, and what waited for what.",
        "Look whether StageSlowdown, StageBottleneck or RetryRatioHigh is on, and follow that page.",
        "`storygen compare STORY --a WISH --b WISH` shows whether another provider is faster for the same story.",
        (
            "If nothing is wrong and stories have become longer, set `objectives.fast_seconds` to what is promised "
            "now and build again with `storygen mixin build`."
        ),
    ),
    over="The ratio over the short window is back below the limit.",
)
