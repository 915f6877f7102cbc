"""The report as text: at most 80 columns, and colour only where a terminal shows it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from storygen.telemetry.report_records import Report, StageFigures
from storygen.telemetry.report_words import NONE, dollars, percent, plain, seconds, times, where

Line = tuple[str, str]
PATH_STEPS = 20
_LOOKS = {"head": "bold", "title": "bold cyan", "good": "green", "warn": "yellow", "bad": "red", "dim": "dim"}


def show(lines: Iterable[Line], out: TextIO | None = None) -> None:
    """Print lines; with colour where `out` is a terminal, as they are elsewhere."""
    out = out or sys.stdout
    if not out.isatty():
        out.writelines(f"{_encodable(text, out)}\n" for _, text in lines)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=out, highlight=False)
    for look, text in lines:
        console.print(Text(text, style=_LOOKS.get(look, "")), soft_wrap=True)


def _encodable(text: str, out: TextIO) -> str:
    encoding = out.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def lines(report: Report) -> Iterator[Line]:
    """The whole report; each line with the look it has on a terminal."""
    yield from _head(report)
    yield from _stages(report)
    yield from _slowest(report)
    yield from _money(report)
    yield from _quality(report)
    if report.elements:
        yield "title", "Script"
        yield (
            "",
            "  " + ", ".join(times(count, plain(name).replace("_", " ")) for name, count in report.elements.items()),
        )
    for warning in report.warnings:
        yield "warn", f"! {warning}"


def _head(report: Report) -> Iterator[Line]:
    run = report.run
    yield "head", plain(run.title) or run.pipeline
    fidelity = f", {run.fidelity}" if run.fidelity else ""
    film = f", {seconds(run.film_seconds)} of film" if run.film_seconds else ""
    look = "good" if run.outcome == "success" else "bad"
    scenes = f", {times(run.scenes, 'scene')}" if run.scenes else ""
    yield look, f"{run.outcome}{fidelity} after {seconds(run.seconds)}{scenes}{film}   (run {plain(run.run_id)})"
    for reason in run.reasons:
        yield "warn", f"  {plain(reason)}"
    yield "", report.sentence


def _stages(report: Report) -> Iterator[Line]:
    if not report.stages:
        return
    yield "title", "Stages"
    head = ("stage", "n", "failed", "cached", "mean", "p95", "total", "share", "critical", "saves")
    yield from table(head, [_row(row) for row in report.stages])
    yield "dim", "  critical: its seconds on the critical path; saves: what the run would save were it instant"
    steps = [where(step.stage, step.scene) for step in report.critical_path]
    path = " > ".join(steps[:PATH_STEPS]) + (f" and {len(steps) - PATH_STEPS} more" if len(steps) > PATH_STEPS else "")
    yield from wrapped(f"critical path: {path}; idle {seconds(report.idle_seconds)}")


def _row(row: StageFigures) -> tuple[str, ...]:
    return (
        plain(row.name),
        str(row.count),
        str(row.failures or NONE),
        str(row.cached or NONE),
        seconds(row.mean),
        seconds(row.p95),
        seconds(row.total),
        percent(row.share),
        seconds(row.critical_seconds) if row.critical_seconds else NONE,
        seconds(row.saved_if_instant) if row.saved_if_instant else NONE,
    )


def _slowest(report: Report) -> Iterator[Line]:
    if not report.slowest:
        return
    yield "title", "Slowest operations"
    rows = [(plain(step.name), where(step.stage, step.scene), seconds(step.seconds)) for step in report.slowest]
    yield from table(("operation", "where", "time"), rows)


def _money(report: Report) -> Iterator[Line]:
    cache, calls, cost = report.cache, report.calls, report.cost
    yield "title", "Cache, calls and cost"
    if cache.hit_rate is not None:
        rate = percent(cache.hit_rate)
        saved = f"saved {seconds(cache.saved_seconds)} and {dollars(cache.saved_usd)}"
        yield (
            "",
            f"  cache    {times(cache.hits, 'hit')}, {times(cache.misses, 'miss')} ({rate}), {saved}",
        )
    told = f"{calls.calls} ({calls.cached} cached, {calls.errors} failed)"
    again = f", {calls.retries} of them again" if calls.retries else ""
    yield "", f"  calls    {told}, {times(calls.attempts, 'attempt')}{again}"
    for fallback in calls.fallbacks:
        pair = f"{plain(fallback.from_provider)} -> {plain(fallback.to_provider)}"
        yield "warn", f"  fallback {pair}: {plain(fallback.reason)}, {times(fallback.count, 'time')}"
    unpriced = f", {times(cost.unpriced, 'use')} without a known price" if cost.unpriced else ""
    wasted = f", {dollars(cost.wasted_usd)} of it for nothing" if cost.wasted_usd else ""
    lost = f", and up to {dollars(cost.uncertain_usd)} for answers that were lost" if cost.uncertain_usd else ""
    yield "", f"  cost     {dollars(cost.usd)}{wasted}{unpriced}{lost}"
    if cost.input_tokens or cost.output_tokens:
        yield "", f"  tokens   {cost.input_tokens:,} in, {cost.output_tokens:,} out"


def _quality(report: Report) -> Iterator[Line]:
    quality = report.quality
    if quality.passed + quality.warned + quality.failed == 0:
        return
    yield "title", "Quality"
    yield "", f"  {times(quality.passed, 'check')} passed, {quality.warned} warned, {quality.failed} failed"
    for finding in quality.findings:
        yield "bad" if finding["verdict"] == "fail" else "warn", f"  {found(finding)}"


def found(finding: Mapping[str, Any]) -> str:
    """One check that did not pass: what, where, what was measured, what the limit is."""
    value, limit = (
        f"{finding[key]:g}" if isinstance(finding[key], float) else finding[key] for key in ("value", "limit")
    )
    scene = f" in scene {finding['scene']}" if finding["scene"] is not None else ""
    unit = f" {finding['unit']}" if finding["unit"] else ""
    measured = f": {value}{unit}" if value is not None else ""
    allowed = f" (limit {limit})" if limit is not None else ""
    name = str(finding["name"]).replace("_", " ")
    return plain(f"{finding['verdict']}  {finding['artifact']} {name}{scene}{measured}{allowed}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Line]:
    """Columns as wide as they must be; all but the first to the right."""
    clipped = [[cell if len(cell) <= 34 else cell[:33] + "~" for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [head, *clipped]) for column in range(len(head))]
    for index, row in enumerate([head, *clipped]):
        cells = [
            cell.ljust(width) if column < 1 else cell.rjust(width + 1)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "dim" if index == 0 else "", "  " + " ".join(cells).rstrip()


def wrapped(text: str, width: int = 80) -> Iterator[Line]:
    """A long text over several lines, indented."""
    import textwrap

    for line in textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="    "):
        yield "", line
