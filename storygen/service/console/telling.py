"""What a page says of how a film was made: from the record where it is over, from what the worker tells before that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from storygen.explaining import Attempt, Explanation, explain
from storygen.jobs.base import JobEvent
from storygen.store.history import PastRun
from storygen.telemetry import report_figures as figures
from storygen.telemetry import timeline
from storygen.telemetry.critical import Piece, critical_path
from storygen.telemetry.recorder import Entry, Recording
from storygen.telemetry.report import build
from storygen.telemetry.report_records import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One bar of the timeline, opened: `cost`, `calls` and `findings` are what belongs to it and to nothing else."""

    entry: Entry
    is_critical: bool
    attempts: tuple[Attempt, ...]
    cost: Mapping[str, Any]
    calls: Mapping[str, Any]
    findings: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that a run's record says; `picture` is its timeline as SVG."""

    report: Report
    explanation: Explanation
    picture: Markup
    stages: tuple[tuple[str, str], ...]
    work: tuple[Work, ...]


def told_of(past: PastRun, trace_url: str) -> Told:
    """What the record of a run tells; takes tens of milliseconds for a long one."""
    recording = Recording.from_document(past.recording)
    explanation, report = explain(past, trace_url), build(recording)
    names = [row.name for row in report.stages] or ["other"]
    return Told(
        report=report,
        explanation=explanation,
        picture=Markup(timeline.draw(recording, opens=True)),  # noqa: S704 - it escapes what it was given
        stages=tuple((name, timeline.stage_class(name)) for name in names),
        work=tuple(_work(recording, explanation)),
    )


def under_way(told: Sequence[JobEvent], now: float) -> Markup:
    """The timeline of a run that is being made, by the events since it was last begun; empty before its first stage."""
    entries: list[Entry] = []
    open_ones: dict[tuple[str, int | None], float] = {}
    for event in told:
        place = (str(event.data.get("stage", "")), event.data.get("scene"))
        if event.kind == "started":
            entries, open_ones = [], {}
        elif event.kind == "stage.began":
            open_ones[place] = event.at
        elif event.kind == "stage.ended":
            began = open_ones.pop(place, event.at)
            lasted = float(event.data.get("seconds") or 0.0)
            start = event.at - lasted if lasted else began
            entries.append(_entry(place, start, event.at, str(event.data.get("outcome", ""))))
    entries += [_entry(place, began, max(now, began), "running") for place, began in open_ones.items()]
    recording = Recording(run_id="", began_at=0.0, entries=tuple(entries), notes=())
    return Markup(timeline.draw(recording))  # noqa: S704 - it escapes what it was given


def _entry(place: tuple[str, int | None], started: float, ended: float, outcome: str) -> Entry:
    stage, scene = place
    return Entry("stage", stage, stage, scene, started, ended, outcome, "run", "", "", {})


def _work(recording: Recording, explanation: Explanation) -> list[Work]:
    path = critical_path(figures.pieces(recording), *figures.bounds(recording))
    return [
        _opened(entry, recording, explanation, Piece(entry.name, entry.scene, entry.started, entry.ended) in path)
        for entry in timeline.in_order(recording)
    ]


def _opened(entry: Entry, recording: Recording, explanation: Explanation, is_critical: bool) -> Work:
    """A piece of work with the part of the record that happened in it, read by the functions that read the whole."""
    place = (entry.stage, entry.scene)
    own = replace(
        recording,
        entries=tuple(one for one in recording.entries if (one.stage, one.scene) == place),
        notes=tuple(note for note in recording.notes if (note.stage, note.scene) == place),
        troubles=(),
    )
    return Work(
        entry=entry,
        is_critical=is_critical,
        attempts=tuple(one for one in explanation.attempts if (one.stage, one.scene) == place),
        cost=figures.cost(own),
        calls=figures.calls(own),
        findings=figures.quality(own)["findings"],
    )
