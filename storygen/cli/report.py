"""`storygen report`: where the time and the money of a run went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from storygen.store.history import PastRun, Runs

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def report(
    run: Annotated[
        str | None, typer.Argument(help="Its id, the beginning of it, or its output folder; the latest run by default.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write it as one HTML file; - prints it.")] = None,
    compare: Annotated[tuple[str, str] | None, typer.Option(metavar="A B", help="Show two runs side by side.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="7d", help="Sum up the runs of the last 7d, 12h, 30m or 2w.")
    ] = None,
    config: Annotated[str | None, typer.Option(metavar="FILE", help="A file of settings.")] = None,
) -> None:
    """Say where the time and the money of a run went."""
    from storygen.errors import InvalidSettings

    asked = [name for name, value in (("RUN", run), ("--compare", compare), ("--since", since)) if value is not None]
    if len(asked) > 1:
        raise InvalidSettings(f"{' and '.join(asked)} do not go together", hint="give one of them")
    if html is not None and (json_ or compare or since):
        raise InvalidSettings("--html shows one run", hint="leave out --json, --compare and --since")
    history = _history(config)
    if compare is not None:
        _compare(history, *compare, json_=json_)
    elif since is not None:
        _since(history, since, json_=json_)
    else:
        _one(history.find(run), json_=json_, html=html)


def _history(config: str | None) -> Runs:
    from pathlib import Path

    from storygen.configuration import load
    from storygen.past import open_history

    return open_history(load(Path(config) if config else None, ready=False))


def _one(past: PastRun, *, json_: bool, html: str | None) -> None:
    from storygen.telemetry.report import build
    from storygen.telemetry.report_text import lines

    recording = _recording(past)
    built = build(recording)
    if html is not None:
        from storygen.telemetry.report_html import page

        write(html, page(built, recording))
    elif json_:
        _print_json(built.to_json())
    else:
        _show(lines(built))


def _recording(past: PastRun) -> Any:
    from storygen.telemetry.recorder import Recording

    return Recording.from_document(past.recording)


def _compare(history: Runs, a: str, b: str, *, json_: bool) -> None:
    from storygen.telemetry.report_compare import compare, comparison_lines

    comparison = compare(history.find(a).report, history.find(b).report)
    if json_:
        _print_json(comparison.to_json())
    else:
        _show(comparison_lines(comparison))


def _since(history: Runs, since: str, *, json_: bool) -> None:
    import time

    from storygen.telemetry.report_compare import summarise, summary_lines

    past = history.since(time.time() - duration(since))
    summary = summarise([run.report for run in past])
    if json_:
        _print_json(summary.to_json())
    else:
        _show(summary_lines(summary, since))


def duration(text: str) -> float:
    """Seconds of `30m`, `12h`, `7d` or `2w`. Raises `InvalidSettings` for anything else."""
    from storygen.errors import InvalidSettings

    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isascii() or not number.isdigit() or not 0 < int(number) < 100_000:
        raise InvalidSettings(f"--since {text!r} is no duration", hint="write for example 30m, 12h, 7d or 2w")
    return int(number) * float(_UNITS[unit])


def _show(lines: Iterable[tuple[str, str]]) -> None:
    from storygen.telemetry.report_text import show

    show(lines)


def _print_json(document: Mapping[str, Any]) -> None:
    import json

    typer.echo(json.dumps(document, indent=2))


def write(place: str, text: str, what: str = "report") -> None:
    """Put a page into a file; `-` prints it. Raises `InvalidSettings`."""
    from pathlib import Path

    from storygen.errors import InvalidSettings

    if place == "-":
        typer.echo(text)
        return
    try:
        Path(place).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidSettings(
            f"the {what} cannot be written to {place}: {error.strerror}", hint="name a file"
        ) from error
    typer.echo(f"wrote {place}", err=True)
