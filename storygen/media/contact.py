"""A contact sheet: some moments of a film side by side on one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from storygen.media.ffmpeg import Command, local
from storygen.media.probe import source

_GAP = 10
_GROUND = "0x14171c"


def moments(seconds: float, count: int) -> tuple[float, ...]:
    """Times spread evenly over a film, none at its very ends."""
    return tuple(seconds * (number + 0.5) / count for number in range(count))


def sheet_command(film: Path, times: Sequence[float], columns: int, width: int, out: Path) -> Command:
    """Put the pictures of a film at these times into rows of `columns`, each `width` pixels wide, as PNG or JPEG.

    Only what lies before each time since its key frame is decoded, so a long film takes no longer than a short one.
    """
    inputs = [arg for time in times for arg in source(film, "-ss", f"{time:.3f}", "-threads", "1")]
    shown = f"trim=end_frame=1,setpts=PTS-STARTPTS,scale={width}:-2:flags=lanczos,setsar=1"
    each = "".join(f"[{number}:v:0]{shown}[p{number}];" for number in range(len(times)))
    together = "".join(f"[p{number}]" for number in range(len(times)))
    rows = math.ceil(len(times) / columns)
    tiled = f"tile={columns}x{rows}:padding={_GAP}:margin={_GAP}:color={_GROUND}"
    coded = ("-c:v", "png") if out.suffix.lower() == ".png" else ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p")
    return Command(
        step="extract",
        args=(
            *("-filter_complex_threads", "1", *inputs),
            *("-filter_complex", f"{each}{together}concat=n={len(times)}:v=1:a=0,{tiled}[sheet]", "-map", "[sheet]"),
            *("-frames:v", "1", *coded, "-fflags", "+bitexact", "-f", "image2", "-update", "1", local(out)),
        ),
    )
