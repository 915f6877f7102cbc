"""`storygen estimate`: what a run will cost and how long it will take, before it is paid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from storygen.estimating import Estimate, StageEstimate


def estimate(
    source: Annotated[str, typer.Argument(help="A topic in quotes, a file, or - for standard input.")],
    seconds: Annotated[float | None, typer.Option(help="Length of a film that is written from a topic.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the story, such as en or de.")] = None,
    seed: Annotated[int, typer.Option(help="Another number tells a topic another way.")] = 0,
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    config: Annotated[Path | None, typer.Option(help="File of settings [storygen.toml].", show_default=False)] = None,
) -> None:
    """Say what a film of SOURCE will cost and how long it will take, by stage; nothing is asked or paid."""
    import asyncio
    import sys

    from storygen.configuration import load
    from storygen.estimating import estimate as go_through
    from storygen.production import past_durations
    from storygen.scripts import read_source

    film = {name: value for name, value in {"seconds": seconds, "language": language}.items() if value is not None}
    settings = load(config, {"film": film} if film else {}, ready=False)
    wanted = settings.film
    reading = read_source(source, stdin=sys.stdin.buffer, language=wanted.language, seconds=wanted.seconds, seed=seed)
    found = asyncio.run(go_through(reading.story(), settings, past_durations(settings)))
    if json_:
        import dataclasses
        import json

        typer.echo(json.dumps(dataclasses.asdict(found), indent=2))
        return
    for line in _lines(found):
        typer.echo(line)


def _lines(found: Estimate) -> Iterator[str]:
    from storygen.telemetry.report_words import plain

    about = "" if found.is_written else ", about: it is still to be written"
    yield f"{plain(found.title)}: {found.scenes} scenes{about}"
    yield f"  {'stage':<10} {'by':<22} {'calls':>5} {'stored':>6}  {'cost':<19} time"
    for stage in found.stages:
        yield (
            f"  {stage.stage:<10} {plain(', '.join(stage.providers)) or '-':<22} {stage.calls or '-':>5} "
            f"{stage.cached or '-':>6}  {_cost(stage):<19} {span(stage.low_seconds, stage.high_seconds)}"
        )
    yield ""
    yield f"Cost: {money(found.low_usd, found.high_usd)}{_stored(found)}"
    for model in found.unpriced:
        yield f"  {plain(model)} has no known price and is not in it; set one in `prices`."
    if found.runs:
        said = span(found.low_seconds, found.high_seconds)
        yield f"Time: {said}, by {found.runs} earlier run{'' if found.runs == 1 else 's'}; scenes go side by side"
    else:
        yield "Time: not known before a first run"


def _cost(stage: StageEstimate) -> str:
    priced = stage.calls - stage.cached - stage.unpriced
    if not stage.calls:
        return "-"
    if stage.unpriced and not priced:
        return "unpriced"
    return money(stage.low_usd, stage.high_usd) + (" + unpriced" if stage.unpriced else "")


def _stored(found: Estimate) -> str:
    stored, calls = sum(stage.cached for stage in found.stages), sum(stage.calls for stage in found.stages)
    return f"; {stored} of {calls} calls are stored and cost nothing" if stored else ""


def money(low: float, high: float) -> str:
    """A range of dollars; one sum where both ends read alike."""
    from storygen.telemetry.report_words import dollars

    said = [dollars(value) for value in (low, high)]
    return said[0] if said[0] == said[1] else f"{said[0]} to {said[1]}"


def span(low: float | None, high: float | None) -> str:
    """A range of time, as far as it is known."""
    from storygen.telemetry.report_words import seconds

    if low == high == 0:
        return "-"
    if low is None:
        return "not known" if high is None else f"up to {seconds(high)}"
    if high is None:
        return f"at least {seconds(low)}"
    said = [seconds(value) for value in (low, high)]
    return said[0] if said[0] == said[1] else f"{said[0]} to {said[1]}"
