"""`storygen summary`: how the runs of a day or a week went, against the time before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from storygen.summaries import Told


def summary(
    since: Annotated[str, typer.Option(metavar="1d", help="Over the last 1d, 7d, 12h or 2w.")] = "1d",
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write it as a page for mail and telephones; - prints it.")
    ] = None,
    webhook: Annotated[str | None, typer.Option(metavar="URL", help="Send it there, as JSON with the page.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    config: Annotated[Path | None, typer.Option(help="File of settings [storygen.toml].", show_default=False)] = None,
) -> None:
    """Sum up the latest runs: success, fidelity, cost and its change, what became slower, and what broke most."""
    import asyncio
    import json
    import time

    from storygen.cli.report import duration, write
    from storygen.configuration import load
    from storygen.past import open_history
    from storygen.summaries import latest, summarise

    settings = load(config, ready=False)
    told = summarise(open_history(settings), latest(duration(since), since, time.time()), settings.service.public_url)
    if html is not None:
        write(html, told.html, "summary")
    if webhook is not None:
        from storygen.service.summarising import send

        asyncio.run(send(told, webhook, settings.service))
        typer.echo("sent", err=True)
    if json_:
        typer.echo(json.dumps(told.digest.to_json(), indent=2))
    elif html is None and webhook is None:
        _show(told, since)


def _show(told: Told, since: str) -> None:
    from storygen.telemetry.digest_text import lines
    from storygen.telemetry.report_text import show

    show(lines(told.digest, told.sentence, since))
