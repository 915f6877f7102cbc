"""Land and what grows on it. Each function paints one scene and returns the point that the eye should go to."""

from __future__ import annotations

import math

from storygen.media.canvas import Brush, Canvas, Point
from storygen.media.palettes import mix
from storygen.media.scenery.lines import height_at, jagged, moon, pine, rolling, stars, sun


def hills(canvas: Canvas) -> Point:
    """Ridge behind ridge in the mist, the sun low between them."""
    horizon = 0.56
    canvas.dusk(horizon)
    stars(canvas, horizon * 0.8)
    at = canvas.chance.choice((0.3, 0.68)), horizon - canvas.span(0.10)
    sun(canvas, at, 0.085)
    ridges = 5
    for number in range(ridges):
        depth = number / (ridges - 1)
        edge = rolling(canvas, horizon + 0.012 + 0.33 * depth**1.25, 0.028 + 0.022 * depth, 0.9 + 0.5 * depth)
        shade = canvas.palette.layer(depth)
        canvas.land(
            edge, mix(shade, canvas.palette.low, 0.18 * (1 - depth)), mix(shade, canvas.palette.low, 0.30 * (1 - depth))
        )
        canvas.haze(horizon + 0.33 * depth, horizon + 0.33 * depth + 0.13, canvas.palette.low, 0.22 * (1 - depth))
        if depth == 0.75:
            _grove(canvas, edge, 9, 0.035, shade)
    _birds(canvas, (at[0] * 0.5 + 0.25, 0.42))
    return at[0], 0.45


def mountains(canvas: Canvas) -> Point:
    """A range with snow on it, mist at its feet and firs in front."""
    horizon = 0.60
    canvas.dusk(horizon)
    stars(canvas, 0.4)
    at = canvas.chance.choice((0.24, 0.78)), 0.36
    (moon(canvas, at, 0.06, crescent=False) if canvas.palette.is_night else sun(canvas, at, 0.07))
    for depth, y, swing in ((0.08, 0.54, 0.09), (0.4, 0.63, 0.19), (0.7, 0.75, 0.10)):
        edge = jagged(canvas, y, swing)
        shade = mix(canvas.palette.layer(depth), canvas.palette.low, 0.12 * (1 - depth))
        canvas.land(edge, shade, mix(shade, canvas.palette.low, 0.5 * (1 - depth)))
        if depth < 0.6:
            _snow(canvas, edge, y - swing * 0.35, 0.45 if depth < 0.3 else 0.8)
        canvas.haze(y, y + 0.2, canvas.palette.low, 0.35 * (1 - depth))
    edge = rolling(canvas, 0.88, 0.03, 1.0)
    canvas.land(edge, canvas.palette.layer(0.95), canvas.palette.near)
    _grove(canvas, edge, 26, 0.085, canvas.palette.layer(0.95))
    return 0.5, 0.46


def forest(canvas: Canvas) -> Point:
    """Firs behind firs, light falling through the mist."""
    palette = canvas.palette
    misty = mix(palette.low, palette.middle, 0.35)
    canvas.sky([(0, palette.high), (0.4, palette.middle), (0.7, misty), (1, palette.near)])
    at = canvas.chance.uniform(0.38, 0.62), 0.42
    canvas.glow(at, 0.9, palette.light, 0.55, 1.8)
    for depth, foot, tall, count in ((0.05, 0.66, 0.22, 30), (0.32, 0.73, 0.33, 20), (0.66, 0.84, 0.46, 14)):
        _stand(canvas, depth, foot, tall, count, clear=0.10 + 0.20 * depth)
        canvas.haze(foot - 0.14, foot + 0.18, mix(misty, palette.light, 0.25), 0.55 * (1 - depth))
    _rays(canvas, at)
    canvas.land(rolling(canvas, 0.90, 0.015, 2), palette.layer(0.95), palette.near)

    def frame(brush: Brush) -> None:
        for side in (-0.10, 1.10):
            pine(brush, canvas, (side, 1.05), 0.92, tiers=13)

    canvas.shapes(frame, palette.near, box=(0, 0.1, 1, 1))
    canvas.specks(40, (at[0] - 0.3, 0.4, at[0] + 0.3, 0.85), (0.0012, 0.0032), palette.light)
    return at


def snow(canvas: Canvas) -> Point:
    """A quiet slope under falling snow."""
    palette = canvas.palette
    white = mix(palette.light, (255, 255, 255), 0.4)
    canvas.sky(
        [(0, palette.high), (0.5, palette.middle), (0.66, mix(palette.low, palette.middle, 0.3)), (1, palette.low)]
    )
    moon(canvas, (canvas.chance.choice((0.28, 0.72)), 0.36), 0.06, crescent=False)
    for depth in (0.0, 0.5, 1.0):
        y = 0.60 + 0.13 * depth
        edge = rolling(canvas, y, 0.03, 0.8)
        ground = mix(mix(palette.middle, white, 0.30 + 0.32 * depth), palette.high, 0.12)
        _grove(
            canvas,
            edge,
            12,
            0.05 + 0.07 * depth,
            mix(palette.layer(0.35 + 0.6 * depth), palette.middle, 0.4 * (1 - depth)),
        )
        canvas.land(edge, ground, mix(ground, palette.middle, 0.55))
    canvas.shade(0.68, 1.0, palette.near, 0.45)
    canvas.specks(130, (0, 0.24, 1, 1), (0.0015, 0.0045), white)
    canvas.specks(30, (0, 0, 1, 0.24), (0.001, 0.002), white)
    canvas.specks(26, (0, 0.25, 1, 1), (0.005, 0.009), white)
    return 0.5, 0.48


def dunes(canvas: Canvas) -> Point:
    """Sand in long curves under a large sun."""
    horizon = 0.54
    canvas.dusk(horizon)
    at = canvas.chance.choice((0.36, 0.64)), horizon - canvas.span(0.02)
    sun(canvas, at, 0.17)
    warm = mix(canvas.palette.low, canvas.palette.far, 0.55)
    for number in range(5):
        depth = number / 4
        edge = rolling(canvas, horizon + 0.02 + 0.34 * depth, 0.03 + 0.03 * depth, 0.55)
        lit = mix(warm, canvas.palette.near, 0.12 + 0.62 * depth)
        canvas.land(edge, mix(lit, canvas.palette.light, 0.22), mix(lit, canvas.palette.near, 0.5))
        lee = [(x, y + 0.006 + 0.10 * max(0.0, math.sin(x * 5 + number * 2.1)) ** 2) for x, y in edge]
        canvas.land(lee, mix(lit, canvas.palette.near, 0.35), mix(lit, canvas.palette.near, 0.7), alpha=0.75)
    return at[0], 0.46


def _birds(canvas: Canvas, at: Point) -> None:
    spots = [
        (
            at[0] + canvas.chance.gauss(0, 0.07),
            at[1] + canvas.chance.gauss(0, 0.02),
            canvas.chance.uniform(0.008, 0.014),
        )
        for _ in range(5)
    ]

    def draw(brush: Brush) -> None:
        for x, y, size in spots:
            wide, high = canvas.across(size), canvas.span(size * 0.5)
            brush.line(
                [
                    (x - wide, y - high),
                    (x - wide * 0.4, y - high * 1.1),
                    (x, y),
                    (x + wide * 0.4, y - high * 1.1),
                    (x + wide, y - high),
                ],
                0.0028,
            )

    canvas.shapes(draw, canvas.palette.layer(0.7), box=(0, at[1] - 0.1, 1, at[1] + 0.1), alpha=0.8)


def _grove(canvas: Canvas, edge: list[Point], count: int, height: float, colour: tuple[int, int, int]) -> None:
    chance = canvas.chance
    middles = [chance.random() for _ in range(3)]
    trees = [
        (min(1.0, max(0.0, chance.gauss(chance.choice(middles), 0.13))), height * chance.uniform(0.55, 1.1))
        for _ in range(count)
    ]

    def draw(brush: Brush) -> None:
        for x, tall in trees:
            pine(brush, canvas, (x, height_at(edge, x) + 0.006), tall)

    lowest, highest = max(y for _, y in edge), min(y for _, y in edge)
    canvas.shapes(draw, colour, box=(0, highest - height * 1.2, 1, lowest + 0.02))


def _snow(canvas: Canvas, edge: list[Point], line: float, alpha: float) -> None:
    """White on what rises above `line`, its lower rim ragged as wind leaves it."""
    chance = canvas.chance
    knots = [line + chance.uniform(-0.034, 0.018) + 0.014 * (index % 2) for index in range(len(edge) // 3 + 2)]

    def rim(index: int) -> float:
        part = index % 3 / 3
        return knots[index // 3] * (1 - part) + knots[index // 3 + 1] * part

    lower = [(x, max(y, rim(index))) for index, (x, y) in enumerate(edge)]
    shaded = [(x + 0.006, y + (rim_y - y) * 0.62) for (x, y), (_, rim_y) in zip(edge, lower, strict=True)]
    white = mix(canvas.palette.light, (255, 255, 255), 0.3)
    canvas.fill([*edge, *reversed(lower)], white, alpha=alpha * 0.55)
    canvas.fill([*edge, *reversed(shaded)], white, alpha=alpha * 0.45)


def _stand(canvas: Canvas, depth: float, foot: float, tall: float, count: int, *, clear: float) -> None:
    chance = canvas.chance
    trees = []
    for index in range(count + 1):
        x = index / count + chance.uniform(-0.5, 0.5) / count
        height = tall * chance.uniform(0.7, 1.15) * min(1.0, 0.35 + abs(x - 0.5) / clear * 0.65)
        trees.append((x, foot + chance.uniform(-0.005, 0.02), height))

    def draw(brush: Brush) -> None:
        for x, y, height in trees:
            pine(brush, canvas, (x, y), height, tiers=7)

    shade = mix(canvas.palette.layer(depth), canvas.palette.middle, 0.45 * (1 - depth))
    canvas.shapes(draw, shade, box=(0, foot - tall * 1.2, 1, foot + 0.04))
    canvas.land(rolling(canvas, foot, 0.006, 2.0), shade, mix(shade, canvas.palette.near, 0.3))


def _rays(canvas: Canvas, at: Point) -> None:
    for turn in (-0.42, -0.16, 0.12, 0.38):
        reach, wide = 0.5, 0.045 + 0.02 * canvas.chance.random()
        foot = at[0] + turn * canvas.side / canvas.width * 1.6
        beam = [(at[0] + turn * 0.12, at[1] - 0.12), (foot + wide, at[1] + reach), (foot - wide, at[1] + reach)]
        canvas.fill(beam, canvas.palette.light, alpha=0.07)
