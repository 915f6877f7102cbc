"""What a good film is: its streams, its length, its rate, and that something is seen and heard, together.

A finished film is measured in one cheap reading: every packet is read and the sound decoded, but of the pictures only
those that stand alone; what lies between them is told from glances that were taken while it was rendered. The whole
film is decoded when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from storygen.errors import InvalidOutput
from storygen.media.glances import Glance
from storygen.media.probe import MAX_SECONDS, Media, VideoStream, probe
from storygen.quality.glances import Stretch, black, frozen, repeated, spread
from storygen.quality.scan import Hands, Reading, Scan, scan
from storygen.settings import QualitySettings
from storygen.story import Check, Frame, Verdict

BROKEN = frozenset(
    {
        *("streams", "video_codec", "pixel_format", "resolution", "audio_codec", "duration", "frames"),
        *("uneven_frames", "decodes", "packets", "end_offset"),
    }
)
"""Checks that a film fails which is not the one that was joined; the others are limits of taste and of platforms."""
_USUAL, _PLAYED = ("h264 High", "aac"), {"webm": ("vp9 Profile 0", "opus")}
_LENGTH_TOLERANCE = 0.1
_LEAST_SECONDS = 0.2
_LEAST_PIXELS = 144
_LIMITS = QualitySettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmPlan:
    """What a film was meant to be; `frame` is None for sound alone.

    `sound` is what its sound was made from, `loudness_lufs` how loud it should be, None where that is not known.
    `parts` is ffmpeg's list of the files that its picture was joined from, of which `glances` were taken.
    """

    frame: Frame | None
    frames: int
    seconds: float
    sound: Path | None = None
    loudness_lufs: float | None = None
    parts: Path | None = None
    glances: tuple[Glance, ...] = ()


async def check_film(
    path: Path,
    plan: FilmPlan | None,
    ffmpeg: Hands,
    scratch: Path,
    *,
    limits: QualitySettings = _LIMITS,
    thorough: bool = False,
) -> tuple[Check, ...]:
    """Measure a film, against its plan where there is one; `scratch` is a folder for passing files.

    `thorough` decodes every picture, which takes about a fifth of the time that rendering took. Without a plan what is
    beyond a limit is a warning. Raises `InvalidOutput` for a file that is no film.
    """
    seen, heard = (plan.frame is not None, True) if plan else await _streams(path, ffmpeg)
    reading = Reading(
        film=path,
        seen=seen,
        heard=heard,
        thorough=thorough,
        sound=plan.sound if plan else None,
        parts=plan.parts if plan else None,
        seconds=plan.seconds if plan else None,
    )
    found = await scan(reading, ffmpeg, scratch)
    return (
        *_stream_checks(found.media, plan),
        *_length_checks(found, plan),
        _check("decodes", found.errors, 0, Verdict.FAIL, "errors"),
        *([_check("packets", found.changed, 0, Verdict.FAIL, "changed")] if found.changed is not None else []),
        *_together(found, limits),
        *(_seen_checks(found, plan, limits) if found.picture else ()),
        *(_heard_checks(found, plan, limits) if found.sound else ()),
        _check("bitrate", _kbps(found), limits.bitrate_kbps, Verdict.WARN, "kbit/s"),
    )


async def _streams(path: Path, ffmpeg: Hands) -> tuple[bool, bool]:
    """Whether a file holds pictures and whether it holds sound; it must hold one of them."""
    media = await probe(path, ffmpeg)
    if not media.video and not media.audio:
        raise InvalidOutput(f"{path.name!r} holds neither pictures nor sound", hint="Name a clip or a sound.")
    return bool(media.video), bool(media.audio)


def _stream_checks(media: Media, plan: FilmPlan | None) -> list[Check]:
    """The kinds of streams: what every player plays."""
    wants_picture = plan.frame is not None if plan else bool(media.video)
    streams = f"{len(media.video)} picture, {len(media.audio)} sound"
    checks = [_equal("streams", streams, f"{int(wants_picture)} picture, 1 sound", Verdict.FAIL)]
    strict = Verdict.FAIL if plan else Verdict.WARN
    picture, sound = _PLAYED.get(media.container, _USUAL)
    for video in media.video[:1]:
        checks.append(_equal("video_codec", f"{video.codec} {video.profile}".strip(), picture, strict))
        checks.append(_equal("pixel_format", video.pixel_format, "yuv420p", strict))
        checks.append(_resolution(video, plan))
    checks.extend(_equal("audio_codec", audio.codec, sound, strict) for audio in media.audio[:1])
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


def _length_checks(found: Scan, plan: FilmPlan | None) -> Iterator[Check]:
    """Whether it is as long as planned, and runs at one rate."""
    longest = plan.seconds + _LENGTH_TOLERANCE if plan else MAX_SECONDS
    shortest = plan.seconds - _LENGTH_TOLERANCE if plan else _LEAST_SECONDS
    verdict = Verdict.PASS if shortest <= found.seconds <= longest else Verdict.FAIL
    limit = f"{shortest:.1f} to {longest:.1f}"
    value = round(found.seconds, 3)
    yield Check(artifact="video", name="duration", verdict=verdict, value=value, limit=limit, unit="s")
    if found.picture and plan and plan.frame:
        yield _equal("frames", found.picture.packets, plan.frames, Verdict.FAIL)
    if found.picture:
        yield _check("uneven_frames", found.picture.odd, 0, Verdict.FAIL if plan else Verdict.WARN)


def _together(found: Scan, limits: QualitySettings) -> Iterator[Check]:
    """How far sound and picture are apart: where they end, and by what is heard, where that is known.

    The sound is held against what it was made from, at the beginning and at the end of the film; of the picture it is
    known where each frame stands, so that what the sound is late, it is late for the picture.
    """
    if not found.picture or not found.sound:
        return
    apart = round(abs(found.picture.end - found.sound.end), 4)
    yield _check("end_offset", apart, limits.offset_seconds, Verdict.FAIL, "s")
    if found.delays:
        worst = max(found.delays, key=abs) - found.picture.start
        yield _check("av_offset", round(abs(worst), 4), limits.offset_seconds, Verdict.FAIL, "s")


def _seen_checks(found: Scan, plan: FilmPlan | None, limits: QualitySettings) -> Iterator[Check]:
    """Whether something is seen, moves and is new; what was black at the last key frame is so to the end."""
    looked = found.glances or (plan.glances if plan else ())
    dark, still = _longest(_to_the_end(found)), _longest(found.frozen)
    if looked:
        dark, still = black(looked), frozen(looked)
    verdict = Verdict.FAIL if dark.seconds > limits.black_seconds else Verdict.WARN
    most = limits.black_seconds if verdict is Verdict.FAIL else limits.black_seconds / 3
    yield _stretch("black_stretch", dark, most, verdict)
    beyond = Verdict.FAIL if plan else Verdict.WARN
    yield _stretch("frozen_stretch", still, limits.frozen_seconds, beyond)
    if looked:
        yield _stretch("repeated_stretch", repeated(looked), limits.repeated_seconds, beyond)
        weight = round(spread(looked[0].light), 1)
        least = limits.first_frame_spread
        verdict = Verdict.PASS if weight >= least else Verdict.WARN
        told = f"at least {least:g}"
        yield Check(artifact="video", name="first_frame", verdict=verdict, value=weight, limit=told, unit="of 255")


def _to_the_end(found: Scan) -> list[tuple[float, float]]:
    last = found.picture.last_key if found.picture else 0.0
    return [(start, end if end < last - 0.01 else found.seconds) for start, end in found.black]


def _heard_checks(found: Scan, plan: FilmPlan | None, limits: QualitySettings) -> Iterator[Check]:
    """How loud, how clean and how silent the encoded sound is; loudness where a plan says what it should be."""
    beyond = Verdict.FAIL if plan else Verdict.WARN
    silent = sum(end - start for start, end in found.silent)
    share = silent / found.seconds if found.seconds else 1.0
    yield _check("silence_share", round(share, 3), limits.silence_share, Verdict.WARN)
    yield _check("clipping_share", round(found.clipped_share, 6), limits.clipping_share, beyond)
    if found.loudness is None or found.loudness.lufs == float("-inf"):
        return
    yield _check("true_peak", found.loudness.true_peak_dbtp, limits.true_peak_dbtp, beyond, "dBTP")
    if plan and plan.loudness_lufs is not None:
        low, high = (plan.loudness_lufs + side * limits.loudness_tolerance_lu for side in (-1, 1))
        verdict = Verdict.PASS if low <= found.loudness.lufs <= high else beyond
        told, value = f"{low:g} to {high:g}", found.loudness.lufs
        yield Check(artifact="video", name="loudness", verdict=verdict, value=value, limit=told, unit="LUFS")


def _kbps(found: Scan) -> float:
    return round(8 * found.media.size / max(found.seconds, 0.001) / 1000, 1)


def _longest(stretches: Sequence[tuple[float, float]]) -> Stretch:
    start, end = max(stretches, key=lambda one: one[1] - one[0], default=(0.0, 0.0))
    return Stretch(at=start, seconds=end - start)


def _stretch(name: str, stretch: Stretch, most: float, else_: Verdict) -> Check:
    """A stretch that must not last too long, and where it begins."""
    verdict = Verdict.PASS if stretch.seconds <= most else else_
    at = round(stretch.at, 2) if stretch.seconds else None
    value, limit = round(stretch.seconds, 2), f"at most {most:g}"
    return Check(artifact="video", name=name, verdict=verdict, value=value, limit=limit, unit="s", at=at)


def _check(name: str, value: float, most: float, else_: Verdict, unit: str = "") -> Check:
    """A value that must not exceed a limit."""
    verdict = Verdict.PASS if value <= most else else_
    return Check(artifact="video", name=name, verdict=verdict, value=value, limit=f"at most {most:g}", unit=unit)


def _equal(name: str, value: float | str, wanted: float | str, else_: Verdict) -> Check:
    """A value that must be the one that is wanted."""
    verdict = Verdict.PASS if value == wanted else else_
    return Check(artifact="video", name=name, verdict=verdict, value=value, limit=wanted)
