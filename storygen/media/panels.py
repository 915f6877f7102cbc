"""The windows that text is typed in: five themes, painted as a picture of the frame's size."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storygen.media.layout import Box
from storygen.media.lettering import letter, one_line
from storygen.media.palettes import Colour, mix
from storygen.story import Frame

if TYPE_CHECKING:
    from PIL import Image

_SMOOTH = 2
_DOTS: tuple[Colour, ...] = ((255, 95, 87), (254, 188, 46), (40, 200, 64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """The colours and habits of a terminal. `texture` is drawn over the paper: rain (of signs) or lines (of a tube)."""

    paper: Colour
    bar: Colour
    label: Colour
    text: Colour
    prompt: Colour
    cursor: Colour
    edge: Colour
    dots: tuple[Colour, ...] = _DOTS
    sign: str = "$ "
    opacity: float = 0.96
    corner: float = 0.022
    texture: str = ""
    has_numbers: bool = False


THEMES: dict[str, Theme] = {
    "dark": Theme(
        paper=(24, 26, 34),
        bar=(40, 43, 54),
        label=(160, 166, 184),
        text=(234, 236, 244),
        prompt=(126, 231, 135),
        cursor=(234, 236, 244),
        edge=(72, 76, 92),
    ),
    "light": Theme(
        paper=(253, 252, 249),
        bar=(232, 229, 222),
        label=(96, 96, 104),
        text=(32, 36, 44),
        prompt=(5, 105, 218),
        cursor=(32, 36, 44),
        edge=(205, 200, 190),
        opacity=1.0,
    ),
    "matrix": Theme(
        paper=(2, 12, 6),
        bar=(4, 34, 16),
        label=(70, 190, 100),
        text=(84, 255, 128),
        prompt=(205, 255, 215),
        cursor=(205, 255, 215),
        edge=(28, 120, 60),
        dots=((28, 120, 60), (40, 160, 80), (84, 255, 128)),
        sign="> ",
        corner=0.008,
        texture="rain",
    ),
    "hacker": Theme(
        paper=(16, 8, 2),
        bar=(255, 176, 40),
        label=(24, 12, 2),
        text=(255, 184, 64),
        prompt=(255, 90, 60),
        cursor=(255, 184, 64),
        edge=(255, 176, 40),
        dots=(),
        sign="# ",
        opacity=0.98,
        corner=0.0,
        texture="lines",
    ),
    "vscode": Theme(
        paper=(30, 30, 30),
        bar=(45, 45, 48),
        label=(235, 235, 235),
        text=(156, 220, 254),
        prompt=(197, 134, 192),
        cursor=(174, 175, 173),
        edge=(0, 122, 204),
        dots=(),
        opacity=1.0,
        corner=0.006,
        has_numbers=True,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where a window stands: its outline, its bar, and the room for text, all in pixels of the frame."""

    outline: Box
    bar: int
    text: Box


def paint_panel(window: Window, theme: Theme, title: str, frame: Frame, path: Path, *, alone: bool) -> None:
    """Paint the window as a PNG of the frame's size, transparent around it; `alone` it stands on the theme's ground."""
    from PIL import Image

    size = (frame.width, frame.height)
    side = min(size)
    image = _ground(theme, size) if alone else Image.new("RGBA", size)
    box = window.outline
    _shadow(image, box, round(theme.corner * side), side)
    face = _face(window, theme, title, side)
    mask = _rounded(box, round(theme.corner * side)).point([round(value * theme.opacity) for value in range(256)])
    if alone:
        image.paste(face, (box.left, box.top), mask)
        image = image.convert("RGB")
    else:
        layer = Image.new("RGBA", size)
        layer.paste(face, (box.left, box.top), mask)
        image.alpha_composite(layer)
    image.save(path, "PNG", compress_level=6)


def _face(window: Window, theme: Theme, title: str, side: int) -> Image.Image:
    from PIL import Image, ImageDraw

    box = window.outline
    face = Image.new("RGB", (box.width, box.height), theme.paper)
    if theme.texture == "rain":
        _rain(face, theme, side)
    draw = ImageDraw.Draw(face)
    draw.rectangle((0, 0, box.width, window.bar - 1), fill=theme.bar)
    if theme.has_numbers:
        _editor(face, window, theme)
    _bar(face, window, theme, title)
    if theme.texture == "lines":
        for y in range(0, box.height, 4):
            draw.line((0, y, box.width, y), fill=mix(theme.paper, (0, 0, 0), 0.55) if y >= window.bar else theme.bar)
    thickness = max(1, round(side * 0.0018))
    corner = round(theme.corner * side)
    draw.rounded_rectangle((0, 0, box.width - 1, box.height - 1), corner, outline=theme.edge, width=thickness)
    return face


def _bar(face: Image.Image, window: Window, theme: Theme, title: str) -> None:
    from PIL import Image, ImageDraw

    height, reach = window.bar, window.bar * 0.15
    dots = Image.new("RGBA", (height * 3 * _SMOOTH, height * _SMOOTH))
    draw = ImageDraw.Draw(dots)
    for number, colour in enumerate(theme.dots):
        x, y = height * (0.62 + 0.52 * number) * _SMOOTH, height * 0.5 * _SMOOTH
        draw.ellipse((x - reach * _SMOOTH, y - reach * _SMOOTH, x + reach * _SMOOTH, y + reach * _SMOOTH), fill=colour)
    small = dots.reduce(_SMOOTH)
    face.paste(small, (0, 0), small.getchannel("A"))
    left = round(height * (2.2 if theme.dots else 0.55))
    room = window.text.right - window.outline.left - left
    words = one_line(title or "terminal", room, round(height * 0.44))
    mask = Image.new("L", (room, height))
    letter(words, mask, round((height - words.height) / 2))
    face.paste(theme.label, (left, 0), mask)


def _editor(face: Image.Image, window: Window, theme: Theme) -> None:
    """What tells an editor from a shell: a tab with a coloured rim, a gutter, and a status line."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(face)
    tab = round(face.width * 0.72)
    draw.rectangle((0, 0, tab, window.bar - 1), fill=theme.paper)
    draw.rectangle((0, 0, tab, max(2, window.bar // 16)), fill=theme.edge)
    draw.rectangle((0, face.height - window.bar // 2, face.width, face.height), fill=theme.edge)


def _rain(face: Image.Image, theme: Theme, side: int) -> None:
    """Columns of faint signs that fade upwards."""
    from PIL import ImageDraw, ImageFont

    from storygen.media.fonts import MONO, font_file

    chance = random.Random(face.width * 7919 + face.height)  # noqa: S311 - the same window looks the same every time
    size = max(6, round(side * 0.020))
    font = ImageFont.truetype(font_file(MONO), size, layout_engine=ImageFont.Layout.BASIC)
    draw = ImageDraw.Draw(face)
    for x in range(0, face.width, size):
        foot, length = chance.randrange(face.height), chance.randint(4, 12)
        for number in range(length):
            colour = mix(theme.paper, theme.text, 0.20 * (1 - number / length))
            draw.text((x, foot - number * size * 1.1), chance.choice("01<>[]{}#$%&*+=;:/\\|"), fill=colour, font=font)


def _shadow(image: Image.Image, box: Box, corner: int, side: int) -> None:
    from PIL import Image, ImageFilter

    spread = max(2, round(side * 0.016))
    area = (box.width + spread * 6, box.height + spread * 6)
    shade = Image.new("L", area)
    shade.paste(130, (spread * 3, spread * 3), _rounded(box, corner))
    shade = shade.filter(ImageFilter.GaussianBlur(spread))
    dark = Image.new("RGBA", area, (0, 0, 0, 0))
    dark.putalpha(shade)
    at = (box.left - spread * 3, box.top - spread * 3 + spread // 2)
    cut = (max(0, -at[0]), max(0, -at[1]))
    image.alpha_composite(dark.crop((*cut, *area)), (max(0, at[0]), max(0, at[1])))


def _rounded(box: Box, corner: int) -> Image.Image:
    from PIL import Image, ImageDraw

    mask = Image.new("L", (box.width * _SMOOTH, box.height * _SMOOTH))
    area = (0, 0, mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(area, corner * _SMOOTH, fill=255)
    return mask.reduce(_SMOOTH)


def _ground(theme: Theme, size: tuple[int, int]) -> Image.Image:
    """A quiet ground in the theme's colours, lighter towards the middle."""
    from PIL import Image

    light = sum(theme.paper) > 380
    outer = mix(theme.bar, (255, 255, 255), 0.1) if light else mix(theme.paper, (0, 0, 0), 0.45)
    inner = mix(theme.edge, theme.paper, 0.35 if light else 0.72)
    spot = Image.radial_gradient("L").resize(size, Image.Resampling.BICUBIC)
    return Image.composite(Image.new("RGB", size, outer), Image.new("RGB", size, inner), spot).convert("RGBA")
