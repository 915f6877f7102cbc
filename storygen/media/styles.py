"""How subtitles look, by the names of the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from storygen.media.fonts import SANS, SANS_SEMIBOLD
from storygen.media.palettes import Colour
from storygen.settings import SubtitleStyle


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """One look: `size`, `outline`, `shadow` and `padding` are in ems, the em of the frame for the first of them.

    `box` is the ground that the words stand on and its share of opacity. A word that is heard is `lit` while it lasts,
    or filled with that colour from its beginning to its end and left so. A cue that `pops` grows into its place.
    `most_columns` keeps lines short.
    """

    family: str = SANS
    bold: bool = True
    size: float = 1.0
    text: Colour = (255, 255, 255)
    lit: Colour = (255, 208, 63)
    label: Colour = (184, 217, 242)
    outline: float = 0.085
    shadow: float = 0.05
    box: tuple[Colour, float] | None = None
    padding: float = 0.0
    heard: Literal["lit", "filled"] = "lit"
    pops: bool = False
    most_columns: int = 80


STYLES: dict[SubtitleStyle, Style] = {
    "clean": Style(),
    "boxed": Style(
        family=SANS_SEMIBOLD, bold=False, size=0.94, outline=0.0, shadow=0.0, box=((14, 15, 22), 0.78), padding=0.32
    ),
    "bold-pop": Style(size=1.34, lit=(104, 255, 150), outline=0.13, shadow=0.08, pops=True, most_columns=18),
    "karaoke": Style(size=1.08, lit=(255, 176, 46), label=(200, 206, 220), outline=0.10, heard="filled"),
}
