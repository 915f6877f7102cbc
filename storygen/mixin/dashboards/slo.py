"""Objectives: what is promised, how much of the error budget is left, how fast it burns."""

from __future__ import annotations

from collections.abc import Iterator

from storygen.mixin.config import Burn, Config
from storygen.mixin.dashboards.base import Board, Panel, Row, Scope, ask, increase, ratio, series, stat, table
from storygen.mixin.rules.objectives import FAILURES, SLOW

_SCOPE = Scope("pipeline")
FAILURES_LEFT = "job_pipeline:storygen_error_budget_left:ratio"
SLOW_LEFT = "job_pipeline:storygen_latency_budget_left:ratio"
LEFT_STEPS = ((0.0, "orange"), (0.25, "green"))


def board(config: Config) -> Board:
    """Read it when a budget alert fires, and before a risky change."""
    return Board(
        uid="storygen-slo",
        title="Storygen / SLO",
        says="What is promised, what is left of the error budgets, and how fast they burn.",
        variables=("pipeline",),
        rows=(
            Row(title="What is promised, and what is left", panels=tuple(_promises(config))),
            Row(title="Failures: how fast the budget burns", panels=_failures(config)),
            Row(title="Slow runs: how fast the budget burns", panels=_slowness(config)),
            Row(title="What it rests on", panels=_events()),
        ),
    )


def left(recorded: str) -> str:
    """The share of a budget that is left of the objective's days, at the worst pipeline; below 0 it is overspent."""
    return f"min ({_SCOPE.recorded(recorded)})"


def burn(recorded: str, objective: float) -> str:
    """How many times as fast as allowed the budget burns, at the worst pipeline."""
    return f"max ({_SCOPE.recorded(recorded)}) / {1 - objective:.6g}"


def _ended(**matchers: str) -> str:
    return _SCOPE.raw("storygen_run_duration_seconds_count", **({"outcome": "!=cancelled"} | matchers))


def _fast(config: Config, window: str) -> str:
    within = f"{config.objectives.fast_seconds:.1f}"
    fast = _SCOPE.raw("storygen_run_duration_seconds_bucket", outcome="success", le=within)
    return ratio(increase("", fast, window), increase("", _ended(outcome="success"), window))


def _promises(config: Config) -> Iterator[Panel]:
    aims = config.objectives
    days = f"{aims.days} d"
    yield stat(
        f"Runs that succeeded, {days}",
        "percentunit",
        f"Of the runs that were not cancelled. The objective is {aims.success:.0%}. Below it, hold back changes and "
        "open Stage detail to see which stage fails.",
        ratio(increase("", _ended(outcome="success"), f"{aims.days}d"), increase("", _ended(), f"{aims.days}d")),
        alert="RunErrorBudgetBurn",
        board="storygen-stage",
        steps=((aims.success, "green"),),
        base="red",
        width=6,
        decimals=2,
    )
    yield stat(
        f"Budget of failures left, {days}",
        "percentunit",
        "What is left of the failures that the objective allows. Below nothing the promise is broken: stop changes, "
        "and use the burn rates below to see whether it goes on.",
        left(FAILURES_LEFT),
        alert="RunErrorBudgetBurn",
        steps=LEFT_STEPS,
        base="red",
        width=6,
        decimals=1,
    )
    yield stat(
        f"Runs under {aims.fast_seconds:g} s, {days}",
        "percentunit",
        f"Of the runs that succeeded. The objective is {aims.fast:.0%}. Below it, look for the bottleneck in Stage "
        "detail.",
        _fast(config, f"{aims.days}d"),
        alert="RunLatencyBudgetBurn",
        board="storygen-stage",
        steps=((aims.fast, "green"),),
        base="red",
        width=6,
        decimals=2,
    )
    yield stat(
        f"Budget of slow runs left, {days}",
        "percentunit",
        "What is left of the slow runs that the objective allows. Below nothing the promise is broken.",
        left(SLOW_LEFT),
        alert="RunLatencyBudgetBurn",
        steps=LEFT_STEPS,
        base="red",
        width=6,
        decimals=1,
    )


def _failures(config: Config) -> tuple[Panel, ...]:
    return (
        _burning(config, "Burn rate of failures", FAILURES, config.objectives.success, "RunErrorBudgetBurn"),
        _pairs("Windows of the failure alerts", FAILURES, config.objectives.success, config.pairs),
        series(
            "Share of runs that fail",
            "percentunit",
            "By window. A short window that is far above the long ones is something new; the other way round it is "
            "over.",
            *(
                ask(_SCOPE.recorded(FAILURES + window), f"{window} {{{{pipeline}}}}")
                for window in _windows(config.pairs)
            ),
            alert="RunErrorBudgetBurn",
            steps=((1 - config.objectives.success, "red"),),
            least=0,
        ),
    )


def _slowness(config: Config) -> tuple[Panel, ...]:
    slow = tuple(pair for pair in config.pairs if pair.latency)
    return (
        _burning(config, "Burn rate of slow runs", SLOW, config.objectives.fast, "RunLatencyBudgetBurn"),
        _pairs("Windows of the latency alerts", SLOW, config.objectives.fast, slow),
        series(
            "Share of runs that are slow",
            "percentunit",
            f"Successful runs that took more than {config.objectives.fast_seconds:g} s, by window. A short window "
            "far above the long ones is something new.",
            *(ask(_SCOPE.recorded(SLOW + window), f"{window} {{{{pipeline}}}}") for window in _windows(slow)),
            alert="RunLatencyBudgetBurn",
            steps=((1 - config.objectives.fast, "red"),),
            least=0,
        ),
    )


def _burning(config: Config, title: str, recorded: str, objective: float, alert: str) -> Panel:
    windows = dict.fromkeys(pair.long for pair in config.pairs)
    return series(
        title,
        "none",
        "1 spends the budget in exactly the days of the objective. An alert fires where a long and its short window "
        "are "
        "both above their factor. Follow the runbook; the newest failures are on Overview.",
        *(ask(burn(recorded + window, objective), window) for window in windows),
        alert=alert,
        board="storygen-overview",
        steps=tuple((pair.factor, "red") for pair in sorted(config.pairs, key=lambda pair: pair.factor)),
        least=0,
    )


def _pairs(title: str, recorded: str, objective: float, pairs: tuple[Burn, ...]) -> Panel:
    """Each pair of windows as a line of a table, told apart by a label."""

    def marked(pair: Burn, window: str) -> str:
        name = f"{pair.factor:g} x, {pair.long} and {pair.short}"
        return f'label_replace({burn(recorded + window, objective)}, "pair", "{name}", "", "")'

    longs = " or ".join(marked(pair, pair.long) for pair in pairs)
    shorts = " or ".join(marked(pair, pair.short) for pair in pairs)
    return table(
        title,
        "none",
        "One line for each alert: it fires where both rates are above the factor in front of it.",
        ask(longs, "Long window"),
        ask(shorts, "Short window"),
        columns={"pair": "Factor, windows"},
        width=8,
    )


def _events() -> tuple[Panel, ...]:
    hours = _SCOPE.raw("storygen_run_duration_seconds_count", outcome="!=cancelled")
    return (
        series(
            "Runs that count, an hour",
            "short",
            "Runs that ended and were not cancelled. With fewer than the minimum of the alerts in a window they stay "
            "silent: a few runs say nothing about a share.",
            ask(increase("pipeline", hours, "1h"), "{{pipeline}}"),
            width=12,
            least=0,
        ),
        series(
            "Budget alerts",
            "short",
            "Alerts of the error budgets that are pending or firing. Any that fires: follow its runbook; pending "
            "may pass by itself.",
            ask(
                'count by (alertname, alertstate) (ALERTS{alertname=~"Storygen.*BudgetBurn"}) or vector(0)',
                "{{alertname}} {{alertstate}}",
            ),
            alert="RunErrorBudgetBurn",
            width=12,
            least=0,
        ),
    )


def _windows(pairs: tuple[Burn, ...]) -> dict[str, None]:
    return dict.fromkeys(window for pair in pairs for window in (pair.short, pair.long))
