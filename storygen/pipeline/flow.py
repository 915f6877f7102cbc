"""The order of the stages: a story is written and revised, filmed in its first shape, then in the others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from storygen import events
from storygen.errors import InvalidScript
from storygen.pipeline.film import Filmed, film_once
from storygen.pipeline.means import Means, Steps
from storygen.pipeline.remaking import drawn_again, insist_on_limits, remade
from storygen.pipeline.scenes import Scenes, insist_on_quorum
from storygen.pipeline.staging import Staging, together
from storygen.pipeline.standing_in import or_stand_in
from storygen.resilience.slots import Slots
from storygen.results import Production, SceneResult, Version
from storygen.settings import FilmSettings, Settings
from storygen.stages import assembly, visuals
from storygen.stages.base import Tools
from storygen.story import Brief, Made, Outcome, Revision, Script, Stage, Strategy
from storygen.telling import tell_elements
from storygen.workshop import Pulse


class Pipeline:
    """One run of the flow.

    `stand_in` are tools that ask nobody but the built-in providers; `gate` is how many scenes all runs that share it
    work on side by side. `takes` says how often scenes, by their numbers, are to be made anew.
    """

    def __init__(
        self,
        tools: Tools,
        settings: Settings,
        pulse: Pulse,
        steps: Steps | None = None,
        stand_in: Tools | None = None,
        gate: Slots | None = None,
        takes: Mapping[int, int] | None = None,
    ) -> None:
        self._settings = settings
        self._staging = Staging(settings.run, pulse)
        self._means = Means(
            tools=tools,
            settings=settings,
            steps=steps or Steps(),
            staging=self._staging,
            stand_in=stand_in,
            gate=gate or Slots("scenes", settings.run.scenes_at_once),
            takes=takes or {},
        )

    async def run(self, source: Brief | Script) -> Production:
        """Make the film of a brief or a script.

        Raises the first failure where fewer scenes than the quorum could be made, `BelowLimits` where the film is
        beyond a limit and the settings refuse that, and what stops a run at once: mistakes of the caller, a full disk,
        a budget.
        """
        async with self._staging.watchdog():
            revision, writing = await self._revised(source)
            filmed, versions = await _in_all_shapes(*_ended(revision.value.script, self._means))
        scenes, broken = filmed.scenes, filmed.broken
        if broken is not None:
            versions = []
            scenes = tuple(replace(result, failure=result.failure or broken) for result in scenes)
        production = Production(
            revision=revision,
            scenes=scenes,
            film=filmed.film,
            writing=writing,
            broken=broken,
            versions=tuple(versions),
        )
        if self._settings.quality.below == "refuse":
            insist_on_limits(production.below)
        return production

    async def prepare(self, source: Brief | Script) -> None:
        """Make all that a film waits for, its words, voices and pictures, so that `run` finds them in the cache.

        Raises what `run` raises, where that is known before anything is rendered.
        """
        async with self._staging.watchdog():
            revision, _ = await self._revised(source)
            scenes = await Scenes(self._means).prepared(revision.value.script)
        if self._settings.degrade.assembly != "placeholder":
            insist_on_quorum(scenes, self._means)

    async def _revised(self, source: Brief | Script) -> tuple[Made[Revision], tuple[Made[Any], ...]]:
        """The script in its last form, and what was written before."""
        await assembly.check_music(self._settings.music, self._means.tools)
        draft, writing = await self._draft(source)
        revision = await self._staging.stage(Stage.REVISE, lambda: self._fit(draft))
        if not revision.value.script.scenes:
            raise InvalidScript("The script has no scenes.", hint="Write at least one paragraph or scene.")
        tell_elements(revision.value)
        return revision, writing

    async def _draft(self, source: Brief | Script) -> tuple[Script, tuple[Made[Any], ...]]:
        if isinstance(source, Script):
            for stage in (Stage.IDEA, Stage.SCRIPT):
                with events.timed("stage", stage.value) as timed:
                    timed.end(Outcome.SKIPPED)
            return source, ()
        means, rule = self._means, self._settings.degrade.text
        ideas = await self._staging.stage(
            Stage.IDEA, lambda: or_stand_in(means, rule, lambda tools: means.steps.choose(source, tools))
        )
        written = await self._staging.stage(
            Stage.SCRIPT,
            lambda: or_stand_in(means, rule, lambda tools: means.steps.write(source, ideas.value.best, tools)),
        )
        return written.value, (ideas, written)

    async def _fit(self, draft: Script) -> Made[Revision]:
        """A draft fit to be spoken, once the files that it names are known to be good."""
        steps, tools = self._means.steps, self._means.tools
        await steps.inspect(draft, tools)
        return cast("Made[Revision]", await steps.revise(draft, tools, self._settings.voice))


def _ended(story: Script, means: Means) -> tuple[Script, Means]:
    """The story with a scene behind it that shows its closing card, where that is wanted."""
    film = means.settings.film
    if not film.end_card or film.strategy is Strategy.AUDIO_ONLY:
        return story, means
    end = visuals.closing_scene(story)
    return replace(story, scenes=(*story.scenes, end)), replace(means, end=end)


async def _in_all_shapes(story: Script, means: Means) -> tuple[Filmed, list[Version]]:
    """The film, and its versions in other shapes, each begun as soon as the scenes of the first one are there."""
    ready: asyncio.Future[tuple[SceneResult, ...]] = asyncio.get_running_loop().create_future()
    shapes = means.settings.film.shapes

    async def first() -> Filmed:
        return await remade(await film_once(story, means, ready), story, means)

    async def other(shape: FilmSettings) -> Version:
        return await _version(shape, await ready, story, means)

    filmed, *versions = await together(first(), *map(other, shapes))
    if filmed.scenes is not ready.result():  # some were drawn once more
        again = replace(means, redrawn=drawn_again(ready.result(), filmed.scenes))
        versions = [await _version(shape, filmed.scenes, story, again) for shape in shapes]
    return filmed, versions


async def _version(shape: FilmSettings, first: Sequence[SceneResult], story: Script, means: Means) -> Version:
    """The film in another shape; what was spoken, drawn by others or filmed for the first one is not paid again."""
    settings = means.settings.model_copy(update={"film": shape})
    spoken = {result.number: result for result in first}
    made = await film_once(story, replace(means, settings=settings, first=spoken))
    return Version(aspect=shape.aspect, frame=shape.frame, scenes=made.scenes, film=made.film, broken=made.broken)
