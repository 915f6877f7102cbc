"""The hands of a run: an ffmpeg that stands still is ended and tried once more in another way."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import Any

import pytest

from storygen import events
from storygen.errors import Stalled
from storygen.events import Timed
from storygen.media import ffmpeg
from storygen.media.ffmpeg import Command
from storygen.resilience.cache import Cache
from storygen.store.artifacts import Store
from storygen.workshop import Pulse, Workshop
from tests.media.films import BINARY

SHORT = ("-f", "lavfi", "-i", "testsrc=s=32x32:d=1", "-f", "null", "-")
NOTES = (events.Halted, events.Retried, events.GaveUp)


class Listener:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def began(self, timed: Timed) -> None: ...

    def ended(self, timed: Timed) -> None: ...

    def noted(self, event: object, within: Timed | None) -> None:
        if isinstance(event, NOTES):
            self.notes.append(type(event).__name__)


def hands(folder: Path, times: int, patience: float) -> Workshop:
    """The hands of a stage whose ffmpeg sleeps the first `times` that it is asked, and notes how it was asked."""
    script = folder / "ffmpeg"
    asked, real = shlex.quote(str(folder / "asked")), shlex.quote(str(BINARY))
    stuck = f"[ $(wc -l < {asked}) -le {times} ]"
    script.write_text(f'#!/bin/sh\necho "$@" >> {asked}\nif {stuck}; then exec sleep 60; fi\nexec {real} "$@"\n')
    script.chmod(0o755)
    nobody: Any = None
    return Workshop(nobody, Cache(Store(folder)), binary=script, cores=1, stall_seconds=patience, pulse=Pulse())


def test_a_render_that_stands_still_is_ended_tried_once_more_with_single_threads_and_told_of(tmp_path: Path) -> None:
    listener = Listener()
    with events.watched(events.Watch([listener])):
        done = asyncio.run(hands(tmp_path, 1, 2.0).ffmpeg(Command(step="render", args=SHORT, seconds=1)))
    assert done.out_seconds == 1.0
    assert listener.notes == ["Halted", "Retried"]
    first, second = (tmp_path / "asked").read_text().splitlines()
    assert "-threads 1 -protocol_whitelist" in second
    assert "-threads" not in first
    assert ffmpeg.running() == frozenset()


@pytest.mark.parametrize(
    ("step", "notes"), [("join", ["Halted", "Retried", "Halted", "GaveUp"]), ("probe", ["Halted"])]
)
def test_what_stands_still_again_or_only_reads_a_file_is_reported(tmp_path: Path, step: str, notes: list[str]) -> None:
    listener = Listener()
    with events.watched(events.Watch([listener])), pytest.raises(Stalled, match=f"ffmpeg {step} stood still"):
        asyncio.run(hands(tmp_path, 9, 0.2).ffmpeg(Command(step=step, args=SHORT)))
    assert listener.notes == notes
    assert ffmpeg.running() == frozenset()
