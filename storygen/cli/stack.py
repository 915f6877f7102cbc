"""`storygen stack`: Prometheus, Alertmanager, Jaeger and Grafana for this machine, without containers."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from storygen.stack.stack import Stack

_LOOK_SECONDS = 1.0


def stack(
    target: Annotated[
        list[str] | None, typer.Option(metavar="HOST:PORT", help="A process of storygen to scrape; may be repeated.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where everything is kept; without it, until the end.", file_okay=False)
    ] = None,
    scale: Annotated[float, typer.Option(min=1, help="Let windows below a day pass so many times as fast.")] = 1,
    config: Annotated[Path | None, typer.Option(help="A TOML file of thresholds, windows and links.")] = None,
) -> None:
    """Run whatever of Prometheus, Alertmanager, Jaeger and Grafana is on the PATH, until Ctrl-C."""
    from storygen.mixin.config import load
    from storygen.stack.stack import Stack, scaled

    targets = target or ["127.0.0.1:9464"]
    _check(targets)
    loaded = scaled(load(config), scale) if scale > 1 else load(config)
    with _told_to_end() as ended, ExitStack() as opened:
        place = folder or opened.enter_context(_passing_folder())
        running = opened.enter_context(Stack(place, loaded, targets=targets))
        _say(running, targets, place)
        while not ended.wait(_LOOK_SECONDS):
            running.check()


class _Ended(Exception):
    """Ctrl-C or SIGTERM."""


@contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM and the end of the terminal set; the first of them interrupts what is under way."""
    ended = threading.Event()

    def end(*_: object) -> None:
        if not ended.is_set():
            ended.set()
            raise _Ended

    # What the process was told to ignore (nohup) it goes on ignoring.
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, end) for number in wanted if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield ended
    except _Ended:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _passing_folder() -> Iterator[Path]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="storygen-stack-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _check(targets: list[str]) -> None:
    for target in targets:
        host, colon, port = target.rpartition(":")
        if not (host and colon and port.isdecimal() and int(port[:6]) < 65536) or not set(target).isdisjoint("/ @?#"):
            raise typer.BadParameter(f"{target!r} is no HOST:PORT, such as 127.0.0.1:9464", param_hint="--target")


def _say(running: Stack, targets: list[str], place: Path) -> None:
    from storygen.stack.programs import INSTALL, WITHOUT

    rows = {
        "Prometheus": running.prometheus_url,
        "Alertmanager": running.alertmanager_url if "alertmanager" not in running.missing else "",
        "Grafana": running.grafana_url if "grafana" not in running.missing else "",
        "Traces": running.traces_url,
        "Alerts": running.inbox.url,
    }
    for name, url in rows.items():
        if url:
            print(f"{name:<14}{url}")
    print(f"{'Scrapes':<14}{', '.join(targets)}")
    print(f"{'Kept in':<14}{place}\n")
    for name in running.missing:
        print(f"Without {name} {WITHOUT[name]}. To get it: {INSTALL[name]}")
    print("\nPaste these lines where storygen runs:\n")
    print(f"export OTEL_EXPORTER_OTLP_ENDPOINT={running.otlp_endpoint}")
    print(f"storygen watch FOLDER --metrics-port {targets[0].rpartition(':')[2]}")
    print("\nCtrl-C ends it.")
    sys.stdout.flush()
