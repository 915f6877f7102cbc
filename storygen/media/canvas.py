"""A surface to paint on with Pillow: soft light, mist, grain, and shapes with smooth edges.

Positions are shares: x of the width, y of the height, both 0 to 1 from the top left; sizes are shares of the shorter
side, so that a sun is as large in an upright picture as in a wide one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from storygen.media.palettes import Colour, Palette, mix

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

Point = tuple[float, float]
_SMOOTH = 2  # shapes are drawn so many times larger, then reduced: Pillow itself draws hard edges


class Canvas:
    """A picture in the making, with its palette and its own source of chance."""

    def __init__(self, width: int, height: int, palette: Palette, seed: int) -> None:
        from PIL import Image

        self.image = Image.new("RGB", (width, height), palette.middle)
        self.palette = palette
        self.chance = random.Random(seed)  # noqa: S311 - the same seed must paint the same picture
        self.width, self.height = width, height
        self.side = min(width, height)

    @property
    def is_wide(self) -> bool:
        """Whether it is at least as wide as high."""
        return self.width >= self.height

    def span(self, size: float) -> float:
        """A share of the shorter side as a share of the height."""
        return size * self.side / self.height

    def across(self, size: float) -> float:
        """A share of the shorter side as a share of the width."""
        return size * self.side / self.width

    def sky(self, stops: Sequence[tuple[float, Colour]]) -> None:
        """Fill everything with colours that melt into each other from top to bottom; stops are (y, colour)."""
        self.image.paste(self._fade(stops, self.width, self.height), (0, 0))

    def dusk(self, horizon: float) -> None:
        """The palette's sky, at its brightest at `horizon`."""
        sky = self.palette
        self.sky([(0, sky.high), (horizon * 0.55, sky.middle), (horizon, sky.low), (1, sky.low)])

    def glow(self, at: Point, radius: float, colour: Colour, strength: float = 1.0, fall: float = 2.0) -> None:
        """Add light that fades from a point; a larger `fall` keeps it closer to the middle."""
        from PIL import Image, ImageChops

        reach = max(1, round(radius * self.side))
        middle = round(at[0] * self.width), round(at[1] * self.height)
        box = self._clip(middle[0] - reach, middle[1] - reach, middle[0] + reach, middle[1] + reach)
        if box is None:
            return
        # Pillow's gradient reaches 255 in the corners, so 181 (255 / sqrt 2) at the middle of the sides
        table = [round(255 * strength * max(0.0, 1 - value / 180) ** fall) for value in range(256)]
        spot = Image.radial_gradient("L").point(table)
        left, top, right, bottom = (
            (edge - centre + reach) * 128 / reach for edge, centre in zip(box, middle * 2, strict=True)
        )
        light = spot.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BICUBIC, (left, top, right, bottom))
        tinted = Image.merge("RGB", [light.point([value * c // 255 for value in range(256)]) for c in colour])
        self.image.paste(ImageChops.screen(self.image.crop(box), tinted), box)

    def haze(self, top: float, bottom: float, colour: Colour, strength: float) -> None:
        """A band of mist, thickest in its middle."""
        stops = [(0.0, (0, 0, 0)), (0.5, (round(255 * strength),) * 3), (1.0, (0, 0, 0))]
        self._lay_band(top, bottom, colour, stops)

    def shade(self, top: float, bottom: float, colour: Colour, strength: float) -> None:
        """A veil that grows from nothing at `top` to `strength` at `bottom` (which may lie above `top`)."""
        ends = [(0.0, (0, 0, 0)), (1.0, (round(255 * strength),) * 3)]
        if bottom < top:
            top, bottom, ends = bottom, top, [(0.0, ends[1][1]), (1.0, ends[0][1])]
        self._lay_band(top, bottom, colour, ends)

    def veil(self, full_to: int, bottom: int, colour: Colour, strength: float) -> None:
        """Cover the top evenly down to the row `full_to`, then ever less down to the row `bottom`."""
        full = (round(255 * strength),) * 3
        self._lay_band(0, bottom / self.height, colour, [(0, full), (full_to / bottom, full), (1, (0, 0, 0))])

    def shapes(
        self,
        draw: Callable[[Brush], None],
        colour: Colour,
        *,
        box: tuple[float, float, float, float] = (0, 0, 1, 1),
        alpha: float = 1.0,
    ) -> None:
        """Paint what `draw` draws, all in one colour; `box` is the part of the picture that it needs."""
        self._paint(draw, box, colour, alpha)

    def fill(self, outline: Sequence[Point], colour: Colour, *, alpha: float = 1.0) -> None:
        """Paint the inside of an outline."""
        across, down = [x for x, _ in outline], [y for _, y in outline]
        self._paint(
            lambda brush: brush.polygon(outline), (min(across), min(down), max(across), max(down)), colour, alpha
        )

    def disc(self, at: Point, radius: float, colour: Colour, *, alpha: float = 1.0) -> None:
        """Paint a circle; the radius is a share of the shorter side."""
        x, y = self.across(radius), self.span(radius)
        self._paint(lambda brush: brush.disc(at, radius), (at[0] - x, at[1] - y, at[0] + x, at[1] + y), colour, alpha)

    def land(self, edge: Sequence[Point], top: Colour, bottom: Colour | None = None, *, alpha: float = 1.0) -> None:
        """Everything below a line that runs from left to right, its colour melting from `top` to `bottom`."""
        highest = max(0.0, min(y for _, y in edge) - 0.002)
        if highest >= 1:
            return
        ground = [(edge[0][0] - 0.01, 1.01), *edge, (edge[-1][0] + 0.01, 1.01)]
        box = self._pixels((0, highest, 1, 1))
        fill = self._fade([(0, top), (1, bottom or top)], box[2] - box[0], box[3] - box[1])
        self._paint(lambda brush: brush.polygon(ground), (0, highest, 1, 1), fill, alpha)

    def specks(
        self, count: int, area: tuple[float, float, float, float], sizes: tuple[float, float], colour: Colour
    ) -> None:
        """Small round lights of unequal size and brightness: stars, dust, flakes."""
        left, top, right, bottom = area
        chance = self.chance
        dots = [
            (
                (chance.uniform(left, right), chance.uniform(top, bottom)),
                chance.uniform(*sizes),
                chance.randint(70, 255),
            )
            for _ in range(count)
        ]

        def draw(brush: Brush) -> None:
            for at, size, ink in dots:
                brush.disc(at, size, ink=ink)

        self.shapes(draw, colour, box=area)

    def finish(self, *, grain: int = 5, vignette: float = 0.30) -> None:
        """The last touch: darker corners, and a grain that keeps soft gradients from showing steps."""
        from PIL import Image, ImageChops

        size = (self.width, self.height)
        table = [round(255 * vignette * max(0.0, value / 255 - 0.4) / 0.6) for value in range(256)]
        wide = Image.radial_gradient("L").point(table).resize(size, Image.Resampling.BICUBIC)
        self.image.paste(mix(self.palette.near, (0, 0, 0), 0.5), (0, 0), wide)
        spread = [128 + (value - 128) * grain // 128 for value in range(256)]
        tile = Image.frombytes("L", (256, 256), self.chance.randbytes(65536)).point(spread)
        noise = Image.new("L", size)
        for x in range(0, self.width, 256):
            for y in range(0, self.height, 256):
                noise.paste(tile, (x, y))
        self.image = ImageChops.add(self.image, Image.merge("RGB", (noise,) * 3), scale=1, offset=-128)

    def _paint(
        self,
        draw: Callable[[Brush], None],
        box: tuple[float, float, float, float],
        fill: Colour | Image.Image,
        alpha: float,
    ) -> None:
        from PIL import Image, ImageDraw

        pixels = self._pixels(box)
        width, height = pixels[2] - pixels[0], pixels[3] - pixels[1]
        if width <= 0 or height <= 0:
            return
        mask = Image.new("L", (width * _SMOOTH, height * _SMOOTH))
        draw(Brush(ImageDraw.Draw(mask), self, pixels[0], pixels[1]))
        mask = mask.reduce(_SMOOTH)
        if alpha < 1:
            mask = mask.point([round(value * alpha) for value in range(256)])
        self.image.paste(fill, pixels if isinstance(fill, tuple) else pixels[:2], mask)

    def _lay_band(self, top: float, bottom: float, colour: Colour, stops: Sequence[tuple[float, Colour]]) -> None:
        from PIL import Image

        first, last = round(top * self.height), round(bottom * self.height)
        if last <= first:
            return
        band = self._fade(stops, 1, last - first).getchannel(0)
        inside = max(0, first), min(self.height, last)
        if inside[1] <= inside[0]:
            return
        band = band.crop((0, inside[0] - first, 1, inside[1] - first)).resize(
            (self.width, inside[1] - inside[0]), Image.Resampling.NEAREST
        )
        self.image.paste(colour, (0, inside[0], self.width, inside[1]), band)

    def _fade(self, stops: Sequence[tuple[float, Colour]], width: int, height: int) -> Image.Image:
        from PIL import Image

        column = Image.new("RGB", (1, height))
        column.putdata([_between(stops, (y + 0.5) / height) for y in range(height)])
        return column.resize((width, height), Image.Resampling.NEAREST)

    def _pixels(self, box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
        left, top, right, bottom = box
        return (
            max(0, int(left * self.width)),
            max(0, int(top * self.height)),
            min(self.width, math.ceil(right * self.width) + 1),
            min(self.height, math.ceil(bottom * self.height) + 1),
        )

    def _clip(self, left: int, top: int, right: int, bottom: int) -> tuple[int, int, int, int] | None:
        left, top, right, bottom = max(0, left), max(0, top), min(self.width, right), min(self.height, bottom)
        return (left, top, right, bottom) if right > left and bottom > top else None


class Brush:
    """Draws white shapes on the enlarged mask of a part of a canvas, in the canvas's shares."""

    def __init__(self, draw: ImageDraw.ImageDraw, canvas: Canvas, left: int, top: int) -> None:
        self._draw = draw
        self._canvas = canvas
        self._left, self._top = left, top

    def polygon(self, points: Sequence[Point], *, ink: int = 255) -> None:
        """A filled outline; `ink` 0 cuts it out again."""
        self._draw.polygon([self._at(point) for point in points], fill=ink)

    def disc(self, at: Point, radius: float, *, ink: int = 255) -> None:
        """A filled circle; the radius is a share of the shorter side."""
        (x, y), reach = self._at(at), radius * self._canvas.side * _SMOOTH
        self._draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=ink)

    def oval(self, box: tuple[float, float, float, float], *, ink: int = 255) -> None:
        """A filled ellipse within a box."""
        self._draw.ellipse((*self._at(box[:2]), *self._at(box[2:])), fill=ink)

    def block(self, box: tuple[float, float, float, float], *, ink: int = 255, round_by: float = 0.0) -> None:
        """A filled rectangle, its corners rounded by a share of the shorter side."""
        (left, top), (right, bottom) = self._at(box[:2]), self._at(box[2:])
        if right <= left or bottom <= top:
            return
        corner = min(round_by * self._canvas.side * _SMOOTH, (right - left) / 2, (bottom - top) / 2)
        self._draw.rounded_rectangle((left, top, right, bottom), corner, fill=ink)

    def line(self, points: Sequence[Point], thickness: float, *, ink: int = 255) -> None:
        """A line through points; the thickness is a share of the shorter side."""
        width = max(1, round(thickness * self._canvas.side * _SMOOTH))
        self._draw.line([self._at(point) for point in points], fill=ink, width=width, joint="curve")

    def arc(self, at: Point, radius: float, start: float, end: float, thickness: float) -> None:
        """Part of a circle between two angles in degrees, clockwise from three o'clock."""
        (x, y), reach = self._at(at), radius * self._canvas.side * _SMOOTH
        width = max(1, round(thickness * self._canvas.side * _SMOOTH))
        self._draw.arc((x - reach, y - reach, x + reach, y + reach), start, end, fill=255, width=width)

    def _at(self, point: Sequence[float]) -> Point:
        return (
            (point[0] * self._canvas.width - self._left) * _SMOOTH,
            (point[1] * self._canvas.height - self._top) * _SMOOTH,
        )


def _between(stops: Sequence[tuple[float, Colour]], y: float) -> Colour:
    before = stops[0]
    for stop in stops:
        if y <= stop[0]:
            reach = stop[0] - before[0]
            share = (y - before[0]) / reach if reach > 0 else 1.0
            return mix(before[1], stop[1], share * share * (3 - 2 * share))
        before = stop
    return before[1]
