"""What became of one run and what to do next: the questions that a maintainer would ask, answered from its record."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from storygen.store.history import PastRun
from storygen.store.output import MANIFEST
from storygen.telemetry import report_figures as figures
from storygen.telemetry.bundle import files, log_lines, story_texts
from storygen.telemetry.recorder import Entry, Recording
from storygen.telemetry.redaction import Redactor
from storygen.telemetry.report import build
from storygen.telemetry.report_records import Report
from storygen.telemetry.report_words import seconds
from storygen.telemetry.steps import next_step
from storygen.telemetry.wordless import Wordless
from storygen.telemetry.words import ERROR_TYPES

SCHEMA = 1
_NOT_ASKED = frozenset({"circuit_open", "budget_exceeded"})
_BROKEN = frozenset({"failed", "timeout"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What ended the run: the kind of its error, where it happened, who did not deliver, the attempts."""

    kind: str
    message: str
    hint: str
    stage: str
    scene: int | None
    provider: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Who was asked when (seconds after the run began), what came back, and how long was waited before the next.

    `outcome` is the kind of the error, empty where it went well; `number` is 0 where the provider was not asked.
    """

    started: float
    seconds: float
    stage: str
    scene: int | None
    provider: str
    model: str
    operation: str
    number: int
    outcome: str
    message: str
    waited: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """A breaker at the run's end, how often it opened, and how many calls it rejected."""

    provider: str
    capability: str
    state: str
    opened: int
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """An ffmpeg that did not do its work, and the end of what it said."""

    step: str
    stage: str
    scene: int | None
    message: str
    tail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All that is known of a run; `settings` are those that differ from the defaults, without secrets.

    Settings and versions are empty where an older storygen recorded the run.
    """

    run_id: str
    outcome: str
    fidelity: str
    started_at: str
    seconds: float
    sentence: str
    fault: Fault | None
    attempts: tuple[Attempt, ...]
    fallbacks: tuple[Mapping[str, Any], ...]
    breakers: tuple[Breaker, ...]
    renders: tuple[Render, ...]
    degraded: tuple[str, ...]
    slowest: str
    trace_id: str
    trace_url: str
    next_step: str
    title: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain values; keys are only ever added within one `schema`."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}


def explain(past: PastRun, trace_url: str) -> Explanation:
    """What the record of a run tells; `trace_url` holds `{trace_id}`."""
    recording = Recording.from_document(past.recording)
    report = build(recording)
    fault = _fault(recording)
    run = report.run
    return Explanation(
        run_id=run.run_id,
        outcome=run.outcome,
        fidelity=run.fidelity,
        started_at=run.started_at,
        seconds=round(run.seconds, 3),
        sentence=report.sentence,
        fault=fault,
        attempts=tuple(_attempts(recording)),
        fallbacks=tuple(figures.fallbacks(recording)),
        breakers=tuple(_breakers(recording)),
        renders=tuple(_renders(recording)),
        degraded=run.reasons,
        slowest=_slowest(report),
        trace_id=run.trace_id,
        trace_url=trace_url.replace("{trace_id}", run.trace_id) if run.trace_id else "",
        next_step=_next(recording, report, fault),
        title=run.title,
        settings=recording.context.get("settings", {}),
        versions=recording.context.get("versions", {}),
    )


def bundle(
    past: PastRun,
    explanation: Explanation,
    tell: Callable[[Explanation], str],
    logs: Path | None,
    redactor: Redactor,
    *,
    content: bool = False,
) -> dict[str, str]:
    """The files of an archive for a maintainer, by name; without `content` none of them says what the story says.

    `tell` is the explanation as text, `logs` the folder of log files.
    """
    folder = Path(past.folder) if past.folder else None
    manifest = _read(folder / MANIFEST) if folder else None
    if not isinstance(manifest, dict) or manifest.get("run_id") != past.run_id:
        manifest = None  # another run has made the film anew since
    script = _read(folder / "script.json") if folder and manifest else None
    wordless = None if content else Wordless(story_texts(past.title, manifest, script))
    if wordless:
        explanation = replace(explanation, title="", settings=wordless.strip(explanation.settings))
    documents = {
        "explanation": explanation.to_json(),
        "report": past.report,
        "recording": past.recording,
        "settings": explanation.settings,
        "versions": explanation.versions,
    } | ({"manifest": manifest} if manifest else {})
    return files(documents, tell(explanation), log_lines(logs, past.run_id) if logs else (), redactor, wordless)


def _read(path: Path) -> Any:
    """A JSON file of the output folder, which its owner may have removed or changed since; then None."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _kind(entry: Entry) -> str:
    """The kind of the error that ended `entry`, from the closed set; empty where it went well."""
    if not entry.error or entry.error in ERROR_TYPES:
        return entry.error
    return {"cancelled": "cancelled", "timeout": "timeout"}.get(entry.outcome, "error")


def _fault(recording: Recording) -> Fault | None:
    failed = figures.failure(recording)
    if failed is None:
        return None
    trouble = recording.trouble(failed)
    own = failed.error in {"", *ERROR_TYPES}
    return Fault(
        kind=_kind(failed) or failed.outcome,
        message=failed.message if own else f"{failed.error}: {failed.message}".removesuffix(": "),
        hint=trouble.hint if trouble else "",
        stage=failed.stage,
        scene=failed.scene,
        provider=(trouble.provider if trouble else "") or _last_asked(recording, failed),
        attempts=trouble.attempt if trouble else 0,
    )


def _last_asked(recording: Recording, failed: Entry) -> str:
    """Who was being asked when a stage failed, empty where nobody was."""
    place = (failed.stage, failed.scene)
    asked = [e for e in recording.of_kind("attempt") if (e.stage, e.scene) == place and e.error]
    return str(asked[-1].fields.get("provider") or "") if asked and failed.stage else ""


def _attempts(recording: Recording) -> Iterator[Attempt]:
    start, _ = figures.bounds(recording)
    waits: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for note in recording.events("Retried"):
        waits[note.stage, note.scene, note.data["provider"], note.data["attempt"]].append(note.data["wait"] or 0.0)
    asked = [e for e in recording.of_kind("attempt", "call") if e.kind == "attempt" or e.error in _NOT_ASKED]
    for entry in sorted(asked, key=lambda entry: entry.started):
        number = int(entry.fields.get("number") or 0)
        trouble = recording.trouble(entry)
        provider = str(entry.fields.get("provider") or (trouble.provider if trouble else ""))
        waited = waits.get((entry.stage, entry.scene, provider, number), [])
        yield Attempt(
            started=round(entry.started - start, 3),
            seconds=round(entry.seconds, 3),
            stage=entry.stage,
            scene=entry.scene,
            provider=provider,
            model=str(entry.fields.get("model") or ""),
            operation=entry.name,
            number=number,
            outcome=_kind(entry),
            message=entry.message,
            waited=round(waited.pop(0), 3) if entry.error and waited else 0.0,
        )


def _breakers(recording: Recording) -> Iterator[Breaker]:
    """The state of every breaker that was asked: the last that it changed to, else what its last answer says."""
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for note in recording.notes:
        if note.event not in {"BreakerSaw", "BreakerChanged"}:
            continue
        blank = {"state": "closed", "opened": 0, "rejected": 0}
        mine = seen.setdefault((note.data["provider"], note.data["capability"]), blank)
        if note.event == "BreakerChanged":
            mine["state"] = note.data["to_state"]
            mine["opened"] += note.data["to_state"] == "open"
        elif note.data["result"] == "rejected":
            mine["rejected"] += 1
            mine["state"] = "open" if mine["state"] == "closed" else mine["state"]
    for (provider, capability), mine in sorted(seen.items()):
        yield Breaker(provider=provider, capability=capability, **mine)


def _renders(recording: Recording) -> Iterator[Render]:
    for entry in recording.of_kind("ffmpeg"):
        if entry.outcome in _BROKEN:
            trouble = recording.trouble(entry)
            tail = trouble.hint if trouble else ""
            yield Render(step=entry.name, stage=entry.stage, scene=entry.scene, message=entry.message, tail=tail)


def _slowest(report: Report) -> str:
    if not report.slowest:
        return ""
    step = report.slowest[0]
    scene = f" in scene {step.scene}" if step.scene is not None else ""
    stage = f" of {step.stage}" if step.stage and step.stage != step.name else ""
    return f"{step.name}{stage}{scene}, {seconds(step.seconds)}"


def _next(recording: Recording, report: Report, fault: Fault | None) -> str:
    """By the error that ended the run; of a degraded one, by the first that cost it something."""
    if fault is not None:
        return next_step(fault.kind)
    if report.run.fidelity in {"", "full"}:
        return "Nothing is wrong."
    fallbacks = [note.data["reason"] for note in recording.events("FellBack")]
    broken = (_kind(entry) for entry in recording.of_kind("stage", "call", "ffmpeg") if entry.outcome in _BROKEN)
    kinds = [*fallbacks, *broken]
    return next_step(kinds[0]) if kinds else "See above why the film is not as asked."
