"""What a good film is: its streams, its length, its rate, and that something is seen and heard.

A finished film is measured in one cheap pass: every packet is read, but of the pictures only those that stand alone are
decoded, a dozen per half minute; the whole film is decoded when somebody asks for it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from storygen.errors import InvalidOutput
from storygen.media.ffmpeg import Command, Finished, local
from storygen.media.probe import MAX_SECONDS, Media, VideoStream, probe, read_probe, source
from storygen.story import Check, Frame, Verdict

MAX_OFFSET_SECONDS = 0.05
_BLACK_SECONDS = (1.0, 3.0)
_FROZEN_SECONDS = 20.0
_SILENCE_SHARE = 0.8
_LENGTH_TOLERANCE = 0.1
_LEAST_SECONDS = 0.2
_LEAST_PIXELS = 144
_SAMPLE_SECONDS = 0.5
_BLACK = re.compile(r"black_start:([\d.]+) black_end:([\d.]+)")
_FROZEN = re.compile(r"freeze_(start|end):\s*([\d.]+)")
_SILENT = re.compile(r"silence_(start|end):\s*(-?[\d.]+)")
_LEVEL = re.compile(r"^\[info\] ", re.MULTILINE)
_ERROR = re.compile(r"^(?:\[[^\]]*\] )*\[(?:error|fatal|panic)\]", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmPlan:
    """What a film was meant to be; `frame` is None for sound alone."""

    frame: Frame | None
    frames: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Track:
    """The packets of a stream: how many, how many are of uncommon length, the last key frame and end in seconds."""

    packets: int
    odd: int
    last_key: float
    end: float


async def check_film(
    path: Path,
    plan: FilmPlan | None,
    ffmpeg: Callable[[Command], Awaitable[Finished]],
    scratch: Path,
    *,
    thorough: bool = False,
) -> tuple[Check, ...]:
    """Measure a film, against its plan where there is one; `scratch` is a folder for a passing file.

    `thorough` decodes every picture, which takes about a fifth of the time that rendering took. Raises `InvalidOutput`
    for a file that is no film.
    """
    seen, heard = (plan.frame is not None, True) if plan else await _streams(path, ffmpeg)
    packets = scratch / "packets.txt"
    command = _scan_command(path, packets, seen=seen, heard=heard, thorough=thorough)
    said = (await ffmpeg(replace(command, seconds=plan.seconds if plan else None))).said
    media = read_probe(path, _LEVEL.sub("", said))
    picture, sound = _tracks(packets, media)
    packets.unlink()
    checks = [*_stream_checks(media, plan), *_length_checks(media, plan, picture, sound)]
    checks.append(_check("decodes", len(_ERROR.findall(said)), 0, Verdict.FAIL, "errors"))
    seconds = max(track.end for track in (picture, sound) if track)
    if picture:
        checks += _seen_checks(said, seconds, seconds - 1.5 * _SAMPLE_SECONDS if thorough else picture.last_key)
    if sound:
        share = _stretches(_SILENT, said, seconds)[0] / seconds if seconds else 1.0
        checks.append(_check("silence_share", round(share, 3), _SILENCE_SHARE, Verdict.WARN))
    return tuple(checks)


async def _streams(path: Path, ffmpeg: Callable[[Command], Awaitable[Finished]]) -> tuple[bool, bool]:
    """Whether a file holds pictures and whether it holds sound; it must hold one of them."""
    media = await probe(path, ffmpeg)
    if not media.video and not media.audio:
        raise InvalidOutput(f"{path.name!r} holds neither pictures nor sound", hint="Name a clip or a sound.")
    return bool(media.video), bool(media.audio)


def _scan_command(path: Path, packets: Path, *, seen: bool, heard: bool, thorough: bool) -> Command:
    """Look for black, frozen and silent stretches, and write down the times of all packets, in one reading."""
    sampled = f"fps={1 / _SAMPLE_SECONDS:g}," if thorough else ""
    outputs: list[str] = []
    if seen:
        detect = f"{sampled}scale=160:-2:flags=fast_bilinear,blackdetect=d=0:pix_th=0.1,freezedetect=n=0.0003:d=1"
        outputs += ["-map", "0:v:0", "-vf", detect, "-f", "null", "-"]
    if heard:
        outputs += ["-map", "0:a:0", "-af", "silencedetect=noise=-50dB:d=0.5", "-f", "null", "-"]
    maps = [arg for kind, has in (("v", seen), ("a", heard)) if has for arg in ("-map", f"0:{kind}:0")]
    options = ("-skip_frame", "nokey") if seen and not thorough else ()
    return Command(
        step="measure",
        args=(
            *("-loglevel", "level+info", *source(path, *options), *outputs),
            *(*maps, "-c", "copy", "-f", "framecrc", local(packets)),
        ),
    )


def _tracks(packets: Path, media: Media) -> tuple[_Track | None, _Track | None]:
    """Read the packets of the picture and the sound."""
    bases: dict[str, float] = {}
    ends: dict[str, int] = {}
    keys: dict[str, int] = {}
    lengths: dict[str, Counter[int]] = {}
    with packets.open() as lines:
        for line in lines:
            if line.startswith("#tb "):
                stream, _, base = line[4:].partition(": ")
                ticks, _, rate = base.partition("/")
                bases[stream] = int(ticks) / int(rate)
            elif not line.startswith("#"):
                stream, _, pts, length, _, _, *flags = line.split(",")
                lengths.setdefault(stream, Counter())[int(length)] += 1
                if not any("F=0x0" in flag for flag in flags):
                    keys[stream] = int(pts)
                ends[stream] = max(ends.get(stream, 0), int(pts) + int(length))
    found = [
        _Track(
            packets=kinds.total(),
            odd=kinds.total() - max(kinds.values()),
            last_key=keys.get(stream, 0) * bases[stream],
            end=ends[stream] * bases[stream],
        )
        for stream, kinds in sorted(lengths.items())
    ]
    picture = found.pop(0) if media.video and found else None
    return picture, found.pop(0) if media.audio and found else None


def _stream_checks(media: Media, plan: FilmPlan | None) -> list[Check]:
    """The kinds of streams: what every player plays."""
    wants_picture = plan.frame is not None if plan else bool(media.video)
    streams = f"{len(media.video)} picture, {len(media.audio)} sound"
    checks = [_equal("streams", streams, f"{int(wants_picture)} picture, 1 sound", Verdict.FAIL)]
    strict = Verdict.FAIL if plan else Verdict.WARN
    for video in media.video[:1]:
        checks.append(_equal("video_codec", f"{video.codec} {video.profile}".strip(), "h264 High", strict))
        checks.append(_equal("pixel_format", video.pixel_format, "yuv420p", strict))
        checks.append(_resolution(video, plan))
    checks.extend(_equal("audio_codec", audio.codec, "aac", strict) for audio in media.audio[:1])
    return checks


def _resolution(video: VideoStream, plan: FilmPlan | None) -> Check:
    """The size of the plan, or else one that players and platforms take: even, and not tiny."""
    value = f"{video.width}x{video.height}"
    if plan and plan.frame:
        return _equal("resolution", value, f"{plan.frame.width}x{plan.frame.height}", Verdict.FAIL)
    small = min(video.width, video.height) < _LEAST_PIXELS
    verdict = Verdict.WARN if small or video.width % 2 or video.height % 2 else Verdict.PASS
    limit = f"even, at least {_LEAST_PIXELS}"
    return Check(artifact="video", name="resolution", verdict=verdict, value=value, limit=limit, unit="px")


def _length_checks(media: Media, plan: FilmPlan | None, picture: _Track | None, sound: _Track | None) -> list[Check]:
    """Whether it is as long as planned, runs at one rate, and ends with picture and sound together."""
    seconds = max((track.end for track in (picture, sound) if track), default=media.seconds)
    longest = plan.seconds + _LENGTH_TOLERANCE if plan else MAX_SECONDS
    shortest = plan.seconds - _LENGTH_TOLERANCE if plan else _LEAST_SECONDS
    verdict = Verdict.PASS if shortest <= seconds <= longest else Verdict.FAIL
    limit = f"{shortest:.1f} to {longest:.1f}"
    checks = [Check(artifact="video", name="duration", verdict=verdict, value=round(seconds, 3), limit=limit, unit="s")]
    if picture and plan and plan.frame:
        checks.append(_equal("frames", picture.packets, plan.frames, Verdict.FAIL))
    if picture:
        checks.append(_check("uneven_frames", picture.odd, 0, Verdict.FAIL if plan else Verdict.WARN))
    if picture and sound:
        offset = round(abs(picture.end - sound.end), 4)
        checks.append(_check("end_offset", offset, MAX_OFFSET_SECONDS, Verdict.FAIL, "s"))
    return checks


def _seen_checks(said: str, seconds: float, last_seen: float) -> list[Check]:
    """Whether something is seen and moves; what was black at the last look, at `last_seen`, is so to the end."""
    stretches = ((float(start), float(end)) for start, end in _BLACK.findall(said))
    black = max(((end if end < last_seen - 0.01 else seconds) - start for start, end in stretches), default=0.0)
    frozen = _stretches(_FROZEN, said, seconds)[1]
    warn, fail = _BLACK_SECONDS
    limit, verdict = (fail, Verdict.FAIL) if black > fail else (warn, Verdict.WARN)
    return [
        _check("black_stretch", round(black, 2), limit, verdict, "s"),
        _check("frozen_stretch", round(frozen, 2), _FROZEN_SECONDS, Verdict.WARN, "s"),
    ]


def _stretches(pattern: re.Pattern[str], said: str, seconds: float) -> tuple[float, float]:
    """The sum and the longest of the stretches between a start and an end; the last one may go on to the end."""
    lengths: list[float] = []
    start: float | None = None
    for which, time in pattern.findall(said):
        if which == "start":
            start = max(0.0, float(time))
        elif start is not None:
            lengths.append(float(time) - start)
            start = None
    if start is not None:
        lengths.append(max(0.0, seconds - start))
    return sum(lengths), max(lengths, default=0.0)


def _check(name: str, value: float, most: float, else_: Verdict, unit: str = "") -> Check:
    """A value that must not exceed a limit."""
    verdict = Verdict.PASS if value <= most else else_
    return Check(artifact="video", name=name, verdict=verdict, value=value, limit=f"at most {most:g}", unit=unit)


def _equal(name: str, value: float | str, wanted: float | str, else_: Verdict) -> Check:
    """A value that must be the one that is wanted."""
    verdict = Verdict.PASS if value == wanted else else_
    return Check(artifact="video", name=name, verdict=verdict, value=value, limit=wanted)
