"""The first screen: is it well, what is left of the budget, what does it cost, where is the bottleneck, what broke."""

from __future__ import annotations

from collections.abc import Iterator

from storygen.mixin.config import Config, seconds
from storygen.mixin.dashboards import flow, slo
from storygen.mixin.dashboards.base import (
    RATE,
    Board,
    Panel,
    Row,
    Scope,
    ask,
    bars,
    increase,
    ratio,
    red_above,
    series,
    stat,
    table,
    total,
)
from storygen.mixin.dashboards.cost import of_budget
from storygen.mixin.rules.objectives import FAILURES
from storygen.mixin.rules.pace import SHARE
from storygen.mixin.rules.stages import P95

_SCOPE = Scope("pipeline")
_ROW = 3
_RUNS = "storygen_run_duration_seconds_count"


def board(config: Config) -> Board:
    """The one to leave open: the first screen answers five questions, the rest follows the flow of the data."""
    return Board(
        uid="storygen-overview",
        title="Storygen / Overview",
        says="Five questions on one screen; below it the runs, the stages in their order, and the providers.",
        variables=("pipeline",),
        rows=(
            Row(title="Is it well?", panels=(*_well(config), *_alive(config))),
            Row(title="How much of the error budget is left?", panels=tuple(_budget(config))),
            Row(title="What does it cost?", panels=(*_cost(config), *_lost_and_saved(config))),
            Row(title="Where is the bottleneck, and what broke last?", panels=(*_bottleneck(config), _broken())),
            *flow.rows(config),
        ),
    )


def _well(config: Config) -> Iterator[Panel]:
    ended = _SCOPE.raw(_RUNS, outcome="!=cancelled")
    good = _SCOPE.raw(_RUNS, outcome="success")
    yield stat(
        "Runs that succeed, 24 h",
        "percentunit",
        "Of the runs that ended and were not cancelled. Red below the objective: see what broke last, then Stage "
        "detail.",
        ratio(increase("", good, "24h"), increase("", ended, "24h")),
        alert="RunErrorBudgetBurn",
        board="storygen-slo",
        steps=((config.objectives.success, "green"),),
        base="red",
        empty="No runs",
        height=_ROW,
    )
    yield stat(
        "Films as meant, 24 h",
        "percentunit",
        "Films without fallbacks, missing scenes or stand-ins. When it drops, Media quality says how, and the manifest "
        "of a film says why.",
        ratio(
            increase("", _SCOPE.raw("storygen_films_total", fidelity="full"), "24h"),
            increase("", _SCOPE.raw("storygen_films_total"), "24h"),
        ),
        alert="FilmsDegraded",
        board="storygen-quality",
        steps=((1 - config.of("FilmsDegraded").limit, "green"),),
        base="orange",
        empty="No films",
        height=_ROW,
    )
    yield stat(
        "Alerts firing",
        "none",
        "Watchdog, which always fires, is not counted. Each alert links to its runbook, its dashboard and its traces.",
        total('count (ALERTS{alertstate="firing", service="storygen", severity!="none", job=~"$job|"})'),
        board="storygen-telemetry",
        steps=((1, "red"),),
        height=_ROW,
    )


def _alive(config: Config) -> Iterator[Panel]:
    yield stat(
        "Since the last success",
        "s",
        "How long no run has succeeded. Runs that start and do not succeed are a fault; no runs at all may be rest.",
        f"time() - max ({_SCOPE.now('storygen_last_success_timestamp_seconds')})",
        alert="NoRecentSuccess",
        steps=((seconds(config.hold(config.of("NoRecentSuccess").window)), "red"),),
        empty="No success yet",
        height=_ROW,
    )
    yield stat(
        "Processes that answer",
        "percentunit",
        "Scrapes that succeed. Below all of them, a process is down or its metrics port is closed: Telemetry health "
        "names it.",
        f"avg ({_SCOPE.raw('up')})",
        alert="TargetDown",
        board="storygen-telemetry",
        steps=((1, "green"),),
        base="red",
        height=_ROW,
    )
    yield stat(
        "Open breakers",
        "none",
        "Providers that are not called for now because they failed. Providers and models shows which and since when.",
        f"sum (max by (provider, capability) ({_SCOPE.now('storygen_circuit_breaker_state', state='open')}))",
        alert="CircuitBreakerOpen",
        board="storygen-providers",
        steps=((1, "red"),),
        empty="No breakers",
        height=_ROW,
    )


def _budget(config: Config) -> Iterator[Panel]:
    days = f"{config.objectives.days} d"
    for kind, left, alert in (
        ("failures", slo.FAILURES_LEFT, "RunErrorBudgetBurn"),
        ("slow runs", slo.SLOW_LEFT, "RunLatencyBudgetBurn"),
    ):
        yield stat(
            f"Budget of {kind} left, {days}",
            "percentunit",
            f"What is left of the {kind} that the objective allows. Below nothing, stop changes and open SLO.",
            slo.left(left),
            alert=alert,
            board="storygen-slo",
            steps=slo.LEFT_STEPS,
            base="red",
            empty="No runs",
            height=_ROW,
        )
    fastest = config.pairs[0]
    yield stat(
        f"Budget burns, {fastest.long}",
        "suffix: x",
        f"1 spends the budget in exactly {days}. From {fastest.factor:g} on somebody is called.",
        slo.burn(FAILURES + fastest.long, config.objectives.success),
        alert="RunErrorBudgetBurn",
        board="storygen-slo",
        steps=((1, "orange"), (fastest.factor, "red")),
        empty="No runs",
        height=_ROW,
        decimals=1,
    )
    yield series(
        "How fast the budget of failures burns",
        "none",
        "By window. Above the dashed lines an alert fires if the shorter window agrees; SLO shows both.",
        *(ask(slo.burn(FAILURES + pair.long, config.objectives.success), pair.long) for pair in config.pairs),
        alert="RunErrorBudgetBurn",
        board="storygen-slo",
        steps=tuple((pair.factor, "red") for pair in sorted(config.pairs, key=lambda pair: pair.factor)),
        least=0,
        width=12,
        height=_ROW,
    )


def _cost(config: Config) -> Iterator[Panel]:
    spent = increase("", _SCOPE.raw("storygen_cost_usd_total"), "24h")
    films = increase("", _SCOPE.raw("storygen_films_total"), "24h")
    nearly = config.of("BudgetNearlySpent").limit
    reads: dict[str, object] = {"board": "storygen-cost", "height": _ROW}
    yield stat(
        "Spent, 24 h",
        "currencyUSD",
        "What calls cost, failed and repeated ones included. When it jumps, Tokens and cost says who spends it.",
        spent,
        **reads,
    )
    yield stat(
        "Of the daily budget",
        "percentunit",
        "Spent in 24 h over the budget of 24 h. At the budget, calls are refused and runs end: raise it or wait.",
        of_budget(_SCOPE),
        alert="BudgetNearlySpent",
        steps=((nearly, "orange"), (1, "red")),
        empty="No budget is set",
        **reads,
    )
    yield stat(
        "Cost of a film, 24 h",
        "currencyUSD",
        "What was spent over the films that came of it, so that failed runs make films dearer.",
        ratio(spent, films),
        alert="CostPerFilmHigh",
        empty="No films",
        **reads,
    )


def _lost_and_saved(config: Config) -> Iterator[Panel]:
    spent = increase("", _SCOPE.raw("storygen_cost_usd_total"), "24h")
    waste = config.of("WastedSpendHigh").limit
    wasted = increase("", _SCOPE.raw("storygen_wasted_cost_usd_total"), "24h")
    unpriced = increase("", _SCOPE.raw("storygen_unpriced_calls_total"), "24h")
    reads: dict[str, object] = {"board": "storygen-cost", "height": _ROW}
    yield stat(
        "Spent for nothing, 24 h",
        "percentunit",
        "Share of the cost of answers that were not used: failed, repeated, thrown away.",
        ratio(wasted, spent),
        alert="WastedSpendHigh",
        steps=((waste, "red"),),
        empty="Nothing spent",
        **reads,
    )
    yield stat(
        "Saved by the cache, 24 h",
        "currencyUSD",
        "An estimate: what the hits cost when they were made. Near nothing on repeated stories: open Cache.",
        increase("", _SCOPE.raw("storygen_cache_saved_usd_total"), "24h"),
        board="storygen-cache",
        height=_ROW,
        base="text",
    )
    yield stat(
        "Calls of unknown price, 24 h",
        "none",
        "These are not in the cost. Add the price in the settings; the runbook says how.",
        unpriced,
        alert="PriceUnknown",
        steps=((1, "orange"),),
        decimals=0,
        **reads,
    )


def _bottleneck(config: Config) -> tuple[Panel, ...]:
    share = f"max ({_SCOPE.recorded(SHARE, stage='STAGE')})"
    p95 = f"max ({_SCOPE.recorded(P95, stage='STAGE')})"
    limit = _SCOPE.now("storygen_stage_timeout_seconds", stage="STAGE")
    return (
        bars(
            "Share of the critical path, 30 min",
            "percentunit",
            "What a run would save were the stage instant. The longest bar is the bottleneck: speed up that stage "
            "first.",
            *flow.in_flow(share),
            alert="StageBottleneck",
            board="storygen-stage",
            steps=red_above(config, "StageBottleneck"),
            least=0,
            most=1,
            width=6,
            height=7,
        ),
        bars(
            "How near to the time limit, 30 min",
            "percentunit",
            "95 % of the stage's work takes less than this share of its limit. At 1 it is cut off: raise the limit or "
            "look at the provider.",
            *flow.in_flow(f"{p95} / max ({limit})"),
            alert="StageNearTimeout",
            board="storygen-stage",
            steps=red_above(config, "StageNearTimeout"),
            least=0,
            most=1,
            width=6,
            height=7,
        ),
    )


def _broken() -> Panel:
    failures = _SCOPE.raw("storygen_stage_failures_total")
    moments = f"(time() * ({increase('stage, error_type', failures)} > bool 0)) > 0"
    return table(
        "What broke last",
        "none",
        "Failures of stages in the time shown, the newest first. Open the traces of the stage, or run "
        "`storygen explain` on the run that failed: it says what to do next.",
        ask(f"max_over_time(({moments})[$__range:{RATE}]) * 1000", "Last seen"),
        ask(f"{increase('stage, error_type', failures, '$__range')} > 0", "Times"),
        alert="StageFailureRatioHigh",
        board="storygen-stage",
        columns={"stage": "Stage", "error_type": "Error"},
        units={"Last seen": "dateTimeFromNow", "Times": "short"},
        empty="Nothing broke",
        traces={"storygen.stage.name": "$stage", "error": "true"},
        width=12,
        height=7,
    )
