"""What was bought for one shape is shown in another without asking anybody."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from storygen.media.ffmpeg import Command
from storygen.stages import visuals
from storygen.story import Frame, Made, Scene, Shot
from tests.media.films import FRAME, run, workshop

WIDE = Frame(width=320, height=180, fps=30)
SCENE = Scene(title="Light", picture="a lamp")


def upright(path: Path) -> Path:
    """A red picture with a green stripe along its top and its bottom edge."""
    image = Image.new("RGB", (360, 640), (200, 20, 20))
    for top in (0, 600):
        image.paste((20, 200, 20), (0, top, 360, top + 40))
    image.save(path)
    return path


def reframed(first: Shot, folder: Path, frame: Frame = WIDE, missing: tuple[str, ...] = ()) -> Made[Shot]:
    bought = Made(value=first, key="bought", provider="openai", model="m", cost_usd=0.04, missing=missing)
    tools: Any = workshop(folder / "cache")  # it has nobody to call
    return asyncio.run(visuals.reframe(SCENE, 1, "Film", frame, tools, bought))


def test_a_picture_that_would_lose_too_much_is_shown_whole_before_a_blur_of_itself(tmp_path: Path) -> None:
    shot = Shot(image=tmp_path / "lettered.jpg", original=upright(tmp_path / "original.png"))
    made = reframed(shot, tmp_path, missing=("elevenlabs: timeout",))
    assert (made.provider, made.cost_usd, made.missing) == ("openai", 0.04, ("elevenlabs: timeout",))
    with Image.open(made.value.image) as image:
        assert image.width / image.height == pytest.approx(16 / 9, abs=0.02)
        seen = np.asarray(image.convert("RGB"), dtype=int)
    height, width = seen.shape[:2]
    bottom, middle = seen[int(height * 0.98), width // 2], seen[height // 2, width // 2]
    assert bottom[1] > 150, "the lower edge of the picture is there"
    assert middle[0] > 150
    assert seen[height // 2, 4][0] < 120, "beside it there is less light"


def test_a_picture_that_nearly_fits_is_cut(tmp_path: Path) -> None:
    shot = Shot(image=tmp_path / "lettered.jpg", original=upright(tmp_path / "original.png"))
    made = reframed(shot, tmp_path, Frame(width=200, height=320, fps=30))
    with Image.open(made.value.image) as image:
        assert image.width / image.height == pytest.approx(200 / 320, abs=0.02)
        seen = np.asarray(image.convert("RGB"), dtype=int)
    assert seen[seen.shape[0] // 2, 2][0] > 150


def test_a_card_is_drawn_anew(tmp_path: Path) -> None:
    made = reframed(Shot(image=tmp_path / "card.jpg"), tmp_path)
    with Image.open(made.value.image) as image:
        assert image.width / image.height == pytest.approx(16 / 9, abs=0.02)
    assert made.value.original is None


def test_a_clip_fills_the_other_shape_with_its_words_over_it(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    graph = ("-f", "lavfi", "-i", f"color=c=red:s={FRAME.width}x{FRAME.height}:r=30:d=1", "-c:v", "libx264")
    run(Command(step="render", args=(*graph, "-pix_fmt", "yuv420p", "-f", "mp4", f"file:{clip}")))
    still = upright(tmp_path / "still.png")
    shot = Shot(image=still, original=still, clip=clip, clip_seconds=1.0, heading=tmp_path / "heading.png")
    made = reframed(shot, tmp_path).value
    assert made.clip_seconds == 1.0
    raw = tmp_path / "raw"
    grey = ("-map", "0:v", "-pix_fmt", "gray", "-f", "rawvideo", f"file:{raw}")
    said = run(Command(step="decode", args=("-f", "mov", "-i", f"file:{made.clip}", *grey))).said
    assert re.search(r"Video: .* 320x180", said)
    seen = np.fromfile(raw, dtype="uint8").reshape(-1, 180, 320)
    assert len(seen) == 30
    assert seen[0, 90, 160] > seen[0, 90, 8] + 10, "the clip is whole in the middle, darker beside it"
    assert made.heading is not None
    with Image.open(made.heading) as words:
        assert words.size == (320, 180)
