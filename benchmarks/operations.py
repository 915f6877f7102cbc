"""What observing costs: against the bare libraries, switched off, in spans that are lost, and at the exit."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from prometheus_client import CollectorRegistry

from benchmarks.bare import Bare
from benchmarks.harness import Figure, suite
from benchmarks.otlp import Remote
from storygen.events import Watch, watched
from storygen.settings import LogSettings, Settings, TelemetrySettings
from storygen.telemetry.observe import cache_miss, disable, enable, observe
from storygen.telemetry.recorder import Recorder
from storygen.telemetry.setup import Telemetry, start

PAIRS = 21
WARM_UP = 3
OPERATIONS = 2_000
IN_A_ROW = 100_000
_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"


@suite()
def operations() -> Iterator[Figure]:
    """Everything about one observed operation."""
    yield Figure(name="operation_overhead_ratio", values=_overheads(), unit="ratio", limit=1.1)
    yield Figure(name="operation_off_us", values=_off(), unit="us", limit=1.0)
    yield Figure(name="operation_lost_spans", values=(_lost_spans(),), unit="spans", limit=0.0)
    yield Figure(name="exit_dead_collector_s", values=(_longest_exit(),), unit="s", limit=2.0)


def _overheads() -> tuple[float, ...]:
    """Ours over the bare libraries, block by block in turns.

    The spans of both go to one real receiver; each block begins with empty queues.
    """
    with (
        TemporaryDirectory() as folder,
        _receiver() as endpoint,
        _log(folder, "ours") as log,
        _log(folder, "bare") as bare_log,
        _telemetry(endpoint, log) as telemetry,
    ):
        bare = Bare(endpoint, bare_log)
        ratios = []
        for pair in range(PAIRS + WARM_UP):
            times = [0.0, 0.0]
            for turn in (0, 1) if pair % 2 else (1, 0):
                gc.collect()
                times[turn] = bare.work(OPERATIONS) if turn else _work(telemetry, OPERATIONS)
                telemetry.flush()
                bare.provider.force_flush()
            ratios.append(times[0] / times[1])
        bare.provider.shutdown()
    return tuple(ratios[WARM_UP:])


def _off() -> tuple[float, ...]:
    """Microseconds of processor time for an operation that is switched off."""
    disable()
    values = []
    for _ in range(PAIRS):
        began = time.thread_time()
        for _ in range(IN_A_ROW):
            with observe("work"):
                pass
        values.append((time.thread_time() - began) / IN_A_ROW * 1e6)
    enable()
    return tuple(values)


def _lost_spans() -> float:
    """Of many operations in a row, with the queue that is shipped, how many spans do not arrive."""
    remote = Remote()
    with (
        TemporaryDirectory() as folder,
        _log(folder, "ours") as log,
        _telemetry(f"http://127.0.0.1:{remote.grpc_port}", log) as telemetry,
    ):
        _work(telemetry, IN_A_ROW)
    return IN_A_ROW - remote.close()


def _longest_exit() -> float:
    """How much longer the exit takes when the collector refuses or never answers, over both protocols."""
    with socket.socket() as silent, socket.socket() as closed:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        closed.bind(("127.0.0.1", 0))
        bare = min(_exit_seconds({}) for _ in range(3))
        return max(
            _exit_seconds({_ENDPOINT: f"http://127.0.0.1:{dead.getsockname()[1]}", _PROTOCOL: protocol}) - bare
            for dead in (silent, closed)
            for protocol in ("grpc", "http/protobuf")
        )


_EXITING = """
import time
from storygen.settings import Settings
from storygen.telemetry.observe import enable, observe
from storygen.telemetry.setup import start

with start(Settings()) as telemetry:
    enable(*telemetry.observers)
    for _ in range(3000):
        with observe("work"):
            pass
    time.sleep(0.2)
    print(time.monotonic(), flush=True)
"""


def _exit_seconds(extra: dict[str, str]) -> float:
    """From the end of the work to the end of the process."""
    done = subprocess.run(
        [sys.executable, "-c", _EXITING], env=os.environ | extra, stdout=subprocess.PIPE, text=True, check=True
    )
    return time.monotonic() - float(done.stdout)


def _work(telemetry: Telemetry, number: int) -> float:
    """Do observed operations as a run does; says how many seconds that took."""
    with watched(Watch((*telemetry.observers, Recorder()), "0" * 32)):
        began = time.perf_counter()
        for _ in range(number):
            with observe("work"):
                cache_miss()
        return time.perf_counter() - began


def _telemetry(endpoint: str, log: TextIO) -> Telemetry:
    settings = Settings(
        logs=LogSettings(level="debug", format="json"), telemetry=TelemetrySettings(operations=("work",))
    )
    os.environ[_ENDPOINT] = endpoint
    try:
        return start(settings, registry=CollectorRegistry(), stream=log)
    finally:
        del os.environ[_ENDPOINT]


@contextmanager
def _receiver() -> Iterator[str]:
    remote = Remote()
    yield f"http://127.0.0.1:{remote.grpc_port}"
    remote.close()


def _log(folder: str, name: str) -> TextIO:
    return Path(folder, name).open("w", encoding="utf-8")
