"""`storygen worker`: makes films of what a service has accepted, on as many machines as there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from storygen.reloading import Reloader

_POOLS = ("threads", "solo")


def worker(
    queues: Annotated[str, typer.Option(help="What to work on: calls, renders, or both.")] = "calls,renders",
    pool: Annotated[str, typer.Option(help="How Celery carries tasks out: threads or solo.")] = "threads",
    at_once: Annotated[int | None, typer.Option(min=1, max=64, help="Most runs at once [3].")] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Serve metrics on this port; 0 picks a free one.")] = None,
    metrics_host: Annotated[str | None, typer.Option(help="Address of the metrics [127.0.0.1].")] = None,
    config: Annotated[Path | None, typer.Option(help="File of settings [storygen.toml].", show_default=False)] = None,
) -> None:
    """Work on what was accepted, as a worker of Celery, until SIGTERM or Ctrl-C.

    What it has begun by then it goes on with for `queue.grace_seconds`, and gives the rest back to other workers.
    """
    from storygen.cli.run import given, plain_warnings
    from storygen.reloading import Reloader

    flags = {
        "queue": given(runs_at_once=at_once, engine="celery"),
        "telemetry": given(metrics_port=metrics_port, metrics_host=metrics_host),
    }
    plain_warnings()
    _check_pool(pool)
    reloader = Reloader(config, {group: values for group, values in flags.items() if values})
    raise typer.Exit(_work(reloader, _named(queues), pool))


def _check_pool(pool: str) -> None:
    """Raise `InvalidSettings` for a pool in which runs could not share what they learn."""
    from storygen.errors import InvalidSettings

    if pool in _POOLS:
        return
    raise InvalidSettings(
        f"--pool {pool}: only {' and '.join(_POOLS)} work here.",
        hint="All runs of a worker share one event loop, its breakers, limits and connections, which processes that "
        "are forked (prefork) or green threads cannot. For more work at once start more workers.",
    )


def _named(queues: str) -> tuple[str, ...]:
    """The queues that are named. Raises `InvalidSettings` for others than there are."""
    from storygen.errors import InvalidSettings

    known = ("calls", "renders")
    wanted = tuple(dict.fromkeys(name.strip() for name in queues.split(",") if name.strip()))
    if not wanted or set(wanted) - set(known):
        raise InvalidSettings(f"--queues {queues}: there are {' and '.join(known)}.", hint="Name one of them, or both.")
    return wanted


def _work(reloader: Reloader, queues: tuple[str, ...], pool: str) -> int:
    """Work until a signal comes; returns the exit code."""
    import sys

    from storygen.errors import InvalidSettings
    from storygen.production import last_success
    from storygen.providers.registry import models, serving
    from storygen.telemetry.setup import start

    try:
        from storygen.jobs.following import work
    except ImportError as error:
        raise InvalidSettings(f"A worker needs {error.name}.", hint="pip install 'storygen[service,celery]'") from error
    settings = reloader.settings
    with start(
        settings, models=models(settings), serving=serving(settings), last_success=last_success(settings)
    ) as telemetry:
        if telemetry.url:
            print(f"Metrics: {telemetry.url}", file=sys.stderr, flush=True)
        return work(reloader, telemetry, queues, pool, lambda said: print(said, file=sys.stderr, flush=True))
