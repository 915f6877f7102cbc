"""Processes of storygen with simulated vendors, which make small films below a folder until they are ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from storygen.settings import DatabaseSettings, FilmSettings, FolderSettings, QueueSettings, Settings

ROOT = Path(__file__).parents[1]
KEY = "sk-simulated-0123456789"
LEASE = 1.5
SERVICE, WORKER = ("serve",), ("worker",)
_READY = {"serve": b"API: ", "worker": b" follows "}


def environment_of(home: Path, vendors: Any) -> dict[str, str]:
    """What tells storygen to make small films below a folder, with voices and pictures of simulated vendors."""
    folders = {f"STORYGEN_FOLDERS__{kind.upper()}": str(home / kind) for kind in ("films", "cache", "state")}
    return os.environ | folders | {
        "PYTHONPATH": str(ROOT),
        "ELEVENLABS_API_KEY": KEY,
        "OPENAI_API_KEY": KEY,
        "STORYGEN_PROVIDERS__SPEECH": '["elevenlabs"]',
        "STORYGEN_PROVIDERS__IMAGES": '["openai"]',
        "STORYGEN_VENDORS__ELEVENLABS__BASE_URL": vendors.url("elevenlabs"),
        "STORYGEN_VENDORS__OPENAI__BASE_URL": vendors.url("openai"),
        "STORYGEN_FILM__HEIGHT": "144",
        "STORYGEN_FILM__FPS": "10",
        "STORYGEN_FILM__PRESET": "ultrafast",
        "STORYGEN_QUEUE__LEASE_SECONDS": str(LEASE),
        "STORYGEN_QUEUE__CLAIMS": "100",
        "STORYGEN_GUARD__LOAD_PER_CORE": "1000",
        "STORYGEN_GUARD__MEMORY_GB": "16",
        "STORYGEN_SERVICE__PORT": "0",
    }  # fmt: skip


def started(environment: Mapping[str, str], home: Path) -> subprocess.Popen[bytes]:
    """The service, once it answers."""
    command = [sys.executable, "-m", "storygen", "serve"]
    with (home / "service.log").open("ab") as log:
        service = subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.PIPE, stderr=log)
    assert service.stdout is not None
    if not service.stdout.readline():
        raise RuntimeError(f"the service did not begin: {(home / 'service.log').read_text()[-2000:]}")
    return service


def settings_of(home: Path, database: str = "") -> Settings:
    """What finds the queue and the history of those who were started with `environment_of` the same folder."""
    return Settings(
        film=FilmSettings(height=144, fps=10, preset="ultrafast"),
        folders=FolderSettings(films=home / "films", cache=home / "cache", state=home / "state"),
        queue=QueueSettings(lease_seconds=LEASE),
        database=DatabaseSettings(url=SecretStr(database) if database else None),
    )


@dataclass(slots=True)
class Machine:
    """A process of storygen that is killed and begun again; what it says is kept in `home`."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    home: Path
    _process: subprocess.Popen[bytes] | None = None
    _said_before: int = 0

    @property
    def log(self) -> Path:
        """Where its words are."""
        return self.home / f"{self.words[0]}.log"

    def begin(self) -> None:
        """Start it; it is not waited for."""
        self._said_before = self.log.stat().st_size if self.log.exists() else 0
        command = [sys.executable, "-W", "ignore", "-m", "storygen", *self.words]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self.environment, cwd=self.home, stdout=log, stderr=log)

    async def ready(self) -> None:
        """Wait until it says where it is or what it follows."""
        while _READY[self.words[0]] not in self.said():
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"{self.words[0]} did not begin: {self.said().decode()[-2000:]}")
            await asyncio.sleep(0.02)

    def said(self) -> bytes:
        """What it has said since it began."""
        return self.log.read_bytes()[self._said_before :]

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal, and wait for its end."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
