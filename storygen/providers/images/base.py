"""What a painter is asked for, and what it delivers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storygen.story import Frame, Mood


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """Paint one scene for a frame. `number`, from 1, is its place in the film; `seed` asks for another picture of it.

    How many scenes there are is left out on purpose: a film that gets one more keeps the pictures it has paid for.
    `lettered` says whether a painter that can set type may put the title on the picture itself.
    """

    picture: str
    title: str
    subtitle: str
    mood: Mood
    frame: Frame
    number: int
    film: str = ""
    seed: int = 0
    lettered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A still image, and the point that matters most, as shares of width and height.

    `lettered` says whether the title stands on it; where it does not, it may have any size and shape.
    """

    image: Path
    focus: tuple[float, float] = (0.5, 0.5)
    lettered: bool = True
