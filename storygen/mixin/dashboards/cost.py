"""Tokens and cost: what is spent, by whom, for what, and what of it for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from storygen.mixin.config import Config
from storygen.mixin.dashboards.base import (
    Board,
    Panel,
    Row,
    Scope,
    ask,
    increase,
    percentile,
    quantiles,
    rate,
    ratio,
    red_above,
    series,
    stat,
    table,
)
from storygen.mixin.rules.money import COST_PER_FILM

_SCOPE = Scope("pipeline", "stage", "provider", "model")
_WHOLE = Scope()
_COST = "storygen_cost_usd_total"
_HOUR = "3600 * "


def board(config: Config) -> Board:
    """Read it when a bill, a budget or a single film is higher than it should be."""
    return Board(
        uid="storygen-cost",
        title="Storygen / Tokens and cost",
        says="In US dollars, by the prices that storygen knows. Spending and budget first, then who spends it, then "
        "what of it was for nothing.",
        variables=("pipeline", "stage", "provider", "model"),
        rows=(
            Row(title="Spending and budget", panels=(*_spending(), *_budget(config))),
            Row(title="Who spends it", panels=tuple(_spenders())),
            Row(title="What a film costs", panels=tuple(_films())),
            Row(title="For nothing, or not known", panels=(*_waste(config), *_missing())),
            Row(title="Tokens", panels=tuple(_tokens())),
            Row(title="What was bought", panels=tuple(_units())),
        ),
    )


def of_budget(scope: Scope) -> str:
    """What of the budget of 24 hours is spent; answers that were lost may have been billed, and count."""
    spent, perhaps = (increase("", scope.raw(name), "24h") for name in (_COST, "storygen_uncertain_cost_usd_total"))
    return f"({spent} + {perhaps}) / max ({scope.now('storygen_budget_usd', window='24h')})"


def _spending() -> Iterator[Panel]:
    day = increase("", _WHOLE.raw(_COST), "24h")
    yield stat(
        "Spent, 24 h",
        "currencyUSD",
        "All calls, failed and repeated ones included. Higher than usual: see below who spends it, and for what.",
        day,
        base="text",
    )
    yield stat(
        "Spent, 7 d",
        "currencyUSD",
        "Compare with the vendors' own bills: calls of unknown price are not in it.",
        increase("", _WHOLE.raw(_COST), "7d"),
        base="text",
    )
    yield stat(
        "In 30 days at this pace",
        "currencyUSD",
        "Thirty times the last 24 hours. Too high: set a budget, and see who spends it, below.",
        f"30 * {day}",
        base="text",
    )


def _budget(config: Config) -> Iterator[Panel]:
    yield stat(
        "Of the daily budget",
        "percentunit",
        "At 1 calls are refused and runs end. Raise the budget in the settings or wait: it counts the last 24 hours.",
        of_budget(_WHOLE),
        alert="BudgetNearlySpent",
        steps=((config.of("BudgetNearlySpent").limit, "orange"), (1, "red")),
        empty="No budget is set",
    )
    yield stat(
        "Budgets",
        "currencyUSD",
        "What the settings allow for a run and for 24 hours. Without one, nothing stops a loop that spends: set "
        "`budget.day_usd`.",
        ask(f"max by (window) ({_WHOLE.now('storygen_budget_usd')})", "{{window}}"),
        base="text",
        empty="No budget is set",
    )
    yield stat(
        "Calls refused by budgets, 24 h",
        "none",
        "Calls that were not made. Any means that stories are not told for lack of money: raise the budget, or find "
        "the "
        "spender.",
        increase("", _WHOLE.raw("storygen_budget_rejections_total"), "24h"),
        alert="BudgetExceeded",
        steps=((1, "red"),),
        decimals=0,
    )


def _spenders() -> Iterator[Panel]:
    for label, says in (
        ("provider", "A jump at one provider: its prices, a longer chain of fallbacks, or retries that are billed."),
        ("model", "A jump at one model: somebody chose a dearer one, or prompts grew; see tokens below."),
        ("stage", "A jump at one stage: longer stories, or answers that are refused and bought again."),
    ):
        yield series(
            f"Dollars an hour, by {label}",
            "currencyUSD",
            f"A point leads to the trace of a dear call. {says}",
            ask(_HOUR + rate(label, _SCOPE.raw(_COST)), f"{{{{{label}}}}}", exemplar=True),
            alert="CostPerFilmHigh",
            stacked=True,
            least=0,
        )


def _films() -> Iterator[Panel]:
    paid = "storygen_run_cost_usd"
    yield series(
        "What runs cost",
        "currencyUSD",
        "Percentiles of what single runs paid. p99 far above the others: single stories are dear; see the traces of "
        "the "
        "highest cost band.",
        *quantiles("", _SCOPE.raw(f"{paid}_bucket")),
        least=0,
        traces={"storygen.cost.band": "1 to 10"},
    )
    yield series(
        "Cost of a film",
        "currencyUSD",
        "What runs paid over the films that came of it, failed runs included, beside the mean of the week that ended "
        "yesterday. The alert compares the two.",
        ask(_SCOPE.recorded(COST_PER_FILM), "{{pipeline}}"),
        ask(f"avg_over_time({_SCOPE.recorded(COST_PER_FILM)}[7d] offset 1d)", "{{pipeline}} before"),
        alert="CostPerFilmHigh",
        empty="No films",
        least=0,
    )
    yield series(
        "Mean cost of a run",
        "currencyUSD",
        "By pipeline, cheap repeats from the cache included. A rise at one pipeline: its stories grew, or its cache "
        "no longer hits.",
        ask(
            ratio(
                increase("pipeline", _SCOPE.raw(f"{paid}_sum"), "1h"),
                increase("pipeline", _SCOPE.raw(f"{paid}_count"), "1h"),
            ),
            "{{pipeline}}",
        ),
        empty="No runs",
        least=0,
    )


def _waste(config: Config) -> Iterator[Panel]:
    wasted = _SCOPE.raw("storygen_wasted_cost_usd_total")
    yield series(
        "Spent for nothing, by reason",
        "currencyUSD",
        "Dollars in an hour. failed: the call never went well. retried: paid and asked again. discarded: the run "
        "did not "
        "use it.",
        ask(increase("provider, reason", wasted, "1h"), "{{provider}} {{reason}}"),
        alert="WastedSpendHigh",
        stacked=True,
        least=0,
    )
    yield series(
        "Share that is spent for nothing",
        "percentunit",
        "By provider, in an hour. Above the dashed line, look at the reasons beside it and at the checks in Media "
        "quality.",
        ask(
            ratio(increase("provider", wasted, "1h"), increase("provider", _SCOPE.raw(_COST), "1h")),
            "{{provider}}",
        ),
        alert="WastedSpendHigh",
        board="storygen-quality",
        steps=red_above(config, "WastedSpendHigh"),
        empty="Nothing spent",
        least=0,
    )
    yield series(
        "Perhaps billed",
        "currencyUSD",
        "An estimate, in an hour: answers that were lost on the way. Compare with the vendor's bill if it stays.",
        ask(increase("provider", _SCOPE.raw("storygen_uncertain_cost_usd_total"), "1h"), "{{provider}}"),
        alert="WastedSpendHigh",
        least=0,
    )


def _missing() -> Iterator[Panel]:
    yield series(
        "Calls of unknown price",
        "short",
        "In an hour. They are missing in every figure of this board until their price is in the settings.",
        ask(increase("provider, model", _SCOPE.raw("storygen_unpriced_calls_total"), "1h"), "{{provider}} {{model}}"),
        alert="PriceUnknown",
        least=0,
    )
    yield series(
        "Calls refused by budgets",
        "short",
        "In an hour, by the window of the budget. run: one story is too dear for it. 24h: the day is spent; raise "
        "it or wait.",
        ask(increase("window", _WHOLE.raw("storygen_budget_rejections_total"), "1h"), "{{window}}"),
        alert="BudgetExceeded",
        least=0,
    )
    yield series(
        "Saved by the cache",
        "currencyUSD",
        "An estimate, in an hour: what the hits cost when they were made. Nothing on repeated stories: open Cache.",
        ask(increase("cache", _WHOLE.raw("storygen_cache_saved_usd_total"), "1h"), "{{cache}}"),
        board="storygen-cache",
        stacked=True,
        least=0,
    )


def _tokens() -> Iterator[Panel]:
    tokens = _SCOPE.raw("storygen_tokens_total")
    usage = _SCOPE.raw("gen_ai_client_token_usage_bucket")
    yield series(
        "Tokens by kind",
        "short",
        "In an hour. Input that grows alone: prompts got longer. Output that grows alone: answers did.",
        ask(increase("provider, token_type", tokens, "1h"), "{{provider}} {{token_type}}"),
        stacked=True,
        least=0,
    )
    yield series(
        "Tokens of one call: 95 % use less than",
        "short",
        "By model and kind. Near the model's limit, answers are cut off and asked for again.",
        ask(
            percentile(0.95, "gen_ai_request_model, gen_ai_token_type", usage),
            "{{gen_ai_request_model}} {{gen_ai_token_type}}",
        ),
        board="storygen-providers",
        least=0,
    )
    yield table(
        "Tokens in the time shown",
        "short",
        "By stage, provider and model, the most first. The first line is where a shorter prompt or a cheaper model "
        "saves most.",
        ask(f"{increase('stage, provider, model, token_type', tokens, '$__range')} > 0", "Tokens"),
        columns={"stage": "Stage", "provider": "Provider", "model": "Model", "token_type": "Kind"},
        width=8,
    )


def _units() -> Iterator[Panel]:
    for title, unit, metric, says in (
        (
            "Characters spoken",
            "short",
            "storygen_tts_characters_total",
            "Voices are billed by these; many more than the stories have means that lines are spoken again.",
        ),
        (
            "Pictures made",
            "short",
            "storygen_images_generated_total",
            "More than the scenes have: pictures are made again; see checks in Media quality.",
        ),
        (
            "Sound made",
            "s",
            "storygen_audio_generated_seconds_total",
            "Less than the films are long: voices are cut short; see checks in Media quality.",
        ),
        (
            "Video made",
            "s",
            "storygen_video_generated_seconds_total",
            "Clips are billed by the second, when they are ordered; more than the films need is thrown away.",
        ),
    ):
        yield series(
            title,
            unit,
            f"In an hour, by provider. {says}",
            ask(increase("provider", _SCOPE.raw(metric), "1h"), "{{provider}}"),
            board="storygen-quality",
            least=0,
            width=6,
            height=7,
        )
