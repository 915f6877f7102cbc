"""How long Prometheus takes over all rules once it holds a day of ten workers' data.

The data is that of a real process with every vendor configured, ten times over: what the rules read every 15 s, as
shipped, and everything else every five minutes, which only has to be there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.harness import Figure, suite
from benchmarks.scrape import make_runs, telemetry_with_everything
from storygen.mixin import rules as mixin
from storygen.mixin.config import load
from storygen.mixin.promql import mentioned
from storygen.mixin.rendering import rule_file
from storygen.stack.programs import locate
from storygen.stack.servers import Program, Server
from storygen.stack.web import HOST, ask, free_ports

WORKERS = 10
RUNS = 200
HOURS = 24
BLOCK_SECONDS = 7200
SCRAPE_SECONDS = 15
UNREAD_SECONDS = 300
EVALUATION_SECONDS = 2
WARM_UP = 3
EVALUATIONS = 15
_OF_A_SCRAPE = {"up": 1.0, "scrape_duration_seconds": 0.01, "scrape_samples_scraped": 2_000.0}


@dataclass(frozen=True, slots=True)
class Series:
    """One series of one process as it is written, its value at the end of the day, and whether it grows up to it."""

    name: str
    labels: str
    value: float
    grows: bool


@suite(long=True)
def rules() -> Iterator[Figure]:
    """All recording and alert rules as shipped, evaluated one after the other."""
    with TemporaryDirectory(prefix="storygen-rules-") as folder:
        home = Path(folder)
        series, server = list(_series()), _prometheus(home)
        _backfill(series, home)
        with _running(server) as url:
            totals = list(_evaluations(url))
    yield Figure(name="rules_eval_ms", values=tuple(totals), unit="ms", limit=50)
    yield Figure(name="rules_eval_series", values=(float(len(series) * WORKERS),), unit="series")


def _series() -> Iterator[Series]:
    """What a process shows after some runs with models, providers and errors of every kind."""
    with telemetry_with_everything() as telemetry:
        make_runs(telemetry.observers, RUNS)
        families = list(telemetry.registry.collect())
    for family in families:
        for sample in family.samples:
            if sample.name.endswith("_created"):
                continue
            labels = "".join(f',{name}="{_escaped(value)}"' for name, value in sample.labels.items())
            yield Series(sample.name, labels, sample.value, grows=family.type in {"counter", "histogram"})
    yield from (Series(name, "", value, grows=False) for name, value in _OF_A_SCRAPE.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _backfill(series: Sequence[Series], home: Path) -> None:
    """Blocks of two hours each, made side by side, and last the one that ends now.

    None may lie in the future: Prometheus would refuse what its rules record before the end of a block.
    """
    (home / "data").mkdir()
    begin = (int(time.time()) - HOURS * 3600) // BLOCK_SECONDS * BLOCK_SECONDS
    current = int(time.time()) // BLOCK_SECONDS * BLOCK_SECONDS
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        made = [
            pool.submit(_make_block, series, home, start, start + BLOCK_SECONDS)
            for start in range(begin, current, BLOCK_SECONDS)
        ]
    for block in made:
        block.result()
    for start in range(current, int(time.time()), BLOCK_SECONDS):
        _make_block(series, home, start, min(int(time.time()), start + BLOCK_SECONDS))


def _make_block(series: Sequence[Series], home: Path, start: int, end: int) -> None:
    source, made = home / f"{start}.om", home / f"made-{start}"
    _write_samples(series, source, start, end)
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", "-q", source, made], check=True)
    source.unlink()
    for block in made.iterdir():
        shutil.move(block, home / "data" / block.name)


def _write_samples(series: Sequence[Series], source: Path, start: int, end: int) -> None:
    """The lines of one series differ only in their ends, which series of the same value share."""
    read = _read_by_rules()

    @cache
    def ends(value: float, step: int, *, grows: bool) -> list[str]:
        day = HOURS * 3600
        return [
            f" {value * (1 + ((moment - start) + start % day) / day) if grows else value:.6g} {moment}"
            for moment in range(start, end, step)
        ]

    with source.open("w", buffering=1 << 20) as file:
        for one in series:
            tails = ends(one.value, SCRAPE_SECONDS if one.name in read else UNREAD_SECONDS, grows=one.grows)
            for worker in range(WORKERS):
                head = f'{one.name}{{job="storygen",instance="10.0.0.{worker}:9464"{one.labels}}}'
                file.write(f"{head}{f'{chr(10)}{head}'.join(tails)}\n")
        file.write("# EOF\n")


@cache
def _read_by_rules() -> frozenset[str]:
    groups = mixin.groups(load(None))
    expressions = [rule.expr for group in groups for rule in group.recordings]
    expressions += [alert.expr for group in groups for alert in group.alerts]
    return frozenset(mention.metric for expr in expressions for mention in mentioned(expr))


def _prometheus(home: Path) -> Server:
    """Prometheus over the data with the rules as shipped, which it evaluates more often than it would."""
    config = load(None)
    shipped = rule_file(config, mixin.groups(config))
    for group in shipped["groups"]:
        group.pop("interval", None)
    (home / "rules.yml").write_text(json.dumps(shipped))
    often = {"global": {"evaluation_interval": f"{EVALUATION_SECONDS}s"}, "rule_files": [str(home / "rules.yml")]}
    (home / "prometheus.yml").write_text(json.dumps(often))
    binary = locate("prometheus")
    if binary is None or shutil.which("promtool") is None:
        raise SystemExit("rules: prometheus or promtool is not on the PATH; apt-get install -y prometheus")
    (port,) = free_ports(1)
    args = (
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'data'}",
        "--storage.tsdb.retention.time=40d",
        "--storage.tsdb.min-block-duration=2h",
        "--storage.tsdb.max-block-duration=2h",  # nothing is compacted while it is measured
        f"--web.listen-address={HOST}:{port}",
    )
    ready, log = f"http://{HOST}:{port}/-/ready", home / "prometheus.log"
    return Server(Program(name="prometheus", binary=binary, args=args, ready=ready, log=log))


@contextmanager
def _running(server: Server) -> Iterator[str]:
    server.start()
    try:
        server.wait_ready(60)
        yield server.program.ready.removesuffix("/-/ready")
    finally:
        server.stop()


def _evaluations(url: str) -> Iterator[float]:
    """Milliseconds that all groups took together, once for each time that all of them were evaluated anew."""
    seen: dict[str, str] = {}
    times = 0
    while times < WARM_UP + EVALUATIONS:
        groups = _groups(url)
        latest = {group["name"]: group["lastEvaluation"] for group in groups}
        if all(moment > seen.get(name, "0001") for name, moment in latest.items()):
            seen = latest
            times += 1
            if times > WARM_UP:
                yield sum(group["evaluationTime"] for group in groups) * 1000
        time.sleep(EVALUATION_SECONDS / 4)


def _groups(url: str) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = ask(f"{url}/api/v1/rules")["data"]["groups"]
    broken = [(rule["name"], rule["lastError"]) for group in groups for rule in group["rules"] if rule.get("lastError")]
    assert broken == []
    return groups
