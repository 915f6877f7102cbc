"""The second part of what the drill breaks: a service, two workers of Celery, and the Redis between them.

It is there only while faults of the queue are drilled, instead of the first part, with the same vendors.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from storygen.drill.ffmpeg import Ffmpeg
from storygen.drill.load import TALE_SCENES, Feeder, Stories
from storygen.drill.redis import PROGRAM, Redis
from storygen.drill.settings import KEPT, Usual, merged, write
from storygen.drill.waiting import wait_until
from storygen.errors import ResourceFailure
from storygen.stack.servers import Program, Server
from storygen.stack.web import HOST, ask, free_ports, post

WORKERS = 2
_AT_ONCE = 1
_LEASE_SECONDS, _GRACE_SECONDS = 6.0, 1.0  # a busy machine may keep a worker from its beat for seconds
_STALL_SECONDS = 120.0  # what hangs is left alone here: it is the queue that has to notice
_READY_SECONDS, _OVER_SECONDS = 60.0, 60.0
_MOST_OPEN = 4  # runs that are not over: where the machine is too slow, fewer come
_LISTED = 200
_RUNS_TO_STRIKE = 3
_OPEN = ("queued", "running")


def lacking() -> str:
    """What is missing on this machine for a queue with workers, and where it comes from; empty where all is there."""
    if shutil.which(PROGRAM) is None:
        return f"{PROGRAM} missing: apt-get install redis-server"
    missing = [name for name in ("fastapi", "celery", "redis") if importlib.util.find_spec(name) is None]
    return f"{missing[0]} missing: pip install 'storygen[service,celery,redis]'" if missing else ""


class Crew:
    """A service, its workers and their Redis, with a steady few stories; a context manager.

    `usual` are the settings of processes here, and `environ` what they find around them; `folder` is their own.
    `struck` are ids of runs that a fault has hit.
    """

    def __init__(self, folder: Path, usual: Callable[[Path], Usual], environ: Mapping[str, str], seed: int) -> None:
        self.struck: set[str] = set()
        self._folder = folder
        self._usual = usual
        self._environ = environ
        self._stories = Stories(seed + 1)
        self._is_flooded = False
        self._seed = seed
        self._open = ExitStack()

    def __enter__(self) -> Self:
        redis, service, *metrics = free_ports(2 + WORKERS)
        for kept in KEPT:
            (self._folder / kept).mkdir(parents=True, exist_ok=True)
        self.ffmpeg = Ffmpeg(self._folder)
        self._url = f"http://{HOST}:{service}"
        self._config = self._folder / "storygen.toml"
        write(self._config, self._settings(redis))
        self.redis = Redis(redis, self._folder)
        self._service = self._storygen("service", "serve", service, "--port", str(service))
        self.workers = tuple(self._worker(number, port) for number, port in enumerate(metrics, start=1))
        self.targets = tuple(f"{HOST}:{port}" for port in (service, *metrics))
        with ExitStack() as opened:
            for server in self._servers:
                opened.callback(server.stop)
                server.start()
            for server in self._servers:
                server.wait_ready(_READY_SECONDS)
            self._feeder = opened.enter_context(Feeder(self._drop, self._seed))
            self._feeder.mix = "few"
            self._open = opened.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        self._open.close()

    def check(self) -> None:
        """Raises `ResourceFailure` with the end of its log where one of the processes has ended."""
        for server in self._servers:
            if server.pid is None:
                raise server.failure("ended by itself")

    def submit(self) -> None:
        """Ask for one more film."""
        post(f"{self._url}/api/v1/runs", {"text": self._stories.tale(TALE_SCENES)})

    @contextmanager
    def flooded(self) -> Iterator[None]:
        """Let ten stories a second come in, of the usual kinds; those that still wait at the end are cancelled."""
        self._is_flooded, self._feeder.mix = True, "flood"
        try:
            yield
        finally:
            self._is_flooded, self._feeder.mix = False, "few"
            self._clear_queue()

    def keep_busy(self) -> None:
        """Ask for films, until each worker makes one; they are those that are struck."""
        for _ in range(_RUNS_TO_STRIKE):
            self.submit()
        wait_until(lambda: len(self._ids("running")) >= WORKERS * _AT_ONCE, "workers make films", _OVER_SECONDS)
        self.struck = set(self._ids("running"))

    def wait_over(self) -> None:
        """Wait until the runs that were struck are over. Raises `ResourceFailure` where they do not end."""
        wait_until(lambda: not self.struck & {*self._ids(*_OPEN)}, "what was struck is over", _OVER_SECONDS)

    def begin_again(self) -> None:
        """Cancel the run that has been made for longest, and try it again, as the runbook of a stuck job says."""
        stuck = min(self._listed("running"), key=lambda run: run["started"])["id"]
        post(f"{self._url}/api/v1/runs/{stuck}/cancel")
        wait_until(lambda: stuck in self._ids("cancelled"), "the stuck run is cancelled", _OVER_SECONDS)
        post(f"{self._url}/api/v1/runs/{stuck}/retry")
        self.struck = {stuck}
        self.wait_over()

    def _clear_queue(self) -> None:
        """Cancel all that waits, but for what may have come meanwhile."""
        while len(waiting := self._ids("queued")) > _MOST_OPEN:
            for run in waiting:
                post(f"{self._url}/api/v1/runs/{run}/cancel")

    def runs(self, since: float) -> list[dict[str, Any]]:
        """Runs that ended after a moment (Unix seconds); those that were struck are last, and the longest of them."""
        over = [run for run in self._listed("success", "failed", "timeout") if _unix(run["ended"]) >= since]
        over.sort(key=lambda run: (run["id"] in self.struck, _unix(run["ended"]) - _unix(run["created"])))
        return [{**run, "outcome": run["state"]} for run in over]

    @property
    def _servers(self) -> tuple[Server, ...]:
        return (self.redis, self._service, *self.workers)

    def _ids(self, *states: str) -> list[str]:
        return [run["id"] for run in self._listed(*states)]

    def _listed(self, *states: str) -> list[dict[str, Any]]:
        wanted = urlencode([*(("state", state) for state in states), ("limit", str(_LISTED))])
        found: list[dict[str, Any]] = ask(f"{self._url}/api/v1/runs?{wanted}")["runs"]
        return found

    def _drop(self, kind: str, text: str) -> None:
        # A busy machine may answer too late: then there is a story less.
        with suppress(ResourceFailure):
            if self._is_flooded or len(self._ids(*_OPEN)) < _MOST_OPEN:
                post(f"{self._url}/api/v1/runs", {"topic" if kind == "topic" else "text": text})

    def _settings(self, redis: int) -> dict[str, Any]:
        changes = {
            "run": {"stall_seconds": _STALL_SECONDS},
            # The machine is busy with what watches, which is no reason to wait here.
            "guard": {"load_per_core": 1000.0, "free_memory_gb": 0.0, "free_disk_gb": 0.0},
            "queue": {
                "engine": "celery",
                "broker": f"redis://{HOST}:{redis}/0",
                "runs_at_once": _AT_ONCE,
                "lease_seconds": _LEASE_SECONDS,
                "grace_seconds": _GRACE_SECONDS,
            },
            "redis": {"url": f"redis://{HOST}:{redis}/1", "share_cache": True},
        }
        return merged(self._usual(self.ffmpeg.path).of(self._folder), changes)

    def _worker(self, number: int, port: int) -> Server:
        return self._storygen(f"worker-{number}", "worker", port, "--metrics-port", str(port))

    def _storygen(self, name: str, command: str, port: int, *options: str) -> Server:
        return Server(
            Program(
                name=f"storygen {command} ({name})",
                binary=Path(sys.executable),
                args=("-m", "storygen", command, "--config", str(self._config), *options),
                ready=f"http://{HOST}:{port}/metrics",
                log=self._folder / f"{name}.log",
                environ=self._environ,
            )
        )


def _unix(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
