"""Water and sky. Each function paints one scene and returns the point that the eye should go to."""

from __future__ import annotations

import math

from storygen.media.canvas import Brush, Canvas, Point
from storygen.media.palettes import mix
from storygen.media.scenery.lines import height_at, moon, rolling, stars, sun


def sea(canvas: Canvas) -> Point:
    """Open water under a low sun, its light coming towards us."""
    horizon = 0.55
    canvas.dusk(horizon)
    at = canvas.chance.uniform(0.32, 0.68), horizon - canvas.span(0.055)
    stars(canvas, 0.35)
    _clouds(canvas, horizon)
    (moon(canvas, (at[0], 0.40), 0.07, crescent=False) if canvas.palette.is_night else sun(canvas, at, 0.095))
    _water(canvas, horizon, at[0])
    _boat(canvas, (1 - at[0], horizon + 0.045), 0.10)
    return at[0], 0.47


def night(canvas: Canvas) -> Point:
    """A sky full of stars over a hill with one tree."""
    palette = canvas.palette
    deep = mix(palette.high, (4, 6, 18), 0.45)
    canvas.sky(
        [
            (0, deep),
            (0.5, mix(deep, palette.middle, 0.55)),
            (0.82, mix(palette.middle, palette.low, 0.45)),
            (1, palette.low),
        ]
    )
    _milky_way(canvas)
    canvas.specks(420, (0, 0, 1, 0.8), (0.0007, 0.0019), (255, 255, 255))
    canvas.specks(40, (0, 0, 1, 0.7), (0.0022, 0.0034), palette.light)
    at = canvas.chance.choice((0.26, 0.74)), 0.37
    moon(canvas, at, 0.065, crescent=True)
    far = rolling(canvas, 0.80, 0.02, 1.2)
    canvas.land(far, mix(palette.layer(0.5), palette.low, 0.15), palette.layer(0.8))
    edge = rolling(canvas, 0.88, 0.035, 0.6)
    canvas.land(edge, mix(palette.near, palette.far, 0.1), palette.near)
    _tree(canvas, 1 - at[0], height_at(edge, 1 - at[0]))
    return at[0], 0.45


def space(canvas: Canvas) -> Point:
    """A planet with its ring, far from everything."""
    palette = canvas.palette
    dark = mix(palette.high, (2, 2, 10), 0.6)
    canvas.sky([(0, dark), (0.5, mix(dark, palette.middle, 0.35)), (1, dark)])
    _milky_way(canvas)
    canvas.specks(450, (0, 0, 1, 1), (0.0007, 0.002), (255, 255, 255))
    at = canvas.chance.choice((0.36, 0.64)), 0.52
    _planet(canvas, at, 0.23)
    small = (1 - at[0]) * 1.2 - 0.1, 0.33
    canvas.glow(small, 0.12, palette.accent, 0.3)
    canvas.disc(small, 0.032, mix(palette.accent, palette.high, 0.25))
    return at


def _clouds(canvas: Canvas, horizon: float) -> None:
    chance = canvas.chance
    for _ in range(7):
        x, y, size = chance.random(), chance.uniform(0.24, horizon - 0.06), chance.uniform(0.12, 0.34)
        wide, high = canvas.across(size), canvas.span(size * 0.05)

        def draw(
            brush: Brush, box: tuple[float, float, float, float] = (x - wide, y - high, x + wide, y + high)
        ) -> None:
            brush.oval(box)

        colour = mix(canvas.palette.low, canvas.palette.light, chance.random() * 0.6)
        canvas.shapes(draw, colour, box=(0, y - high, 1, y + high), alpha=0.22)


def _water(canvas: Canvas, horizon: float, light_x: float) -> None:
    palette, chance = canvas.palette, canvas.chance
    box = (0, horizon, 1, 1)
    canvas.land(
        [(0, horizon), (1, horizon)], mix(palette.low, palette.middle, 0.55), mix(palette.near, palette.high, 0.25)
    )
    dark, bright = [], []
    for _ in range(260):
        depth = chance.random() ** 1.6
        y = horizon + 0.003 + (1 - horizon) * depth
        dark.append((chance.random(), y, 0.02 + 0.14 * depth, 0.0006 + 0.0026 * depth))
        spread = 0.02 + 0.16 * depth
        bright.append((chance.gauss(light_x, canvas.across(spread)), y, 0.008 + 0.05 * depth, 0.0008 + 0.0026 * depth))
    for strokes, colour, alpha in (
        (dark, mix(palette.near, palette.middle, 0.25), 0.35),
        (bright, palette.light, 0.62),
    ):

        def draw(brush: Brush, strokes: list[tuple[float, float, float, float]] = strokes) -> None:
            for x, y, wide, high in strokes:
                brush.oval(
                    (x - canvas.across(wide), y - canvas.span(high), x + canvas.across(wide), y + canvas.span(high))
                )

        canvas.shapes(draw, colour, box=box, alpha=alpha)
    canvas.haze(horizon - 0.02, horizon + 0.025, palette.light, 0.35)
    canvas.shade(0.72, 1.0, palette.near, 0.5)


def _boat(canvas: Canvas, at: Point, size: float) -> None:
    x, y = at
    wide, high = canvas.across(size), canvas.span(size)

    def draw(brush: Brush) -> None:
        brush.polygon(
            [
                (x - wide * 0.55, y),
                (x + wide * 0.6, y),
                (x + wide * 0.4, y + high * 0.2),
                (x - wide * 0.4, y + high * 0.2),
            ]
        )
        brush.polygon(
            [(x - wide * 0.02, y - high * 1.15), (x - wide * 0.02, y - high * 0.06), (x - wide * 0.48, y - high * 0.06)]
        )
        brush.polygon(
            [(x + wide * 0.04, y - high * 1.0), (x + wide * 0.04, y - high * 0.06), (x + wide * 0.5, y - high * 0.06)]
        )

    canvas.shapes(
        draw,
        mix(canvas.palette.near, canvas.palette.far, 0.15),
        box=(x - wide, y - high * 1.3, x + wide, y + high * 0.3),
    )


def _milky_way(canvas: Canvas) -> None:
    chance = canvas.chance
    tilt = chance.choice((-1, 1)) * chance.uniform(0.35, 0.6)
    for _ in range(22):
        along, off = chance.uniform(-0.6, 0.6), chance.gauss(0, 0.05)
        at = 0.5 + along, 0.40 + along * tilt + off
        colour = chance.choice((canvas.palette.middle, canvas.palette.far, canvas.palette.low))
        canvas.glow(at, chance.uniform(0.14, 0.36), colour, chance.uniform(0.10, 0.24), 1.6)
    dust = [(chance.uniform(-0.6, 0.6), chance.gauss(0, 0.045)) for _ in range(420)]

    def draw(brush: Brush) -> None:
        for along, off in dust:
            brush.disc((0.5 + along, 0.40 + along * tilt + off), 0.0009, ink=150)

    canvas.shapes(draw, (255, 255, 255), box=(0, 0, 1, 0.85))


def _tree(canvas: Canvas, x: float, y: float) -> None:
    chance = canvas.chance
    crown = [(chance.gauss(0, 0.045), chance.gauss(-0.19, 0.035), chance.uniform(0.03, 0.055)) for _ in range(24)]

    def draw(brush: Brush) -> None:
        wide = canvas.across(0.010)
        top = y - canvas.span(0.19)
        brush.polygon(
            [(x - wide * 1.8, y + 0.01), (x - wide * 0.6, top), (x + wide * 0.6, top), (x + wide * 1.8, y + 0.01)]
        )
        for across, up, size in crown:
            brush.disc((x + canvas.across(across), y + canvas.span(up)), size)

    canvas.shapes(draw, canvas.palette.near, box=(0, y - canvas.span(0.4), 1, y + 0.02))


def _planet(canvas: Canvas, at: Point, radius: float) -> None:
    palette = canvas.palette
    canvas.glow(at, radius * 2.2, palette.low, 0.4, 2.0)
    wide, high = canvas.across(radius), canvas.span(radius)
    box = at[0] - wide * 2, at[1] - high * 1.2, at[0] + wide * 2, at[1] + high * 1.2
    ring = mix(palette.light, palette.low, 0.4)
    canvas.shapes(lambda brush: _ring(brush, canvas, at, radius, front=False), ring, box=box, alpha=0.55)
    body = mix(palette.low, palette.middle, 0.35)
    canvas.disc(at, radius, body)
    for step in range(1, 9):
        shadow = at[0] + wide * 0.10 * step, at[1] + high * 0.06 * step

        def dim(brush: Brush, shadow: Point = shadow) -> None:
            brush.disc(at, radius)
            brush.disc(shadow, radius * 1.02 * 1.0, ink=0)

        lit = mix(body, palette.light, 0.5)
        canvas.shapes(dim, lit if step < 5 else palette.light, box=box, alpha=0.10)
    canvas.shapes(lambda brush: _ring(brush, canvas, at, radius, front=True), ring, box=box, alpha=0.85)


def _ring(brush: Brush, canvas: Canvas, at: Point, radius: float, *, front: bool) -> None:
    def ellipse(size: float) -> list[Point]:
        turns = [math.pi * step / 60 + (0 if front else math.pi) for step in range(61)]
        points = []
        for turn in turns:
            x, y = math.cos(turn) * size, math.sin(turn) * size * 0.22
            points.append((at[0] + canvas.across(x * 0.97 + y * 0.24), at[1] + canvas.span(y * 0.97 - x * 0.24)))
        return points

    for inner, outer in ((1.28, 1.52), (1.58, 1.84)):
        brush.polygon([*ellipse(radius * outer), *reversed(ellipse(radius * inner))])
