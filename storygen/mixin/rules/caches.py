"""Caches: whether they still find what they used to find."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Recording, Runbook
from storygen.mixin.config import Config, seconds, spoken
from storygen.mixin.promql import rate, selector, usual
from storygen.mixin.proofs import Series, against_past, percent, steps, then

LOOKUPS = "storygen_cache_requests_total"
LOOKED = "job_cache_result:storygen_cache_requests:rate5m"
HITS = "job_cache:storygen_cache_hits_per_requests:ratio"
_BY = "job, cache"


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    return (Group(name="storygen-caches", recordings=_recordings(config), alerts=(_few_hits(config),)),)


def _looked(config: Config, result: str = "=~hit|miss|error") -> str:
    """Look-ups; one that broke found nothing, and one that was told to pass the cache by is none."""
    window = config.window(config.of("CacheHitRatioLow").window)
    return f"sum by ({_BY}) (avg_over_time({selector(LOOKED, result=result)}[{window}]))"


def _recordings(config: Config) -> tuple[Recording, ...]:
    """Look-ups, by the five minutes, and the share of them that found something; absent where nobody looked."""
    return (
        Recording(record=LOOKED, expr=rate(f"{_BY}, result", selector(LOOKUPS, job=config.job), config.window("5m"))),
        Recording(record=HITS, expr=f"{_looked(config, 'hit')} / ({_looked(config)} > 0)"),
    )


def _few_hits(config: Config) -> Alert:
    knobs = config.of("CacheHitRatioLow")
    window, before = config.window(knobs.window), usual(HITS, knobs.baseline)
    looked = _looked(config)
    return Alert(
        name="CacheHitRatioLow",
        # Every cache saves time, so all are judged; but only where the past lets expect enough hits among the look-ups
        # of the window: one whose stories are all new never does.
        expr=f"{HITS} < {knobs.limit:g} * {before}\n"
        f"and on ({_BY}) {before} * on ({_BY}) {looked} * {seconds(window):g} >= {knobs.minimum:g}",
        knobs=knobs,
        summary="The cache {{ $labels.cache }} finds only {{ $value | humanizePercentage }} of what it is asked for",
        description=f"In the last {spoken(window)}, {{{{ $value | humanizePercentage }}}} of the look-ups in the cache "
        f"{{{{ $labels.cache }}}} were hits: less than {knobs.limit:g} times the mean of {spoken(knobs.baseline)}.",
        dashboard="storygen-cache",
        traces={"storygen.cache.result": "miss"},
        runbook=Runbook(
            means="What used to be found is made again: the store is new, broken or too small, entries are found by "
            "something that has changed, or the stories are other ones than usual.",
            felt="Films take longer and cost more; nothing breaks.",
            look="Requests by result; size and evictions of the store.",
            do=(
                "`error` among the results: the store cannot be read or written. `storygen doctor` checks its folder.",
                "Evictions: entries were removed; look who does that, and whether the disk is too small for the work.",
                (
                    "Misses since a release or a change of settings: to be expected once. A model, a voice or a size "
                    "is part of what an entry is found by."
                ),
                "New stories only: there is nothing to do.",
            ),
            over="The share of hits is above the limit again, or the past has taken in the new one.",
        ),
        proofs=_proofs(config),
    )


def _proofs(config: Config) -> tuple[Proof, ...]:
    """A hundred look-ups in two minutes, half of them hits, for days; then fewer hits, misses and errors."""
    knobs, labels, interval = config.of("CacheHitRatioLow"), {"job": config.job, "cache": "speech"}, "2m"
    high, low = 50 * knobs.limit * 1.05, 50 * knobs.limit * 0.95
    # So seldom a hit that the past lets expect fewer than the minimum.
    seldom = 0.9 * knobs.minimum / steps(knobs.window, interval)

    def series(past: float, hits: float) -> Series:
        rates = {"hit": (past, hits), "miss": (100 - past, (100 - hits) / 2), "error": (0.0, (100 - hits) / 2)}
        return {
            selector(LOOKUPS, **labels, result=kind): then(knobs, *two, interval=interval)
            for kind, two in rates.items()
        }

    def proof(below: Series, above: Series, hits: float) -> Proof:
        return against_past(knobs, below, above, labels=labels, value=percent(hits / 100), interval=interval)

    return proof(series(50, high), series(50, low), low), proof(series(seldom, 0), series(50, 0), 0)
