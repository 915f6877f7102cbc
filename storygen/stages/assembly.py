"""Assembly: each scene's picture is rendered as soon as its parts are there; then all are joined with their sound."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from storygen.errors import InvalidScript, RenderFailed, StorygenError
from storygen.media.audio import join_wavs, silence_wav
from storygen.media.layout import Box
from storygen.media.notice import FORMAT as NOTICE_FORMAT
from storygen.media.notice import Notice, post
from storygen.media.render import (
    AUDIO_RATE,
    FORMAT,
    Look,
    concat_list,
    join_command,
    piece_command,
    pieces,
    plain,
    stitch_command,
)
from storygen.media.takes import loop_command, taken
from storygen.quality.video import FilmPlan, check_film
from storygen.settings import FilmSettings
from storygen.stages.base import Tools
from storygen.story import Captions, Film, Frame, Made, Narration, Overlay, Segment, Shot, Strategy, Verdict

Part = tuple[Made[Segment] | None, Made[Narration]]

_LOOP = "loop.mp4"
_NOTICE_SECONDS = 5.0
_ADVICE = "Run it again when that is mended: what is finished is kept."
_rendering: WeakKeyDictionary[Tools, int] = WeakKeyDictionary()


async def render(
    scene_number: int,
    shot: Made[Shot] | None,
    narration: Made[Narration],
    captions: Made[Captions] | None,
    overlay: Made[Overlay] | None,
    frame: Frame,
    tools: Tools,
    film: FilmSettings,
) -> Made[Segment]:
    """Render the picture of a scene, without sound, for as long as its voice or its typing lasts, whichever is longer.

    The key holds the length of the voice but not its sound: a voice that only gets louder leaves the picture as it is.
    """
    shot = None if film.strategy is Strategy.UI_ONLY else shot
    overlay = None if film.strategy is Strategy.VISUAL_ONLY else overlay
    captions = captions if film.burn_subtitles else None
    seconds = max(narration.value.seconds, overlay.value.seconds if overlay else 0.0)
    look = Look(
        shot=shot.value if shot else None,
        overlay=overlay.value if overlay else None,
        captions=captions.value if captions else None,
        frame=frame,
        frames=max(1, math.ceil(round(seconds * frame.fps, 6))),
    )
    inputs = {
        "format": FORMAT,
        "shot": shot.key if shot else "",
        "movement": [shot.value.zoom, *shot.value.focus, shot.value.inward] if shot else [],
        **({"clip": shot.value.clip_seconds} if shot and shot.value.clip else {}),
        "captions": captions.key if captions else "",
        "overlay": overlay.key if overlay else "",
        "frame": asdict(frame),
        "frames": look.frames,
        "preset": film.preset,
        "crf": film.crf,
    }
    try:
        return await tools.make("render", inputs, Segment, partial(_render, look, tools, film))
    except StorygenError as error:
        error.locate(scene=scene_number)
        raise


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
    return await tools.make("join", inputs, Film, partial(_join, parts, title, frame, tools))


async def placeholder(
    reasons: Sequence[str], title: str, frame: Frame, tools: Tools, film: FilmSettings, hint: str = ""
) -> Made[Film]:
    """A short silent film that stands in for one that could not be made: its card says what broke and what to do."""
    notice = Notice(title=plain(title), reasons=tuple(reasons), advice=f"{hint} {_ADVICE}".strip(), frame=frame)

    async def work(folder: Path) -> Film:
        scratch = folder / "notice"
        scratch.mkdir()
        picture, words, sound = scratch / "card.jpg", scratch / "words.ass", scratch / "silence.wav"
        await tools.compute(post, notice, picture, words, _NOTICE_SECONDS)
        look = Look(
            shot=Shot(image=picture, zoom=1.0),
            overlay=None,
            captions=Captions(cues=(), ass=words),
            frame=frame,
            frames=round(_NOTICE_SECONDS * frame.fps),
        )
        segment = await _encode(look, 1, tools, film, scratch)
        silence = Narration(audio=sound, seconds=silence_wav(sound, _NOTICE_SECONDS), words=())
        parts = [(Made(value=segment, key="", provider=""), Made(value=silence, key="", provider=""))]
        made = await _join(parts, title, frame, tools, folder)
        shutil.rmtree(scratch)
        return made

    return await tools.make("join", {"format": [FORMAT, NOTICE_FORMAT], "notice": notice}, Film, work)


async def _render(look: Look, tools: Tools, film: FilmSettings, folder: Path) -> Segment:
    """Render a scene with the cores that it can have."""
    if look.shot and look.overlay:
        look = await _with_panel(look, look.overlay, tools)
    async with _cores_for_one(tools) as cores:
        if look.shot and look.shot.clip:
            look = await _with_take(look, look.shot.clip, look.shot.clip_seconds, tools, folder)
        segment = await _encode(look, cores, tools, film, folder)
    (folder / _LOOP).unlink(missing_ok=True)
    return segment


@asynccontextmanager
async def _cores_for_one(tools: Tools) -> AsyncIterator[int]:
    """How many cores a scene may have to itself, by how many scenes are being rendered with the same tools.

    Whole rounds of scenes take a core each, because that is the cheapest; those of the last, incomplete round share
    what is left, so that no core is idle while the last scene of a film is rendered.
    """
    cores, ahead = tools.cores, _rendering.get(tools, 0)
    _rendering[tools] = ahead + 1
    try:
        await asyncio.sleep(0)  # lets those that start at the same moment be counted
        rest = _rendering[tools] % cores  # none, also where one of a full round and one more has ended meanwhile
        yield max(1, cores // rest) if rest and ahead >= _rendering[tools] - rest else 1
    finally:
        _rendering[tools] -= 1


async def _encode(look: Look, cores: int, tools: Tools, film: FilmSettings, folder: Path) -> Segment:
    """Render the pieces side by side, then put them into one file."""
    cut = pieces(look.frames, look.frame.fps, cores)
    files = [folder / f"piece-{number}.mp4" for number in range(len(cut))]
    commands = [piece_command(look, piece, film, file) for piece, file in zip(cut, files, strict=True)]
    await _together([tools.ffmpeg(command) for command in commands])
    video = folder / "segment.mp4"
    if len(files) == 1:
        files[0].replace(video)
    else:
        listed = folder / "pieces.txt"
        fps = look.frame.fps
        listed.write_text(concat_list([file.name for file in files], [piece.frames / fps for piece in cut]))
        await tools.ffmpeg(stitch_command(listed, fps, look.frames / fps, video))
        for file in (listed, *files):
            file.unlink()
    return Segment(video=video, frames=look.frames)


async def _with_panel(look: Look, overlay: Overlay, tools: Tools) -> Look:
    return replace(look, panel=await tools.compute(_seen, overlay.panel))


async def _with_take(look: Look, clip: Path, clip_seconds: float, tools: Tools, folder: Path) -> Look:
    """Say how the clip is made to last for the scene, and make what can be seen over again where it is too short."""
    take = taken(clip, clip_seconds, look.frames / look.frame.fps)
    if take.repeats:
        loop = folder / _LOOP
        await tools.ffmpeg(loop_command(clip, clip_seconds, look.frame.fps, loop))
        take = replace(take, clip=loop)
    return replace(look, take=take)


def _seen(panel: Path) -> Box | None:
    """The part of a picture that is not wholly transparent; None where nothing is."""
    from PIL import Image

    with Image.open(panel, formats=["PNG"]) as image:
        box = image.getchannel("A").getbbox() if "A" in image.getbands() else (0, 0, *image.size)
    return Box(left=box[0], top=box[1], right=box[2], bottom=box[3]) if box else None


async def _join(parts: Sequence[Part], title: str, frame: Frame, tools: Tools, folder: Path) -> Film:
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


async def _together(work: Sequence[Coroutine[Any, Any, object]]) -> None:
    """Run side by side; when one fails, end the others and raise its error."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
