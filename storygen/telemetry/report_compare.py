"""Several runs together: two side by side, and the history over days. All are read in their report's JSON form."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storygen.telemetry.report_figures import percentile
from storygen.telemetry.report_text import Line, table
from storygen.telemetry.report_words import NONE, dollars, percent, plain, seconds, times

Document = Mapping[str, Any]


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:g}"


_UNITS: Mapping[str, Callable[[float | None], str]] = {
    "seconds": seconds,
    "usd": dollars,
    "share": percent,
    "count": _number,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure of two runs; `unit` is seconds, usd, share or count; the ratio is b by a, None without a base."""

    group: str
    name: str
    unit: str
    a: float | None
    b: float | None
    difference: float | None
    ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs side by side: what they were, and every figure with its difference."""

    a: Mapping[str, Any]
    b: Mapping[str, Any]
    rows: tuple[Difference, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Runs over a time; `trend` is the mean seconds of the later half of the successful ones by that of the earlier."""

    runs: int
    success_rate: float | None
    outcomes: Mapping[str, int]
    fidelity: Mapping[str, int]
    mean: float | None
    p95: float | None
    trend: float | None
    cost_usd: float
    unpriced_runs: int
    wasted_usd: float
    cache_hit_rate: float | None
    stages: tuple[Mapping[str, Any], ...]
    slowest: tuple[Mapping[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return dataclasses.asdict(self)


def compare(a: Document, b: Document) -> Comparison:
    """Two reports, figure by figure."""
    names = list(dict.fromkeys(row["name"] for report in (a, b) for row in report["stages"]))
    stages = [{row["name"]: row for row in report["stages"]} for report in (a, b)]
    rows = [_difference("run", "total", "seconds", *(report["run"]["seconds"] for report in (a, b)))]
    rows.append(_difference("run", "film", "seconds", *(report["run"]["film_seconds"] for report in (a, b))))
    for key, unit in (("total", "seconds"), ("critical_seconds", "seconds")):
        group = "stage" if key == "total" else "critical"
        rows += [_difference(group, name, unit, *(s.get(name, {}).get(key) for s in stages)) for name in names]
    for group, key, name, unit in (
        ("cost", "usd", "cost", "usd"),
        ("cost", "wasted_usd", "wasted", "usd"),
        ("cache", "hit_rate", "hit rate", "share"),
        ("cache", "saved_seconds", "saved", "seconds"),
        ("calls", "attempts", "attempts", "count"),
        ("calls", "failed_attempts", "failed attempts", "count"),
        ("quality", "passed", "checks passed", "count"),
        ("quality", "warned", "checks warned", "count"),
        ("quality", "failed", "checks failed", "count"),
    ):
        rows.append(_difference(group, name, unit, a[group][key], b[group][key]))
    return Comparison(a=a["run"], b=b["run"], rows=tuple(rows))


def _difference(group: str, name: str, unit: str, a: float | None, b: float | None) -> Difference:
    both = a is not None and b is not None
    return Difference(
        group=group,
        name=name,
        unit=unit,
        a=a,
        b=b,
        difference=b - a if a is not None and b is not None else None,
        ratio=(b or 0.0) / a if both and a else None,
    )


def summarise(reports: Sequence[Document]) -> Summary:
    """The history of runs, oldest first."""
    good = [report["run"]["seconds"] for report in reports if report["run"]["outcome"] == "success"]
    hits, looked = (sum(report["cache"][key] for report in reports) for key in ("hits", "misses"))
    looked += hits
    half = len(good) // 2
    longest = sorted(reports, key=lambda report: -report["run"]["seconds"])[:5]
    return Summary(
        runs=len(reports),
        success_rate=len(good) / len(reports) if reports else None,
        outcomes=dict(Counter(report["run"]["outcome"] for report in reports)),
        fidelity=dict(Counter(report["run"]["fidelity"] for report in reports if report["run"]["fidelity"])),
        mean=_mean(good),
        p95=percentile(good, 0.95),
        trend=(_mean(good[-half:]) or 0.0) / (_mean(good[:half]) or 1.0) if half and sum(good[:half]) else None,
        cost_usd=sum(report["cost"]["usd"] or 0.0 for report in reports),
        unpriced_runs=sum(1 for report in reports if report["cost"]["unpriced"]),
        wasted_usd=sum(report["cost"]["wasted_usd"] for report in reports),
        cache_hit_rate=hits / looked if looked else None,
        stages=tuple(_stages(reports)),
        slowest=tuple(
            {key: report["run"][key] for key in ("run_id", "title", "seconds", "outcome")} for report in longest
        ),
    )


def _stages(reports: Sequence[Document]) -> Iterator[dict[str, Any]]:
    rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    fresh: dict[str, list[float]] = defaultdict(list)
    for report in reports:
        for row in report["stages"]:
            rows[row["name"]].append(row)
        for name, values in report["durations"].items():
            fresh["assembly" if name == "join" else name] += values
    length = sum(report["run"]["seconds"] for report in reports)
    for name, found in rows.items():
        critical = sum(row["critical_seconds"] for row in found)
        yield {
            "name": name,
            "count": sum(row["count"] for row in found),
            "failures": sum(row["failures"] for row in found),
            "cached": sum(row["cached"] for row in found),
            "mean": _mean(fresh[name]),
            "p95": percentile(fresh[name], 0.95),
            "total": sum(row["total"] for row in found),
            "critical_share": critical / length if length else 0.0,
        }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def comparison_lines(comparison: Comparison) -> Iterator[Line]:
    """The comparison as text."""
    for mark, run in (("A", comparison.a), ("B", comparison.b)):
        yield (
            "head",
            f"{mark}  {plain(run['title']) or run['pipeline']}  (run {plain(run['run_id'])}, {run['outcome']})",
        )
    rows = []
    for row in comparison.rows:
        if not (row.a or row.b):
            continue
        unit = _UNITS[row.unit]
        sign = "" if row.difference is None or row.difference == 0 else "+" if row.difference > 0 else "-"
        change = sign + unit(abs(row.difference)) if row.difference is not None else NONE
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else NONE
        rows.append((f"{row.group}: {plain(row.name)}", unit(row.a), unit(row.b), change, ratio))
    yield from table(("", "A", "B", "B - A", "B / A"), rows)


def summary_lines(summary: Summary, since: str) -> Iterator[Line]:
    """The history as text."""
    if not summary.runs:
        yield "", f"no runs in the last {plain(since)}"
        return
    ended = ", ".join(
        f"{count} {plain(word)}" for word, count in [*summary.outcomes.items(), *summary.fidelity.items()]
    )
    yield (
        "head",
        f"{times(summary.runs, 'run')} in the last {plain(since)}: {percent(summary.success_rate)} succeeded ({ended})",
    )
    trend = ""
    if summary.trend is not None:
        trend = f"; the later half took {summary.trend:.2f} of the earlier half's time"
    yield "", f"  time   mean {seconds(summary.mean)}, p95 {seconds(summary.p95)}{trend}"
    unpriced = (
        f", {times(summary.unpriced_runs, 'run')} with uses that have no known price" if summary.unpriced_runs else ""
    )
    yield "", f"  cost   {dollars(summary.cost_usd)}, {dollars(summary.wasted_usd)} of it for nothing{unpriced}"
    yield "", f"  cache  {percent(summary.cache_hit_rate)} hits"
    yield "title", "Stages"
    rows = [
        (
            plain(row["name"]),
            *(str(row[key] or NONE) for key in ("count", "failures", "cached")),
            *(seconds(row[key]) for key in ("mean", "p95", "total")),
            percent(row["critical_share"]),
        )
        for row in summary.stages
    ]
    yield from table(("stage", "n", "failed", "cached", "mean", "p95", "total", "critical"), rows)
    yield "title", "Slowest runs"
    slow = [
        (plain(run["title"]) or NONE, plain(run["run_id"]), run["outcome"], seconds(run["seconds"]))
        for run in summary.slowest
    ]
    yield from table(("title", "run", "outcome", "time"), slow)
