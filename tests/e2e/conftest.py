"""The command as its users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

STORY = """# The Jar

## Scene: Light
Visual: A jar on a window sill at night.

It glowed at 3 a.m., as it always did.

## Scene: Dark
Visual: A small kitchen.
ON-SCREEN: lamp --off

ADA: Who is there?

Nobody answered.
"""


@dataclass(frozen=True)
class Shell:
    """Runs storygen in a folder of its own, with small pictures."""

    home: Path
    children: ExitStack

    def environment(self, **more: str) -> dict[str, str]:
        folders = {f"STORYGEN_FOLDERS__{kind.upper()}": str(self.home / kind) for kind in ("films", "cache", "state")}
        return os.environ | folders | {"STORYGEN_FILM__HEIGHT": "320", "STORYGEN_FILM__PRESET": "ultrafast"} | more

    def start(self, *arguments: str, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", "storygen", *arguments],
            env=self.environment(**(env or {})),
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.children.enter_context(child)
        self.children.callback(child.kill)
        return child

    def run(
        self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "storygen", *arguments],
            env=self.environment(**(env or {})),
            cwd=self.home,
            input=stdin,
            capture_output=True,
            timeout=240,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        )

    def write(self, text: str = STORY, name: str = "story.md") -> str:
        (self.home / name).write_text(text, "utf-8")
        return name

    def films(self) -> list[Path]:
        return sorted((self.home / "films").glob("*/film.*4*"))

    def manifest(self) -> Any:
        (found,) = (self.home / "films").glob("*/manifest.json")
        return json.loads(found.read_text("utf-8"))

    def report(self) -> Any:
        return json.loads(self.run("report", "--json").stdout)

    def leftovers(self) -> list[str]:
        """Files that no finished film and no whole entry of the store accounts for."""
        making = [*(self.home / "cache").glob("v*/making/*"), *(self.home / "films").glob(".*")]
        return [str(path) for path in making]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with ExitStack() as children:
        yield Shell(tmp_path, children)


@pytest.fixture
def probe() -> Callable[[Path], Any]:
    """What a media file is, as ffmpeg sees it."""
    import asyncio

    from storygen.media.ffmpeg import find_binary, run
    from storygen.media.probe import probe_command, read_probe

    def look(path: Path) -> Any:
        finished = asyncio.run(run(probe_command(path), binary=find_binary(None), timeout=30, stall_after=30))
        return read_probe(path, finished.said)

    return look
