"""Scenes of nothing in particular, for words that name no place. Each returns the point that the eye should go to."""

from __future__ import annotations

import math

from storygen.media.canvas import Brush, Canvas, Point
from storygen.media.palettes import mix


def ribbons(canvas: Canvas) -> Point:
    """Bands of colour that flow through each other."""
    palette, chance = canvas.palette, canvas.chance
    canvas.sky([(0, palette.high), (0.6, mix(palette.high, palette.middle, 0.6)), (1, palette.near)])
    at = chance.choice((0.3, 0.7)), 0.45
    canvas.glow(at, 0.9, palette.low, 0.35, 1.5)
    colours = (palette.middle, palette.low, palette.accent, palette.far, palette.middle, palette.light)
    phase, lean = chance.uniform(0, math.tau), chance.choice((-1, 1))
    for number, colour in enumerate(colours):
        base = 0.36 + 0.075 * number
        thick = chance.uniform(0.05, 0.11)
        top, bottom = [], []
        for step in range(121):
            x = step / 120
            wave = (
                math.sin(phase + number * 0.55 + x * 4.4) * 0.075 + math.sin(phase * 2 + x * 2.1 - number * 0.3) * 0.05
            )
            y = base + lean * (x - 0.5) * 0.22 + wave
            swell = thick * (0.35 + 0.65 * math.sin(math.pi * min(1.0, max(0.0, x * 0.9 + 0.05))) ** 2)
            top.append((x, y - swell / 2))
            bottom.append((x, y + swell / 2))
        outline = [*top, *reversed(bottom)]
        canvas.fill(outline, mix(colour, palette.high, 0.25), alpha=0.42)
        rim = [*top, *((x, y + canvas.span(0.003)) for x, y in reversed(top))]
        canvas.fill(rim, mix(colour, palette.light, 0.5), alpha=0.6)
    canvas.shade(0.75, 1.0, palette.near, 0.6)
    return at[0], 0.46


def rings(canvas: Canvas) -> Point:
    """Orbits around a light, a few bodies on their way."""
    palette, chance = canvas.palette, canvas.chance
    canvas.sky(
        [(0, palette.high), (0.5, mix(palette.high, palette.middle, 0.55)), (1, mix(palette.near, palette.high, 0.4))]
    )
    at = chance.uniform(0.42, 0.58), 0.50
    canvas.glow(at, 0.85, palette.low, 0.45, 1.8)
    canvas.glow(at, 0.22, palette.light, 0.9, 1.6)
    canvas.disc(at, 0.045, palette.light)
    for number in range(7):
        radius = 0.11 + 0.075 * number * (1 + 0.08 * number)
        start = chance.uniform(0, 360)
        sweep = chance.uniform(200, 330)

        def draw(brush: Brush, radius: float = radius, start: float = start, sweep: float = sweep) -> None:
            brush.arc(at, radius, start, start + sweep, 0.0035)

        canvas.shapes(draw, mix(palette.light, palette.middle, number / 9), alpha=0.75 - 0.07 * number)
        turn = math.radians(start + sweep)
        body = at[0] + canvas.across(math.cos(turn) * radius), at[1] + canvas.span(math.sin(turn) * radius)
        size = chance.uniform(0.009, 0.024)
        canvas.glow(body, size * 3.5, palette.accent, 0.4)
        canvas.disc(body, size, mix(palette.accent, palette.light, chance.random() * 0.6))
    canvas.specks(90, (0, 0, 1, 1), (0.0007, 0.0018), palette.light)
    return at


def lanterns(canvas: Canvas) -> Point:
    """Warm lights that rise into the evening."""
    palette, chance = canvas.palette, canvas.chance
    canvas.sky(
        [(0, palette.high), (0.55, palette.middle), (0.9, mix(palette.low, palette.middle, 0.35)), (1, palette.near)]
    )
    at = chance.uniform(0.35, 0.65), 0.48
    canvas.glow((0.5, 0.9), 0.9, palette.low, 0.4, 1.5)
    lights = sorted((chance.uniform(0.010, 0.052), chance.random(), chance.uniform(0.27, 0.92)) for _ in range(30))
    for size, x, y in lights:
        warm = mix(palette.accent, palette.light, chance.uniform(0.1, 0.5))
        canvas.glow((x, y), size * 4.5, warm, 0.42, 2.0)
        wide, high = canvas.across(size), canvas.span(size)
        outline = [
            (x - wide * 0.72, y + high),
            (x - wide, y - high * 0.5),
            (x - wide * 0.6, y - high * 1.1),
            (x + wide * 0.6, y - high * 1.1),
            (x + wide, y - high * 0.5),
            (x + wide * 0.72, y + high),
        ]
        canvas.fill(outline, warm, alpha=0.92)
        canvas.glow((x, y + high * 0.5), size * 1.0, palette.light, 0.8, 1.4)
    return at


def paper(canvas: Canvas) -> Point:
    """Sheets of cut paper, one behind the other, opening on a light."""
    palette, chance = canvas.palette, canvas.chance
    at = chance.uniform(0.42, 0.58), 0.50
    canvas.sky([(0, palette.light), (1, palette.low)])
    canvas.glow(at, 0.5, (255, 255, 255), 0.6, 1.2)
    layers = 6
    for number in range(layers):
        depth = number / (layers - 1)
        size = 0.20 + 0.085 * number * (1 + 0.12 * number)
        phase = chance.uniform(0, math.tau)
        hole = []
        for step in range(120):
            turn = step / 120 * math.tau
            reach = size * (1 + 0.10 * math.sin(turn * 3 + phase) + 0.05 * math.sin(turn * 5 - phase))
            hole.append(
                (at[0] + canvas.across(math.cos(turn) * reach), at[1] + canvas.span(math.sin(turn) * reach * 1.12))
            )
        edge = [(x, y + canvas.span(0.012)) for x, y in hole]
        _sheet(canvas, edge, mix(palette.near, (0, 0, 0), 0.5), 0.35)
        _sheet(
            canvas, hole, mix(mix(palette.low, palette.middle, min(1.0, 0.3 + depth)), palette.high, depth * 0.95), 1.0
        )
    canvas.shade(0.7, 1.0, palette.near, 0.45)
    return at


def _sheet(canvas: Canvas, hole: list[Point], colour: tuple[int, int, int], alpha: float) -> None:
    def draw(brush: Brush) -> None:
        brush.block((-0.01, -0.01, 1.01, 1.01))
        brush.polygon(hole, ink=0)

    canvas.shapes(draw, colour, alpha=alpha)
