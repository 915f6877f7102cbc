"""A film of a story that brings its own pictures, clips and recordings."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from storygen.errors import InvalidScript
from storygen.library import run_story_sync
from storygen.media import ffmpeg
from storygen.media.ffmpeg import Command
from storygen.production import Delivery
from storygen.settings import Settings
from tests.media.odd import CORNERS, card, close, corners

STORY = """# Mine

## One
![](card.png)
Hello there.

## Two
![](card.mp4)

## Three
![](card.png)
Narration: ![](hum.wav)
Hum hum.
"""


@pytest.fixture
def story(tmp_path: Path) -> Path:
    folder = tmp_path / "story"
    folder.mkdir()
    card(90, 160).save(folder / "card.png")
    still = ("-loop", "1", "-framerate", "10", "-t", "2", "-f", "image2", "-i", f"file:{folder}/card.png")
    run(*still, "-c:v", "libx264", "-qp", "12", "-pix_fmt", "yuv420p", f"file:{folder}/card.mp4")
    hum = "aevalsrc='0.02*sin(2*PI*440*t)*lt(mod(t\\,1)\\,0.7)':s=96000:d=3"
    run("-f", "lavfi", "-i", hum, "-c:a", "pcm_s24le", f"file:{folder}/hum.wav")
    (folder / "mine.md").write_text(STORY)
    return folder / "mine.md"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folders = {name: tmp_path / name for name in ("films", "cache", "state")}
    film = {"height": 160, "fps": 10, "preset": "ultrafast"}
    others = {"subtitles": {"mode": "soft"}, "music": {"source": "off"}}
    return Settings.model_validate({"folders": folders, "film": film, **others})


def run(*args: str) -> None:
    command = Command(step="make", args=args)
    asyncio.run(ffmpeg.run(command, binary=ffmpeg.find_binary(None), timeout=60, stall_after=30))


def made(story: Path, settings: Settings) -> Delivery:
    return run_story_sync(story, settings).delivery


def pictures(delivery: Delivery, scratch: Path) -> np.ndarray:
    raw = scratch / "frames.raw"
    plain = ("-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", f"file:{raw}")
    run("-f", "mov", "-i", f"file:{delivery.folder / 'film.mp4'}", "-map", "0:v:0", *plain)
    return np.fromfile(raw, "uint8").reshape(-1, 160, 90, 3).astype(int)


def samples(delivery: Delivery, scratch: Path) -> np.ndarray:
    raw = scratch / "sound.raw"
    plain = ("-ac", "1", "-ar", "48000", "-f", "s16le", f"file:{raw}")
    run("-f", "mov", "-i", f"file:{delivery.folder / 'film.mp4'}", "-map", "0:a:0", *plain)
    return np.fromfile(raw, "<i2") / 32768


def test_what_a_story_brings_is_seen_and_heard_and_made_anew_only_where_it_changes(
    story: Path, settings: Settings, tmp_path: Path
) -> None:
    first = made(story, settings)
    one, two, three = first.manifest.scenes
    assert two.end - two.start == pytest.approx(2.0, abs=0.11)
    assert three.end - three.start == pytest.approx(3.3, abs=0.5)
    seen = pictures(first, tmp_path)
    for scene in (one, two, three):
        below = corners(seen[round((scene.start + scene.end) / 2 * 10)])[2:]  # a title lies over the upper ones
        assert [close(colour, drawn, 60) for colour, drawn in zip(below, CORNERS[2:], strict=True)] == [True] * 2
    heard = samples(first, tmp_path)[round(three.start * 48_000) :]
    assert np.argmax(np.abs(np.fft.rfft(heard[24_000:72_000]))) == pytest.approx(440, abs=2)
    assert [scene.made_by["voice"].partition("/")[0] for scene in (one, two, three)] == ["builtin", "local", "local"]

    shutil.move(story.parent, tmp_path / "moved")
    moved = made(tmp_path / "moved" / "mine.md", settings)
    assert all({"voice", "visuals", "assembly"} <= set(scene.cached) for scene in moved.manifest.scenes)

    card(90, 160).transpose(1).save(tmp_path / "moved" / "other.png")
    (tmp_path / "moved" / "mine.md").write_text(STORY.replace("card.png", "other.png", 1))
    edited = made(tmp_path / "moved" / "mine.md", settings)
    assert ["visuals" in scene.cached for scene in edited.manifest.scenes] == [False, True, True]


def test_a_story_that_brings_something_broken_is_refused_before_anything_is_made(
    story: Path, settings: Settings
) -> None:
    (story.parent / "card.mp4").write_bytes(b"#EXTM3U\nfile:///etc/passwd\n")
    with pytest.raises(InvalidScript, match=r"scene 2: card\.mp4: it is no clip or sound"):
        made(story, settings)
    stored = {path.parts[-4] for path in settings.folders.cache.rglob("entry.json")}
    assert stored <= {"visuals", "voice"}
    assert not list(settings.folders.cache.rglob("*.wav"))
    assert not list(settings.folders.films.glob("*/film.mp4"))


def test_words_that_come_from_anywhere_name_no_files(story: Path, settings: Settings) -> None:
    with pytest.raises(InvalidScript, match="files can only be named in a script that is a file itself"):
        run_story_sync(STORY, settings)
