"""The picture of one scene, rendered as soon as its parts are there."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from storygen.errors import StorygenError
from storygen.media.layout import Box
from storygen.media.picture import Look
from storygen.media.render import FORMAT, pieces
from storygen.media.seams import half_seam
from storygen.media.takes import Take, loop_command, taken
from storygen.settings import FilmSettings
from storygen.stages.assembly.encoding import encode
from storygen.stages.base import Tools
from storygen.story import Captions, Frame, Made, Narration, Overlay, Segment, Shot, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A clip that can be seen over again."""

    clip: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a scene shows, and all that this depends on."""

    look: Look
    inputs: dict[str, Any]


async def render(
    scene_number: int,
    shot: Made[Shot] | None,
    narration: Made[Narration],
    captions: Made[Captions] | None,
    overlay: Made[Overlay] | None,
    frame: Frame,
    tools: Tools,
    film: FilmSettings,
    joined: tuple[bool, bool] = (False, False),
    *,
    is_last: bool = True,
) -> Made[Segment]:
    """Render the picture of a scene, without sound, for as long as its voice or its typing lasts, whichever is longer.

    `joined` says whether there is a scene before it and one after it that it is joined to by seams, which are left out
    here. The last scene of a film is cut into more pieces, since no other one keeps the cores busy. The key holds the
    length of the voice but not its sound: a voice that only gets louder leaves the picture as it is.
    """
    plan = plan_of(shot, narration, captions, overlay, frame, film, joined, is_last=is_last)
    try:
        return await tools.make("render", plan.inputs, Segment, partial(_render, plan, tools, film))
    except StorygenError as error:
        error.locate(scene=scene_number)
        raise


def plan_of(
    shot: Made[Shot] | None,
    narration: Made[Narration],
    captions: Made[Captions] | None,
    overlay: Made[Overlay] | None,
    frame: Frame,
    film: FilmSettings,
    joined: tuple[bool, bool],
    *,
    is_last: bool = True,
) -> Plan:
    """What a scene shows with these parts, and how many of its frames lie in its seams."""
    shot = None if film.strategy is Strategy.UI_ONLY else shot
    overlay = None if film.strategy is Strategy.VISUAL_ONLY else overlay
    seconds = max(narration.value.seconds, overlay.value.seconds if overlay else 0.0)
    frames = max(1, math.ceil(round(seconds * frame.fps, 6)))
    half = half_seam(frames, frame.fps)
    look = Look(
        shot=shot.value if shot else None,
        overlay=overlay.value if overlay else None,
        captions=captions.value if captions else None,
        frame=frame,
        frames=frames,
        before=half * joined[0],
        after=half * joined[1],
        is_last=is_last,
    )
    inputs = {
        "format": FORMAT,
        "shot": shot.key if shot else "",
        "movement": [shot.value.zoom, *shot.value.focus, shot.value.inward, *(shot.value.glide or ())] if shot else [],
        **({"clip": shot.value.clip_seconds} if shot and shot.value.clip else {}),
        "captions": captions.key if captions else "",
        "overlay": overlay.key if overlay else "",
        "frame": asdict(frame),
        "frames": [look.before, look.frames, look.after],
        "pieces": len(pieces(look)),
        **film.coding,
    }
    return Plan(look=look, inputs=inputs)


async def ready(plan: Plan, tools: Tools) -> Look:
    """What a scene shows, with all that has to be found out or made before it can be rendered."""
    look = plan.look
    if look.shot and look.overlay:
        look = replace(look, panel=await tools.compute(_seen, look.overlay.panel))
    if look.shot and look.shot.clip:
        look = replace(look, take=await _take(look, look.shot.clip, plan.inputs["shot"], tools))
    return look


async def _render(plan: Plan, tools: Tools, film: FilmSettings, folder: Path) -> Segment:
    return await encode(await ready(plan, tools), tools, film, folder)


async def _take(look: Look, clip: Path, key: str, tools: Tools) -> Take:
    """Say how the clip is made to last for the scene, and make what can be seen over again where it is too short."""
    fps, seconds = look.frame.fps, look.shot.clip_seconds if look.shot else 0.0
    take = taken(clip, seconds, look.moving / fps)
    if not take.repeats:
        return take

    async def work(folder: Path) -> Loop:
        loop = folder / "loop.mp4"
        await tools.ffmpeg(loop_command(clip, seconds, fps, loop))
        return Loop(clip=loop)

    made = await tools.make("render", {"format": FORMAT, "loop": key, "fps": fps, "seconds": seconds}, Loop, work)
    return replace(take, clip=made.value.clip)


def _seen(panel: Path) -> Box | None:
    """The part of a picture that is not wholly transparent; None where nothing is."""
    from PIL import Image

    with Image.open(panel, formats=["PNG"]) as image:
        box = image.getchannel("A").getbbox() if "A" in image.getbands() else (0, 0, *image.size)
    return Box(left=box[0], top=box[1], right=box[2], bottom=box[3]) if box else None
