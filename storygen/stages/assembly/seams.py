"""The seam between two scenes, rendered as soon as the parts of both are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storygen.errors import StorygenError
from storygen.media.glances import SUFFIX
from storygen.media.seams import FORMAT, Ends, seam_between, seam_command
from storygen.settings import FilmSettings
from storygen.stages.assembly.scenes import Plan, ready
from storygen.stages.base import Tools
from storygen.story import Made, Mood, Segment, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A scene that has a share in a seam: its number, its feeling, and what it shows."""

    number: int
    mood: Mood
    plan: Plan


async def seam(before: Side | None, after: Side | None, tools: Tools, film: FilmSettings) -> Made[Segment] | None:
    """Render what lies between two scenes; None where neither gives a frame to it.

    Its key holds what both scenes show, so it is made anew where one of them changes, and only then.
    """
    shares = (before.plan.look.after if before else 0, after.plan.look.before if after else 0)
    sides = [side if share else None for side, share in zip((before, after), shares, strict=True)]
    there = [side for side in sides if side]
    if not there:
        return None
    moods = [side.mood for side in there]
    way = seam_between(moods[0], moods[-1], film.transitions, there[-1].number)
    inputs = {"format": FORMAT, "ends": [side.plan.inputs if side else None for side in sides], "way": way}

    async def work(folder: Path) -> Segment:
        looks = [await ready(side.plan, tools) if side else None for side in sides]
        video = folder / "seam.mp4"
        await tools.ffmpeg(seam_command(Ends(before=looks[0], after=looks[1]), way, film, video))
        return Segment(video=video, frames=sum(shares), glances=video.with_suffix(SUFFIX))

    try:
        return await tools.make("render", inputs, Segment, work)
    except StorygenError as error:
        error.locate(stage=Stage.ASSEMBLY.value, scene=there[-1].number)
        raise
