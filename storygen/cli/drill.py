"""`storygen drill`: break one thing at a time, and see whether the right alert arrives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer


def drill(
    fault: Annotated[list[str] | None, typer.Argument(help="What to break; everything, if not named.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="How many rounds, each with another seed.")] = 1,
    seed: Annotated[int, typer.Option(help="Of stories, and of faults that come by chance.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="Only a part, in under four minutes.")] = False,
    scale: Annotated[float, typer.Option(min=10, max=1000, help="How much faster time runs for the rules.")] = 200,
    keep: Annotated[Path | None, typer.Option(help="Keep logs and data in this folder.", file_okay=False)] = None,
) -> None:
    """Break one thing at a time in a running pipeline, and see whether the right alert arrives, and no other.

    Runs Prometheus, Alertmanager, a trace store, two storygen processes and simulated vendors on this machine, with the
    windows of all rules scaled down; for what breaks a queue, also a service, two workers and a Redis. Needs neither
    keys nor a network. Exits with 1 where an alert was missed or false.
    """
    import json
    import sys

    from storygen.drill import drilling, table
    from storygen.drill.faults import chosen

    faults = chosen(fault or (), quick=quick)
    options = drilling.Options(scale=scale, seed=seed, rounds=repeat)
    with _ended_by_signals(), _folder(keep) as place:
        report = drilling.drill(
            faults, place, options, lambda line: print(f"drill: {line}", file=sys.stderr, flush=True)
        )
    print(json.dumps(report.to_json(), indent=1) if as_json else table.text(report))
    raise typer.Exit(0 if report.is_good else 1)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM end the drill as Ctrl-C does: everything that was started is ended on the way out."""
    import signal

    from storygen.errors import Cancelled

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        raise Cancelled("Stopped.", hint="Everything that the drill had started is ended.") from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    import tempfile

    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="storygen-drill-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
