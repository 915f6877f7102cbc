"""What is said to a painter who is a vendor, and how its answer becomes a file."""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Iterable
from pathlib import Path

from storygen.errors import InvalidOutput
from storygen.media.probe import still_demuxer
from storygen.providers.images.base import ImageRequest, Picture
from storygen.story import Frame, Mood, Usage

MOST_BYTES = 40_000_000
_LONGEST = 2000
_MOODS = {
    Mood.NEUTRAL: "even and clear",
    Mood.CALM: "calm, soft light",
    Mood.JOYFUL: "joyful, bright and warm",
    Mood.WONDER: "full of wonder, glowing light",
    Mood.MYSTERIOUS: "mysterious, mist and deep shadows",
    Mood.TENSE: "tense, hard contrasts",
    Mood.DARK: "dark, little light",
    Mood.MELANCHOLY: "melancholy, muted colours",
}
_SUFFIXES = {"png_pipe": ".png", "jpeg_pipe": ".jpg", "webp_pipe": ".webp"}


def prompt(request: ImageRequest) -> str:
    """Describe the picture in words; the title is set by us, so that films look alike whoever painted them."""
    shown = request.picture.strip() or f"A scene called {request.title or request.film or 'untitled'}"
    film = f" for a film about {request.film[:200]}" if request.film else ""
    return (
        f"One picture{film}: {shown[:_LONGEST]}\n"
        f"Mood: {_MOODS[request.mood]}. {_shape(request.frame)}\n"
        "The upper quarter is quiet and holds nothing important.\n"
        "No text in the picture: no letters, numbers, captions, signs, logos, watermarks or frames."
    )


def mood_words(mood: Mood) -> str:
    """A mood as a painter or a camera is told it."""
    return _MOODS[mood]


def nearest(frame: Frame, shapes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The one of the width and height pairs whose shape is nearest to the frame's."""
    return min(shapes, key=lambda shape: abs(math.log(shape[0] / shape[1] * frame.height / frame.width)))


def picture_of(content: bytes | str, folder: Path, provider: str, usage: Usage) -> Picture:
    """Write an answer (bytes, or base64) into `folder`, as what its first bytes say it is.

    Raises `InvalidOutput`, with what was used, for anything but a PNG, JPEG or WebP file of sane size.
    """
    try:
        data = _decoded(content)
        path = folder / "picture"
        path.write_bytes(data)
        return Picture(image=path.rename(path.with_suffix(_SUFFIXES[still_demuxer(path)])), lettered=False)
    except (ValueError, InvalidOutput) as error:
        raise InvalidOutput(
            f"What {provider} delivered is no picture: {error}", provider=provider, usage=usage, hint="Try again."
        ) from error


def _decoded(content: bytes | str) -> bytes:
    if len(content) > MOST_BYTES * 4 / 3:
        raise ValueError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
    data = b64decode(content, validate=True) if isinstance(content, str) else content
    if not data:
        raise ValueError("it is empty")
    return data


def _shape(frame: Frame) -> str:
    if frame.height == frame.width:
        return "A square picture."
    return "An upright picture." if frame.height > frame.width else "A wide picture."
