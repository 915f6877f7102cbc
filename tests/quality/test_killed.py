"""Where something ends ffmpeg, no file is blamed for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from storygen.errors import RenderFailed
from storygen.media import ffmpeg
from storygen.media.ffmpeg import Command, Finished
from storygen.media.probe import probe
from storygen.quality.audio import check_audio
from storygen.quality.clips import check_clip
from storygen.story import Frame
from tests.media.films import run
from tests.providers.speech.sound_tools import tone, write_wav

Runs = Callable[[Command], Awaitable[Finished]]


@pytest.fixture
def dying(tmp_path: Path) -> Runs:
    """An ffmpeg that is ended as soon as it starts, as by a machine without memory."""
    binary = tmp_path / "ffmpeg"
    binary.write_text("#!/bin/sh\nkill -9 $$\n")
    binary.chmod(0o700)
    return lambda command: ffmpeg.run(command, binary=binary, timeout=30, stall_after=30)


def test_a_sound_is_not_called_damaged(tmp_path: Path, dying: Runs) -> None:
    sound = write_wav(tmp_path / "a.wav", tone(1.0))
    with pytest.raises(RenderFailed, match="killed by signal 9"):
        asyncio.run(check_audio(sound, dying, tmp_path))


def test_a_clip_is_not_called_damaged(tmp_path: Path, dying: Runs) -> None:
    clip = tmp_path / "a.mp4"
    run(Command(step="make", args=("-f", "lavfi", "-i", "testsrc2=s=180x320:d=1", "-f", "mp4", f"file:{clip}")))
    with pytest.raises(RenderFailed, match="killed by signal 9"):
        asyncio.run(check_clip(clip, Frame(width=180, height=320, fps=30), 1.0, dying))
    with pytest.raises(RenderFailed, match="killed by signal 9"):
        asyncio.run(probe(clip, dying))
