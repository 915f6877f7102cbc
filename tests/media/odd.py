"""A picture by which one sees how it was turned, stretched, cut or coloured."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 160, 0), (0, 0, 255), (255, 230, 0)
GREY = (90, 110, 130)
CORNERS = (RED, GREEN, BLUE, YELLOW)


def card(width: int = 300, height: int = 400) -> Image.Image:
    """A picture with another colour in each corner, and a white disc in its middle."""
    image = Image.new("RGB", (width, height), GREY)
    draw, side, radius = ImageDraw.Draw(image), min(width, height) // 5, min(width, height) // 6
    places = [(0, 0), (width - side, 0), (0, height - side), (width - side, height - side)]
    for (left, top), colour in zip(places, CORNERS, strict=True):
        draw.rectangle((left, top, left + side, top + side), fill=colour)
    middle = width // 2, height // 2
    draw.ellipse([side_ + sign * radius for sign in (-1, 1) for side_ in middle], fill="white")
    return image


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """The colours near the four corners."""
    return [tuple(pixels[y, x]) for y in (6, -7) for x in (6, -7)]


def close(one: tuple[int, ...], other: tuple[int, ...], off: int = 26) -> bool:
    return max(abs(mine - theirs) for mine, theirs in zip(one, other, strict=True)) <= off


def in_place(pixels: np.ndarray, off: int = 26) -> bool:
    return all(close(seen, drawn, off) for seen, drawn in zip(corners(pixels), CORNERS, strict=True))


def disc(pixels: np.ndarray) -> tuple[int, int]:
    """Width and height of what is white."""
    rows, columns = np.where(pixels.min(axis=2) > 200)
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
