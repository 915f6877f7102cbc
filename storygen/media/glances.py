"""Tiny grey pictures taken at a steady rate: enough to tell what is black, stands still or repeats.

They are taken while a scene is rendered, which costs next to nothing, or from a film that is decoded. A picture is
`SIZE` times `SIZE` bytes, 0 is black and 255 white.
"""

from __future__ import annotations

from dataclasses import dataclass

SIZE = 32
PER_SECOND = 4
FILTER = f"fps={PER_SECOND},scale={SIZE}:{SIZE}:flags=area,format=gray"
SUFFIX = ".gray"
_BYTES = SIZE * SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """One tiny picture: when it is seen, and for how long until the next, in seconds."""

    at: float
    seconds: float
    light: bytes


def taken_of(graph: str, frames: int) -> str:
    """The graph of so many pictures, `[out]`, with two ends: `[seen]`, the same, and `[glances]` of it."""
    return f"{graph};[out]split[seen][small];[small]trim=end_frame={frames},{FILTER}[glances]"


def read_glances(data: bytes, at: float, seconds: float) -> tuple[Glance, ...]:
    """The glances of a part of a film that begins at `at`; they are spread evenly over it."""
    count = len(data) // _BYTES
    each = seconds / max(1, count)
    return tuple(
        Glance(at=at + number * each, seconds=each, light=data[number * _BYTES : (number + 1) * _BYTES])
        for number in range(count)
    )
