"""The picture that stands for a film: the first of its pictures that can be told from afar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storygen.media.ffmpeg import Command, local
from storygen.media.probe import source
from storygen.story import Frame

if TYPE_CHECKING:
    from PIL import Image

FORMAT = 1  # part of the key under which thumbnails are stored: raise it when another picture would be taken
MOST_BYTES = 2_000_000  # what the platforms take, the smallest of their limits
_LOOK = 320  # pixels of the longer side that a picture is judged by
_DARKEST, _BRIGHTEST = 24, 232  # mean light, of 255
_LEAST_SPREAD = 16  # standard deviation of light
_LEAST_DETAIL = 2.5  # mean strength of edges: below it a picture is blurred or empty
_QUALITIES = (90, 82, 70, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A picture that may stand for the film, and the words that lie over it, where they are a file of their own."""

    image: Path
    focus: tuple[float, float] = (0.5, 0.5)
    words: Path | None = None


def choose(candidates: Sequence[Candidate], frame: Frame, out: Path) -> None:
    """Write the first candidate that is neither dark nor pale, flat nor blurred, in the shape of `frame`, as JPEG.

    Where none is good enough, the one with the most detail is taken. At most `MOST_BYTES` large.
    """
    best, most = None, -1.0
    for candidate in candidates:
        shown = _shown(candidate, frame)
        good, detail = judge(shown)
        if good:
            best = shown
            break
        if detail > most:
            best, most = shown, detail
    if best is None:
        raise ValueError("no picture to choose from")
    for quality in _QUALITIES:
        best.save(out, "JPEG", quality=quality)
        if out.stat().st_size <= MOST_BYTES:
            break


def judge(picture: Image.Image) -> tuple[bool, float]:
    """Whether a picture can be told from afar, and the mean strength of its edges."""
    from PIL import ImageFilter, ImageStat

    small = picture.convert("L")
    small.thumbnail((_LOOK, _LOOK))
    light = ImageStat.Stat(small)
    edges = small.filter(ImageFilter.FIND_EDGES).crop((2, 2, small.width - 2, small.height - 2))
    detail = ImageStat.Stat(edges).mean[0]
    good = _DARKEST <= light.mean[0] <= _BRIGHTEST and light.stddev[0] >= _LEAST_SPREAD and detail >= _LEAST_DETAIL
    return good, detail


def frame_command(film: Path, seconds: float, out: Path) -> Command:
    """Take the picture at a time of a film as PNG."""
    return Command(
        step="extract",
        args=(
            *source(film, "-ss", f"{seconds:.3f}"),
            *("-map", "0:v:0", "-frames:v", "1", "-c:v", "png", "-f", "image2", "-update", "1", local(out)),
        ),
    )


def _shown(candidate: Candidate, frame: Frame) -> Image.Image:
    """A candidate as the film shows it, with its words."""
    from PIL import Image, ImageChops, ImageOps

    size = (frame.width, frame.height)
    with Image.open(candidate.image, formats=("PNG", "JPEG", "WEBP")) as image:
        shown = ImageOps.fit(image.convert("RGB"), size, Image.Resampling.BICUBIC, centering=candidate.focus)
    if candidate.words:
        with Image.open(candidate.words, formats=("PNG",)) as words:
            layer = words.convert("RGBA").resize(size)
        *colours, alpha = layer.split()  # the colours are multiplied by their alpha already
        behind = ImageChops.multiply(shown, Image.merge("RGB", [ImageChops.invert(alpha)] * 3))
        shown = ImageChops.add(behind, Image.merge("RGB", colours))
    return shown
