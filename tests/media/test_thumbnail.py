"""The picture that stands for a film can be told from afar, has its words, and is small enough for every platform."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from storygen.media.thumbnail import MOST_BYTES, Candidate, choose, judge
from storygen.story import Frame
from tests.media.films import FRAME


def picture(path: Path, kind: str) -> Candidate:
    """A picture of one colour, or of blocks of many, seen sharply or not."""
    size = (FRAME.width, FRAME.height)
    greys = np.random.default_rng(7).integers(30, 220, (16, 9), dtype="uint8")
    blocks = Image.fromarray(greys).convert("RGB").resize(size, Image.Resampling.NEAREST)
    made = {
        "black": Image.new("RGB", size, (6, 6, 9)),
        "white": Image.new("RGB", size, (250, 250, 250)),
        "blurred": blocks.filter(ImageFilter.GaussianBlur(60)),
    }
    made.get(kind, blocks).save(path)
    return Candidate(image=path)


def chosen(candidates: list[Candidate], folder: Path, frame: Frame = FRAME) -> np.ndarray:
    choose(candidates, frame, folder / "thumbnail.jpg")
    with Image.open(folder / "thumbnail.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (frame.width, frame.height))
        return np.asarray(image.convert("L"), dtype=float)


@pytest.mark.parametrize("first", ["black", "white", "blurred"])
def test_what_cannot_be_told_from_afar_is_passed_over(tmp_path: Path, first: str) -> None:
    poor, good = picture(tmp_path / "poor.png", first), picture(tmp_path / "good.png", "good")
    expected = np.asarray(Image.open(good.image).convert("L"), dtype=float)
    assert np.abs(chosen([poor, good], tmp_path) - expected).mean() < 3


def test_the_first_good_picture_is_taken_and_of_bad_ones_the_one_with_most_in_it(tmp_path: Path) -> None:
    good = picture(tmp_path / "a.png", "good")
    with Image.open(good.image) as image:
        image.transpose(Image.Transpose.ROTATE_180).save(tmp_path / "b.png")
    other = Candidate(image=tmp_path / "b.png")
    assert np.abs(chosen([good, other], tmp_path) - chosen([good], tmp_path)).max() == 0
    bad = [picture(tmp_path / f"{kind}.png", kind) for kind in ("black", "blurred", "white")]
    assert np.abs(chosen(bad, tmp_path) - chosen(bad[1:2], tmp_path)).max() == 0


def test_words_over_a_clip_are_on_it(tmp_path: Path) -> None:
    base = picture(tmp_path / "a.png", "good")
    layer = Image.new("RGBA", (FRAME.width, FRAME.height), (0, 0, 0, 0))
    layer.paste((255, 255, 255, 255), (20, 30, 160, 60))
    layer.paste((0, 0, 0, 128), (20, 70, 160, 90))
    layer.save(tmp_path / "words.png")
    seen = chosen([Candidate(image=base.image, words=tmp_path / "words.png")], tmp_path)
    plain = chosen([base], tmp_path)
    assert seen[32:58, 22:158].min() > 240
    assert seen[74:86, 24:156].mean() == pytest.approx(plain[74:86, 24:156].mean() / 2, abs=3)
    assert np.abs(seen[120:] - plain[120:]).mean() < 1


def test_even_noise_of_a_large_size_is_small_enough(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1440, 2160, 3), dtype="uint8")
    Image.fromarray(noise).save(tmp_path / "noise.png")
    chosen([Candidate(image=tmp_path / "noise.png")], tmp_path, Frame(width=2160, height=1440, fps=30))
    assert (tmp_path / "thumbnail.jpg").stat().st_size <= MOST_BYTES


def test_a_tiny_picture_can_be_judged() -> None:
    assert judge(Image.new("RGB", (4, 4)))[0] is False
