"""Outlines that several scenes share: ridges, trees, and the bodies of the sky."""

from __future__ import annotations

import math
from itertools import pairwise

from storygen.media.canvas import Brush, Canvas, Point
from storygen.media.palettes import mix

_STEPS = 160


def rolling(canvas: Canvas, y: float, swing: float, waves: float = 1.5) -> list[Point]:
    """A soft ridge around `y` that rises and falls by `swing` (shares of the height), with so many waves across."""
    turns = [
        (canvas.chance.uniform(0, math.tau), waves * share * canvas.chance.uniform(0.8, 1.25))
        for share in (1, 2.1, 4.3)
    ]
    stretch = math.sqrt(canvas.width / canvas.side)

    def at(x: float) -> float:
        parts = (
            math.sin(phase + x * stretch * math.tau * speed) / weight
            for (phase, speed), weight in zip(turns, (1, 3, 9), strict=True)
        )
        return y - swing * sum(parts) / 1.45

    return [(step / _STEPS, at(step / _STEPS)) for step in range(_STEPS + 1)]


def jagged(canvas: Canvas, y: float, swing: float, roughness: float = 0.55) -> list[Point]:
    """A mountain ridge by midpoint displacement; the first division puts its highest peak near the middle."""
    heights = [canvas.chance.uniform(-0.4, 0.1), canvas.chance.uniform(0.6, 1.0), canvas.chance.uniform(-0.4, 0.1)]
    reach = 0.6
    for _ in range(6):
        longer = [heights[0]]
        for left, right in pairwise(heights):
            longer += [(left + right) / 2 + canvas.chance.uniform(-reach, reach), right]
        heights = longer
        reach *= roughness
    last = len(heights) - 1
    return [(index / last, y - swing * height) for index, height in enumerate(heights)]


def height_at(edge: list[Point], x: float) -> float:
    """Where a ridge stands at `x`."""
    index = min(len(edge) - 1, max(0, round(x * (len(edge) - 1))))
    return edge[index][1]


def sun(canvas: Canvas, at: Point, radius: float) -> None:
    """A disc with a wide and a close glow."""
    light = canvas.palette.light
    canvas.glow(at, radius * 7, light, 0.42, 2.2)
    canvas.glow(at, radius * 2.4, light, 0.55, 1.8)
    canvas.disc(at, radius, light)


def moon(canvas: Canvas, at: Point, radius: float, *, crescent: bool) -> None:
    """A moon, full with a few seas or a crescent, in a cool halo."""
    light = canvas.palette.light
    canvas.glow(at, radius * 6, light, 0.30, 2.4)
    canvas.glow(at, radius * 2.0, light, 0.35, 1.6)
    dent = at[0] + canvas.across(radius * 0.5), at[1] - canvas.span(radius * 0.22)

    def draw(brush: Brush) -> None:
        brush.disc(at, radius)
        if crescent:
            brush.disc(dent, radius * 0.94, ink=0)

    canvas.shapes(draw, light, box=_around(canvas, at, radius))
    if not crescent:
        seas = mix(light, canvas.palette.far, 0.35)

        def blot(brush: Brush) -> None:
            for x, y, share in ((-0.3, -0.25, 0.26), (0.28, 0.05, 0.34), (-0.15, 0.42, 0.2), (0.3, -0.5, 0.13)):
                brush.disc((at[0] + canvas.across(radius * x), at[1] + canvas.span(radius * y)), radius * share)

        canvas.shapes(blot, seas, box=_around(canvas, at, radius), alpha=0.4)


def stars(canvas: Canvas, bottom: float) -> None:
    """Stars down to `bottom`, where the sky is dark enough for them."""
    if canvas.palette.is_night:
        canvas.specks(130, (0, 0, 1, bottom), (0.0008, 0.002), canvas.palette.light)


def pine(brush: Brush, canvas: Canvas, foot: Point, height: float, *, tiers: int = 5) -> None:
    """A fir of `height` (share of the picture's height) standing on `foot`."""
    x, y = foot
    wide = height * canvas.height / canvas.width * 0.40
    brush.block((x - wide * 0.05, y - height * 0.2, x + wide * 0.05, y + height * 0.02))
    step = 0.85 / tiers
    for tier in range(tiers):
        top = y - height * (1 - tier * step)
        bottom = top + height * step * (1.5 + 0.12 * tier)
        half = wide * (0.16 + 0.38 * tier / (tiers - 1))
        dip = height * step * 0.25
        brush.polygon([(x, top), (x + half, bottom), (x, bottom - dip), (x - half, bottom)])


def _around(canvas: Canvas, at: Point, radius: float) -> tuple[float, float, float, float]:
    x, y = canvas.across(radius * 1.05), canvas.span(radius * 1.05)
    return at[0] - x, at[1] - y, at[0] + x, at[1] + y
