"""The cache, which is also the checkpoint: what it answers, what it saves, what it holds."""

from __future__ import annotations

from collections.abc import Iterator

from storygen.mixin.config import Config
from storygen.mixin.dashboards.base import (
    Board,
    Panel,
    Row,
    Scope,
    ask,
    bars,
    increase,
    rate,
    ratio,
    red_above,
    series,
    stat,
)
from storygen.mixin.rules.caches import HITS

_SCOPE = Scope()
_REQUESTS = "storygen_cache_requests_total"


def board(config: Config) -> Board:
    """Read it when repeated runs take as long or cost as much as the first."""
    return Board(
        uid="storygen-cache",
        title="Storygen / Cache",
        says="What is dear is stored under what it was made from. Answers first, then savings, then the disk.",
        rows=(
            Row(title="In short", panels=(*_short(), *_held(config))),
            Row(title="What is asked and answered", panels=tuple(_requests())),
            Row(title="What it saves", panels=tuple(_savings())),
            Row(title="What it holds", panels=tuple(_room(config))),
        ),
    )


def _ratio(by: str, window: str) -> str:
    hits = increase(by, _SCOPE.raw(_REQUESTS, result="hit"), window)
    return ratio(hits, increase(by, _SCOPE.raw(_REQUESTS, result="=~hit|miss|error"), window))


def _short() -> Iterator[Panel]:
    errors = increase("", _SCOPE.raw(_REQUESTS, result="error"), "1h")
    yield stat(
        "Hits, 1 h",
        "percentunit",
        "Share of look-ups that found something. Where every story is new, little is normal; compare with yesterday.",
        _ratio("", "1h"),
        alert="CacheHitRatioLow",
        empty="No look-ups",
        width=6,
        base="text",
    )
    yield stat(
        "Errors, 1 h",
        "none",
        "Entries that could not be read or written. Any: see the rights and the space of the cache folder. Runs go on "
        "without it, dearer.",
        errors,
        alert="CacheHitRatioLow",
        steps=((1, "red"),),
        decimals=0,
        width=6,
    )


def _held(config: Config) -> Iterator[Panel]:
    free = _SCOPE.now("storygen_disk_free_bytes", volume="cache")
    size = _SCOPE.now("storygen_disk_size_bytes", volume="cache")
    limit = config.of("DiskNearlyFull").limit
    yield stat(
        "Size",
        "bytes",
        "What the cache holds, at the largest process that tells it. When it nears its limit, see whether what "
        "leaves is needed again.",
        f"max ({_SCOPE.now('storygen_cache_size_bytes')})",
        empty="Not measured",
        width=6,
        base="text",
    )
    yield stat(
        "Free on its disk",
        "percentunit",
        "Nearly full: `storygen cache` tells what can go; lower its limit, or give it another disk.",
        f"min ({free} / {size})",
        alert="DiskNearlyFull",
        steps=((limit, "orange"), (2 * limit, "green")),
        base="red",
        empty="Not measured",
        width=6,
    )


def _requests() -> Iterator[Panel]:
    yield series(
        "Hits by cache",
        "percentunit",
        "Beside each the mean of the week that ended yesterday; the alert compares the two. A fall after a release "
        "means that what entries are stored under has "
        "changed.",
        ask(_SCOPE.recorded(HITS), "{{cache}}"),
        ask(f"avg_over_time({_SCOPE.recorded(HITS)}[7d] offset 1d)", "{{cache}} before"),
        alert="CacheHitRatioLow",
        empty="No look-ups",
        least=0,
        most=1,
    )
    yield series(
        "Look-ups by result",
        "ops",
        "bypass: the cache was switched off for it. error: an entry could not be read or written.",
        ask(rate("result", _SCOPE.raw(_REQUESTS)), "{{result}}"),
        stacked=True,
        least=0,
    )
    yield series(
        "Misses by cache",
        "ops",
        "Each is work that was done. The cache with the most is where a run spends its time and money.",
        ask(rate("cache", _SCOPE.raw(_REQUESTS, result="miss")), "{{cache}}"),
        alert="CacheHitRatioLow",
        stacked=True,
        least=0,
    )


def _savings() -> Iterator[Panel]:
    yield series(
        "Money saved",
        "currencyUSD",
        "An estimate, in an hour: what the hits cost when they were made. Nothing on repeated runs: look at the "
        "misses.",
        ask(increase("cache", _SCOPE.raw("storygen_cache_saved_usd_total"), "1h"), "{{cache}}"),
        board="storygen-cost",
        stacked=True,
        least=0,
    )
    yield series(
        "Time saved",
        "s",
        "An estimate, in an hour: how long the hits took when they were made. Nothing on repeated runs: look at the "
        "misses.",
        ask(increase("cache", _SCOPE.raw("storygen_cache_saved_seconds_total"), "1h"), "{{cache}}"),
        stacked=True,
        least=0,
    )
    yield bars(
        "Hits by cache, 24 h",
        "percentunit",
        "The shortest bars are what is made again most often: start there when repeated runs are slow or dear.",
        ask(_ratio("cache", "24h"), "{{cache}}"),
        empty="No look-ups",
        least=0,
        most=1,
    )


def _room(config: Config) -> Iterator[Panel]:
    yield series(
        "Size of the cache",
        "bytes",
        "Grows to its limit and stays there. If it falls back again and again, the limit is too low for the stories.",
        ask(f"max by (cache) ({_SCOPE.now('storygen_cache_size_bytes')})", "{{cache}}"),
        empty="Not measured",
        least=0,
    )
    yield series(
        "Entries that left",
        "short",
        "In an hour. Many while hits fall: what is needed again is thrown out; give the cache more room.",
        ask(increase("cache", _SCOPE.raw("storygen_cache_evictions_total"), "1h"), "{{cache}}"),
        alert="CacheHitRatioLow",
        least=0,
    )
    yield free_space(config, _SCOPE, width=8)


def free_space(config: Config, scope: Scope, *, width: int) -> Panel:
    """What is left of the disks where films and the cache are kept."""
    free, size = (scope.now(f"storygen_disk_{what}_bytes") for what in ("free", "size"))
    return series(
        "Free space",
        "percentunit",
        "By volume and process. Below the dashed line DiskNearlyFull fires; runs fail when nothing is left: move old "
        "films away, or lower the limit of the cache.",
        ask(f"{free} / {size}", "{{volume}} {{instance}}"),
        alert="DiskNearlyFull",
        steps=red_above(config, "DiskNearlyFull"),
        empty="Not measured",
        least=0,
        most=1,
        width=width,
    )
