"""The pipeline that the drill breaks: two `storygen watch` processes, simulated vendors, and what they are told.

A queue with workers of its own takes their place while its faults are drilled.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

from storygen.drill.crew import Crew
from storygen.drill.disk import SmallDisk
from storygen.drill.ffmpeg import Ffmpeg
from storygen.drill.load import Feeder, Folders, clear
from storygen.drill.settings import KEPT, Usual, merged, write
from storygen.stack.servers import Program, Server
from storygen.stack.web import HOST, free_ports

_AT_ONCE = 4
_READY_SECONDS = 60.0
_REFUSED = b"storygen: the settings stay as they were"
# What is cleared away below a worker's folder, after so many seconds without a change.
_STALE = {"films/*": 45.0, "stories/done/*": 45.0, "stories/failed/*": 45.0, "cache/v1/*/??/*": 120.0}


class Worker:
    """One `storygen watch` with a folder of its own, and what it says of each story."""

    def __init__(self, name: str, folder: Path, port: int, environ: Mapping[str, str], disk: SmallDisk | None) -> None:
        self.name = name
        self.folder = folder
        self.target = f"{HOST}:{port}"
        self.disk = disk
        self.config = folder / "storygen.toml"
        self.stories = folder / "stories"
        self.stories.mkdir(parents=True)
        for kept in KEPT:
            (folder / kept).mkdir()
        watch = ["-m", "storygen", "watch", str(self.stories), "--config", str(self.config), "--json"]
        watch += ["--metrics-port", str(port), "--at-once", str(_AT_ONCE)]
        binary, args = (disk or _Plain()).wrapped(Path(sys.executable), watch)
        self._log = folder / "watch.log"
        self.server = Server(
            Program(
                name=f"storygen watch ({name})",
                binary=binary,
                args=args,
                ready=f"http://{self.target}/metrics",
                log=self._log,
                environ=environ,
            )
        )
        self._read = 0

    @property
    def seen(self) -> Path:
        """Its folder as the process itself sees it, with its small disk."""
        pid = self.server.pid
        return Path(f"/proc/{pid}/root{self.folder}") if self.disk and pid else self.folder

    def said(self) -> Iterator[dict[str, Any]]:
        """What it has said of stories since it was asked last."""
        if not self._log.exists():
            return
        with self._log.open("rb") as log:
            log.seek(self._read)
            whole = log.read().rpartition(b"\n")[0]
        self._read += len(whole) + bool(whole)
        for line in whole.splitlines():
            if line.startswith(_REFUSED):
                raise self.server.failure("does not take the settings of the drill")
            if line.startswith(b"{"):
                yield json.loads(line)


class _Plain:
    def wrapped(self, binary: Path, args: list[str]) -> tuple[Path, list[str]]:
        return binary, args


class Subject:
    """Vendors, workers and load; a context manager. `otlp` is where spans go, `scale` how much faster time runs.

    `crew` is a queue with workers of its own, which works instead of those that watch folders, where there is one.
    """

    def __init__(self, folder: Path, *, otlp: str, scale: float, seed: int) -> None:
        self.folder = folder
        self.scale = scale
        self.seed = seed
        self._otlp = otlp
        self.crew: Crew | None = None
        self._open = ExitStack()
        self._crewed = ExitStack()
        self._runs: list[tuple[float, dict[str, Any]]] = []

    def __enter__(self) -> Self:
        vendors, first, second = free_ports(3)
        self._vendors = f"http://{HOST}:{vendors}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ffmpeg = Ffmpeg(self.folder)
        self._authority = self._write_authority()
        self.disk = SmallDisk.here(self.folder)
        self.workers = (
            Worker("tales", self.folder / "tales", first, self._environ, None),
            Worker("films", self.folder / "films", second, self._environ, self.disk),
        )
        self.apply({})
        with ExitStack() as opened:
            servers = [self._vendor_server(vendors), *(worker.server for worker in self.workers)]
            for server in servers:
                opened.callback(server.stop)
                server.start()
            for server in servers:
                server.wait_ready(_READY_SECONDS)
            tales, films = (worker.stories for worker in self.workers)
            folders = {"tale": tales, "again": tales, "topic": tales, "film": films}
            self.feeder = opened.enter_context(Feeder(Folders(folders).drop, self.seed, self._sweep))
            self._open = opened.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        with self._open, self._crewed:
            self.crew = None

    @property
    def targets(self) -> tuple[str, ...]:
        """Where the processes that work serve their metrics."""
        return self.crew.targets if self.crew else tuple(worker.target for worker in self.workers)

    @property
    def makers(self) -> tuple[str, ...]:
        """Those of them that make films."""
        return self.targets[-2:]

    def start_crew(self) -> Crew:
        """Have a queue with its workers until it is stopped; the processes that watch folders rest meanwhile."""
        self.feeder.mix = "none"
        for worker in self.workers:
            worker.server.stop()
        crew = Crew(self.folder / f"crew-{self.seed}", self._usual, self._environ, self.seed)
        self.crew = self._crewed.enter_context(crew)
        return self.crew

    def stop_crew(self) -> None:
        """End the queue and its workers; the processes that watch folders go on."""
        self.crew = None
        self._crewed.close()
        for worker in self.workers:
            worker.server.start()
        for worker in self.workers:
            worker.server.wait_ready(_READY_SECONDS)
        self.feeder.mix = "usual"

    def apply(self, changes: Mapping[str, Any]) -> None:
        """Put these settings on top of the usual ones; workers read them with the next story."""
        usual = self._usual(self.ffmpeg.path)
        for worker in self.workers:
            write(worker.config, merged(usual.of(worker.folder, films=worker.name == "films"), changes))

    def plan(self, rules: tuple[Mapping[str, Any], ...] = ()) -> None:
        """What goes wrong at the vendors from now on."""
        body = json.dumps({"seed": self.seed, "rules": rules}).encode()
        request = Request(f"{self._vendors}/_plan", data=body, method="PUT")  # noqa: S310 - our own address
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=10):  # noqa: S310
            return

    def runs(self, since: float) -> list[dict[str, Any]]:
        """What became of the stories that ended after a moment (Unix seconds), oldest first."""
        for worker in self.workers:
            self._runs += [(time.time(), said) for said in worker.said()]
        return [said for at, said in self._runs if at >= since]

    def check(self) -> None:
        """Raises `ResourceFailure` with the end of its log where a process has ended, or refuses its settings."""
        if self.crew is not None:
            self.crew.check()
            return
        self.runs(time.time())
        for worker in self.workers:
            if worker.server.pid is None:
                raise worker.server.failure("ended by itself")

    def _usual(self, ffmpeg: Path) -> Usual:
        return Usual(vendors=self._vendors, ffmpeg=ffmpeg, scale=self.scale)

    @property
    def _environ(self) -> dict[str, str]:
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self._otlp,
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "PYTHONUNBUFFERED": "1",
            # One authority instead of all: each SDK reads them anew for each film, and nothing here is encrypted.
            "SSL_CERT_FILE": str(self._authority),
        }

    def _vendor_server(self, port: int) -> Server:
        return Server(
            Program(
                name="storygen vendors",
                binary=Path(sys.executable),
                args=("-m", "storygen", "vendors", "--port", str(port), "--seed", str(self.seed)),
                ready=f"{self._vendors}/_billed",
                log=self.folder / "vendors.log",
            )
        )

    def _write_authority(self) -> Path:
        import certifi  # comes with the SDKs

        path, end = self.folder / "authority.pem", "-----END CERTIFICATE-----"
        first, _, _ = Path(certifi.where()).read_text("utf-8").partition(end)
        path.write_text(f"{first}{end}\n", "utf-8")
        return path

    def _sweep(self) -> None:
        for worker in self.workers:
            for pattern, kept in _STALE.items():
                clear(worker.seen, pattern, kept)
