"""Rooms. Each function paints one scene and returns the point that the eye should go to."""

from __future__ import annotations

from itertools import pairwise

from storygen.media.canvas import Brush, Canvas, Point
from storygen.media.palettes import Colour, mix
from storygen.media.scenery.lines import moon, rolling, sun

_WORDS_ABOVE = 0.25  # small lights would spoil the title
Block = tuple[float, float, float, float]


def room(canvas: Canvas) -> Point:
    """A dark room, a window with the evening in it, a lamp on the sill."""
    palette = canvas.palette
    wall = mix(mix(palette.near, palette.high, 0.6), palette.middle, 0.30)
    half = canvas.across(0.33)
    pane = (0.5 - half, 0.31, 0.5 + half, 0.70)
    canvas.dusk(0.66)
    _stars_or_sun(canvas, pane)
    for depth in (0.2, 0.7):
        shade = mix(palette.layer(depth), palette.low, 0.3 * (1 - depth))
        canvas.land(rolling(canvas, 0.60 + 0.06 * depth, 0.02, 2.0), shade, mix(shade, palette.low, 0.2))
    canvas.shapes(lambda brush: _wall(brush, pane), wall)
    canvas.glow((0.5, 0.5), 1.0, palette.low, 0.24, 1.3)
    canvas.shapes(lambda brush: _frame(brush, canvas, pane), mix(wall, palette.near, 0.65), box=(0, 0.2, 1, 0.8))
    _beam(canvas, pane)
    lamp = 0.5 + half * 0.58, pane[3]
    canvas.glow((lamp[0], lamp[1] - canvas.span(0.15)), 0.55, palette.accent, 0.6, 1.7)
    canvas.shapes(
        lambda brush: _sill_things(brush, canvas, lamp, pane), mix(palette.near, (0, 0, 0), 0.25), box=(0, 0.45, 1, 0.8)
    )
    canvas.shapes(
        lambda brush: _lampshade(brush, canvas, lamp), mix(palette.accent, palette.light, 0.35), box=(0, 0.4, 1, 0.75)
    )
    return 0.5, 0.47


def machines(canvas: Canvas) -> Point:
    """An aisle between racks of servers, their small lights on."""
    palette = canvas.palette
    eye = 0.5, 0.47
    canvas.sky([(0, palette.near), (0.47, mix(palette.high, palette.middle, 0.6)), (1, palette.near)])
    canvas.glow(eye, 0.6, palette.low, 0.55, 1.5)
    steps = [0.05]
    while steps[-1] < 0.56 * max(canvas.width, canvas.height) / canvas.side:
        steps.append(steps[-1] * 1.42)
    for side in (-1, 1):
        for number, (far, near) in reversed(list(enumerate(pairwise(steps)))):
            corners = [
                _corner(canvas, eye, side, size, up) for size, up in ((far, -1), (near, -1), (near, 1), (far, 1))
            ]
            shade = mix(palette.near, palette.middle, 0.62 * 0.60**number)
            canvas.fill(corners, shade)
    canvas.shapes(lambda brush: _seams(brush, canvas, eye, steps), mix(palette.near, (0, 0, 0), 0.4), alpha=0.85)
    _rack_lights(canvas, eye, steps)
    _aisle(canvas, eye)
    return eye


def _stars_or_sun(canvas: Canvas, pane: Block) -> None:
    if canvas.palette.is_night:
        canvas.specks(90, (pane[0], pane[1], pane[2], 0.58), (0.0009, 0.002), canvas.palette.light)
        moon(canvas, (0.5 - (pane[2] - pane[0]) * 0.24, 0.40), 0.05, crescent=True)
    else:
        sun(canvas, (0.5 - (pane[2] - pane[0]) * 0.2, 0.53), 0.06)


def _wall(brush: Brush, pane: Block) -> None:
    brush.block((-0.01, -0.01, 1.01, 1.01))
    brush.block(pane, ink=0)


def _frame(brush: Brush, canvas: Canvas, pane: Block) -> None:
    left, top, right, bottom = pane
    x, y = canvas.across(0.022), canvas.span(0.022)
    brush.block((left - x, top - y, right + x, bottom + y))
    middle, across = (left + right) / 2, top + (bottom - top) * 0.42
    bar_x, bar_y = x * 0.3, y * 0.3
    for pane_left, pane_right in ((left, middle - bar_x), (middle + bar_x, right)):
        brush.block((pane_left, top, pane_right, across - bar_y), ink=0)
        brush.block((pane_left, across + bar_y, pane_right, bottom), ink=0)
    brush.block((left - x * 3, bottom, right + x * 3, bottom + y * 1.3))


def _beam(canvas: Canvas, pane: Block) -> None:
    left, _, right, bottom = pane
    floor = [(left + 0.02, bottom + 0.13), (right - 0.02, bottom + 0.13), (right + 0.12, 1.0), (left - 0.12, 1.0)]
    canvas.land(
        [(0, bottom + 0.12), (1, bottom + 0.12)],
        mix(canvas.palette.near, canvas.palette.high, 0.25),
        canvas.palette.near,
    )
    canvas.fill(floor, canvas.palette.low, alpha=0.10)


def _sill_things(brush: Brush, canvas: Canvas, lamp: Point, pane: Block) -> None:
    x, y = lamp
    wide, high = canvas.across(0.05), canvas.span(0.05)
    brush.oval((x - wide * 0.8, y - high * 0.25, x + wide * 0.8, y + high * 0.25))
    brush.block((x - wide * 0.09, y - high * 2.6, x + wide * 0.09, y))
    left = pane[0] + canvas.across(0.07)
    for number, (thick, tall) in enumerate(((0.020, 0.13), (0.026, 0.11), (0.018, 0.145), (0.024, 0.12))):
        start = left + canvas.across(0.028) * number
        brush.block((start, y - canvas.span(tall), start + canvas.across(thick), y))


def _lampshade(brush: Brush, canvas: Canvas, lamp: Point) -> None:
    x, y = lamp
    wide, high = canvas.across(0.05), canvas.span(0.05)
    brush.polygon(
        [
            (x - wide * 0.6, y - high * 4.2),
            (x + wide * 0.6, y - high * 4.2),
            (x + wide * 1.15, y - high * 2.4),
            (x - wide * 1.15, y - high * 2.4),
        ]
    )


def _corner(canvas: Canvas, eye: Point, side: int, size: float, up: float) -> Point:
    return eye[0] + side * canvas.across(size * 0.9), eye[1] + up * canvas.span(size * 1.25)


def _rack_lights(canvas: Canvas, eye: Point, steps: list[float]) -> None:
    palette, chance = canvas.palette, canvas.chance
    lit: dict[Colour, list[tuple[Point, float, int]]] = {palette.accent: [], palette.light: [], palette.low: []}
    colours = tuple(lit)
    for far, near in pairwise(steps):
        for side in (-1, 1):
            for row in range(-14, 15):
                steady = chance.random() < 0.75
                for column in (0.18, 0.30, 0.42, 0.70, 0.82):
                    if chance.random() < (0.55 if steady else 0.08):
                        size = far + (near - far) * column
                        at = _corner(canvas, eye, side, size, row / 14.6)
                        if at[1] < _WORDS_ABOVE:
                            continue
                        lit[chance.choice(colours)].append((at, size * 0.011, chance.randint(60, 235)))
    for colour, lights in lit.items():

        def draw(brush: Brush, lights: list[tuple[Point, float, int]] = lights) -> None:
            for at, size, ink in lights:
                wide, high = canvas.across(size * 1.4), canvas.span(size * 0.6)
                brush.block((at[0] - wide, at[1] - high, at[0] + wide, at[1] + high), ink=ink)

        canvas.shapes(draw, colour)


def _seams(brush: Brush, canvas: Canvas, eye: Point, steps: list[float]) -> None:
    for side in (-1, 1):
        for size in steps:
            brush.line([_corner(canvas, eye, side, size, -1), _corner(canvas, eye, side, size, 1)], 0.010 * size)


def _aisle(canvas: Canvas, eye: Point) -> None:
    """The strip of light on the ceiling and its reflection on the floor."""
    palette = canvas.palette
    reach, wide = canvas.span(1.2), canvas.across(0.11)
    for way, alpha in ((-1, 0.5), (1, 0.16)):
        strip = [
            (eye[0], eye[1] + way * 0.03),
            (eye[0] + wide, eye[1] + way * reach),
            (eye[0] - wide, eye[1] + way * reach),
        ]
        canvas.fill(strip, mix(palette.low, palette.light, 0.4), alpha=alpha * 0.6)
    canvas.glow(eye, 0.22, palette.light, 0.7, 1.6)
    canvas.shade(0.32, 0.0, palette.near, 0.75)
    canvas.shade(0.68, 1.0, palette.near, 0.6)
