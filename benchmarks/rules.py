"""How long Prometheus takes over all rules once it holds a day of ten workers' data.

The data is that of a process with every vendor configured and an ordinary day behind it, ten times over: what the
rules read every 15 s, as shipped, and everything else every five minutes, which only has to be there. As on a server
that has run all day, the last hours are in its head, and only what is older lies in blocks.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from benchmarks.harness import Figure, suite
from benchmarks.scrape import CHAINS, telemetry_with_everything
from storygen import events
from storygen.errors import ProviderUnavailable
from storygen.mixin import rules as mixin
from storygen.mixin.config import load
from storygen.mixin.promql import mentioned
from storygen.mixin.rendering import rule_file
from storygen.stack.programs import locate
from storygen.stack.servers import Program, Server
from storygen.stack.web import HOST, ask, free_ports
from storygen.story import Usage
from storygen.telemetry.known import SERVED
from storygen.telemetry.words import BUILTIN, STAGES

WORKERS = 10
RUNS = 2_000
HOURS = 24
BLOCK_SECONDS = 7200
HEAD_SECONDS = 3600  # the least that stays in the head when a block is cut off it
SLICE_SECONDS = 1200
LOAD_SECONDS = 10  # between two slices: how long reading one may take
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
        series = list(_series())
        _hold_a_day(series, home)
        with _running(_prometheus(home, _rules(home))) as url:
            totals = list(_evaluations(url))
    yield Figure(name="rules_eval_ms", values=tuple(totals), unit="ms", limit=50)
    yield Figure(name="rules_eval_series", values=(float(len(series) * WORKERS),), unit="series")


def _series() -> Iterator[Series]:
    """What a process shows after its runs; a counter of what never happened is there too, and stands at zero."""
    with telemetry_with_everything() as telemetry:
        chance = random.Random(0)
        for number in range(RUNS):
            with events.watched(events.Watch(telemetry.observers, f"run-{number}")):
                _make_run(chance)
        families = list(telemetry.registry.collect())
    for family in families:
        for sample in family.samples:
            if sample.name.endswith("_created"):
                continue
            labels = "".join(f',{name}="{_escaped(value)}"' for name, value in sample.labels.items())
            yield Series(sample.name, labels, sample.value, grows=family.type in {"counter", "histogram"})
    yield from (Series(name, "", value, grows=False) for name, value in _OF_A_SCRAPE.items())


def _make_run(chance: random.Random) -> None:
    """A run in which each stage asks one of those that serve it; now and then an attempt or the run fails."""
    with suppress(ProviderUnavailable), events.timed("run", "story", run_id=f"{chance.random()}") as run:
        for scene, stage in enumerate(STAGES, 1):
            with events.timed("stage", stage, scene=scene):
                for capability in (one for one, stages in SERVED.items() if stage in stages):
                    _make_call(chance, capability)
                if chance.random() < 0.002:
                    raise ProviderUnavailable("It is down.")
        events.emit(events.Shipped(fidelity="full", seconds=60))
        run.add(cost_usd=0.2 * chance.random())


def _make_call(chance: random.Random, capability: str) -> None:
    provider = chance.choice([name for name in CHAINS[capability] if name != BUILTIN])
    cost, usage = 0.01 * chance.random(), Usage(input_tokens=9, output_tokens=9)
    hit: Any = "hit" if chance.random() < 0.3 else "miss"
    events.emit(events.CacheLooked(cache=capability, result=hit, saved_usd=cost, saved_seconds=1))
    with events.timed("call", "generate_content", provider=provider, attempts=1):
        if chance.random() < 0.03:
            with suppress(ProviderUnavailable), events.timed("attempt", "generate_content", provider=provider):
                raise ProviderUnavailable("It is down.")
            events.emit(events.Retried(provider=provider, reason="server_error", attempt=1, wait=1.0))
        with events.timed("attempt", "generate_content", provider=provider):
            events.emit(events.Spent(provider=provider, model="model", usage=usage, cost_usd=cost))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _hold_a_day(series: Sequence[Series], home: Path) -> None:
    """Blocks of two hours each, made side by side, and after them the head, which ends now."""
    (home / "data").mkdir()
    now = int(time.time())
    begin, head = ((now - ago) // BLOCK_SECONDS * BLOCK_SECONDS for ago in (HOURS * 3600, HEAD_SECONDS))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        made = [
            pool.submit(_make_block, series, home, start, start + BLOCK_SECONDS)
            for start in range(begin, head, BLOCK_SECONDS)
        ]
    for block in made:
        block.result()
    slices = [(start, min(now, start + SLICE_SECONDS)) for start in range(head, now, SLICE_SECONDS)]
    pages = iter([_page(series, home, *part) for part in slices])
    with _served(pages) as (address, is_over), _running(_prometheus(home, _scraping(address))):
        while not is_over():
            time.sleep(LOAD_SECONDS / 10)


@contextmanager
def _served(pages: Iterator[Path]) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Samples with their own times, a page at each request; and whether one was asked for after the last."""
    over = False

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal over
            page = next(pages, None)
            over = page is None
            self.send_response(200)
            self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
            self.end_headers()
            if page is None:
                self.wfile.write(b"# EOF\n")
            else:
                with page.open("rb") as file:
                    shutil.copyfileobj(file, self.wfile)
                page.unlink()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer((HOST, 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{HOST}:{server.server_port}", lambda: over
        finally:
            server.shutdown()
            thread.join()


def _make_block(series: Sequence[Series], home: Path, start: int, end: int) -> None:
    source, made = _page(series, home, start, end), home / f"made-{start}"
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", "-q", source, made], check=True)
    source.unlink()
    for block in made.iterdir():
        shutil.move(block, home / "data" / block.name)


def _page(series: Sequence[Series], home: Path, start: int, end: int) -> Path:
    """Samples as OpenMetrics. Lines of one series differ only in their ends, which those of the same value share."""
    read, source = _read_by_rules(), home / f"{start}.om"

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
    return source


@cache
def _read_by_rules() -> frozenset[str]:
    groups = mixin.groups(load(None))
    expressions = [rule.expr for group in groups for rule in group.recordings]
    expressions += [alert.expr for group in groups for alert in group.alerts]
    return frozenset(mention.metric for expr in expressions for mention in mentioned(expr))


def _scraping(address: str) -> dict[str, Any]:
    target = {"static_configs": [{"targets": [address]}], "honor_labels": True}
    often = {"scrape_interval": f"{LOAD_SECONDS}s", "scrape_timeout": f"{LOAD_SECONDS}s"}
    return {"scrape_configs": [{"job_name": "head", **target, **often}]}


def _rules(home: Path) -> dict[str, Any]:
    """The rules as shipped, which are evaluated more often than they would."""
    config = load(None)
    shipped = rule_file(config, mixin.groups(config))
    for group in shipped["groups"]:
        group.pop("interval", None)
    (home / "rules.yml").write_text(json.dumps(shipped))
    return {"global": {"evaluation_interval": f"{EVALUATION_SECONDS}s"}, "rule_files": [str(home / "rules.yml")]}


def _prometheus(home: Path, config: dict[str, Any]) -> Server:
    """Prometheus over the data, which compacts nothing while it is measured."""
    (home / "prometheus.yml").write_text(json.dumps(config))
    binary = locate("prometheus")
    if binary is None or shutil.which("promtool") is None:
        raise SystemExit("rules: prometheus or promtool is not on the PATH; apt-get install -y prometheus")
    (port,) = free_ports(1)
    args = (
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'data'}",
        "--storage.tsdb.retention.time=40d",
        "--storage.tsdb.min-block-duration=2h",
        "--storage.tsdb.max-block-duration=2h",
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
