"""A contact sheet shows a film's moments in their order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storygen.media.contact import moments, sheet_command
from storygen.media.ffmpeg import Command
from tests.media.films import run


@pytest.mark.parametrize("name", ["sheet.png", "sheet.jpg"])
def test_each_moment_stands_in_its_place(tmp_path: Path, name: str) -> None:
    film, sheet = tmp_path / "film.mp4", tmp_path / name
    fade = "color=c=black:s=64x96:r=10:d=6,format=gray,geq=lum='20+30*floor(T)'"
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", "mp4", f"file:{film}")
    run(Command(step="render", args=("-f", "lavfi", "-i", fade, *coded)))
    run(sheet_command(film, moments(6.0, 6), 4, 32, sheet))
    with Image.open(sheet) as image:
        assert image.format == ("PNG" if name.endswith("png") else "JPEG")
        grey = np.asarray(image.convert("L"), dtype=float)
    assert grey.shape == (10 + 2 * (48 + 10), 10 + 4 * (32 + 10))
    tiles = [grey[10 + row * 58 + 24, 10 + column * 42 + 16] for row in (0, 1) for column in range(4)]
    assert np.all(np.diff(tiles[:6]) > 20), tiles
    assert max(tiles[6:]) < 40, "there are only six"
