"""What becomes of each scene: its voice, picture and terminal are made side by side, then it is rendered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from storygen.errors import DiskFull, ProviderFailure, ResourceFailure, StageTimeout, StorygenError
from storygen.pipeline.means import Means
from storygen.pipeline.seaming import Seaming
from storygen.pipeline.staging import together
from storygen.pipeline.standing_in import or_stand_in, tell_fallback
from storygen.results import SceneResult
from storygen.stages import assembly, placing
from storygen.story import Captions, Made, Narration, Overlay, Scene, Script, Segment, Shot, Stage, Strategy
from storygen.workshop import taking

MakesScene = Callable[[int, Scene, Script, tuple[str, ...]], Awaitable[SceneResult]]
SceneFailure = (ProviderFailure, ResourceFailure, StageTimeout)


class Scenes:
    """Makes the scenes of a story side by side; one that fails does not spoil its neighbours."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._tools, self._steps, self._stage = means.tools, means.steps, means.staging.stage
        self._settings, self._frame = means.settings, means.frame

    async def prepared(self, story: Script) -> tuple[SceneResult, ...]:
        """Every scene with its voice, subtitles and picture. Raises a failure that ends the run."""
        return await self._each(story, self._prepared)

    async def rendered(self, story: Script, seams: Seaming) -> tuple[SceneResult, ...]:
        """Every scene as the film shows it, with its subtitles in all languages. Raises a failure that ends the run."""
        scenes = await self._each(story, partial(self._rendered, seams))
        tags = [tag for tag in self._settings.subtitles.languages if tag != story.language]
        if not tags:
            return scenes
        return tuple(await together(*(self._translated(result, story.language, tags) for result in scenes)))

    async def _each(self, story: Script, make: MakesScene) -> tuple[SceneResult, ...]:
        cast_list = speakers(story)

        async def guarded(number: int, scene: Scene) -> SceneResult:
            async with self._means.gate.one():
                try:
                    with taking(self._means.takes.get(number, 0)):
                        return await make(number, scene, story, cast_list)
                except DiskFull:
                    raise
                except SceneFailure as failure:
                    if self._ends_the_run(failure):
                        raise
                    return SceneResult(number=number, scene=scene, failure=failure)

        return tuple(await together(*(guarded(n, scene) for n, scene in enumerate(story.scenes, 1))))

    def _ends_the_run(self, failure: StorygenError) -> bool:
        """Whether the settings want no film without this scene's voice or picture."""
        degrade = self._settings.degrade
        rules = {Stage.VOICE.value: degrade.voice, Stage.VISUALS.value: degrade.visuals}
        return isinstance(failure, ProviderFailure) and rules.get(failure.stage) == "fail"

    async def _prepared(self, number: int, scene: Scene, story: Script, cast_list: tuple[str, ...]) -> SceneResult:
        (narration, captions), shot = await together(
            self._spoken(number, scene, story.language, cast_list), self._drawn(number, scene, story)
        )
        return SceneResult(number=number, scene=scene, narration=narration, captions=captions, shot=shot)

    async def _rendered(
        self, seams: Seaming, number: int, scene: Scene, story: Script, cast_list: tuple[str, ...]
    ) -> SceneResult:
        (narration, captions), shot, overlay = await together(
            self._spoken(number, scene, story.language, cast_list),
            self._drawn(number, scene, story),
            self._typed(number, scene),
        )
        captions, overlay = placing.place(scene, number, self._frame, shot, captions, overlay)
        made = SceneResult(
            number=number, scene=scene, narration=narration, captions=captions, shot=shot, overlay=overlay
        )
        if self._settings.film.strategy is Strategy.AUDIO_ONLY:
            return made
        return replace(made, segment=await self._segment(seams, made, len(story.scenes)))

    async def _segment(self, seams: Seaming, made: SceneResult, last: int) -> Made[Segment]:
        """The moving picture of a scene, whose seams to its neighbours begin meanwhile."""
        number, film = made.number, self._settings.film
        burned = made.captions if self._settings.subtitles.is_burned else None
        joined = (number > 1, number < last) if film.transitions != "cut" else (False, False)
        if any(joined):
            plan = assembly.plan_of(made.shot, made.spoken(), burned, made.overlay, self._frame, film, joined)
            seams.ready(assembly.Side(number=number, mood=made.scene.mood, plan=plan))
        return await self._stage(
            Stage.ASSEMBLY,
            lambda: self._steps.render(
                number,
                made.shot,
                made.narration,
                burned,
                made.overlay,
                self._frame,
                self._tools,
                film,
                joined,
                is_last=number == last,
            ),
            number,
        )

    async def _translated(self, result: SceneResult, language: str, tags: Sequence[str]) -> SceneResult:
        """A scene with its subtitles in other languages, where it could be made."""
        if result.failure or result.narration is None:
            return result
        say = partial(self._steps.translate, result.narration.value, result.scene)
        rest = self._frame, self._tools, self._settings.subtitles
        stages = (self._stage(Stage.SUBTITLES, partial(say, (language, tag), *rest), result.number) for tag in tags)
        return replace(result, translations=tuple(await together(*stages)))

    async def _spoken(
        self, number: int, scene: Scene, language: str, cast_list: tuple[str, ...]
    ) -> tuple[Made[Narration], Made[Captions]]:
        narration = await self._narrated(number, scene, language, cast_list)
        captions = await self._stage(
            Stage.SUBTITLES,
            lambda: self._steps.caption(
                narration.value, scene, self._frame, self._tools, self._settings.subtitles, self._settings.quality
            ),
            number,
        )
        return narration, captions

    async def _narrated(self, number: int, scene: Scene, language: str, cast_list: tuple[str, ...]) -> Made[Narration]:
        if number in self._means.first:
            return self._means.first[number].spoken()
        settings = self._settings
        listen = bool(settings.providers.transcription)
        return await self._stage(
            Stage.VOICE,
            lambda: or_stand_in(
                self._means,
                settings.degrade.voice,
                lambda tools: self._steps.speak(scene, cast_list, language, tools, settings.voice, listen=listen),
            ),
            number,
        )

    async def _drawn(self, number: int, scene: Scene, story: Script) -> Made[Shot] | None:
        if self._settings.film.strategy in {Strategy.UI_ONLY, Strategy.AUDIO_ONLY}:
            return None
        if scene is self._means.end:
            made = self._steps.close(number, story.title, story.language, scene.mood, self._frame, self._tools)
            return await self._stage(Stage.VISUALS, lambda: made, number)
        drawn = placing.pictured(scene, number, self._frame, typed=self._has_terminal(scene))
        with taking(self._means.take_of(number)):
            return await self._stage(Stage.VISUALS, lambda: self._picture(number, drawn, story.title), number)

    async def _picture(self, number: int, scene: Scene, title: str) -> Made[Shot]:
        """The picture or the clip of a scene; where nobody delivers one and the settings allow that, a drawn card."""
        clips, take = bool(self._settings.providers.video), self._means.take_of(number)
        other = {"seed": take} if take else {}
        brings = scene.given and (scene.given.image or scene.given.clip)
        first = self._means.first.get(number)
        if first and first.shot and not brings:
            return cast(
                "Made[Shot]",
                await self._steps.reframe(scene, number, title, self._frame, self._tools, first.shot, **other),
            )
        try:
            shot = await self._steps.draw(scene, number, title, self._frame, self._tools, clips=clips, **other)
        except ProviderFailure as failure:
            if self._settings.degrade.visuals != "card":
                raise
            tell_fallback(failure)
            shot = await self._steps.stand_in(scene, number, title, self._frame, self._tools, failure, **other)
        return cast("Made[Shot]", shot)

    async def _typed(self, number: int, scene: Scene) -> Made[Overlay] | None:
        alone = self._settings.film.strategy is Strategy.UI_ONLY
        if not alone and not self._has_terminal(scene):
            return None
        return await self._stage(
            Stage.TERMINAL,
            lambda: self._steps.type_out(scene, self._frame, self._tools, self._settings.terminal, alone=alone),
            number,
        )

    def _has_terminal(self, scene: Scene) -> bool:
        return self._settings.film.strategy is Strategy.OVERLAY and bool(scene.on_screen)


def insist_on_quorum(scenes: Sequence[SceneResult], means: Means) -> None:
    """Raise the first failure where fewer scenes than the quorum could be made; the others stand in its notes."""
    failures = [result.failure for result in scenes if result.failure is not None]
    told = sum(result.scene is not means.end for result in scenes)
    real = 1 - len(failures) / told
    if failures and (real < means.settings.film.quorum or real <= 0):
        first, *others = failures
        for other in others:
            first.add_note(f"scene {other.scene}: {other.stage}: {other.message}")
        raise first


def speakers(story: Script) -> tuple[str, ...]:
    """All who speak, in order of appearance."""
    return tuple(dict.fromkeys(line.speaker for scene in story.scenes for line in scene.lines))
