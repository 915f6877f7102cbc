"""`storygen doctor`: what is configured, what works, what is missing and how to get it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from storygen.checkup import Finding
    from storygen.settings import Settings

_MARKS = {"works": "ok  ", "ready": "ok  ", "absent": "-   ", "broken": "FAIL"}


def doctor(
    live: Annotated[
        bool, typer.Option("--live", help="Ask each vendor for a list with each of your keys; that costs nothing.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    config: Annotated[Path | None, typer.Option(help="File of settings [storygen.toml].", show_default=False)] = None,
) -> None:
    """Say what is configured, what works, what is missing and how to get it."""
    import asyncio

    from storygen.configuration import read_leniently

    settings, complaints = read_leniently(config)
    findings = asyncio.run(_all(settings, live=live))
    if json_:
        _print_json(findings, complaints)
    else:
        _print(findings, complaints, live=live)
    if complaints or any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


async def _all(settings: Settings, *, live: bool) -> list[Finding]:
    from storygen.checkup import examine

    return [finding async for finding in examine(settings, live=live)]


def _print(findings: list[Finding], complaints: list[str], *, live: bool) -> None:
    for complaint in complaints:
        typer.echo(f"FAIL  {complaint}")
    group = ""
    for finding in findings:
        if finding.group != group:
            group = finding.group
            typer.echo(group)
        typer.echo(f"  {_MARKS[finding.state]}  {finding.name:<15} {finding.seen}")
        if finding.hint and finding.state != "works":
            typer.echo(f"        {'':<15} {finding.hint}")
    broken = len(complaints) + sum(finding.state == "broken" for finding in findings)
    typer.echo("")
    typer.echo("All that is configured can work." if not broken else f"{broken} to mend.")
    if not live and not broken:
        typer.echo("Keys were not tried; --live does that.")


def _print_json(findings: list[Finding], complaints: list[str]) -> None:
    import dataclasses
    import json

    document = {
        "works": not complaints and all(finding.state != "broken" for finding in findings),
        "settings": complaints,
        "findings": [dataclasses.asdict(finding) for finding in findings],
    }
    typer.echo(json.dumps(document, indent=2, default=str))
