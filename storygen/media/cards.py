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

FORMAT = 2  # part of the key under which cards are stored: raise it when they look different
OVERSIZE = 1.15  # painted larger than the frame, so that the closest look is still sharp
CONTRAST = 4.5  # least contrast of text, WCAG 2.2 level AA
_QUALITY = 93
_LEAST_SHADE, _MOST_SHADE = 0.4, 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is painted: a description of the scene, its words, its mood, and its place in the film, counted from 1.

    Without `lettered` the words only decide what is painted.
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

    @property
    def heading(self) -> str:
        """The words in large letters: the scene's title, and where the first scene has none, the film's."""
        return self.title or (self.film if self.number == 1 else "")


def paint(card: Card, path: Path) -> Point:
    """Paint a card as a JPEG file, the same bytes for the same card, and return the point that the eye should go to.

    The scene follows the words of the description, or else those of the title; neighbours differ in palette, are each
    other's mirror image, and show another scene where no word asks for one.
    """
    turn = _turn(card)
    name = scene_for(card.picture or f"{card.title} {card.subtitle}", turn)
    chance = _digest(card.picture, card.title, card.mood, card.number, card.seed)
    canvas = Canvas(*_oversize(card.frame), palette_for(card.mood, turn), chance)
    focus = SCENES[name](canvas)
    canvas.finish()
    if turn % 2:
        focus = _mirrored(canvas, focus)
    if card.lettered and (words := _Words.of(canvas, card, focus)):
        words.write(canvas)
    canvas.image.save(path, "JPEG", quality=_QUALITY, subsampling=0)
    return round(focus[0], 3), round(focus[1], 3)


def letter_picture(picture: Path, card: Card, focus: Point, path: Path) -> None:
    """Put the card's words on somebody else's picture, cut to the frame's shape around `focus`, as a JPEG file."""
    canvas = _canvas_of(picture, card, focus)
    if words := _Words.of(canvas, card, focus):
        words.write(canvas)
    canvas.image.save(path, "JPEG", quality=_QUALITY, subsampling=0)


def letter_layer(picture: Path, card: Card, path: Path) -> bool:
    """The card's words alone, to lie over a clip that begins with `picture`; False where there are none.

    A PNG file of the frame's size, its colours multiplied by their alpha. What will be behind the words is not known,
    so the shade under them is stronger than the picture asks for.
    """
    size = (card.frame.width, card.frame.height)
    canvas = _canvas_of(picture, card, (0.5, 0.5), size)
    words = _Words.of(canvas, card, (0.5, 0.5))
    if words is None:
        return False
    strength = min(_MOST_SHADE, max(_LEAST_SHADE, words.darken(canvas) + 0.15))
    _apart(words, canvas, strength).save(path, "PNG")
    return True


def _mirrored(canvas: Canvas, focus: Point) -> Point:
    from PIL import ImageOps

    canvas.image = ImageOps.mirror(canvas.image)
    return 1 - focus[0], focus[1]


def _apart(words: _Words, canvas: Canvas, strength: float) -> Image.Image:
    """Shade and words without what is behind them: what is black on black and white on white is not there at all."""
    from PIL import Image, ImageChops

    written = []
    for ground in ("black", "white"):
        canvas.image = Image.new("RGB", canvas.image.size, ground)
        words.shade(canvas, strength)
        words.put(canvas)
        written.append(canvas.image)
    colours = written[0].split()
    alpha = ImageChops.invert(ImageChops.subtract(written[1], written[0]).getchannel("G"))
    for colour in colours:
        alpha = ImageChops.lighter(alpha, colour)
    return Image.merge("RGBA", (*colours, alpha))


def _canvas_of(picture: Path, card: Card, focus: Point, size: tuple[int, int] | None = None) -> Canvas:
    from PIL import Image, ImageOps

    size = size or _oversize(card.frame)
    canvas = Canvas(*size, palette_for(card.mood, _turn(card)), 0)
    with Image.open(picture, formats=("PNG", "JPEG", "WEBP")) as image:
        shown = image.convert("RGBA") if image.has_transparency_data else image.convert("RGB")
        fitted = ImageOps.fit(shown, size, Image.Resampling.LANCZOS, centering=focus)
    canvas.image = Image.new("RGB", size)
    canvas.image.paste(fitted, (0, 0), fitted if fitted.mode == "RGBA" else None)
    return canvas


def _oversize(frame: Frame) -> tuple[int, int]:
    return round(frame.width * OVERSIZE / 2) * 2, round(frame.height * OVERSIZE / 2) * 2


def _turn(card: Card) -> int:
    return _digest(card.film, card.seed) % 997 + card.number


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """A heading in its place: where its box begins, its inks (title, subtitle), and how thick its bar is."""

    heading: Heading
    box: Box
    top: int
    bar: int
    inks: tuple[Colour, Colour]

    @classmethod
    def of(cls, canvas: Canvas, card: Card, focus: Point) -> _Words | None:
        """The card's words for a canvas; None where there are none."""
        box = still_title_box(Frame(width=canvas.width, height=canvas.height, fps=card.frame.fps), focus)
        bar = max(2, round(canvas.side * 0.0065))
        top = box.top + bar * 5
        words = heading(card.heading, card.subtitle, box.width, box.bottom - top, round(canvas.side * 0.078))
        ink = mix(canvas.palette.light, (255, 255, 255), 0.65)
        inks = (ink, mix(ink, canvas.palette.low, 0.22))
        return cls(heading=words, box=box, top=top, bar=bar, inks=inks) if words.used else None

    def write(self, canvas: Canvas) -> None:
        """Darken what is behind the words as far as it needs, and put them on it."""
        self.darken(canvas)
        self.put(canvas)

    def darken(self, canvas: Canvas) -> float:
        """Lay as little shade over the top as lets the words be read over the brightest of what is behind them."""
        area = (self.box.left, self.top, self.box.right, self._bottom)
        above = canvas.image.crop((0, 0, canvas.width, self._fades_to(canvas)))
        for step in range(19):
            canvas.image.paste(above, (0, 0))
            if step:
                self.shade(canvas, step * 0.05)
            if contrast(self.inks[1], canvas.image.crop(area)) >= CONTRAST * 1.08:
                return step * 0.05
        return _MOST_SHADE

    def shade(self, canvas: Canvas, strength: float) -> None:
        """Lay shade over the top, down to below the words."""
        canvas.veil(self._bottom, self._fades_to(canvas), mix(canvas.palette.near, (0, 0, 0), 0.4), strength)

    def put(self, canvas: Canvas) -> None:
        """Write the words, and the bar above them."""
        write(canvas.image, self.heading, (self.box.left, self.top), self.inks, canvas.palette)
        box, bar = self.box, self.bar
        side = box.right - bar * 14 if self.heading.title.from_right else box.left
        canvas.image.paste(canvas.palette.accent, (side, box.top, side + bar * 14, box.top + bar))

    @property
    def _bottom(self) -> int:
        return self.top + self.heading.used

    def _fades_to(self, canvas: Canvas) -> int:
        return min(canvas.height, self._bottom + round(self.heading.used * 1.3))


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


def write(
    image: Image.Image,
    words: Heading,
    at: tuple[int, int],
    inks: tuple[Colour, Colour],
    palette: Palette,
    *,
    centred: bool = False,
) -> None:
    """Put words on a picture with a soft shadow; `at` is the upper left corner of their box."""
    from PIL import Image, ImageFilter

    size = (words.width, words.height)
    masks = Image.new("L", size), Image.new("L", size)
    letter(words.title, masks[0], 0, centred=centred)
    letter(words.subtitle, masks[1], words.title.height + words.gap, centred=centred)
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
