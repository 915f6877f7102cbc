"""The report as one file for a browser: no script, nothing from outside, everything that others wrote is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from string import Template

from storygen.telemetry import timeline
from storygen.telemetry.recorder import Recording
from storygen.telemetry.report_records import Report, StageFigures
from storygen.telemetry.report_text import found
from storygen.telemetry.report_words import NONE, dollars, percent, plain, seconds, times, where

_LOOKS = {"success": "good", "full": "good", "degraded": "warn", "placeholder": "warn", "fail": "bad"}


def page(report: Report, recording: Recording) -> str:
    """The whole page as HTML text."""
    template = files("storygen.telemetry").joinpath("templates/report.html").read_text(encoding="utf-8")
    body = "\n".join(part for part in _parts(report, recording) if part)
    return Template(template).substitute(title=f"{_text(_title(report))} – storygen", body=body)


def _parts(report: Report, recording: Recording) -> Iterable[str]:
    yield _head(report)
    yield f'<p class="say">{_text(report.sentence)}</p>'
    yield _tiles(report)
    yield _notes(report)
    yield _timeline(report, recording)
    yield _stages(report)
    halves = (_slowest(report), _operations(report), _providers(report), _quality(report), _script(report))
    yield f'<div class="cols">{"".join(halves)}</div>'


def _title(report: Report) -> str:
    return report.run.title or report.run.pipeline


def _head(report: Report) -> str:
    run = report.run
    badges = "".join(
        f'<span class="badge {_LOOKS.get(word, "bad")}">{_text(word)}</span>'
        for word in (run.outcome, run.fidelity)
        if word
    )
    trace = f" · trace {_text(run.trace_id)}" if run.trace_id else ""
    moment = run.started_at.replace("T", " ").replace("+00:00", " UTC")
    when = f'<time datetime="{_text(run.started_at)}">{_text(moment)}</time>'
    return (
        f'<header><h1 dir="auto">{_text(_title(report))}</h1>'
        f'<div class="meta">{badges} run {_text(run.run_id)} · {when}{trace}</div></header>'
    )


def _tiles(report: Report) -> str:
    run, cache, calls, cost = report.run, report.cache, report.calls, report.cost
    saved = [seconds(cache.saved_seconds)] if cache.saved_seconds else []
    saved += [dollars(cache.saved_usd)] if cache.saved_usd else []
    wasted = f", {dollars(cost.wasted_usd)} for nothing" if cost.wasted_usd else ""
    unpriced = f", {times(cost.unpriced, 'use')} unpriced" if cost.unpriced else ""
    lost = f", up to {dollars(cost.uncertain_usd)} more for lost answers" if cost.uncertain_usd else ""
    tokens = f", {cost.input_tokens + cost.output_tokens:,} tokens" if cost.input_tokens + cost.output_tokens else ""
    again = f", {calls.retries} of them again" if calls.retries else ""
    tiles = [
        (seconds(run.seconds), "the whole run"),
        (seconds(run.film_seconds), f"of film, {times(run.scenes, 'scene')}") if run.film_seconds else None,
        (percent(cache.hit_rate), f"from the cache{', saved ' + ' and '.join(saved) if saved else ''}")
        if cache.hit_rate is not None
        else None,
        (str(calls.calls), f"calls, {times(calls.attempts, 'attempt')}{again}") if calls.calls else None,
        (dollars(cost.usd), f"cost{wasted}{unpriced}{lost}{tokens}"),
    ]
    return '<div class="tiles">' + "".join(_tile(*tile) for tile in tiles if tile) + "</div>"


def _tile(value: str, words: str) -> str:
    return f'<div class="tile"><b>{_text(value)}</b><span>{_text(words)}</span></div>'


def _notes(report: Report) -> str:
    said = [*report.run.reasons]
    said += [
        f"{each.to_provider} stood in for {each.from_provider} {times(each.count, 'time')}: {each.reason}"
        for each in report.calls.fallbacks
    ]
    items = "".join(f'<li class="warn">{_text(text)}</li>' for text in [*said, *report.warnings])
    return f'<ul class="notes">{items}</ul>' if items else ""


def _timeline(report: Report, recording: Recording) -> str:
    picture = timeline.draw(recording)
    if not picture:
        return ""
    names = [row.name for row in report.stages] or ["other"]
    legend = "".join(f'<span><i class="dot {timeline.stage_class(name)}"></i>{_text(name)}</span>' for name in names)
    legend += '<span><i class="dot ring"></i>critical path</span>'
    legend += '<span><i class="dot miss"></i>failed attempt</span>' if report.calls.failed_attempts else ""
    return _section("Where the time went", f'{picture}<div class="legend">{legend}</div>')


def _stages(report: Report) -> str:
    if not report.stages:
        return ""
    head = ("stage", "under way", "critical", "would save", "total", "mean", "p95", "made", "cached", "failed")
    rows = [
        (
            f'<span class="stage"><i class="dot {timeline.stage_class(row.name)}"></i>{_text(row.name)}</span>',
            _share(row),
            seconds(row.critical_seconds) if row.critical_seconds else NONE,
            seconds(row.saved_if_instant) if row.saved_if_instant else NONE,
            *(seconds(value) for value in (row.total, row.mean, row.p95)),
            *(str(value or NONE) for value in (row.count - row.cached, row.cached, row.failures)),
        )
        for row in report.stages
    ]
    idle = f'<p class="foot">Idle between the pieces of the critical path: {seconds(report.idle_seconds)}.</p>'
    return _section("Stages", _table(head, rows) + idle)


def _share(row: StageFigures) -> str:
    look = timeline.stage_class(row.name)
    bar = f'<span class="share"><i class="{look}" style="width:{row.share * 100:.1f}%"></i></span>'
    return f'{bar}<span class="figure">{percent(row.share)}</span>'


def _slowest(report: Report) -> str:
    rows = [(_text(step.name), _text(where(step.stage, step.scene)), seconds(step.seconds)) for step in report.slowest]
    return _section("Slowest operations", _table(("operation", "where", "time"), rows)) if rows else ""


def _operations(report: Report) -> str:
    rows = [
        (_text(row.name), str(row.count), seconds(row.mean), seconds(row.total), percent(row.share))
        for row in report.operations[:20]
    ]
    head = ("operation", "times", "mean", "total", "under way")
    return _section("Operations", _table(head, rows)) if rows else ""


def _providers(report: Report) -> str:
    rows = [
        (
            _text(f"{row.provider} {row.model}".strip()),
            str(row.attempts),
            str(row.errors or NONE),
            seconds(row.seconds),
            dollars(row.cost_usd),
        )
        for row in report.calls.providers
    ]
    head = ("provider", "attempts", "failed", "time", "cost")
    return _section("Providers", _table(head, rows)) if rows else ""


def _quality(report: Report) -> str:
    quality = report.quality
    if quality.passed + quality.warned + quality.failed == 0:
        return ""
    counts = ((quality.passed, "passed", "good"), (quality.warned, "warned", "warn"), (quality.failed, "failed", "bad"))
    badges = "".join(f'<span class="badge {look}">{number} {word}</span>' for number, word, look in counts if number)
    items = "".join(
        f'<li class="{_LOOKS.get(str(finding["verdict"]), "warn")}">{_text(found(finding))}</li>'
        for finding in quality.findings
    )
    return _section("Quality", f'<div>{badges}</div><ul class="notes">{items}</ul>')


def _script(report: Report) -> str:
    rows = [(_text(name.replace("_", " ")), f"{count:,}") for name, count in report.elements.items()]
    return _section("Script", _table(("element", "count"), rows)) if rows else ""


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells of `rows` are HTML already."""
    top = "".join(f"<th>{_text(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(text: str) -> str:
    return escape(plain(text))
