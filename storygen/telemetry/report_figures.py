"""The figures of a report, each a small function of the recording."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from storygen.story import Stage
from storygen.telemetry.critical import Piece, critical_seconds, saved_if_instant
from storygen.telemetry.recorder import Entry, Recording

BAD = frozenset({"failed", "timeout", "cancelled"})
NOT_MADE = frozenset({"cached", "skipped"})
SLOWEST = 5
_ORDER = {str(stage): index for index, stage in enumerate(Stage)}


def bounds(recording: Recording) -> tuple[float, float]:
    """When the run began and ended; of a session, when its first work began and its last ended."""
    if run := recording.run:
        return run.started, run.ended
    entries = recording.entries
    return min((e.started for e in entries), default=0.0), max((e.ended for e in entries), default=0.0)


def work(recording: Recording) -> list[Entry]:
    """The work that the critical path is made of: the stages, or the outermost operations where there are none."""
    found = [entry for entry in recording.of_kind("stage") if entry.outcome != "skipped"]
    return found or [entry for entry in recording.of_kind("operation", "call") if entry.within in {"", "run"}]


def pieces(recording: Recording) -> list[Piece]:
    """The same as pieces for the critical path."""
    return [Piece(entry.name, entry.scene, entry.started, entry.ended) for entry in work(recording)]


def saved(recording: Recording) -> dict[str, tuple[float, float]]:
    """Per stage: its seconds on the critical path, and what the run would save were it instant."""
    given, limits = pieces(recording), bounds(recording)
    instant = saved_if_instant(given, *limits)
    return {stage: (seconds, instant[stage]) for stage, seconds in critical_seconds(given, *limits).items()}


def stages(recording: Recording, both: Mapping[str, tuple[float, float]]) -> list[dict[str, Any]]:
    """One row per stage, in the order of the flow; `both` is what `saved` gave."""
    rows = _rows(recording.of_kind("stage"), recording)
    for row in rows:
        row["critical_seconds"], row["saved_if_instant"] = both.get(row["name"], (0.0, 0.0))
    return sorted(rows, key=lambda row: _ORDER.get(row["name"], len(_ORDER)))


def operations(recording: Recording) -> list[dict[str, Any]]:
    """One row per name of an operation or call, the greatest total first."""
    rows = _rows(recording.of_kind("operation", "call"), recording)
    by_name = {row["name"]: row for row in rows}
    for name, folded in recording.folded.items():
        row = by_name[name] if name in by_name else _row(name, [], 0.0)
        count = row["count"] + folded.times
        row |= {"count": count, "failures": row["failures"] + folded.failures, "total": row["total"] + folded.seconds}
        row |= {"mean": row["total"] / count}
        by_name[name] = row
    return sorted(by_name.values(), key=lambda row: -row["total"])


def slowest(recording: Recording) -> list[dict[str, Any]]:
    """The operations and calls that took longest, one row each."""
    found = sorted(recording.of_kind("operation", "call"), key=lambda entry: -entry.seconds)[:SLOWEST]
    start, _ = bounds(recording)
    return [
        {
            "name": label(entry),
            "stage": entry.stage,
            "scene": entry.scene,
            "started": entry.started - start,
            "seconds": entry.seconds,
            "outcome": entry.outcome,
        }
        for entry in found
    ]


def cache(recording: Recording) -> dict[str, Any]:
    """How often the caches had it, and what that saved."""
    looked = [note.data for note in recording.events("CacheLooked")]
    results = Counter(data["result"] for data in looked)
    hits, misses = results["hit"], results["miss"]
    return {
        "hits": hits,
        "misses": misses,
        "bypassed": results["bypass"],
        "errors": results["error"],
        "hit_rate": hits / (hits + misses) if hits + misses else None,
        "saved_seconds": sum(data["saved_seconds"] or 0.0 for data in looked if data["result"] == "hit"),
        "saved_usd": sum(data["saved_usd"] or 0.0 for data in looked if data["result"] == "hit"),
    }


def calls(recording: Recording) -> dict[str, Any]:
    """Logical calls and the attempts they took."""
    made = list(recording.of_kind("call"))
    attempts = list(recording.of_kind("attempt"))
    retried = list(recording.events("Retried"))
    return {
        "calls": len(made),
        "cached": sum(_is_cached(entry) for entry in made),
        "errors": sum(entry.outcome in BAD for entry in made),
        "attempts": len(attempts),
        "failed_attempts": sum(entry.outcome in BAD for entry in attempts),
        "retries": len(retried),
        "retry_wait_seconds": sum(note.data["wait"] or 0.0 for note in retried),
        "gave_up": sum(1 for _ in recording.events("GaveUp")),
    }


def fallbacks(recording: Recording) -> list[dict[str, Any]]:
    """Who stood in for whom, and why, the most frequent first."""
    keys = ("from_provider", "to_provider", "reason")
    found = Counter(tuple(note.data[key] for key in keys) for note in recording.events("FellBack"))
    return [{**dict(zip(keys, who, strict=True)), "count": count} for who, count in found.most_common()]


def providers(recording: Recording) -> list[dict[str, Any]]:
    """One row per provider and model that was reached or paid, the dearest first."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}

    def row(fields: dict[str, Any]) -> dict[str, Any]:
        who = (str(fields.get("provider") or ""), str(fields.get("model") or ""))
        blank = dict.fromkeys(("attempts", "errors", "input_tokens", "output_tokens", "characters", "images"), 0)
        return rows.setdefault(who, {"provider": who[0], "model": who[1], **blank, "seconds": 0.0, "cost_usd": None})

    for entry in recording.of_kind("attempt"):
        mine = row(entry.fields)
        mine["attempts"] += 1
        mine["errors"] += entry.outcome in BAD
        mine["seconds"] += entry.seconds
    for note in recording.events("Spent"):
        mine = row(note.data)
        for unit in ("input_tokens", "output_tokens", "characters", "images"):
            mine[unit] += note.data["usage"][unit]
        if note.data["cost_usd"] is not None and not note.data.get("is_uncertain"):
            mine["cost_usd"] = (mine["cost_usd"] or 0.0) + note.data["cost_usd"]
    return sorted(rows.values(), key=lambda mine: (-(mine["cost_usd"] or 0.0), mine["provider"], mine["model"]))


def cost(recording: Recording) -> dict[str, Any]:
    """What was spent, what of it was for nothing and why, what may have been billed, how often no price is known."""
    spent = [note.data for note in recording.events("Spent")]
    lost = [data for data in spent if data.get("is_uncertain")]
    priced = [data for data in spent if data["cost_usd"] is not None and not data.get("is_uncertain")]
    wasted: dict[str, float] = defaultdict(float)
    for data in priced:
        if data["wasted"]:
            wasted[data["wasted"]] += data["cost_usd"]
    return {
        "usd": sum(data["cost_usd"] for data in priced) if priced or not spent else None,
        "unpriced": sum(data["cost_usd"] is None for data in spent),
        "uncertain_usd": sum(data["cost_usd"] or 0.0 for data in lost),
        "wasted_usd": sum(wasted.values()),
        "wasted": dict(wasted),
        "input_tokens": sum(data["usage"]["input_tokens"] for data in spent),
        "output_tokens": sum(data["usage"]["output_tokens"] for data in spent),
    }


def elements(recording: Recording) -> dict[str, int]:
    """What the script is made of."""
    found: Counter[str] = Counter()
    for note in recording.events("Counted"):
        found[note.data["element"]] += note.data["count"]
    return dict(found)


def scenes(recording: Recording) -> int:
    """How many scenes the run had: what the run says, the script's count, or the scenes that were worked on."""
    said = recording.run.fields.get("scenes") if recording.run else None
    counted = elements(recording).get("scene")
    return int(said or counted or len({entry.scene for entry in recording.entries if entry.scene is not None}))


def quality(recording: Recording) -> dict[str, Any]:
    """The checks by verdict, those that did not pass with where they happened, and the mean of each measured figure."""
    notes = list(recording.events("Checked"))
    verdicts = Counter(note.data["check"]["verdict"] for note in notes)
    measured: dict[str, list[float]] = defaultdict(list)
    for note in recording.events("Measured"):
        if note.data["value"] is not None:
            measured[note.data["figure"]].append(note.data["value"])
    return {
        "passed": verdicts["pass"],
        "warned": verdicts["warn"],
        "failed": verdicts["fail"],
        "findings": tuple(
            {**note.data["check"], "provider": note.data["provider"], "stage": note.stage, "scene": note.scene}
            for note in sorted(notes, key=lambda note: note.data["check"]["verdict"])
            if note.data["check"]["verdict"] != "pass"
        ),
        "figures": {figure: sum(values) / len(values) for figure, values in measured.items()},
    }


def durations(recording: Recording) -> dict[str, tuple[float, ...]]:
    """The seconds of every stage that was really made and went well; the last step of assembly is called join."""
    found: dict[str, list[float]] = defaultdict(list)
    for entry in recording.of_kind("stage"):
        if entry.outcome == "success":
            joins = entry.name == Stage.ASSEMBLY and entry.scene is None
            found["join" if joins else entry.name].append(entry.seconds)
    return {name: tuple(values) for name, values in found.items()}


def failure(recording: Recording) -> Entry | None:
    """The innermost stage, else run, whose error ended the run; None where it went well.

    Of several that failed alike it is the one whose error was raised.
    """
    run = recording.run
    trouble = recording.trouble(run) if run is not None else None
    if run is not None and run.outcome not in BAD:
        return None
    failed = [entry for entry in recording.entries if entry.outcome in BAD and entry.kind in {"stage", "operation"}]
    told = [entry for entry in failed if run is None or entry.error == run.error]
    raised = [entry for entry in told if trouble and (entry.stage, entry.scene) == (trouble.stage, trouble.scene)]
    return next(iter(raised or told), run)


def blamed(recording: Recording, failed: Entry) -> str:
    """The provider whose last attempt failed in the same way; empty where none had a part in it."""
    attempts = (
        entry
        for entry in reversed(recording.entries)
        if entry.kind == "attempt"
        and (entry.stage, entry.scene, entry.error) == (failed.stage, failed.scene, failed.error)
    )
    return next((str(entry.fields.get("provider") or "") for entry in attempts), "")


def label(entry: Entry) -> str:
    """The name of an operation; of a call also what was asked for."""
    capability = entry.fields.get("capability") if entry.kind == "call" else None
    return f"{entry.name} ({capability})" if capability else entry.name


def busy(spans: Iterable[tuple[float, float]]) -> float:
    """The seconds that are covered by at least one of `spans`."""
    covered, reach = 0.0, -math.inf
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, reach))
        reach = max(reach, end)
    return covered


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile: the smallest value that at least `share` of them do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else None


def _rows(entries: Iterable[Entry], recording: Recording) -> list[dict[str, Any]]:
    start, end = bounds(recording)
    return [_row(name, list(group), end - start) for name, group in groupby(sorted(entries, key=label), key=label)]


def _row(name: str, entries: Sequence[Entry], length: float) -> dict[str, Any]:
    fresh = [entry.seconds for entry in entries if not _is_cached(entry)]
    covered = busy((entry.started, entry.ended) for entry in entries)
    return {
        "name": name,
        "count": len(entries),
        "failures": sum(entry.outcome in BAD for entry in entries),
        "cached": sum(_is_cached(entry) for entry in entries),
        "mean": sum(fresh) / len(fresh) if fresh else None,
        "p95": percentile(fresh, 0.95),
        "total": sum(entry.seconds for entry in entries),
        "share": min(1.0, covered / length) if length > 0 else 0.0,
    }


def _is_cached(entry: Entry) -> bool:
    return entry.outcome in NOT_MADE or bool(entry.fields.get("cached"))
