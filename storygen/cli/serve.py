"""`storygen serve`: the service, with its API, its console and a worker, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from storygen.reloading import Reloader

_INSTALL = "pip install 'storygen[service]'"


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Port [8080]; 0 picks a free one.", show_default=False)] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Serve metrics on a port of their own, too.")] = None,
    config: Annotated[Path | None, typer.Option(help="File of settings [storygen.toml].", show_default=False)] = None,
) -> None:
    """Take stories over HTTP, make their films, and show how that goes, until Ctrl-C or SIGTERM.

    What was accepted is on the disk: after a kill it goes on when the service is started again.
    """
    from storygen.cli.run import given, plain_warnings
    from storygen.errors import InvalidSettings
    from storygen.reloading import Reloader

    flags = {"service": given(host=host, port=port), "telemetry": given(metrics_port=metrics_port)}
    plain_warnings()
    named = {group: values for group, values in flags.items() if values}
    try:
        code = _serve(Reloader(config, named))
    except ImportError as error:
        raise InvalidSettings(f"The service needs {error.name}.", hint=_INSTALL) from error
    raise typer.Exit(code)


def _serve(reloader: Reloader) -> int:
    """Serve until a signal comes; returns the exit code that it asks for."""
    import asyncio
    import sys

    from storygen.cli.stopping import Stopped, until_stopped
    from storygen.production import last_success
    from storygen.providers.registry import models, serving
    from storygen.service.security import check_binding
    from storygen.service.serving import listen
    from storygen.service.serving import serve as run
    from storygen.telemetry.setup import new_registry, start

    settings, stopped = reloader.settings, Stopped()
    check_binding(settings)
    with (
        listen(settings) as listener,
        start(
            settings,
            models=models(settings),
            serving=serving(settings),
            last_success=last_success(settings),
            registry=new_registry(),
        ) as telemetry,
    ):
        try:
            asyncio.run(until_stopped(run(reloader, telemetry, listener, _tell), stopped.told))
        except asyncio.CancelledError:
            print("Stopped. What was accepted goes on when the service is started again.", file=sys.stderr)
    return stopped.exit_code


def _tell(address: str) -> None:
    print(f"Console: {address}/\nAPI:     {address}/api/v1/openapi.json", flush=True)
