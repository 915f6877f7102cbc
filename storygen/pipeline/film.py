"""The film of those scenes that could be made, or a stand-in for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from storygen.errors import DiskFull, StorygenError
from storygen.pipeline.means import Means
from storygen.pipeline.scenes import SceneFailure, Scenes, insist_on_quorum, speakers
from storygen.pipeline.seaming import Seaming
from storygen.results import SceneResult, translated, why
from storygen.settings import Settings
from storygen.stages import assembly
from storygen.story import Film, Made, Script, Segment, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Filmed:
    """A film and its scenes; `broken` says why there is only a stand-in for it."""

    scenes: tuple[SceneResult, ...]
    film: Made[Film]
    broken: StorygenError | None = None


async def film_once(
    story: Script, means: Means, ready: asyncio.Future[tuple[SceneResult, ...]] | None = None
) -> Filmed:
    """Make every scene of a story, tell `ready` of them, and join those that could be made.

    Raises the first failure where fewer scenes than the quorum could be made or the film could not be joined, unless
    the settings allow a stand-in, and what ends a run at once.
    """

    async def seam(before: assembly.Side | None, after: assembly.Side | None) -> Made[Segment] | None:
        made = await means.steps.seam(before, after, means.tools, means.settings.film)
        return cast("Made[Segment] | None", made)

    async with Seaming(seam) as seams:
        scenes = await Scenes(means).rendered(story, seams)
        if ready and not ready.done():
            ready.set_result(scenes)
        film, broken = await _film(scenes, story, means, seams)
    return Filmed(scenes=scenes, film=film, broken=broken)


async def _film(
    scenes: Sequence[SceneResult], story: Script, means: Means, seams: Seaming
) -> tuple[Made[Film], StorygenError | None]:
    """The film; where it cannot be made and the settings allow that, a stand-in for it, and what broke."""
    stage = means.staging.stage
    try:
        insist_on_quorum(scenes, means)
        return await stage(Stage.ASSEMBLY, lambda: _join(scenes, story, means, seams)), None
    except DiskFull:
        raise
    except SceneFailure as failure:
        if means.settings.degrade.assembly != "placeholder":
            raise
        said, film = (why(failure), *getattr(failure, "__notes__", ())), means.settings.film
        made = means.steps.placeholder(said, story.title, means.frame, means.tools, film, failure.hint)
        return await stage(Stage.ASSEMBLY, lambda: made), failure


async def _join(scenes: Sequence[SceneResult], story: Script, means: Means, seams: Seaming) -> Made[Film]:
    shown = [result for result in scenes if result.failure is None]
    settings = means.settings
    joined = await means.steps.join(
        [(result.segment, result.narration) for result in shown],
        story.title,
        means.frame,
        means.tools,
        settings.film,
        _label(shown, story, settings),
        assembly.Wanted(formats=settings.outputs.formats, shots=tuple(result.shot for result in shown)),
        await seams.around([result.number for result in shown]),
        _score(shown, story, settings),
        settings.quality,
    )
    return cast("Made[Film]", joined)


def _label(shown: Sequence[SceneResult], story: Script, settings: Settings) -> assembly.Label:
    """What the film tells players of itself."""
    mode = settings.subtitles.mode
    cues = tuple(result.captions.value.cues if result.captions else () for result in shown)
    tracks = ((story.language, cues), *translated(shown).items())
    return assembly.Label(
        language=story.language,
        description=story.logline,
        titles=tuple(result.scene.title for result in shown),
        tracks=() if mode == "burned" else tuple(assembly.Track(language=tag, scenes=told) for tag, told in tracks),
        shows_tracks=mode == "soft",
    )


def _score(shown: Sequence[SceneResult], story: Script, settings: Settings) -> assembly.Score:
    """What the film's sound goes by."""
    return assembly.Score(
        title=story.title,
        scenes=tuple(result.scene for result in shown),
        typing=tuple(result.overlay for result in shown),
        cast=speakers(story),
        voice=settings.voice,
        music=settings.music,
        has_keys=settings.terminal.key_sounds,
    )
