"""Commands for ffmpeg, and the one function that runs them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One run of ffmpeg.

    `step` is a fixed word for spans (render, join, level, measure, probe); `args` is all that stands between the global
    options and the end; `seconds` is the length of what comes out, where known, for progress and time limits.
    """

    step: str
    args: tuple[str, ...]
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a command went: the end of what it said, the seconds of media that came out, and how many of them a second."""

    said: str
    out_seconds: float
    speed: float
