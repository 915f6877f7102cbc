"""A period of runs against the one before it: what people want to know once a day or once a week."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from storygen.telemetry.report_compare import Document, Summary, summarise

SCHEMA = 1
# A stage has become slower where the middle of so many runs on both sides grew by this factor and by so many seconds.
FACTOR, FEWEST, LEAST = 1.25, 5, 0.01
MOST = 5
_FIGURES = ("runs", "success_rate", "mean", "p95", "cost_usd", "wasted_usd", "cache_hit_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """A stage that became slower: its seconds per second of film in the middle run, before and now."""

    stage: str
    before: float
    now: float
    factor: float
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What went wrong how often; `provider` and `stage` are empty where none had a part in it.

    `what` is run (a run ended by it) or fallback (another provider stood in).
    """

    what: str
    kind: str
    stage: str
    provider: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The checks of a period; `failing` counts those that did not pass, by artifact and name."""

    passed: int
    warned: int
    failed: int
    failing: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A period from `began` to `ended` (Unix): its runs, those of the equally long one before, and what stands out.

    `cost_change` is the cost by that of the period before, None where that was nothing; `cost_per_film_usd` is over
    films that were made, None where there are none.
    """

    began: float
    ended: float
    now: Summary
    before: Summary
    cost_change: float | None
    cost_per_film_usd: float | None
    regressions: tuple[Regression, ...]
    quality: Quality
    broken: tuple[Broken, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values; keys are only ever added within one `schema`."""
        document = dataclasses.asdict(self)
        before = {name: document["before"][name] for name in _FIGURES}
        times = {name: _iso(document[name]) for name in ("began", "ended")}
        return {"schema": SCHEMA, **document, **times, "before": before}


def digest(now: Sequence[Document], before: Sequence[Document], began: float, ended: float) -> Digest:
    """The reports of a period and of the one before, oldest first."""
    summary, earlier = summarise(now), summarise(before)
    films = summary.outcomes.get("success", 0)
    return Digest(
        began=began,
        ended=ended,
        now=summary,
        before=earlier,
        cost_change=summary.cost_usd / earlier.cost_usd if earlier.cost_usd else None,
        cost_per_film_usd=summary.cost_usd / films if films else None,
        regressions=tuple(_regressions(now, before)),
        quality=_quality(now),
        broken=_broken(now),
    )


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _regressions(now: Sequence[Document], before: Sequence[Document]) -> Iterator[Regression]:
    """The stages that became slower, the worst first."""
    pasts, found = _paces(before), []
    for stage, paces in _paces(now).items():
        past = pasts.get(stage, ())
        if min(len(paces), len(past)) < FEWEST:
            continue
        was, is_ = median(past), median(paces)
        if was > 0 and is_ >= FACTOR * was and is_ - was >= LEAST:
            found.append(Regression(stage=stage, before=was, now=is_, factor=is_ / was, runs=len(paces)))
    yield from sorted(found, key=lambda one: -one.factor)


def _paces(reports: Sequence[Document]) -> dict[str, list[float]]:
    """Seconds of each stage per second of film, a figure per run in which none of that stage came from the cache."""
    found: dict[str, list[float]] = defaultdict(list)
    for report in reports:
        length = report["run"]["film_seconds"]
        if report["run"]["outcome"] != "success" or not length:
            continue
        for row in report["stages"]:
            if not row["cached"] and not row["failures"]:
                found[row["name"]].append(row["total"] / length)
    return found


def _quality(reports: Sequence[Document]) -> Quality:
    failing = Counter(
        f"{finding['artifact']} {finding['name']}".replace("_", " ")
        for report in reports
        for finding in report["quality"]["findings"]
    )
    return Quality(
        **{word: sum(report["quality"][word] for report in reports) for word in ("passed", "warned", "failed")},
        failing=dict(failing.most_common(MOST)),
    )


def _broken(reports: Sequence[Document]) -> tuple[Broken, ...]:
    """What ended runs, and what made one provider stand in for another, the most frequent first."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    for report in reports:
        run = report["run"]
        if run["outcome"] in {"failed", "timeout"}:
            found["run", run["error"] or run["outcome"], run["error_stage"], run.get("error_provider", "")] += 1
        for each in report["calls"]["fallbacks"]:
            found["fallback", each["reason"], "", each["from_provider"]] += each["count"]
    rows = found.most_common(MOST)
    return tuple(
        Broken(what=what, kind=kind, stage=stage, provider=provider, count=count)
        for (what, kind, stage, provider), count in rows
    )
