"""Cards: a scene's picture painted without a model, with its title on it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storygen.media.canvas import Canvas, Point
from storygen.media.layout import Box, still_title_box
from storygen.media.lettering import Heading, heading, letter
from storygen.media.palettes import Colour, Palette, mix, palette_for
from storygen.media.scenery import SCENES, scene_for
from storygen.story import Frame, Mood

if TYPE_CHECKING:
    from PIL import Image

FORMAT = 1  # part of the key under which cards are stored: raise it when they look different
OVERSIZE = 1.15  # painted larger than the frame, so that the closest look is still sharp
CONTRAST = 4.5  # least contrast of text, WCAG 2.2 level AA
_QUALITY = 93


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is painted: a description of the scene, its words, its mood, and its place in the film, counted from 1."""

    picture: str
    title: str
    subtitle: str
    mood: Mood
    frame: Frame
    number: int
    film: str = ""
    seed: int = 0


def paint(card: Card, path: Path) -> Point:
    """Paint a card as a JPEG file, the same bytes for the same card, and return the point that the eye should go to.

    The scene follows the words of the description, or else those of the title; neighbours differ in palette, and in
    scene where no word asks for one.
    """
    turn = _digest(card.film, card.seed) % 997 + card.number
    palette = palette_for(card.mood, turn)
    name = scene_for(card.picture or f"{card.title} {card.subtitle}", turn)
    width, height = (round(size * OVERSIZE / 2) * 2 for size in (card.frame.width, card.frame.height))
    chance = _digest(card.picture, card.title, card.mood, card.number, card.seed)
    canvas = Canvas(width, height, palette, chance)
    focus = SCENES[name](canvas)
    canvas.finish()
    _put_heading(canvas, card, focus)
    canvas.image.save(path, "JPEG", quality=_QUALITY, subsampling=0)
    return round(focus[0], 3), round(focus[1], 3)


def _put_heading(canvas: Canvas, card: Card, focus: Point) -> None:
    title = card.title or (card.film if card.number == 1 else "")
    box = still_title_box(Frame(width=canvas.width, height=canvas.height, fps=card.frame.fps), focus)
    bar = max(2, round(canvas.side * 0.0065))
    top = box.top + bar * 5
    words = heading(title, card.subtitle, box.width, box.bottom - top, round(canvas.side * 0.078))
    if not words.used:
        return
    ink = mix(canvas.palette.light, (255, 255, 255), 0.65)
    quiet = mix(ink, canvas.palette.low, 0.22)
    area = Box(left=box.left, top=top, right=box.right, bottom=top + words.used)
    _darken(canvas, area, quiet)
    _write(canvas.image, words, (box.left, top), (ink, quiet), canvas.palette)
    side = box.right - bar * 14 if words.title.from_right else box.left
    canvas.image.paste(canvas.palette.accent, (side, box.top, side + bar * 14, box.top + bar))


def _darken(canvas: Canvas, area: Box, ink: Colour) -> None:
    """Lay as little shade over the top as lets `ink` be read over the brightest of what is behind it."""
    bottom = min(canvas.height, area.bottom + round(area.height * 1.3))
    above = canvas.image.crop((0, 0, canvas.width, bottom))
    shade = mix(canvas.palette.near, (0, 0, 0), 0.4)
    for step in range(19):
        canvas.image.paste(above, (0, 0))
        if step:
            canvas.veil(area.bottom, bottom, shade, step * 0.05)
        behind = canvas.image.crop((area.left, area.top, area.right, area.bottom))
        if contrast(ink, behind) >= CONTRAST * 1.08:
            return


def contrast(ink: Colour, behind: Image.Image) -> float:
    """The WCAG contrast ratio between a light ink and the brightest hundredth of a picture.

    Formula: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio. Single stars are left out: letters are wider.
    """
    linear = [round(255 * _linear(value / 255)) for value in range(256)] * 3
    weights = (0.2126, 0.7152, 0.0722, 0.0)
    counts = behind.convert("RGB").point(linear).convert("L", weights).histogram()
    rest, brightest = sum(counts) // 100, 255
    while rest >= counts[brightest]:
        rest -= counts[brightest]
        brightest -= 1
    light = sum(weight * _linear(value / 255) for weight, value in zip(weights[:3], ink, strict=True))
    return (light + 0.05) / (brightest / 255 + 0.05)


def _write(
    image: Image.Image, words: Heading, at: tuple[int, int], inks: tuple[Colour, Colour], palette: Palette
) -> None:
    from PIL import Image, ImageFilter

    size = (words.width, words.height)
    masks = Image.new("L", size), Image.new("L", size)
    letter(words.title, masks[0], 0)
    letter(words.subtitle, masks[1], words.title.height + words.gap)
    shadow = Image.new("L", size)
    for mask in masks:
        shadow.paste(160, (0, 0), mask)
    blurred = shadow.filter(ImageFilter.GaussianBlur(max(2, words.title.size // 10)))
    image.paste(mix(palette.near, (0, 0, 0), 0.5), at, blurred)
    for mask, ink in zip(masks, inks, strict=True):
        image.paste(ink, at, mask)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _digest(*parts: object) -> int:
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big")
