"""How a clip is made to last as long as its scene: cut, slowed down a little, or seen over again without a seam."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from storygen.media.ffmpeg import Command, local
from storygen.media.probe import source

MOST_SLOWED = 1.5  # beyond this people seem to wade
_MELT_SECONDS = 0.8
_ROUNDED_OFF = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A clip and how it is made to last: `slowed` so many times, and over again without a seam where it `repeats`."""

    clip: Path
    slowed: float = 1.0
    repeats: bool = False


def taken(clip: Path, clip_seconds: float, seconds: float) -> Take:
    """How a clip is made to last: cut where it is longer, slowed down where that is enough, else seen over again."""
    slowed = max(1.0, seconds / clip_seconds)
    return Take(clip=clip, slowed=slowed) if slowed <= MOST_SLOWED else Take(clip=clip, repeats=True)


def loop_command(clip: Path, clip_seconds: float, fps: int, out: Path) -> Command:
    """Write a clip whose end melts into its beginning, so that it can be seen over again without a jump.

    It begins where the melting ends, and is shorter than the clip by as long as that takes.
    """
    melt = min(_MELT_SECONDS, clip_seconds / 3)
    whole = math.floor(clip_seconds * fps) / fps
    graph = (
        f"[0:v]setpts=PTS-STARTPTS,fps={fps},format=yuv420p,split[a][b];"
        f"[a]trim=start={melt:.6f}:end={whole:.6f},setpts=PTS-STARTPTS[main];"
        f"[b]trim=end={melt:.6f},setpts=PTS-STARTPTS[again];"
        f"[main][again]xfade=transition=fade:duration={melt:.6f}:offset={whole - 2 * melt:.6f}[out]"
    )
    return Command(
        step="loop",
        seconds=whole - melt,
        args=(
            *("-filter_complex_threads", "1", *source(clip, "-threads", "1")),
            *("-filter_complex", graph, "-map", "[out]"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-threads:v", "1", "-flags:v", "+bitexact"),
            *("-fflags", "+bitexact", "-f", "mp4", local(out)),
        ),
    )


def opened(take: Take) -> tuple[str, ...]:
    """The arguments that open a clip, for ever where it repeats."""
    return source(take.clip, *("-stream_loop", "-1") * take.repeats, "-threads", "1")


def played(take: Take, fps: int, first: int, end: int) -> str:
    """The filters that bring a clip to a rate, and pass its frames from `first` up to `end`.

    One that is slowed has too few pictures, so those between are blended. At its very end a few may be missing by
    rounding; no more than these are ever repeated.
    """
    rate = f"framerate=fps={fps}:interp_start=0:interp_end=255" if take.slowed > 1 else f"fps={fps}"
    return (
        f"setpts=(PTS-STARTPTS)*{take.slowed:.6f},{rate},tpad=stop_mode=clone:stop={_ROUNDED_OFF}"
        f",trim=start_frame={first}:end_frame={end}"
    )
