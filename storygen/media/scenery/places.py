"""What people built, from outside. Each function paints one scene and returns the point that the eye should go to."""

from __future__ import annotations

from storygen.media.canvas import Brush, Canvas, Point
from storygen.media.palettes import Colour, mix
from storygen.media.scenery.lines import moon, rolling, sun

Block = tuple[float, float, float, float]


def city(canvas: Canvas) -> Point:
    """A skyline at dusk, lights in its windows."""
    horizon = 0.66
    palette = canvas.palette
    canvas.dusk(horizon)
    at = canvas.chance.choice((0.27, 0.73)), 0.37
    if palette.is_night:
        canvas.specks(90, (0, 0, 1, 0.45), (0.0008, 0.0018), palette.light)
        moon(canvas, at, 0.06, crescent=False)
    else:
        sun(canvas, at, 0.09)
    for depth, low, high in ((0.12, 0.10, 0.24), (0.5, 0.08, 0.28), (0.92, 0.03, 0.20)):
        foot = horizon + 0.24 * depth
        blocks = _blocks(canvas, foot, low, high, 0.075 + 0.07 * depth)
        shade = mix(palette.layer(depth), palette.low, 0.25 * (1 - depth))
        _towers(canvas, blocks, shade, foot)
        _windows(canvas, blocks, depth)
        canvas.haze(foot - 0.06, foot + 0.12, palette.low, 0.35 * (1 - depth))
    canvas.shade(0.8, 1.0, palette.near, 0.8)
    return 0.5, 0.48


def rain(canvas: Canvas) -> Point:
    """Lights of a street, out of focus behind a wet window."""
    palette, chance = canvas.palette, canvas.chance
    canvas.sky(
        [(0, mix(palette.high, palette.near, 0.3)), (0.55, mix(palette.high, palette.middle, 0.6)), (1, palette.near)]
    )
    at = chance.uniform(0.35, 0.65), 0.5
    canvas.glow(at, 0.8, palette.low, 0.30, 1.6)
    colours = (palette.accent, palette.light, palette.low, palette.far)
    for _ in range(34):
        spot = chance.random(), chance.gauss(0.60, 0.13)
        _bokeh(canvas, spot, chance.uniform(0.025, 0.075), chance.choice(colours), chance.uniform(0.12, 0.34))
    drops = [(chance.random() * 1.2 - 0.1, chance.random() * 1.1 - 0.1, chance.uniform(0.03, 0.10)) for _ in range(240)]

    def draw(brush: Brush) -> None:
        for x, y, size in drops:
            brush.line(
                [(x, y), (x - canvas.across(size * 0.12), y + canvas.span(size))], 0.0014, ink=90 + int(size * 1200)
            )

    canvas.shapes(draw, palette.light, alpha=0.34)
    canvas.shade(0.7, 1.0, palette.near, 0.55)
    return at


def road(canvas: Canvas) -> Point:
    """A straight road to the horizon, the sun at its end."""
    horizon = 0.56
    palette = canvas.palette
    canvas.dusk(horizon)
    at = 0.5, horizon - canvas.span(0.045)
    sun(canvas, at, 0.11)
    canvas.land(rolling(canvas, horizon - 0.012, 0.016, 1.4), mix(palette.far, palette.low, 0.3), palette.far)
    canvas.land([(0, horizon), (1, horizon)], mix(palette.layer(0.35), palette.low, 0.2), palette.near)
    box = (0, horizon, 1, 1)
    edge = 0.62 if canvas.is_wide else 0.85
    lane = [(0.497, horizon), (0.503, horizon), (0.5 + edge, 1.0), (0.5 - edge, 1.0)]
    canvas.fill(lane, mix(palette.near, palette.far, 0.14))
    canvas.shapes(lambda brush: _markings(brush, horizon, edge), palette.light, box=box, alpha=0.8)
    _poles(canvas, horizon)
    canvas.haze(horizon - 0.03, horizon + 0.05, palette.light, 0.4)
    canvas.shade(0.75, 1.0, palette.near, 0.5)
    return at


def _blocks(canvas: Canvas, foot: float, low: float, high: float, width: float) -> list[Block]:
    blocks, x = [], -0.03
    while x < 1.02:
        wide = canvas.across(width * canvas.chance.uniform(0.7, 1.5))
        middle = 1 - 0.45 * abs(x + wide / 2 - 0.5) * 2
        tall = canvas.chance.uniform(low, high) * (0.6 + 0.5 * middle)
        blocks.append((x, foot - tall, x + wide, foot))
        x += wide * canvas.chance.uniform(0.92, 1.12)
    return blocks


def _towers(canvas: Canvas, blocks: list[Block], shade: Colour, foot: float) -> None:
    tops = [canvas.chance.random() for _ in blocks]

    def draw(brush: Brush) -> None:
        for (left, top, right, bottom), kind in zip(blocks, tops, strict=True):
            brush.block((left, top, right, bottom))
            middle, wide = (left + right) / 2, right - left
            if kind < 0.18:
                brush.line([(middle, top), (middle, top - canvas.span(0.06))], 0.003)
            elif kind < 0.36:
                brush.polygon([(left, top), (middle, top - canvas.span(0.035)), (right, top)])
            elif kind < 0.6:
                brush.block((left + wide * 0.2, top - canvas.span(0.022), right - wide * 0.2, top + 0.001))

    canvas.shapes(draw, shade, box=(0, min(top for _, top, _, _ in blocks) - canvas.span(0.07), 1, foot))
    canvas.land([(0, foot - 0.001), (1, foot - 0.001)], shade, mix(shade, canvas.palette.near, 0.5))


def _windows(canvas: Canvas, blocks: list[Block], depth: float) -> None:
    chance, palette = canvas.chance, canvas.palette
    size = 0.006 + 0.006 * depth
    wide, high = canvas.across(size * 0.8), canvas.span(size)
    for colour, share in ((palette.accent, 0.16), (palette.light, 0.14)):
        panes: list[Block] = []
        for left, top, right, bottom in blocks:
            columns = int((right - left - wide) / (wide * 2.2))
            start = (left + right - columns * wide * 2.2 + wide * 1.2) / 2
            rows = int((bottom - top - high * 2) / (high * 2.4))
            panes += [
                (
                    start + column * wide * 2.2,
                    top + high * (1.4 + row * 2.4),
                    start + column * wide * 2.2 + wide,
                    top + high * (2.4 + row * 2.4),
                )
                for column in range(columns)
                for row in range(rows)
                if chance.random() < share
            ]

        def draw(brush: Brush, panes: list[Block] = panes) -> None:
            for pane in panes:
                brush.block(pane)

        if panes:
            canvas.shapes(
                draw, colour, box=(0, min(p[1] for p in panes) - 0.01, 1, blocks[0][3]), alpha=0.45 + 0.45 * depth
            )


def _bokeh(canvas: Canvas, at: Point, size: float, colour: Colour, alpha: float) -> None:
    canvas.disc(at, size, colour, alpha=alpha)
    canvas.glow(at, size * 2, colour, alpha * 0.6)


def _markings(brush: Brush, horizon: float, edge: float) -> None:
    depth = 1 - horizon
    for number in range(11):
        near, far = 0.82**number, 0.82 ** (number + 0.5)
        brush.polygon(
            [
                (0.5 - 0.014 * far, horizon + depth * far),
                (0.5 + 0.014 * far, horizon + depth * far),
                (0.5 + 0.014 * near, horizon + depth * near),
                (0.5 - 0.014 * near, horizon + depth * near),
            ]
        )
    for side in (-1, 1):
        outer, inner = 0.5 + side * edge * 0.95, 0.5 + side * edge * 0.925
        brush.polygon([(0.5, horizon + 0.004), (0.5 + side * 0.001, horizon + 0.004), (outer, 1), (inner, 1)])


def _poles(canvas: Canvas, horizon: float) -> None:
    def draw(brush: Brush) -> None:
        ends = []
        for number in range(8):
            scale = 0.66**number
            x = 0.5 + (0.62 if canvas.is_wide else 0.66) * scale
            foot, top = horizon + 0.20 * scale, horizon - 0.26 * scale
            brush.line([(x, foot), (x, top)], 0.010 * scale)
            arm = canvas.across(0.05 * scale)
            brush.line([(x - arm, top + 0.02 * scale), (x + arm, top + 0.02 * scale)], 0.008 * scale)
            ends.append((x - arm, top + 0.02 * scale))
        brush.line(ends, 0.0018)

    canvas.shapes(draw, canvas.palette.near, box=(0.45, 0.25, 1, 0.85), alpha=0.9)
