"""`storygen compare`: the same scenes by two providers, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from storygen.comparing import Side

_WISH = "SETTING=VALUE, such as speech=elevenlabs; several with a blank between them."


def compare(
    source: Annotated[str, typer.Argument(help="A topic in quotes, a file, or - for standard input.")],
    a: Annotated[str, typer.Option("--a", metavar="WISH", help=_WISH)],
    b: Annotated[str, typer.Option("--b", metavar="WISH", help="The same for the other side.")],
    out: Annotated[Path | None, typer.Option(help="Folder for both films [films/compare].", show_default=False)] = None,
    seed: Annotated[int, typer.Option(help="Another number tells a topic another way.")] = 0,
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    config: Annotated[Path | None, typer.Option(help="File of settings [storygen.toml].", show_default=False)] = None,
) -> None:
    """Make SOURCE twice, and show cost, time, quality and failures of both."""
    import asyncio

    from storygen.comparing import flags, perform_both
    from storygen.configuration import load
    from storygen.production import order_of
    from storygen.providers.registry import models
    from storygen.telemetry.setup import start

    settings = load(config, flags(a)), load(config, flags(b))
    folder = out or settings[0].folders.films / "compare"
    order, _ = order_of(source, settings[0], seed, folder)
    with start(settings[0], models=models(settings[0])) as telemetry:
        sides = asyncio.run(perform_both(order, (a, b), settings, folder, telemetry.observers))
    if json_:
        _print_json(sides)
    else:
        _show(sides)
    if all(side.failure for side in sides):
        raise typer.Exit(1)


def _show(sides: tuple[Side, Side]) -> None:
    from storygen.telemetry.report_text import show

    show(_lines(sides))


def _lines(sides: tuple[Side, Side]) -> Iterator[tuple[str, str]]:
    from storygen.comparing import failures
    from storygen.telemetry.report_compare import compare as side_by_side
    from storygen.telemetry.report_compare import comparison_lines
    from storygen.telemetry.report_words import plain

    for mark, side in zip("AB", sides, strict=True):
        fidelity = side.report.run.fidelity or side.report.run.outcome
        yield "head", f"{mark} is {plain(side.asked)}: {fidelity}{f', {side.folder}' if side.folder else ''}"
    documents = [side.report.to_json() for side in sides]
    yield from comparison_lines(side_by_side(documents[0], documents[1]))
    for mark, side in zip("AB", sides, strict=True):
        found = failures(side.report)
        yield "title", f"What went wrong in {mark}" if found or side.failure else f"Nothing went wrong in {mark}"
        for name, count in found.items():
            yield "", f"  {plain(name)} ({count})"
        if side.failure:
            yield "warn", f"  {side.failure.kind}: {plain(side.failure.message)}"


def _print_json(sides: tuple[Side, Side]) -> None:
    import json

    from storygen.comparing import failures
    from storygen.telemetry.report_compare import compare as side_by_side

    a, b = (side.report.to_json() for side in sides)
    document: dict[str, Any] = side_by_side(a, b).to_json()
    for mark, side in zip("ab", sides, strict=True):
        document[mark] = {
            **document[mark],
            "asked": side.asked,
            "folder": str(side.folder) if side.folder else None,
            "failure": side.failure.fields() if side.failure else None,
            "failures": dict(failures(side.report)),
        }
    typer.echo(json.dumps(document, indent=2))
