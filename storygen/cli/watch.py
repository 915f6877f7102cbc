"""`storygen watch`: a film of every story that appears in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from storygen.errors import InvalidSettings
    from storygen.reloading import Reloader
    from storygen.store.inbox import Inbox
    from storygen.watching import Finished


def watch(
    folder: Annotated[Path, typer.Argument(help="The folder of stories.", show_default=False)],
    at_once: Annotated[int, typer.Option(min=1, max=64, help="How many films are made side by side.")] = 2,
    aspect: Annotated[str | None, typer.Option(help="9:16, 16:9 or 1:1.")] = None,
    strategy: Annotated[str | None, typer.Option(help="overlay, visual-only, ui-only or audio-only.")] = None,
    theme: Annotated[str | None, typer.Option(help="Terminal: dark, light, matrix, hacker or vscode.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the stories, such as en or de.")] = None,
    height: Annotated[int | None, typer.Option(help="Height of the picture in pixels; the width follows.")] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Serve metrics on this port; 0 picks a free one.")] = None,
    metrics_host: Annotated[
        str | None, typer.Option(help="Address to serve metrics on [127.0.0.1].", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")] = False,
    config: Annotated[Path | None, typer.Option(help="File of settings [storygen.toml].", show_default=False)] = None,
) -> None:
    """Make a film of every story file in FOLDER and of every one that appears there, until Ctrl-C or SIGTERM.

    Stories move to FOLDER/done, or to FOLDER/failed with a file that says why. Settings are read again when their
    files change, and count from the next story on.
    """
    from storygen.cli.run import given, plain_warnings
    from storygen.reloading import Reloader
    from storygen.store.inbox import Inbox

    flags = {
        "film": given(aspect=aspect, strategy=strategy, language=language, height=height),
        "terminal": given(theme=theme),
        "telemetry": given(metrics_port=metrics_port, metrics_host=metrics_host),
    }
    plain_warnings()
    named = {group: values for group, values in flags.items() if values}
    reloader = Reloader(config, named, on_refused=_tell_refusal)
    _watch(Inbox(folder), reloader, at_once, _as_json if as_json else _as_text)


def _watch(inbox: Inbox, reloader: Reloader, at_once: int, line: Callable[[Finished], str]) -> None:
    import asyncio
    import sys

    from storygen.cli.stopping import Stopped, until_stopped
    from storygen.production import last_success
    from storygen.providers.registry import models, serving
    from storygen.resilience.gears import Gears
    from storygen.telemetry.setup import start
    from storygen.watching import Watcher

    settings, stopped = reloader.settings, Stopped()
    with start(
        settings, models=models(settings), serving=serving(settings), last_success=last_success(settings)
    ) as telemetry:
        if telemetry.url:
            print(f"Metrics: {telemetry.url}", file=sys.stderr, flush=True)

        async def work() -> None:
            gears = Gears.from_settings(settings)
            watcher = Watcher(
                inbox,
                reloader,
                gears,
                telemetry.observers,
                at_once=at_once,
                tell=lambda said: print(line(said), flush=True),
                adopt=lambda new: telemetry.adopt(new, models(new), serving(new)),
            )
            print(f"Stories in {inbox.folder} become films. Ctrl-C ends it.", file=sys.stderr, flush=True)
            try:
                await watcher.run()
            finally:
                await gears.close()

        try:
            asyncio.run(until_stopped(work(), stopped.told))
        except asyncio.CancelledError:
            print("Stopped. What was not finished goes on from here when it is started again.", file=sys.stderr)
    raise typer.Exit(stopped.exit_code)


def _as_json(finished: Finished) -> str:
    import json
    from dataclasses import asdict

    told = asdict(finished) | {"folder": str(finished.folder) if finished.folder else None}
    return json.dumps(told)


def _as_text(finished: Finished) -> str:
    from storygen.cli.streams import printable
    from storygen.telemetry.report_words import plain

    if finished.error is None:
        reasons = "".join(f"\n  {plain(reason)}" for reason in finished.reasons)
        said = f"{finished.folder}  ({finished.film_seconds:.0f} s, {finished.fidelity}){reasons}"
    else:
        where = [str(finished.error.get(name)) for name in ("stage", "provider", "kind") if finished.error.get(name)]
        said = f"failed: {', '.join(where)}: {finished.error['message']}"
    return printable(f"{finished.story}: {said}")


def _tell_refusal(refusal: InvalidSettings) -> None:
    import sys

    from storygen.cli.streams import printable

    print(printable(f"storygen: the settings stay as they were:\n{refusal.message}"), file=sys.stderr, flush=True)
