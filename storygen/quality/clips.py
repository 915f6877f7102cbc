"""What a good clip is, whoever made it: it is what it says it is, lasts, and shows something that moves."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from storygen.errors import InvalidOutput, RenderFailed
from storygen.media.ffmpeg import Command, Finished
from storygen.media.probe import Media, probe, source
from storygen.story import Check, Frame, Verdict

MOST_SECONDS = 60.0
MOST_PIXELS = 4096 * 2304
_LEAST_SECONDS = 1.0
_LEAST_SHARE = 0.8
_MOST_BLACK, _MOST_FROZEN = 0.5, 0.9
_BLACK = re.compile(r"black_duration:([\d.]+)")
_FROZEN = re.compile(r"freeze_(start|end):\s*([\d.]+)")
_ERROR = re.compile(r"^(?:\[[^\]]*\] )*\[(?:error|fatal|panic)\]", re.MULTILINE)


async def check_clip(
    path: Path, frame: Frame, asked_seconds: float, ffmpeg: Callable[[Command], Awaitable[Finished]]
) -> tuple[Check, ...]:
    """Decode a clip once and measure it against the frame that it is for; nothing beyond the limits is decoded."""
    try:
        media = await probe(path, ffmpeg)
        if (broken := _broken(media)) is not None:
            return (broken,)
        finished = await ffmpeg(measure_command(path))
    except (InvalidOutput, RenderFailed) as error:
        if isinstance(error, RenderFailed) and error.was_killed:
            raise
        return (_check("decodes", Verdict.FAIL, error.message, "a clip in MP4 or WebM"),)
    seconds = round(finished.out_seconds, 3)
    return (*_kept(media, frame), *_seen(finished.said, seconds, asked_seconds))


def measure_command(path: Path) -> Command:
    """Decode the pictures of a clip, small, and tell of those that are black or stand still."""
    look = "scale=160:-2:flags=fast_bilinear,blackdetect=d=0:pix_th=0.1:pic_th=0.98,freezedetect=n=0.0003:d=0.5"
    limits = ("-t", f"{MOST_SECONDS:g}", "-threads", "1")
    return Command(
        step="measure",
        args=("-loglevel", "level+info", *source(path, *limits), "-map", "0:v:0", "-vf", look, "-f", "null", "-"),
    )


def _broken(media: Media) -> Check | None:
    """What makes a file no clip."""
    if not media.video:
        return _check("streams", Verdict.FAIL, "no picture", "1 picture")
    video = media.video[0]
    if video.width * video.height > MOST_PIXELS:
        return _check(
            "resolution", Verdict.FAIL, f"{video.width}x{video.height}", f"at most {MOST_PIXELS} pixels", "px"
        )
    if media.seconds > MOST_SECONDS:
        return _check("duration", Verdict.FAIL, media.seconds, f"at most {MOST_SECONDS:g}", "s")
    return None


def _kept(media: Media, frame: Frame) -> tuple[Check, ...]:
    """How sharp it will be: a clip of less than half the frame's size is seen to be."""
    video = media.video[0]
    enough = max(video.width / frame.width, video.height / frame.height) >= 0.5
    wanted = f"at least half of {frame.width}x{frame.height}"
    size = f"{video.width}x{video.height}"
    return (_check("resolution", Verdict.PASS if enough else Verdict.WARN, size, wanted, "px"),)


def _seen(said: str, seconds: float, asked: float) -> tuple[Check, ...]:
    errors = len(_ERROR.findall(said))
    black = sum(float(length) for length in _BLACK.findall(said))
    length = Verdict.PASS if seconds >= asked * _LEAST_SHARE else Verdict.WARN
    wanted = f"{max(_LEAST_SECONDS, asked * _LEAST_SHARE):.1f} to {MOST_SECONDS:g}"
    return (
        _check("decodes", Verdict.FAIL if errors else Verdict.PASS, errors, "at most 0", "errors"),
        _check("duration", length if seconds >= _LEAST_SECONDS else Verdict.FAIL, seconds, wanted, "s"),
        _share("black_stretch", black, seconds, _MOST_BLACK, Verdict.FAIL),
        _share("frozen_stretch", _frozen(said, seconds), seconds, _MOST_FROZEN, Verdict.WARN),
    )


def _share(name: str, value: float, seconds: float, most: float, else_: Verdict) -> Check:
    limit = round(seconds * most, 2)
    return _check(name, Verdict.PASS if value <= limit else else_, round(value, 2), f"at most {limit:g}", "s")


def _frozen(said: str, seconds: float) -> float:
    """Seconds in which nothing moves; the last stretch may go on to the end."""
    total, start = 0.0, None
    for which, time in _FROZEN.findall(said):
        if which == "start":
            start = float(time)
        elif start is not None:
            total, start = total + float(time) - start, None
    return total + (seconds - start if start is not None else 0.0)


def _check(name: str, verdict: Verdict, value: float | str, limit: str, unit: str = "") -> Check:
    return Check(artifact="video", name=name, verdict=verdict, value=value, limit=limit, unit=unit)
