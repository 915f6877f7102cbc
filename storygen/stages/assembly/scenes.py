"""The picture of one scene, rendered as soon as its parts are there."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

from storygen.errors import StorygenError
from storygen.media.layout import Box
from storygen.media.render import FORMAT, Look
from storygen.media.takes import loop_command, taken
from storygen.settings import FilmSettings
from storygen.stages.assembly.encoding import encode
from storygen.stages.base import Tools
from storygen.story import Captions, Frame, Made, Narration, Overlay, Segment, Shot, Strategy

_LOOP = "loop.mp4"
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


async def _render(look: Look, tools: Tools, film: FilmSettings, folder: Path) -> Segment:
    """Render a scene with the cores that it can have."""
    if look.shot and look.overlay:
        look = await _with_panel(look, look.overlay, tools)
    async with _cores_for_one(tools) as cores:
        if look.shot and look.shot.clip:
            look = await _with_take(look, look.shot.clip, look.shot.clip_seconds, tools, folder)
        segment = await encode(look, cores, tools, film, folder)
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
