"""The flow of a story: the only file that knows all the stages, their order, what runs side by side, when to stop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from storygen import events
from storygen.errors import DiskFull, InvalidScript, ProviderFailure, ResourceFailure, StageTimeout, StorygenError
from storygen.resilience.slots import Slots
from storygen.results import Production, SceneResult, why
from storygen.settings import Settings
from storygen.stages import assembly, idea, revise, script, subtitles, terminal, visuals, voice
from storygen.stages.base import Tools
from storygen.story import (
    Brief,
    Captions,
    Film,
    Made,
    Narration,
    Outcome,
    Overlay,
    Revision,
    Scene,
    Script,
    Shot,
    Stage,
    Strategy,
)
from storygen.telling import sizes, tell_elements, tell_made
from storygen.workshop import Pulse, taking

R = TypeVar("R")
BEFORE = "before it, "
BUILTIN = "builtin"
MakesScene = Callable[[int, Scene, Script, tuple[str, ...]], Awaitable[SceneResult]]
SceneFailure = (ProviderFailure, ResourceFailure, StageTimeout)


@dataclass(frozen=True, slots=True)
class Steps:
    """The functions of the stages; a test or a benchmark may bring its own."""

    choose: Callable[..., Awaitable[Any]] = idea.choose
    write: Callable[..., Awaitable[Any]] = script.write
    revise: Callable[..., Awaitable[Any]] = revise.revise
    speak: Callable[..., Awaitable[Any]] = voice.speak
    caption: Callable[..., Awaitable[Any]] = subtitles.caption
    draw: Callable[..., Awaitable[Any]] = visuals.draw
    stand_in: Callable[..., Awaitable[Any]] = visuals.stand_in
    type_out: Callable[..., Awaitable[Any]] = terminal.type_out
    render: Callable[..., Awaitable[Any]] = assembly.render
    join: Callable[..., Awaitable[Any]] = assembly.join
    placeholder: Callable[..., Awaitable[Any]] = assembly.placeholder


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
        self._tools = tools
        self._stand_in = stand_in
        self._gate = gate or Slots("scenes", settings.run.scenes_at_once)
        self._degrade = settings.degrade
        self._settings = settings
        self._pulse = pulse
        self._steps = steps or Steps()
        self._frame = settings.film.frame
        self._takes = takes or {}
        self._running: dict[object, contextvars.Context] = {}

    async def run(self, source: Brief | Script) -> Production:
        """Make the film of a brief or a script.

        Raises the first failure where fewer scenes than the quorum could be made, and what stops a run at once:
        mistakes of the caller, a full disk, a budget.
        """
        async with self._watchdog():
            revision, writing = await self._revised(source)
            story = revision.value.script
            scenes = await self._scenes(story, self._scene)
            film, broken = await self._film(scenes, story)
        if broken is not None:
            scenes = tuple(replace(result, failure=result.failure or broken) for result in scenes)
        return Production(revision=revision, scenes=scenes, film=film, writing=writing, broken=broken)

    async def prepare(self, source: Brief | Script) -> None:
        """Make all that a film waits for, its words, voices and pictures, so that `run` finds them in the cache.

        Raises what `run` raises, where that is known before anything is rendered.
        """
        async with self._watchdog():
            revision, _ = await self._revised(source)
            scenes = await self._scenes(revision.value.script, self._prepared)
        if self._degrade.assembly != "placeholder":
            self._insist_on_quorum(scenes)

    async def _revised(self, source: Brief | Script) -> tuple[Made[Revision], tuple[Made[Any], ...]]:
        """The script in its last form, and what was written before."""
        draft, writing = await self._draft(source)
        revision: Made[Revision] = await self._stage(
            Stage.REVISE, lambda: self._steps.revise(draft, self._tools, self._settings.voice)
        )
        if not revision.value.script.scenes:
            raise InvalidScript("The script has no scenes.", hint="Write at least one paragraph or scene.")
        tell_elements(revision.value)
        return revision, writing

    async def _film(
        self, scenes: Sequence[SceneResult], story: Script
    ) -> tuple[Made[Film], ProviderFailure | ResourceFailure | StageTimeout | None]:
        """The film; where it cannot be made and the settings allow that, a stand-in for it, and what broke."""
        try:
            self._insist_on_quorum(scenes)
            return await self._stage(Stage.ASSEMBLY, lambda: self._join(scenes, story)), None
        except DiskFull:
            raise
        except SceneFailure as failure:
            if self._degrade.assembly != "placeholder":
                raise
            said, film = (why(failure), *getattr(failure, "__notes__", ())), self._settings.film
            made = self._steps.placeholder(said, story.title, self._frame, self._tools, film, failure.hint)
            return await self._stage(Stage.ASSEMBLY, lambda: made), failure

    async def _draft(self, source: Brief | Script) -> tuple[Script, tuple[Made[Any], ...]]:
        if isinstance(source, Script):
            for stage in (Stage.IDEA, Stage.SCRIPT):
                with events.timed("stage", stage.value) as timed:
                    timed.end(Outcome.SKIPPED)
            return source, ()
        rule = self._degrade.text
        ideas = await self._stage(
            Stage.IDEA, lambda: self._or_stand_in(rule, lambda tools: self._steps.choose(source, tools))
        )
        written = await self._stage(
            Stage.SCRIPT,
            lambda: self._or_stand_in(rule, lambda tools: self._steps.write(source, ideas.value.best, tools)),
        )
        return written.value, (ideas, written)

    async def _scenes(self, story: Script, make: MakesScene) -> tuple[SceneResult, ...]:
        cast_list = tuple(dict.fromkeys(line.speaker for scene in story.scenes for line in scene.lines))

        async def guarded(number: int, scene: Scene) -> SceneResult:
            async with self._gate.one():
                try:
                    with taking(self._takes.get(number, 0)):
                        return await make(number, scene, story, cast_list)
                except DiskFull:
                    raise
                except SceneFailure as failure:
                    if self._ends_the_run(failure):
                        raise
                    return SceneResult(number=number, scene=scene, failure=failure)

        return tuple(await together(*(guarded(n, scene) for n, scene in enumerate(story.scenes, 1))))

    async def _scene(self, number: int, scene: Scene, story: Script, speakers: tuple[str, ...]) -> SceneResult:
        (narration, captions), shot, overlay = await together(
            self._spoken(number, scene, story.language, speakers),
            self._drawn(number, scene, story),
            self._typed(number, scene),
        )
        burned = captions if self._settings.subtitles.is_burned else None
        segment = None
        if self._settings.film.strategy is not Strategy.AUDIO_ONLY:
            segment = await self._stage(
                Stage.ASSEMBLY,
                lambda: self._steps.render(
                    number, shot, narration, burned, overlay, self._frame, self._tools, self._settings.film
                ),
                number,
            )
        return SceneResult(
            number=number,
            scene=scene,
            narration=narration,
            captions=captions,
            shot=shot,
            overlay=overlay,
            segment=segment,
        )

    async def _prepared(self, number: int, scene: Scene, story: Script, speakers: tuple[str, ...]) -> SceneResult:
        (narration, captions), shot = await together(
            self._spoken(number, scene, story.language, speakers), self._drawn(number, scene, story)
        )
        return SceneResult(number=number, scene=scene, narration=narration, captions=captions, shot=shot)

    async def _spoken(
        self, number: int, scene: Scene, language: str, speakers: tuple[str, ...]
    ) -> tuple[Made[Narration], Made[Captions]]:
        listen = bool(self._settings.providers.transcription)
        narration = await self._stage(
            Stage.VOICE,
            lambda: self._or_stand_in(
                self._degrade.voice,
                lambda tools: self._steps.speak(scene, speakers, language, tools, self._settings.voice, listen=listen),
            ),
            number,
        )
        captions = await self._stage(
            Stage.SUBTITLES,
            lambda: self._steps.caption(narration.value, scene, self._frame, self._tools, self._settings.subtitles),
            number,
        )
        return narration, captions

    async def _drawn(self, number: int, scene: Scene, story: Script) -> Made[Shot] | None:
        if self._settings.film.strategy in {Strategy.UI_ONLY, Strategy.AUDIO_ONLY}:
            return None
        return await self._stage(
            Stage.VISUALS,
            lambda: self._picture(number, scene, story.title),
            number,
        )

    async def _picture(self, number: int, scene: Scene, title: str) -> Made[Shot]:
        """The picture or the clip of a scene; where nobody delivers one and the settings allow that, a drawn card."""
        clips, take = bool(self._settings.providers.video), self._takes.get(number, 0)
        other = {"seed": take} if take else {}
        try:
            shot = await self._steps.draw(scene, number, title, self._frame, self._tools, clips=clips, **other)
        except ProviderFailure as failure:
            if self._degrade.visuals != "card":
                raise
            _tell_fallback(failure)
            shot = await self._steps.stand_in(scene, number, title, self._frame, self._tools, failure, **other)
        return cast("Made[Shot]", shot)

    async def _typed(self, number: int, scene: Scene) -> Made[Overlay] | None:
        strategy = self._settings.film.strategy
        alone = strategy is Strategy.UI_ONLY
        if not alone and (strategy is not Strategy.OVERLAY or not scene.on_screen):
            return None
        return await self._stage(
            Stage.TERMINAL,
            lambda: self._steps.type_out(scene, self._frame, self._tools, self._settings.terminal, alone=alone),
            number,
        )

    async def _join(self, scenes: Sequence[SceneResult], story: Script) -> Made[Film]:
        parts = [(result.segment, result.narration) for result in scenes if result.failure is None]
        joined = await self._steps.join(parts, story.title, self._frame, self._tools, self._settings.film)
        return cast("Made[Film]", joined)

    def _insist_on_quorum(self, scenes: Sequence[SceneResult]) -> None:
        failures = [result.failure for result in scenes if result.failure is not None]
        real = 1 - len(failures) / len(scenes)
        if failures and (real < self._settings.film.quorum or real == 0):
            first, *others = failures
            for other in others:
                first.add_note(f"scene {other.scene}: {other.stage}: {other.message}")
            raise first

    async def _or_stand_in(self, rule: str, work: Callable[[Tools], Awaitable[Made[R]]]) -> Made[R]:
        """What the chain delivers; where all of it failed and `rule` allows that, what the built-in one does."""
        try:
            return await work(self._tools)
        except ProviderFailure as failure:
            if rule != "builtin" or self._stand_in is None or failure.provider == BUILTIN:
                raise
            _tell_fallback(failure)
            made = await work(self._stand_in)
            return replace(made, missing=(*_all_reasons(failure), *made.missing))

    def _ends_the_run(self, failure: StorygenError) -> bool:
        """Whether the settings want no film without this scene's voice or picture."""
        rules = {Stage.VOICE.value: self._degrade.voice, Stage.VISUALS.value: self._degrade.visuals}
        return isinstance(failure, ProviderFailure) and rules.get(failure.stage) == "fail"

    async def _stage(self, stage: Stage, work: Callable[[], Awaitable[Made[R]]], scene: int | None = None) -> Made[R]:
        """Time a stage, end it in time, say where it failed, and tell what it made."""
        limit, here = self._settings.run.stage_timeout.of(stage), object()
        with events.timed("stage", stage.value, **({} if scene is None else {"scene": scene})) as timed:
            self._running[here] = contextvars.copy_context()
            try:
                async with asyncio.timeout(limit) as clock:
                    made = await work()
            except TimeoutError as error:
                if not clock.expired():
                    raise
                raise _too_slow(stage, limit, scene) from error
            except StorygenError as error:
                error.locate(stage=stage.value, scene=scene)
                raise
            finally:
                del self._running[here]
            tell_made(stage, made)
            timed.add(provider=made.provider, cached=made.cached, **sizes(made))
            if made.cached:
                timed.end(Outcome.CACHED)
            return made

    @asynccontextmanager
    async def _watchdog(self) -> AsyncIterator[None]:
        """Tell of every running stage, once a quiet spell, that nothing in the run moves."""
        patience = self._settings.run.stall_seconds

        async def watch() -> None:
            while True:
                await asyncio.sleep(max(0.01, patience - self._pulse.quiet))
                if (quiet := self._pulse.quiet) >= patience:
                    for context in list(self._running.values()):
                        context.run(events.emit, events.Halted(seconds=quiet))
                    self._pulse.beat()

        watcher = asyncio.create_task(watch())
        try:
            yield
        finally:
            watcher.cancel()


async def together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run coroutines side by side and return their results; the first failure ends the others and is raised itself."""
    here = asyncio.current_task()
    before = here.cancelling() if here else 0
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as failures:
        # Before Python 3.13 a group leaves its own cancel behind, and the next film of this task would look cancelled.
        if here and here.cancelling() > before:
            here.uncancel()
        raise failures.exceptions[0] from failures.exceptions[0].__cause__
    return [task.result() for task in tasks]


def _tell_fallback(failure: ProviderFailure) -> None:
    events.emit(events.FellBack(from_provider=failure.provider, to_provider=BUILTIN, reason=failure.kind))


def _all_reasons(failure: ProviderFailure) -> tuple[str, ...]:
    """Why each provider of a chain failed, in their order: those before the last stand in its notes."""
    before = tuple(note.removeprefix(BEFORE) for note in getattr(failure, "__notes__", ()) if note.startswith(BEFORE))
    return (*before, f"{failure.provider}: {failure.kind}: {failure.message}")


def _too_slow(stage: Stage, limit: float, scene: int | None) -> StageTimeout:
    where = f" of scene {scene}" if scene else ""
    return StageTimeout(
        f"{stage.value.capitalize()}{where} took longer than {limit:g} s.",
        stage=stage.value,
        scene=scene,
        hint=f"Raise `run.stage_timeout.{stage.value}`; what is finished is kept, so run again to go on.",
    )
