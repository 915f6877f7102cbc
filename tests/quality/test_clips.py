"""A clip is what it says it is, lasts, and shows something."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from storygen.media import ffmpeg
from storygen.media.ffmpeg import Command, Finished
from storygen.quality.clips import check_clip
from storygen.story import Check, Frame, Verdict
from tests.media.films import BINARY, run

FRAME = Frame(width=180, height=320, fps=30)


def clip(path: Path, source: str, *more: str) -> Path:
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", "mp4", f"file:{path}")
    run(Command(step="make", args=("-f", "lavfi", "-i", source, *more, *coded)))
    return path


def checks(path: Path, asked: float = 2.0) -> dict[str, Check]:
    async def call(command: Command) -> Finished:
        return await ffmpeg.run(command, binary=BINARY, timeout=60, stall_after=30)

    return {check.name: check for check in asyncio.run(check_clip(path, FRAME, asked, call))}


def bad(found: dict[str, Check], verdict: Verdict = Verdict.FAIL) -> list[str]:
    return [name for name, check in found.items() if check.verdict is verdict]


def test_a_moving_clip_passes_and_is_measured(tmp_path: Path) -> None:
    found = checks(clip(tmp_path / "a.mp4", "testsrc2=s=180x320:r=24:d=2"))
    assert {check.verdict for check in found.values()} == {Verdict.PASS}
    assert found["duration"].value == pytest.approx(2.0, abs=0.05)


def test_a_black_clip_fails(tmp_path: Path) -> None:
    assert bad(checks(clip(tmp_path / "a.mp4", "color=black:s=180x320:r=24:d=2"))) == ["black_stretch"]


def test_a_clip_that_stands_still_is_remarked_on(tmp_path: Path) -> None:
    found = checks(clip(tmp_path / "a.mp4", "color=gray:s=180x320:r=24:d=2"))
    assert bad(found, Verdict.WARN) == ["frozen_stretch"]


def test_a_clip_that_is_shorter_than_ordered_is_remarked_on_and_one_of_a_moment_fails(tmp_path: Path) -> None:
    short = clip(tmp_path / "a.mp4", "testsrc2=s=180x320:r=24:d=2")
    assert bad(checks(short, asked=5.0), Verdict.WARN) == ["duration"]
    assert bad(checks(clip(tmp_path / "b.mp4", "testsrc2=s=180x320:r=24:d=0.3"))) == ["duration"]


def test_a_small_clip_is_remarked_on(tmp_path: Path) -> None:
    assert bad(checks(clip(tmp_path / "a.mp4", "testsrc2=s=64x64:r=24:d=2")), Verdict.WARN) == ["resolution"]


def test_a_file_that_was_cut_off_fails(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", "testsrc2=s=180x320:r=24:d=2", "-movflags", "+faststart")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "decodes" in bad(checks(path)) or "duration" in bad(checks(path))


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    run(Command(step="make", args=("-f", "lavfi", "-i", "sine=d=2", "-f", "wav", f"file:{path}")))
    assert bad(checks(path)) == ["streams"]


@pytest.mark.parametrize("content", [b"", b"#EXTM3U\nfile:///etc/passwd\n", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_clip_fails_without_being_opened(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert bad(checks(path)) == ["decodes"]


def test_a_clip_that_would_take_too_much_is_not_decoded(tmp_path: Path) -> None:
    long = clip(tmp_path / "a.mp4", "color=gray:s=32x32:r=1:d=70")
    assert list(checks(long)) == ["duration"]
    huge = clip(tmp_path / "b.mp4", "color=gray:s=4200x2400:r=2:d=1")
    assert list(checks(huge)) == ["resolution"]
