"""How a report is built from a recording."""

from __future__ import annotations

from datetime import UTC, datetime

from storygen.telemetry import report_figures as figures
from storygen.telemetry.critical import critical_path
from storygen.telemetry.recorder import Recording
from storygen.telemetry.report_records import (
    CacheFigures,
    CallFigures,
    CostFigures,
    Fallback,
    ProviderFigures,
    QualityFigures,
    Report,
    RunFigures,
    StageFigures,
    Step,
)
from storygen.telemetry.report_words import sentence, warnings

SCHEMA = 1
PATH_LIMIT = 200


def build(recording: Recording) -> Report:
    """The report of one recorded run or session; a session without stages is told by its outermost operations."""
    start, end = figures.bounds(recording)
    pieces = figures.pieces(recording)
    path = critical_path(pieces, start, end)
    steps = tuple(
        Step(name=p.stage, stage=p.stage, scene=p.scene, started=p.started - start, seconds=p.ended - p.started)
        for p in sorted(sorted(path, key=lambda p: p.started - p.ended)[:PATH_LIMIT], key=lambda p: p.started)
    )
    run = _run(recording, start, end)
    saved = figures.saved(recording)
    stages = tuple(StageFigures(**row) for row in figures.stages(recording, saved))
    operations = tuple(StageFigures(**row) for row in figures.operations(recording))
    calls = figures.calls(recording)
    cache = CacheFigures(**figures.cache(recording))
    return Report(
        schema=SCHEMA,
        run=run,
        sentence=sentence(run, saved, cache),
        warnings=warnings(run, operations, recording),
        stages=stages,
        operations=operations,
        slowest=tuple(Step(**row) for row in figures.slowest(recording)),
        critical_path=steps,
        idle_seconds=max(0.0, run.seconds - sum(p.ended - p.started for p in path)),
        cache=cache,
        calls=CallFigures(
            fallbacks=tuple(Fallback(**row) for row in figures.fallbacks(recording)),
            providers=tuple(ProviderFigures(**row) for row in figures.providers(recording)),
            **calls,
        ),
        cost=CostFigures(**figures.cost(recording)),
        elements=figures.elements(recording),
        quality=QualityFigures(**figures.quality(recording)),
        durations=figures.durations(recording),
    )


def _run(recording: Recording, start: float, end: float) -> RunFigures:
    run = recording.run
    fields = run.fields if run else {}
    shipped = next(recording.events("Shipped"), None)
    failed = figures.failure(recording)
    return RunFigures(
        run_id=recording.run_id,
        pipeline=run.name if run else "session",
        title=str(fields.get("title") or ""),
        source=str(fields.get("source") or ""),
        started_at=datetime.fromtimestamp(recording.began_at, UTC).isoformat(timespec="seconds"),
        seconds=end - start,
        outcome=run.outcome if run else "failed" if failed else "success",
        fidelity=str(fields.get("fidelity") or (shipped.data["fidelity"] if shipped else "")),
        reasons=tuple(shipped.data["reasons"]) if shipped else (),
        scenes=figures.scenes(recording),
        film_seconds=shipped.data["seconds"] if shipped else None,
        trace_id=recording.trace_id,
        error=failed.error if failed else "",
        error_message=failed.message if failed else "",
        error_stage=failed.stage if failed else "",
        error_scene=failed.scene if failed else None,
        error_provider=figures.blamed(recording, failed) if failed else "",
    )
