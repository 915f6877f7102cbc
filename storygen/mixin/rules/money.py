"""Money: budgets, the cost of a film against its own past, waste, unknown prices, and caches that no longer save."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Recording, Runbook
from storygen.mixin.config import Config, spoken
from storygen.mixin.inhibitions import unless_told
from storygen.mixin.promql import increase, rate, selector

BOARD = "storygen-cost"
COST = "storygen_cost_usd_total"
UNCERTAIN = "storygen_uncertain_cost_usd_total"
WASTED = "storygen_wasted_cost_usd_total"
BUDGET = "storygen_budget_usd"
REJECTIONS = "storygen_budget_rejections_total"
UNPRICED = "storygen_unpriced_calls_total"
LOOKUPS = "storygen_cache_requests_total"
COST_PER_FILM = "job_pipeline:storygen_cost_usd_per_film:ratio"
HITS_PER_LOOKUP = "job_cache:storygen_cache_hits_per_requests:ratio"
_SPEECH = 'job="storygen", stage="voice", provider="elevenlabs"'
_STORY = 'job="storygen", pipeline="story"'
_DAYS = 8 * 24 * 4  # quarters of an hour: a week, and the day between it and now


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    recordings = (_cost_per_film(config), _hits_per_lookup(config))
    budgets = (_rejected(config), _nearly_spent(config))
    others = (_dear(config), _wasted(config), _unpriced(config), _few_hits(config))
    return (Group(name="storygen-money", recordings=recordings, alerts=(*budgets, *others)),)


def _cost_per_film(config: Config) -> Recording:
    """What runs paid, failed ones included, by the films that came of it; absent where there were none."""
    window = config.window(config.of("CostPerFilmHigh").window)
    paid = rate("job, pipeline", selector("storygen_run_cost_usd_sum", job=config.job), window)
    films = rate("job, pipeline", selector("storygen_films_total", job=config.job), window)
    return Recording(record=COST_PER_FILM, expr=f"{paid} / ({films} > 0)")


def _hits_per_lookup(config: Config) -> Recording:
    """The share of look-ups that found something; one that broke found nothing, one that was told not to look is none."""
    window = config.window(config.of("CacheHitRatioLow").window)
    hits = rate("job, cache", selector(LOOKUPS, job=config.job, result="hit"), window)
    looked = rate("job, cache", _looked(config), window)
    return Recording(record=HITS_PER_LOOKUP, expr=f"{hits} / ({looked} > 0)")


def _looked(config: Config) -> str:
    return selector(LOOKUPS, job=config.job, result="=~hit|miss|error")


def _week(record: str, baseline: str) -> str:
    """The mean of a recorded series over `baseline`, up to yesterday: what is new is not compared with itself."""
    return f"avg_over_time({record}[{baseline}] offset 1d)"


def _rejected(config: Config) -> Alert:
    knobs = config.of("BudgetExceeded")
    window = config.window(knobs.window)
    return Alert(
        name="BudgetExceeded",
        # Spending itself never passes the budget: calls that would are not made.
        expr=f"{increase('job, window', selector(REJECTIONS, job=config.job), window)} > {knobs.limit:g}",
        knobs=knobs,
        summary="The budget ({{ $labels.window }}) is spent: calls are not made",
        description=f'In the last {spoken(window)}, {{{{ $value | printf "%.0f" }}}} calls were not made, because they would have '
        "broken the budget of {{ $labels.window }}.",
        dashboard=BOARD,
        traces={"error.type": "budget_exceeded"},
        runbook=Runbook(
            means="The budget of one run (`run`), or of the last 24 hours (`24h`, of all or of one vendor), leaves no "
            "room for the next call.",
            felt="Only providers that cost nothing are asked: films ship degraded, or runs fail. Nothing more is spent.",
            look="Spend against budget, then spend by provider, model and stage: is it more films, or dearer ones?",
            do=(
                "`storygen report --since 1d` shows what the money went for.",
                "`storygen estimate FILE` says what the next film will cost.",
                "Worth it: raise `budget.day_usd`, `budget.run_usd` or `vendors.NAME.budget_usd`; runs that begin "
                "afterwards know it.",
                "Not worth it: stop what submits runs, and see CostPerFilmHigh and WastedSpendHigh.",
                "What was finished is kept: `storygen run FILE` again pays only for the rest.",
            ),
            over="No call was refused for the length of the window. The 24 hours roll: room comes back as they pass.",
        ),
        proofs=(
            Proof(
                below={f'{REJECTIONS}{{job="storygen", window="24h"}}': "0x60"},
                above={f'{REJECTIONS}{{job="storygen", window="24h"}}': "0x20 2x40"},
                at="25m",
                labels={"job": "storygen", "window": "24h"},
                value="2",
            ),
        ),
    )


def _nearly_spent(config: Config) -> Alert:
    knobs = config.of("BudgetNearlySpent")
    window = config.window(knobs.window)
    certain, perhaps = (selector(name, job=config.job) for name in (COST, UNCERTAIN))
    budget = selector(BUDGET, job=config.job, window="24h")
    return Alert(
        name="BudgetNearlySpent",
        # Answers that were lost may have been billed, and count against the budget too.
        expr=(
            f"sum by (job) (increase({certain}[{window}]) or increase({perhaps}[{window}]))\n"
            f"/ on (job) max by (job) ({budget}) > {knobs.limit:g}"
        ),
        knobs=knobs,
        labels={"window": "24h"},
        summary="{{ $value | humanizePercentage }} of the budget of 24 hours is spent",
        description=f"Spending of the last {spoken(window)} is {{{{ $value | humanizePercentage }}}} of `budget.day_usd`. "
        "When it is reached, calls that cost something are no longer made.",
        dashboard=BOARD,
        runbook=Runbook(
            means="At this pace the budget of 24 hours ends before the day does.",
            felt="Nothing yet. Once it is spent, films ship degraded or runs fail.",
            look="Spend today and the forecast; then spend by provider, model and stage.",
            do=(
                "`storygen report --since 1d` shows what the money went for.",
                "A day with more films than usual: raise `budget.day_usd`, or put some off until tomorrow.",
                "Dearer films than usual: see CostPerFilmHigh and WastedSpendHigh.",
                "Several machines with a budget each: the figure adds up what all of them spent, against the highest "
                "of their budgets.",
            ),
            over="Spending of the last 24 hours is below the limit again.",
        ),
        proofs=(
            Proof(
                below=_spent(certain=0.060, perhaps=0.02),
                above=_spent(certain=0.065, perhaps=0.02),
                at="25h",
                interval="15m",
                labels={"job": "storygen"},
                value="81.6%",
            ),
        ),
    )


def _dear(config: Config) -> Alert:
    knobs = config.of("CostPerFilmHigh")
    by, window = "job, pipeline", config.window(knobs.window)
    films = increase(by, selector("storygen_films_total", job=config.job), window)
    return Alert(
        name="CostPerFilmHigh",
        expr=(
            f"{COST_PER_FILM} > {knobs.limit:g} * {_week(COST_PER_FILM, knobs.baseline)}\n"
            f"and on ({by}) {films} >= {knobs.minimum:g}"
        ),
        knobs=knobs,
        summary='A film of {{ $labels.pipeline }} costs ${{ $value | printf "%.2f" }}, more than usual',
        description=f'Over the last {spoken(window)} a film cost ${{{{ $value | printf "%.2f" }}}}, what failed runs paid '
        f"included. That is more than {knobs.limit:g} times the mean of {spoken(knobs.baseline)}.",
        dashboard=BOARD,
        variables={"pipeline": "pipeline"},
        traces={"gen_ai.workflow.name": "$pipeline"},
        runbook=Runbook(
            means="Each film costs more than films of the same pipeline did: dearer models, longer stories, more "
            "attempts, or runs that fail after they paid.",
            felt="The budget is spent sooner, with fewer films to show for it.",
            look="Cost per run, then spend rate by provider, model and stage beside the same a week ago, and waste.",
            do=(
                "`storygen report --compare A B` puts a dear run beside a usual one, stage by stage.",
                "A model that was not there before: look for a change of settings; `storygen estimate FILE` says what "
                "a film costs with the present ones.",
                "More attempts a film: see the alerts about the provider. Fewer hits: see CacheHitRatioLow.",
                "A new price or a change that is wanted: silence the alert for a week; the mean follows.",
            ),
            over="A film costs less than the limit again, or the week's mean has taken in the new cost.",
        ),
        proofs=(
            _dearer(paid=(0.76, 0.84), films=(4, 4), value="0.21"),
            _dearer(paid=(4, 6), films=(1, 1.5), value="4.00"),
        ),
    )


def _wasted(config: Config) -> Alert:
    knobs = config.of("WastedSpendHigh")
    by, window = "job, provider", config.window(knobs.window)
    wasted, spent = (selector(name, job=config.job) for name in (WASTED, COST))
    return Alert(
        name="WastedSpendHigh",
        expr=(
            f"{rate(by, wasted, window)} / {rate(by, spent, window)} > {knobs.limit:g}\n"
            f"and on ({by}) {increase(by, wasted, window)} >= {knobs.minimum:g}\n"
            + unless_told("WastedSpendHigh", window)
        ),
        knobs=knobs,
        summary="{{ $value | humanizePercentage }} of what {{ $labels.provider }} is paid is for nothing",
        description=f"In the last {spoken(window)}, {{{{ $value | humanizePercentage }}}} of what {{{{ $labels.provider }}}} was "
        "paid went into answers that failed, were asked for again, or were thrown away.",
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={"gen_ai.provider.name": "$provider", "error": "true"},
        runbook=Runbook(
            means="The vendor bills for answers that are of no use: broken sound, empty clips, JSON that cannot be read.",
            felt="Films cost more than they should.",
            look="Wasted spend by reason: `discarded` did not pass its checks, `retried` was asked for again, `failed` "
            "came to nothing.",
            do=(
                "`storygen report --since 1d` shows the waste by stage.",
                "`discarded`: see on the quality board which check fails, and name another model.",
                "`retried` with `timeout`: raise `vendors.NAME.timeout`; a slow answer is billed though nobody waits.",
                "Ask the vendor for the money back: the spans of failed attempts carry its response ids.",
            ),
            over="The share of waste stays below the limit for the length of the window.",
        ),
        proofs=(
            Proof(
                below=_waste(spent=1.0, wasted=0.19),
                above=_waste(spent=1.0, wasted=0.21),
                at="90m",
                labels={"job": "storygen", "provider": "elevenlabs"},
                value="21%",
            ),
            Proof(
                below=_waste(spent=0.016, wasted=0.016),
                above=_waste(spent=0.017, wasted=0.017),
                at="90m",
                labels={"job": "storygen", "provider": "elevenlabs"},
                value="100%",
            ),
        ),
    )


def _unpriced(config: Config) -> Alert:
    knobs = config.of("PriceUnknown")
    window = config.window(knobs.window)
    unpriced = increase("job, provider, model", selector(UNPRICED, job=config.job), window)
    series = f'{UNPRICED}{{job="storygen", provider="openai", model="gpt-5.4-mini"}}'
    return Alert(
        name="PriceUnknown",
        expr=f"{unpriced} > {knobs.limit:g}",
        knobs=knobs,
        summary="Nobody knows what {{ $labels.model }} of {{ $labels.provider }} costs",
        description=f'In the last {spoken(window)}, {{{{ $value | printf "%.0f" }}}} calls of {{{{ $labels.model }}}} by '
        "{{ $labels.provider }} had no known price. They are missing in every figure of cost, and in the budget.",
        dashboard=BOARD,
        variables={"provider": "provider", "model": "model"},
        traces={"gen_ai.provider.name": "$provider"},
        runbook=Runbook(
            means="A model is used that the price list does not have.",
            felt="Costs look lower than they are, and the budget does not hold what this model spends.",
            look="Unpriced calls by provider and model; a model named `other` is one that the settings do not name.",
            do=(
                'Set its price under `[prices]`, by provider and model, in dollars per unit, such as `"elevenlabs/*" = { '
                "characters = 0.0002 }`.",
                "`storygen estimate FILE` shows whether the price is known now.",
                "A newer storygen may know the model: see its change log.",
            ),
            over="No call without a known price for the length of the window.",
        ),
        proofs=(
            Proof(
                below={series: "0x90"},
                above={series: "0x60 3x30"},
                at="65m",
                labels={"job": "storygen", "provider": "openai", "model": "gpt-5.4-mini"},
                value="3",
            ),
        ),
    )


def _few_hits(config: Config) -> Alert:
    knobs = config.of("CacheHitRatioLow")
    window, week = config.window(knobs.window), _week(HITS_PER_LOOKUP, knobs.baseline)
    looked = increase("job, cache", _looked(config), window)
    return Alert(
        name="CacheHitRatioLow",
        # Judged where the week lets expect enough hits: a cache whose stories are all new is never expected to hit.
        expr=(
            f"{HITS_PER_LOOKUP} < {knobs.limit:g} * {week}\n"
            f"and on (job, cache) {week} * on (job, cache) {looked} >= {knobs.minimum:g}"
        ),
        knobs=knobs,
        summary="The cache {{ $labels.cache }} finds {{ $value | humanizePercentage }} of what it is asked for, less than usual",
        description=f"Over the last {spoken(window)}, {{{{ $value | humanizePercentage }}}} of look-ups in the cache "
        f"{{{{ $labels.cache }}}} hit. The mean of {spoken(knobs.baseline)} is more than {1 / knobs.limit:g} times that.",
        dashboard="storygen-cache",
        traces={"storygen.cache.result": "miss"},
        runbook=Runbook(
            means="What used to be found is made again: the store is new, broken or too small, keys have changed with a "
            "model or a setting, or the stories are other ones than usual.",
            felt="Films take longer and cost more; nothing breaks.",
            look="Requests by result, and size and evictions of the store.",
            do=(
                "`error` among the results: the store cannot be read or written. `storygen doctor` checks its folder; "
                "see that the disk is there and not full.",
                "Evictions: the store is too small for the work. Give it more room.",
                "Misses since a release or a change of settings: expected once; a model, a voice or a size is part of "
                "what an entry is found by.",
                "New stories only: nothing to do.",
            ),
            over="The share of hits is above the limit again, or the week's mean has taken in the new one.",
        ),
        proofs=(
            _hits(usual=50, below=26, above=24, value="24%"),
            _hits(usual=50, below=26, above=0, value="0%"),
        ),
    )


def _spent(*, certain: float, perhaps: float) -> dict[str, str]:
    return {
        f'{COST}{{{_SPEECH}, model="eleven_flash_v2_5"}}': f"0+{certain:g}x110",
        f"{UNCERTAIN}{{{_SPEECH}}}": f"0+{perhaps:g}x110",
        f'{BUDGET}{{job="storygen", window="24h"}}': "10x110",
    }


def _waste(*, spent: float, wasted: float) -> dict[str, str]:
    return {
        f'{COST}{{{_SPEECH}, model="eleven_flash_v2_5"}}': f"0+{spent:g}x120",
        f'{WASTED}{{{_SPEECH}, reason="discarded"}}': f"0+{wasted:g}x120",
    }


def _dearer(*, paid: tuple[float, float], films: tuple[float, float], value: str) -> Proof:
    """Four films in a quarter of an hour for $0.40, for eight days; then dearer ones, just below and just above."""

    def series(which: int) -> dict[str, str]:
        return {
            f"storygen_run_cost_usd_sum{{{_STORY}}}": _then(0.4, paid[which]),
            f'storygen_films_total{{{_STORY}, fidelity="full"}}': _then(4, films[which]),
        }

    labels = {"job": "storygen", "pipeline": "story"}
    return Proof(below=series(0), above=series(1), at="196h", interval="15m", labels=labels, value=value)


def _hits(*, usual: int, below: int, above: int, value: str) -> Proof:
    """A hundred look-ups in a quarter of an hour; what does not hit is half a miss and half an error."""

    def series(hits: int) -> dict[str, str]:
        per_result = {"hit": (usual, hits), "miss": (100 - usual, (100 - hits) / 2), "error": (0, (100 - hits) / 2)}
        cache = 'job="storygen", cache="speech"'
        return {f'{LOOKUPS}{{{cache}, result="{name}"}}': _then(*rates) for name, rates in per_result.items()}

    labels = {"job": "storygen", "cache": "speech"}
    return Proof(below=series(below), above=series(above), at="196h", interval="15m", labels=labels, value=value)


def _then(usual: float, now: float) -> str:
    """A counter that grows by `usual` for eight days, and by `now` for some hours more."""
    return f"0+{usual:g}x{_DAYS} {usual * _DAYS + now:g}+{now:g}x20"
