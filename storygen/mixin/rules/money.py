"""Money: budgets, the cost of a film against its own past, waste, and unknown prices."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Recording, Runbook
from storygen.mixin.config import Config, seconds, spoken, written
from storygen.mixin.inhibitions import unless_told
from storygen.mixin.promql import increase, rate, selector, usual
from storygen.mixin.proofs import Series, against_past, flat, percent, ramp, shares, steps, then

BOARD = "storygen-cost"
COST = "storygen_cost_usd_total"
UNCERTAIN = "storygen_uncertain_cost_usd_total"
WASTED = "storygen_wasted_cost_usd_total"
BUDGET = "storygen_budget_usd"
REJECTIONS = "storygen_budget_rejections_total"
UNPRICED = "storygen_unpriced_calls_total"
PAID = "storygen_run_cost_usd_sum"
FILMS = "storygen_films_total"
_WASTED_RATE = "job_provider:storygen_wasted_cost_usd:rate5m"
_COST_RATE = "job_provider:storygen_cost_usd:rate5m"
SPENT = "job:storygen_spent_usd:rate5m"
COST_PER_FILM = "job_pipeline:storygen_cost_usd_per_film:ratio"


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    recordings = (*_waste(config), _spent(config), _cost_per_film(config))
    alerts = (_rejected(config), _nearly_spent(config), _dear(config), _wasted(config), _unpriced(config))
    return (Group(name="storygen-money", recordings=recordings, alerts=alerts),)


def _spent(config: Config) -> Recording:
    """Dollars a second. Answers that were lost may have been billed, and count against the budget too."""
    perhaps = rate("job", selector(UNCERTAIN, job=config.job), config.window("5m"))
    return Recording(record=SPENT, expr=f"sum by (job) ({_COST_RATE} or {perhaps})")


def _waste(config: Config) -> tuple[Recording, ...]:
    """By the five minutes: to read every child over an hour takes longer than all else here."""
    both = {_WASTED_RATE: WASTED, _COST_RATE: COST}
    by, window = "job, provider", config.window("5m")
    return tuple(
        Recording(record=name, expr=rate(by, selector(metric, job=config.job), window)) for name, metric in both.items()
    )


def _cost_per_film(config: Config) -> Recording:
    """What runs paid, failed ones included, by the films that came of it; absent where there were none."""
    by, window = "job, pipeline", config.window(config.of("CostPerFilmHigh").window)
    paid, films = (rate(by, selector(name, job=config.job), window) for name in (PAID, FILMS))
    return Recording(record=COST_PER_FILM, expr=f"{paid} / ({films} > 0)")


def _rejected(config: Config) -> Alert:
    knobs = config.of("BudgetExceeded")
    window = config.window(knobs.window)
    labels = {"job": config.job, "window": "24h"}
    refused, quiet = selector(REJECTIONS, **labels), steps(knobs.window) + 5
    return Alert(
        name="BudgetExceeded",
        # Spending never passes the budget: calls that would make it are not made.
        expr=f"{increase('job, window', selector(REJECTIONS, job=config.job), window)} > {knobs.limit:g}",
        knobs=knobs,
        summary="The budget ({{ $labels.window }}) is spent: calls are not made",
        description=f'In the last {spoken(window)}, {{{{ $value | printf "%.0f" }}}} calls were not made, because they '
        "would have broken the budget ({{ $labels.window }}).",
        dashboard=BOARD,
        traces={"error.type": "budget_exceeded"},
        runbook=Runbook(
            means="A budget has no room for the next call: that of one run (`run`), or that of 24 hours (`24h`), "
            "of all vendors or of one.",
            felt="Only providers that cost nothing are asked: films ship degraded, or runs fail. No more is spent.",
            look="Spend against budget, then spend by provider, model and stage: more films, or dearer ones?",
            do=(
                "`storygen report --since 1d` shows what the money went for.",
                "`storygen estimate FILE` says what the next film will cost.",
                (
                    "Worth it: raise `budget.day_usd`, `budget.run_usd` or `vendors.NAME.budget_usd`. Runs that begin "
                    "afterwards know of it."
                ),
                "Not worth it: stop what submits runs, and see CostPerFilmHigh and WastedSpendHigh.",
                "`storygen run FILE` again pays only for what is missing: what was finished is kept.",
            ),
            over="No call was refused within the window. The 24 hours move on: room comes back as they pass.",
        ),
        proofs=(
            Proof(
                below={refused: flat((knobs.limit, 2 * quiet))},
                above={refused: flat((0, quiet), (knobs.limit + 2, quiet))},
                at=f"{quiet + 2}m",
                labels=labels,
                value=f"{knobs.limit + 2:.0f}",
            ),
        ),
    )


def _nearly_spent(config: Config) -> Alert:
    knobs = config.of("BudgetNearlySpent")
    window = config.window(knobs.window)
    # Five minutes at a time: to read each counter of each worker over a day takes Prometheus seconds. In scaled time
    # that would be too many steps for a day, and few evaluations to add up.
    tile = "5m" if config.scale == 1 else config.evaluation
    steps_of = f":{tile}" if config.scale == 1 else ""
    return Alert(
        name="BudgetNearlySpent",
        expr=f"sum_over_time({SPENT}[{window}{steps_of}]) * {seconds(tile):g}\n"
        f"/ on (job) max by (job) ({selector(BUDGET, job=config.job, window='24h')}) > {knobs.limit:g}",
        knobs=knobs,
        labels={"window": "24h"},
        summary="{{ $value | humanizePercentage }} of the budget of 24 hours is spent",
        description=f"What was spent in the last {spoken(window)} is {{{{ $value | humanizePercentage }}}} of "
        "`budget.day_usd`. When that is reached, calls that cost something are no longer made.",
        dashboard=BOARD,
        runbook=Runbook(
            means="At this pace the budget of 24 hours is spent before they are over.",
            felt="Nothing yet. Once it is spent, films ship degraded or runs fail.",
            look="Spend today and what it will come to; then spend by provider, model and stage.",
            do=(
                "`storygen report --since 1d` shows what the money went for.",
                "More films than usual: raise `budget.day_usd`, or put some off until tomorrow.",
                "Dearer films than usual: see CostPerFilmHigh and WastedSpendHigh.",
                (
                    "Machines that keep a budget each: the figure adds up what all of them spent, and sets it against "
                    "the highest of their budgets."
                ),
            ),
            over="What was spent in 24 hours is below the limit again.",
        ),
        proofs=(_nearly_spent_proof(config),),
    )


def _nearly_spent_proof(config: Config) -> Proof:
    """A quarter of what was spent is uncertain."""
    knobs, interval, budget = config.of("BudgetNearlySpent"), "1m", 10.0
    vendor = {"job": config.job, "stage": "voice", "provider": "elevenlabs"}
    size = steps(knobs.window, interval)
    samples = size + steps(knobs.hold, interval) + 70
    # On the full five minutes, as here, both ends of the window count.
    share = knobs.limit * 1.05 * (1 + 1 / steps(knobs.window, "5m"))

    def series(part: float) -> Series:
        step = budget * part / size
        return {
            selector(COST, **vendor, model="eleven_flash_v2_5"): ramp((step * 0.75, samples)),
            selector(UNCERTAIN, **vendor): ramp((step * 0.25, samples)),
            selector(BUDGET, job=config.job, window="24h"): flat((budget, samples)),
        }

    return Proof(
        below=series(knobs.limit * 0.95),
        above=series(knobs.limit * 1.05),
        at=written(seconds(knobs.window) + seconds(knobs.hold) + 3600),
        labels={"job": config.job},
        value=percent(share),
        interval=interval,
        pace="5m",
    )


def _dear(config: Config) -> Alert:
    knobs = config.of("CostPerFilmHigh")
    by, window = "job, pipeline", config.window(knobs.window)
    films = increase(by, selector(FILMS, job=config.job), window)
    return Alert(
        name="CostPerFilmHigh",
        expr=f"{COST_PER_FILM} > {knobs.limit:g} * {usual(COST_PER_FILM, knobs.baseline)}\n"
        f"and on ({by}) {films} >= {knobs.minimum:g}",
        knobs=knobs,
        summary='A film of {{ $labels.pipeline }} costs ${{ $value | printf "%.2f" }}, more than usual',
        description=f'In the last {spoken(window)} a film cost ${{{{ $value | printf "%.2f" }}}}, with what failed '
        f"runs paid: more than {knobs.limit:g} times the mean of {spoken(knobs.baseline)}.",
        dashboard=BOARD,
        variables={"pipeline": "pipeline"},
        traces={"gen_ai.workflow.name": "$pipeline"},
        runbook=Runbook(
            means="Each film costs more than films of this pipeline did: dearer models, longer stories, more attempts, "
            "or runs that fail after they paid.",
            felt="The budget is spent sooner, with fewer films to show for it.",
            look="Cost per run, then spend by provider, model and stage beside the same a week ago, and waste.",
            do=(
                "`storygen report --compare A B` puts a dear run beside a usual one, stage by stage.",
                (
                    "A model that was not there before: somebody has changed the settings. `storygen estimate FILE` "
                    "says what a film costs with the present ones."
                ),
                "More attempts for a film: see ProviderErrorRatioHigh. Fewer hits: see CacheHitRatioLow.",
                "A change that is wanted, or a new price: silence the alert for a week; the mean follows.",
            ),
            over="A film costs less than the limit again, or the past has taken in the new cost.",
        ),
        proofs=_dear_proofs(config),
    )


def _dear_proofs(config: Config) -> tuple[Proof, ...]:
    """A film for ten cents, for days; then for more, and then for ten times as much, but few of them."""
    knobs, labels = config.of("CostPerFilmHigh"), {"job": config.job, "pipeline": "story"}
    least, many = knobs.minimum / steps(knobs.window, "15m"), 100.0

    def series(usd: float, films: float) -> Series:
        return {
            selector(PAID, **labels): then(knobs, many * 0.1, films * usd),
            selector(FILMS, **labels, fidelity="full"): then(knobs, many, films),
        }

    def proof(below: Series, above: Series, usd: float) -> Proof:
        return against_past(knobs, below, above, labels=labels, value=f"{usd:.2f}")

    low, high, huge = (0.1 * knobs.limit * factor for factor in (0.9, 1.1, 10))
    return (
        proof(series(low, many), series(high, many), high),
        proof(series(huge, least * 0.9), series(huge, least * 1.1), huge),
    )


def _wasted(config: Config) -> Alert:
    knobs = config.of("WastedSpendHigh")
    by, window = "job, provider", config.window(knobs.window)
    wasted, spent = (f"avg_over_time({name}[{window}])" for name in (_WASTED_RATE, _COST_RATE))
    labels = {"job": config.job, "provider": "elevenlabs"}

    def series(share: float, a_minute: float, minutes: int) -> Series:
        vendor = {**labels, "stage": "voice"}
        return {
            selector(COST, **vendor, model="eleven_flash_v2_5"): ramp((a_minute, minutes)),
            selector(WASTED, **vendor, reason="discarded"): ramp((share * a_minute, minutes)),
        }

    return Alert(
        name="WastedSpendHigh",
        expr=f"{wasted} / {spent} > {knobs.limit:g}\n"
        f"and on ({by}) {wasted} * {seconds(window):g} >= {knobs.minimum:g}\n"
        f"{unless_told('WastedSpendHigh', window)}",
        knobs=knobs,
        summary="{{ $value | humanizePercentage }} of what {{ $labels.provider }} is paid is for nothing",
        description=f"In the last {spoken(window)}, {{{{ $value | humanizePercentage }}}} of what "
        "{{ $labels.provider }} was paid went for answers that failed, were asked for again, or were thrown away.",
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={"gen_ai.provider.name": "$provider", "error": "true"},
        runbook=Runbook(
            means="The vendor bills for answers that are of no use: broken sound, empty clips, JSON nobody can read.",
            felt="Films cost more than they should.",
            look="Wasted spend by reason: `discarded` did not pass its checks, `retried` was asked for again, "
            "`failed` came to nothing.",
            do=(
                "`storygen report --since 1d` shows the waste by stage.",
                "`discarded`: the quality board shows which check fails; try another model.",
                (
                    "`retried` after a `timeout`: raise `vendors.NAME.timeout`. A slow answer is billed, though nobody "
                    "waits for it."
                ),
                "Ask the vendor for the money back: the spans of attempts carry its response ids.",
            ),
            over="The share of waste stays below the limit for as long as the window.",
        ),
        proofs=shares(knobs, series, labels=labels),
    )


def _unpriced(config: Config) -> Alert:
    knobs = config.of("PriceUnknown")
    window = config.window(knobs.window)
    labels = {"job": config.job, "provider": "openai", "model": "gpt-5.4-mini"}
    series, quiet = selector(UNPRICED, **labels), steps(knobs.window) + 5
    return Alert(
        name="PriceUnknown",
        expr=f"{increase('job, provider, model', selector(UNPRICED, job=config.job), window)} > {knobs.limit:g}",
        knobs=knobs,
        summary="Nobody knows what {{ $labels.model }} of {{ $labels.provider }} costs",
        description=f'In the last {spoken(window)}, {{{{ $value | printf "%.0f" }}}} calls of '
        "{{ $labels.model }} of {{ $labels.provider }} had no known price. "
        "They are missing in all figures of cost, and in the budget.",
        dashboard=BOARD,
        variables={"provider": "provider", "model": "model"},
        traces={"gen_ai.provider.name": "$provider"},
        runbook=Runbook(
            means="A model is used that the price list does not have.",
            felt="Costs look lower than they are, and no budget holds what this model spends.",
            look="Unpriced calls by provider and model; `other` is a model that the settings do not name.",
            do=(
                (
                    "Set its price under `prices`, by provider and model, in dollars per unit: "
                    '`"elevenlabs/*" = { characters = 0.0002 }`.'
                ),
                "`storygen estimate FILE` shows whether the price is known now.",
                "A newer storygen may know the model: see its change log.",
            ),
            over="No call without a known price within the window.",
        ),
        proofs=(
            Proof(
                below={series: flat((knobs.limit, 2 * quiet))},
                above={series: flat((0, quiet), (knobs.limit + 3, quiet))},
                at=f"{quiet + 2}m",
                labels=labels,
                value=f"{knobs.limit + 3:.0f}",
            ),
        ),
    )
