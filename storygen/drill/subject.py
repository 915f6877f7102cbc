"""The pipeline that the drill breaks: two `storygen watch` processes, simulated vendors, and what they are told."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

from storygen.drill.disk import SmallDisk
from storygen.drill.load import Feeder, clear
from storygen.media.ffmpeg import find_binary
from storygen.stack.servers import Program, Server
from storygen.stack.web import HOST, free_ports

VENDORS = ("openai", "anthropic", "gemini", "elevenlabs", "runway")
# Floors for what is too short when it is scaled: this machine needs some time for each thing.
_ATTEMPT_SECONDS, _STAGE_SECONDS, _STALL_SECONDS = 3.0, 20.0, 8.0
_BREAKER_SECONDS, _RETRY_SECONDS = 0.3, 0.02
_AT_ONCE = 4
_READY_SECONDS = 60.0
# A voice of one's own, dear enough that a minute of the drill costs dollars.
_PRICES = {"elevenlabs/*": {"characters": 0.005}}
_REFUSED = b"storygen: the settings stay as they were"
# What is cleared away below a worker's folder, after so many seconds without a change.
_STALE = {"films/*": 45.0, "stories/done/*": 45.0, "stories/failed/*": 45.0, "cache/v1/*/??/*": 120.0}
_FFMPEG = """#!/bin/sh
# Runs the real ffmpeg, unless the drill says otherwise in the file beside it.
read -r mode < "$0.mode" || :
case "$mode" in
  hang) [ $(($$ % 8)) -ne 0 ] || exec sleep 600 ;;
  die) kill -9 $$ ;;
esac
exec '{real}' "$@"
"""


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
        for kept in ("films", "cache", "state"):
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
    """Vendors, workers and load; a context manager. `otlp` is where spans go, `scale` how much faster time runs."""

    def __init__(self, folder: Path, *, otlp: str, scale: float, seed: int) -> None:
        self.folder = folder
        self.scale = scale
        self.seed = seed
        self._otlp = otlp
        self._open = ExitStack()
        self._runs: list[tuple[float, dict[str, Any]]] = []

    def __enter__(self) -> Self:
        vendors, first, second = free_ports(3)
        self._vendors = f"http://{HOST}:{vendors}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._ffmpeg = self._write_ffmpeg()
        self._authority = self._write_authority()
        self.set_ffmpeg("")
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
            self.feeder = opened.enter_context(Feeder(folders, self.seed, self._sweep))
            self._open = opened.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        self._open.close()

    @property
    def targets(self) -> tuple[str, ...]:
        """Where the workers serve their metrics."""
        return tuple(worker.target for worker in self.workers)

    def apply(self, changes: Mapping[str, Any]) -> None:
        """Put these settings on top of the usual ones; workers read them with the next story."""
        for worker in self.workers:
            text = as_toml(merged(self._settings(worker), changes))
            fresh = worker.config.with_suffix(".fresh")
            fresh.write_text(text, "utf-8")
            fresh.replace(worker.config)

    def plan(self, rules: tuple[Mapping[str, Any], ...] = ()) -> None:
        """What goes wrong at the vendors from now on."""
        body = json.dumps({"seed": self.seed, "rules": rules}).encode()
        request = Request(f"{self._vendors}/_plan", data=body, method="PUT")  # noqa: S310 - our own address
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=10):  # noqa: S310
            return

    def set_ffmpeg(self, mode: str) -> None:
        """Let one ffmpeg in eight `hang` from now on, or every one `die`, or, with an empty word, do its work."""
        fresh = Path(f"{self._ffmpeg}.fresh")
        fresh.write_text(f"{mode}\n", "utf-8")
        fresh.replace(f"{self._ffmpeg}.mode")

    def runs(self, since: float) -> list[dict[str, Any]]:
        """What became of the stories that ended after a moment (Unix seconds), oldest first."""
        for worker in self.workers:
            self._runs += [(time.time(), said) for said in worker.said()]
        return [said for at, said in self._runs if at >= since]

    def check(self) -> None:
        """Raises `ResourceFailure` with the end of its log where a worker has ended, or refuses its settings."""
        self.runs(time.time())
        for worker in self.workers:
            if worker.server.pid is None:
                raise worker.server.failure("ended by itself")

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

    def _write_ffmpeg(self) -> Path:
        path = self.folder / "ffmpeg"
        real = str(find_binary(None)).replace("'", "'\\''")
        path.write_text(_FFMPEG.format(real=real), "utf-8")
        path.chmod(0o700)
        return path

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

    def _settings(self, worker: Worker) -> dict[str, Any]:
        films = worker.name == "films"
        run = {
            "call_timeout": self._scaled(60, _ATTEMPT_SECONDS),
            "retry_wait": self._scaled(1, _RETRY_SECONDS),
            "stall_seconds": self._scaled(60, _STALL_SECONDS),
            "stage_timeout": dict.fromkeys(
                ("idea", "script", "revise", "voice", "subtitles", "visuals", "terminal", "assembly"),
                self._scaled(600, _STAGE_SECONDS),
            ),
        }
        return {
            "ffmpeg_path": str(self._ffmpeg),
            "film": {
                "height": 144,
                "fps": 10,
                "seconds": 5,
                "preset": "ultrafast",
                "strategy": "visual-only" if films else "audio-only",
            },
            "voice": {"loudness_lufs": -24.0},
            "run": run,
            "providers": {
                "text": ["anthropic", "openai", "builtin"],
                # Who works little hears late that a vendor is back, so the films speak with another voice.
                "speech": ["openai", "builtin"] if films else ["elevenlabs", "openai", "builtin"],
                "images": ["gemini", "openai", "builtin"],
                "video": ["runway"] if films else [],
            },
            "vendors": {name: self._vendor(name) for name in VENDORS},
            "prices": _PRICES,
            "budget": {"run_usd": 1_000.0, "day_usd": 100_000.0},
            "folders": {kept: str(worker.folder / kept) for kept in ("films", "cache", "state")},
        }

    def _vendor(self, name: str) -> dict[str, Any]:
        breaker = {"failures": 5, "seconds": self._scaled(60, _BREAKER_SECONDS)}
        said: dict[str, Any] = {
            "base_url": f"{self._vendors}/{name}{'/v1' if name == 'openai' else ''}",
            "api_keys": ["of the drill"],
            "timeout": self._scaled(60, _ATTEMPT_SECONDS),
            "attempts": 5,
            "retry_wait": self._scaled(1, _RETRY_SECONDS),
            "at_once": 16,
            "breaker": breaker,
        }
        if name == "runway":
            # Without a picture to begin with, which would have to be painted first.
            said |= {"video_model": "gen4.5", "from_picture": False, "poll_seconds": 0.05, "timeout": 10}
            said["breaker"] = {**breaker, "failures": 12}
        return said

    def _scaled(self, seconds: float, least: float) -> float:
        return max(seconds / self.scale, least)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two levels of settings as one; None takes a key away."""
    both = {**below, **above}
    return {
        key: merged(below[key], value) if isinstance(value, Mapping) and isinstance(below.get(key), Mapping) else value
        for key, value in both.items()
        if value is not None
    }


def as_toml(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Tables of plain values as TOML; a JSON string is a TOML string as well."""
    plain = [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items() if not _is_table(value)]
    head = [f"[{'.'.join(json.dumps(part) for part in path)}]"] if path and plain else []
    tables = [as_toml(value, (*path, key)) for key, value in values.items() if _is_table(value)]
    return "\n".join([*head, *plain, *tables]) + ("\n" if plain else "")


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)
