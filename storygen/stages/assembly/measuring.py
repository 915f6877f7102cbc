"""What a joined film is measured against, and what becomes of one that is not what was joined."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from storygen.errors import RenderFailed
from storygen.media.glances import Glance, read_glances
from storygen.media.timeline import Pair, Span, spans
from storygen.quality.video import BROKEN, FilmPlan, check_film
from storygen.settings import QualitySettings
from storygen.stages.base import Tools
from storygen.story import Check, Frame, Segment, Soundtrack, Verdict

_TURNS = 2
_LIMITS = QualitySettings()
_DRAWN = {"black_stretch", "frozen_stretch", "repeated_stretch"}
_LEAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a film is held to: the limits of the settings, and how loud its narration should be, where it has any."""

    limits: QualitySettings = _LIMITS
    loudness_lufs: float | None = None


async def joined_well(
    join: Callable[[], Awaitable[object]], video: Path, plan: FilmPlan, aim: Aim, tools: Tools, scratch: Path
) -> tuple[Check, ...]:
    """Join a film and measure it; one that is broken is joined once more.

    What is beyond a limit of the settings stays among the checks as failed. Raises `RenderFailed` for a film that is
    broken again.
    """
    thorough = aim.limits.decode == "all"
    for _ in range(_TURNS):
        await join()
        checks = await check_film(video, plan, tools.ffmpeg, scratch, limits=aim.limits, thorough=thorough)
        broken = [one for one in checks if one.verdict is Verdict.FAIL and one.name in BROKEN]
        if not broken:
            return checks
    told = "; ".join(f"{one.name} is {one.value}, wanted is {one.limit}" for one in broken)
    raise RenderFailed("the finished film is not as planned", hint=told)


async def plan_of(
    pictures: Sequence[Segment], frame: Frame, listed: Path | None, sound: Soundtrack, aim: Aim, tools: Tools
) -> FilmPlan:
    """What a film of these pictures, in order, and this sound is meant to be."""
    return FilmPlan(
        frame=frame if pictures else None,
        frames=sum(picture.frames for picture in pictures),
        seconds=sound.seconds,
        sound=sound.audio,
        loudness_lufs=_loudness(sound, aim),
        parts=listed,
        glances=await tools.compute(_glances, pictures, frame.fps),
    )


def _loudness(sound: Soundtrack, aim: Aim) -> float | None:
    """How loud a film should be whose narration is as loud as it should: music between words may only lower that."""
    if aim.loudness_lufs is None or sound.voice_lufs is None or sound.lufs is None:
        return None
    return round(aim.loudness_lufs + min(0.0, sound.lufs - sound.voice_lufs), 1)


def to_redraw(checks: Sequence[Check], scenes: Sequence[Pair], fps: int) -> tuple[int, ...]:
    """The places of the scenes whose pictures are to blame for checks of the film that failed."""
    blamed = [
        Span(start=one.at, end=one.at + one.value)
        for one in checks
        if one.verdict is Verdict.FAIL and one.name in _DRAWN and one.at is not None and isinstance(one.value, float)
    ]
    when = enumerate(spans(scenes, fps))
    return tuple(place for place, span in when if any(_takes_up(stretch, span) for stretch in blamed))


def _takes_up(stretch: Span, scene: Span) -> bool:
    """Whether a stretch lies over a good part of a scene."""
    shared = min(stretch.end, scene.end) - max(stretch.start, scene.start)
    return shared >= min(_LEAST_SECONDS, (scene.end - scene.start) / 2)


def _glances(pictures: Sequence[Segment], fps: int) -> tuple[Glance, ...]:
    """The glances of a whole film; nothing where those of a part are missing."""
    if not all(picture.glances for picture in pictures):
        return ()
    starts = accumulate((picture.frames / fps for picture in pictures), initial=0.0)
    return tuple(
        glance
        for picture, start in zip(pictures, starts, strict=False)
        if picture.glances
        for glance in read_glances(picture.glances.read_bytes(), start, picture.frames / fps)
    )
