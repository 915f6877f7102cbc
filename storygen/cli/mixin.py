"""`storygen mixin`: dashboards, rules, alerts and runbooks as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Build dashboards, rules, alerts and runbooks.", no_args_is_help=True)


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="The folder to write into.", file_okay=False)] = Path(),
    config: Annotated[Path | None, typer.Option(help="A TOML file of thresholds, windows and links.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where something would change.")] = False,
) -> None:
    """Write what is built from the mixin, and name the files that changed."""
    from storygen.errors import InvalidSettings
    from storygen.mixin import build as builder
    from storygen.mixin.config import load

    loaded = load(config)
    try:
        stale = builder.differences(loaded, out) if check else builder.write(loaded, out)
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"Dashboards need a package that is not installed: {error.name}.", hint="pip install 'storygen[mixin]'"
        ) from error
    for path in stale:
        typer.echo(path)
    if check and stale:
        typer.echo("These are not as `storygen mixin build` writes them.", err=True)
        raise typer.Exit(1)
