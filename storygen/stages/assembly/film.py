"""All scenes and their sound, joined into the finished film, which is measured."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path

from storygen.errors import InvalidScript, RenderFailed
from storygen.media.audio import join_wavs
from storygen.media.render import AUDIO_RATE, FORMAT, concat_list, join_command, plain
from storygen.quality.video import FilmPlan, check_film
from storygen.settings import FilmSettings
from storygen.stages.base import Tools
from storygen.story import Film, Frame, Made, Narration, Segment, Strategy, Verdict

Part = tuple[Made[Segment] | None, Made[Narration]]


async def join(
    parts: Sequence[Part],
    title: str,
    frame: Frame,
    tools: Tools,
    film: FilmSettings,
) -> Made[Film]:
    """Join the scenes and their sound into the finished film, and measure it.

    Raises `RenderFailed` where the film does not pass its checks, and `InvalidScript` where there is nothing to join.
    """
    if not parts:
        raise InvalidScript("There is no scene to make a film of.", hint="Write at least one scene.")
    if film.strategy is Strategy.AUDIO_ONLY:
        parts = [(None, narration) for _, narration in parts]
    inputs = {
        "format": FORMAT,
        "parts": [[segment.key if segment else "", narration.key] for segment, narration in parts],
        "title": plain(title),
        "frame": asdict(frame),
    }
    return await tools.make("join", inputs, Film, partial(put_together, parts, title, frame, tools))


async def put_together(parts: Sequence[Part], title: str, frame: Frame, tools: Tools, folder: Path) -> Film:
    """Join the parts in `folder` and measure what came out. Raises `RenderFailed` where it is not as planned."""
    segments = [segment.value for segment, _ in parts if segment]
    if segments and len(segments) < len(parts):
        raise RenderFailed("some scenes have a picture and some have none", hint="Render every scene or none.")
    scratch = folder / "scratch"
    scratch.mkdir()
    sound, listed = scratch / "sound.wav", scratch / "scenes.txt"
    samples = _samples(parts, frame.fps)
    await tools.compute(join_wavs, [(part.value.audio, n) for (_, part), n in zip(parts, samples, strict=True)], sound)
    seconds = sum(samples) / AUDIO_RATE
    video = folder / ("film.mp4" if segments else "film.m4a")
    if segments:
        listed.write_text(_list_segments(segments, frame.fps, scratch))
    pictures = listed if segments else None
    await tools.ffmpeg(join_command(pictures, sound, title=title, fps=frame.fps, seconds=seconds, out=video))
    plan = FilmPlan(
        frame=frame if segments else None, frames=sum(segment.frames for segment in segments), seconds=seconds
    )
    checks = await check_film(video, plan, tools.ffmpeg, scratch)
    failed = [f"{one.name} is {one.value}, wanted is {one.limit}" for one in checks if one.verdict is Verdict.FAIL]
    if failed:
        raise RenderFailed("the finished film is not as planned", hint="; ".join(failed))
    shutil.rmtree(scratch)
    width, height = (frame.width, frame.height) if segments else (0, 0)
    return Film(video=video, seconds=seconds, width=width, height=height, checks=checks)


def _samples(parts: Sequence[Part], fps: int) -> list[int]:
    """The samples of sound of each scene, so that no scene begins more than half a sample from its first frame."""
    if parts[0][0] is None:
        return [round(narration.value.seconds * AUDIO_RATE) for _, narration in parts]
    ends = accumulate(segment.value.frames if segment else 0 for segment, _ in parts)
    bounds = [0, *(round(end * AUDIO_RATE / fps) for end in ends)]
    return [end - start for start, end in pairwise(bounds)]


def _list_segments(segments: Sequence[Segment], fps: int, folder: Path) -> str:
    """Give the segments plain names in `folder`, because a list of names cannot hold every name, and list them."""
    names = [f"scene-{number}.mp4" for number in range(len(segments))]
    for segment, name in zip(segments, names, strict=True):
        try:
            os.link(segment.video, folder / name)
        except OSError:
            shutil.copyfile(segment.video, folder / name)
    return concat_list(names, [segment.frames / fps for segment in segments])
