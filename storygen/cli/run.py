"""`storygen run`: make a film."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storygen.events import Observer
    from storygen.production import Order, Performance
    from storygen.scripts import Reading
    from storygen.settings import Settings

PLACEHOLDER = 3


def run(
    source: Annotated[str, typer.Argument(help="A topic in quotes, a file, or - for standard input.")],
    out: Annotated[str | None, typer.Option(help="Folder for the film [films/<title>].", show_default=False)] = None,
    aspect: Annotated[str | None, typer.Option(help="9:16, 16:9 or 1:1.")] = None,
    also: Annotated[
        list[str] | None, typer.Option(help="Another shape to make it in, too.", show_default=False)
    ] = None,
    formats: Annotated[str | None, typer.Option("--format", help="mp4, webm, audio, or several with commas.")] = None,
    strategy: Annotated[str | None, typer.Option(help="overlay, visual-only, ui-only or audio-only.")] = None,
    theme: Annotated[str | None, typer.Option(help="Terminal: dark, light, matrix, hacker or vscode.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of a film that is written from a topic.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the story, such as en or de.")] = None,
    height: Annotated[int | None, typer.Option(help="Height of the picture in pixels; the width follows.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="A third of the size, rendered quickly.")] = False,
    seed: Annotated[int, typer.Option(help="Another number tells a topic another way.")] = 0,
    metrics_port: Annotated[int | None, typer.Option(help="Serve metrics on this port; 0 picks a free one.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Write a sampling profile of the run.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only what went wrong.")] = False,
    config: Annotated[Path | None, typer.Option(help="File of settings [storygen.toml].", show_default=False)] = None,
) -> None:
    """Make a film of SOURCE: narrated, subtitled, with a report of where the time went."""
    from storygen.cli.language import with_language
    from storygen.configuration import load
    from storygen.production import order_of

    flags = {
        "film": given(
            aspect=aspect,
            also=also or None,
            strategy=strategy,
            seconds=seconds,
            language=language,
            height=height,
            quality="preview" if preview else None,
        ),
        "outputs": given(formats=formats),
        "terminal": given(theme=theme),
        "telemetry": given(metrics_port=metrics_port),
    }
    settings = load(config, {group: values for group, values in flags.items() if values})
    plain_warnings()
    if out is not None:
        _refuse_folder(out)
    order, reading = order_of(source, settings, seed, Path(out) if out else None)
    if not quiet:
        _tell_warnings(with_language(reading))
    _perform(order, settings, quiet=quiet, profile=profile)


def _refuse_folder(name: str) -> None:
    """Raise `InvalidSettings` for what can never be the name of a folder."""
    import os

    from storygen.errors import InvalidSettings

    try:
        name.encode("utf-8")
        encoded = os.fsencode(name)
    except UnicodeEncodeError:
        raise InvalidSettings("--out: the name cannot be written in UTF-8.", hint="Name another folder.") from None
    if not name.strip() or b"\0" in encoded:
        raise InvalidSettings("--out: it names no folder.", hint="Name one, or leave --out away.")
    if max(map(len, encoded.split(os.sep.encode()))) > 255 or len(encoded) > 4000:
        raise InvalidSettings(f"--out: {name[:40]}… is too long for a name.", hint="Name a folder with fewer letters.")


def plain_warnings() -> None:
    """What is warned of where no log is asked for looks like every other line of ours."""
    import logging

    if logging.lastResort is not None:
        logging.lastResort.setFormatter(logging.Formatter("storygen: %(message)s"))


def given(**values: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None}


def _perform(order: Order, settings: Settings, *, quiet: bool, profile: bool) -> None:
    import sys

    from storygen.cli.profiling import profiled
    from storygen.production import last_success
    from storygen.providers.registry import models, serving
    from storygen.telemetry.setup import start

    with start(
        settings, models=models(settings), serving=serving(settings), last_success=last_success(settings)
    ) as telemetry:
        if telemetry.url:
            print(f"Metrics: {telemetry.url}", file=sys.stderr, flush=True)
        try:
            with profiled(wanted=profile) as sampler:
                performance = _watched(order, settings, telemetry.observers, quiet=quiet)
                sampler.write_into(performance.delivery.folder)
            if not quiet:
                _tell(performance)
        finally:
            telemetry.linger()
    if performance.delivery.manifest.fidelity == "placeholder":
        raise typer.Exit(PLACEHOLDER)


def _watched(order: Order, settings: Settings, observers: Sequence[Observer], *, quiet: bool) -> Performance:
    import asyncio
    from contextlib import nullcontext

    from storygen.cli.stopping import until_stopped
    from storygen.errors import Cancelled
    from storygen.production import past_durations, perform
    from storygen.telemetry.progress import Progress

    with nullcontext() if quiet else Progress(past_durations(settings)) as progress:
        watching = (*observers, progress) if progress else observers
        try:
            return asyncio.run(until_stopped(perform(order, settings, watching)))
        except (KeyboardInterrupt, asyncio.CancelledError):
            hint = "What is finished is kept: the same command goes on from here."
            raise Cancelled("Stopped.", hint=hint) from None


def _tell_warnings(reading: Reading) -> None:
    import sys

    for issue in reading.warnings[:10]:
        print(f"{reading.name}: {issue}", file=sys.stderr)
    if len(reading.warnings) > 10:
        print(f"{reading.name}: {len(reading.warnings) - 10} more; storygen check shows them", file=sys.stderr)


def _tell(performance: Performance) -> None:
    from storygen.telemetry.report_words import plain

    manifest, folder = performance.delivery.manifest, performance.delivery.folder
    main, *others = manifest.films
    print(f"\n{folder / main.name}  ({manifest.film_seconds:.0f} s, {manifest.fidelity})")
    for other in others:
        print(f"{folder / other.name}")
    for reason in manifest.reasons:
        print(f"  {plain(reason)}")
    print(f"{performance.report.sentence}")
    print(f"Report: {folder / 'report.html'}  or: storygen report", flush=True)
