"""`storygen explain`: what became of a run, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from storygen.explaining import Attempt, Explanation
    from storygen.settings import Settings
    from storygen.telemetry.redaction import Redactor

_MOST_ATTEMPTS = 20
Line = tuple[str, str]


def explain(
    run: Annotated[
        str | None, typer.Argument(help="Its id, the beginning of it, or its output folder; the latest run by default.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    bundle: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write an archive for a maintainer: .tar.gz or .zip.")
    ] = None,
    with_content: Annotated[
        bool, typer.Option("--with-content", help="Let the archive say what the story says.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an archive that exists.")] = False,
    config: Annotated[str | None, typer.Option(metavar="FILE", help="A file of settings.")] = None,
) -> None:
    """Say what became of a run, what was tried, and what to do next."""
    import os
    from pathlib import Path

    from storygen.configuration import load
    from storygen.errors import InvalidSettings
    from storygen.explaining import explain as tell
    from storygen.past import open_history
    from storygen.telemetry.context import redactor

    if bundle is None and (with_content or force):
        raise InvalidSettings("--with-content and --force are about an archive", hint="add --bundle FILE")
    settings = load(Path(config) if config else None, ready=False)
    past = open_history(settings).find(run)
    told, knows = tell(past, settings.telemetry.trace_url), redactor(settings, os.environ)
    if bundle is not None:
        _write(Path(bundle), past, told, settings, knows, content=with_content, force=force)
    elif json_:
        _print_json(told, knows)
    else:
        from storygen.telemetry.report_text import show

        show((look, knows.redact(text)) for look, text in lines(told))


def _print_json(told: Explanation, knows: Redactor) -> None:
    import json

    typer.echo(json.dumps(knows.redact_all(told.to_json()), indent=2))


def _write(
    target: Any, past: Any, told: Explanation, settings: Settings, knows: Redactor, *, content: bool, force: bool
) -> None:
    from storygen.explaining import bundle
    from storygen.store import archive

    def tell(told: Explanation) -> str:
        return "\n".join(text for _, text in lines(told))

    files = bundle(past, told, tell, settings.logs.folder, knows, content=content)
    archive.write(target, "storygen-explain", files, force=force)
    typer.echo(f"wrote {target}: {', '.join(sorted(files))}", err=True)


def lines(told: Explanation) -> Iterator[Line]:
    """The explanation as text; each line with the look it has on a terminal."""
    from storygen.telemetry.report_text import wrapped

    yield from _head(told)
    yield from _fault(told)
    yield from _attempts(told)
    yield from _around(told)
    yield from _settings(told)
    yield "title", "Trace"
    yield "", f"  {told.trace_url}" if told.trace_url else "  not traced; OTEL_EXPORTER_OTLP_ENDPOINT names a collector"
    yield "title", "Next"
    yield from wrapped(told.next_step)


def _head(told: Explanation) -> Iterator[Line]:
    from storygen.telemetry.report_words import plain, seconds

    yield "head", f"{plain(told.title) or 'Run'}   (run {plain(told.run_id)})"
    look = "good" if told.outcome == "success" else "bad"
    fidelity = f", {plain(told.fidelity)}" if told.fidelity else ""
    yield look, f"{plain(told.outcome)}{fidelity} after {seconds(told.seconds)}, begun {told.started_at}"
    if told.outcome == "success" and told.fidelity in {"", "full"}:
        slowest = f"; slowest was {plain(told.slowest)}" if told.slowest else ""
        yield "", f"Nothing is wrong{slowest}."
    if told.degraded:
        yield "title", "Not as asked"
        yield from (("warn", f"  {plain(reason)}") for reason in told.degraded)


def _fault(told: Explanation) -> Iterator[Line]:
    from storygen.telemetry.report_words import plain, times, where

    if fault := told.fault:
        yield "title", "What ended it"
        place = where(fault.stage, fault.scene) if fault.stage else "outside the stages"
        provider = f", {plain(fault.provider)}" if fault.provider else ""
        attempts = f", after {times(fault.attempts, 'attempt')}" if fault.attempts > 1 else ""
        yield "bad", f"  {place}{provider}: {plain(fault.kind)}{attempts}"
        if fault.message:
            yield "", f"  {plain(fault.message)}"
        if fault.hint not in {render.tail for render in told.renders}:
            yield from (("", f"  {plain(line)}") for line in fault.hint.splitlines())
    for render in told.renders:
        yield "title", f"ffmpeg {plain(render.step)} ({where(render.stage, render.scene)})"
        yield "bad", f"  {plain(render.message)}"
        yield from (("dim", f"  {plain(line)}") for line in render.tail.splitlines())


def _attempts(told: Explanation) -> Iterator[Line]:
    from storygen.telemetry.report_text import table
    from storygen.telemetry.report_words import times

    if not told.attempts:
        return
    yield "title", "Attempts"
    failed = [attempt for attempt in told.attempts if attempt.outcome]
    if not failed:
        yield "", f"  {times(len(told.attempts), 'attempt')}, all went well"
        return
    places = {(attempt.stage, attempt.scene) for attempt in failed}
    shown = [attempt for attempt in told.attempts if (attempt.stage, attempt.scene) in places]
    head = ("where", "at", "asked", "no.", "took", "came back", "waited")
    yield from table(head, [_row(attempt) for attempt in shown[:_MOST_ATTEMPTS]])
    if more := len(told.attempts) - len(shown[:_MOST_ATTEMPTS]):
        yield "dim", f"  and {times(more, 'attempt')} more; --json shows them"


def _row(attempt: Attempt) -> tuple[str, ...]:
    from storygen.telemetry.report_words import NONE, plain, seconds, where

    return (
        where(attempt.stage, attempt.scene),
        seconds(attempt.started),
        plain(f"{attempt.provider}/{attempt.model}" if attempt.model else attempt.provider) or NONE,
        str(attempt.number or NONE),
        seconds(attempt.seconds) if attempt.number else "not asked",
        plain(attempt.outcome) or "ok",
        seconds(attempt.waited) if attempt.waited else NONE,
    )


def _around(told: Explanation) -> Iterator[Line]:
    from storygen.telemetry.report_words import plain, times

    if told.fallbacks:
        yield "title", "Fallbacks"
    for row in told.fallbacks:
        pair = f"{plain(row['from_provider'])} -> {plain(row['to_provider'])}"
        yield "warn", f"  {pair}: {plain(row['reason'])}, {times(row['count'], 'time')}"
    if told.breakers:
        yield "title", "Breakers"
    for breaker in told.breakers:
        name = f"{plain(breaker.provider)} ({plain(breaker.capability)})"
        opened = f", opened {times(breaker.opened, 'time')}" if breaker.opened else ""
        rejected = f", {times(breaker.rejected, 'call')} rejected" if breaker.rejected else ""
        yield "" if breaker.state == "closed" else "warn", f"  {name}: {plain(breaker.state)}{opened}{rejected}"


def _settings(told: Explanation) -> Iterator[Line]:
    from storygen.telemetry.report_text import wrapped
    from storygen.telemetry.report_words import plain

    yield "title", "Settings other than the defaults"
    if not told.versions:
        yield "dim", "  not recorded: an older storygen made this run"
        return
    found = list(_flat(told.settings, ""))
    yield from (("", f"  {plain(name)} = {plain(value)}") for name, value in found)
    if not found:
        yield "", "  none"
    yield "title", "Versions"
    yield from wrapped(", ".join(f"{plain(name)} {plain(value)}" for name, value in told.versions.items()))


def _flat(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    import json

    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", json.dumps(value, ensure_ascii=False)
