"""The closing card says the title and the end, in the film's language, where everybody sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from storygen.media import ending
from storygen.media.ending import Ending, paint_end, the_end
from storygen.media.layout import LARGEST_ZOOM, safe_box
from storygen.story import Frame, Mood

SHAPES = [
    Frame(width=216, height=384, fps=30),
    Frame(width=384, height=216, fps=30),
    Frame(width=240, height=240, fps=30),
]


def painted(folder: Path, title: str, frame: Frame, language: str = "en") -> Image.Image:
    paint_end(Ending(title=title, language=language, mood=Mood.CALM, frame=frame), folder / "end.jpg")
    with Image.open(folder / "end.jpg") as image:
        return image.convert("RGB")


@pytest.mark.parametrize("frame", SHAPES)
@pytest.mark.parametrize("title", ["Night Shift", "W" * 300, "الليل الطويل"])
def test_words_stay_inside_the_safe_area_at_the_largest_zoom(
    title: str, frame: Frame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = painted(tmp_path, title, frame)
    monkeypatch.setattr(ending, "write", lambda *_, **__: None)
    difference = ImageChops.difference(shown, painted(tmp_path, title, frame)).convert("L")
    seen = difference.point(lambda value: 255 * (value > 60)).getbbox()
    assert seen is not None
    safe = safe_box(Frame(width=shown.width, height=shown.height, fps=30))
    for at, (first, last) in enumerate(((safe.left, safe.right), (safe.top, safe.bottom))):
        middle = shown.size[at] / 2
        assert middle + (seen[at] - middle) * LARGEST_ZOOM >= first - 1
        assert middle + (seen[at + 2] - middle) * LARGEST_ZOOM <= last + 1


def test_the_end_is_said_in_the_films_language_where_its_letters_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "covers", lambda words: tuple(words) if words == "完" else ())
    assert [the_end(tag) for tag in ("en-GB", "de", "tlh", "zh")] == ["The End", "Ende", "", ""]


def test_the_same_ending_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.jpg", "two.jpg"):
        paint_end(Ending(title="Again", language="en", mood=Mood.WONDER, frame=SHAPES[0]), tmp_path / name)
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "two.jpg").read_bytes()
