"""The flow of a story: the only file that knows all the stages, their order, what runs side by side, when to stop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from storygen import events
from storygen.errors import DiskFull, InvalidScript, ProviderFailure, ResourceFailure, StageTimeout, StorygenError
from storygen.settings import Settings
from storygen.stages import assembly, idea, revise, script, subtitles, terminal, visuals, voice
from storygen.stages.base import Tools
from storygen.story import (
    Brief,
    Captions,
    Fidelity,
    Film,
    LineKind,
    Made,
    Narration,
    Outcome,
    Overlay,
    Revision,
    Scene,
    Script,
    Segment,
    Shot,
    Stage,
    Strategy,
)
from storygen.workshop import Pulse, Slots

R = TypeVar("R")
BEFORE = "before it, "
BUILTIN = "builtin"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneResult:
    """What became of one scene, numbered from 1: its parts, or why there are none."""

    number: int
    scene: Scene
    narration: Made[Narration] | None = None
    captions: Made[Captions] | None = None
    shot: Made[Shot] | None = None
    overlay: Made[Overlay] | None = None
    segment: Made[Segment] | None = None
    failure: StorygenError | None = None

    def parts(self) -> dict[Stage, Made[Any]]:
        """What was made, by the stage that made it."""
        made = {
            Stage.VOICE: self.narration,
            Stage.SUBTITLES: self.captions,
            Stage.VISUALS: self.shot,
            Stage.TERMINAL: self.overlay,
            Stage.ASSEMBLY: self.segment,
        }
        return {stage: part for stage, part in made.items() if part is not None}

    def reasons(self) -> tuple[str, ...]:
        """Why this scene is not as asked."""
        if self.failure is not None:
            return (f"scene {self.number} is left out: {self.failure.stage}: {self.failure.message}",)
        return tuple(
            f"scene {self.number}: {stage} by {part.provider}, because {reason}"
            for stage, part in self.parts().items()
            for reason in part.missing
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """A finished film and all that it was made of; `broken` says why there is only a stand-in for it."""

    revision: Made[Revision]
    scenes: tuple[SceneResult, ...]
    film: Made[Film]
    writing: tuple[Made[Any], ...] = field(default=())
    broken: StorygenError | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the film is not as asked; empty where it is."""
        broken = (_why(self.broken),) if self.broken else ()
        written = tuple(f"{made.provider} wrote, because {reason}" for made in self.writing for reason in made.missing)
        scenes = (scene for scene in self.scenes if self.broken is None or scene.failure is not self.broken)
        return broken + written + tuple(reason for scene in scenes for reason in scene.reasons())

    @property
    def fidelity(self) -> Fidelity:
        """Full where there is no reason to say otherwise."""
        if self.broken:
            return Fidelity.PLACEHOLDER
        return Fidelity.DEGRADED if self.reasons else Fidelity.FULL


class Pipeline:
    """One run of the flow; `stand_in` are tools that ask nobody but the built-in providers."""

    def __init__(
        self,
        tools: Tools,
        settings: Settings,
        pulse: Pulse,
        steps: Steps | None = None,
        stand_in: Tools | None = None,
    ) -> None:
        self._tools = tools
        self._stand_in = stand_in
        self._degrade = settings.degrade
        self._settings = settings
        self._pulse = pulse
        self._steps = steps or Steps()
        self._frame = settings.film.frame
        self._running: dict[object, contextvars.Context] = {}

    async def run(self, source: Brief | Script) -> Production:
        """Make the film of a brief or a script.

        Raises the first failure where fewer scenes than the quorum could be made, and what stops a run at once:
        mistakes of the caller, a full disk, a budget.
        """
        async with self._watchdog():
            draft, writing = await self._draft(source)
            revision = await self._stage(
                Stage.REVISE, lambda: self._steps.revise(draft, self._tools, self._settings.voice)
            )
            story = revision.value.script
            if not story.scenes:
                raise InvalidScript("The script has no scenes.", hint="Write at least one paragraph or scene.")
            _count(revision.value)
            scenes = await self._scenes(story)
            film, broken = await self._film(scenes, story)
        if broken is not None:
            scenes = tuple(replace(result, failure=result.failure or broken) for result in scenes)
        return Production(revision=revision, scenes=scenes, film=film, writing=writing, broken=broken)

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
            said, film = (_why(failure), *getattr(failure, "__notes__", ())), self._settings.film
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

    async def _scenes(self, story: Script) -> tuple[SceneResult, ...]:
        cast_list = tuple(dict.fromkeys(line.speaker for scene in story.scenes for line in scene.lines))
        gate = Slots("scenes", self._settings.run.scenes_at_once)

        async def guarded(number: int, scene: Scene) -> SceneResult:
            async with gate.one():
                try:
                    return await self._scene(number, scene, story, cast_list)
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
        segment = None
        if self._settings.film.strategy is not Strategy.AUDIO_ONLY:
            segment = await self._stage(
                Stage.ASSEMBLY,
                lambda: self._steps.render(
                    number, shot, narration, captions, overlay, self._frame, self._tools, self._settings.film
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
        clips = bool(self._settings.providers.video)
        try:
            shot = await self._steps.draw(scene, number, title, self._frame, self._tools, clips=clips)
        except ProviderFailure as failure:
            if self._degrade.visuals != "card":
                raise
            _tell_fallback(failure)
            shot = await self._steps.stand_in(scene, number, title, self._frame, self._tools, failure)
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
            _tell(stage, made)
            timed.add(provider=made.provider, cached=made.cached)
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
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures.exceptions[0].__cause__
    return [task.result() for task in tasks]


def _why(failure: StorygenError) -> str:
    """A failure in a line: where, who, what, and after how many attempts."""
    scene = f" of scene {failure.scene}" if failure.scene else ""
    provider = f", {failure.provider}" if failure.provider else ""
    attempts = f" after {failure.attempt} attempts" if failure.attempt > 1 else ""
    return f"{failure.stage}{scene}{provider}: {failure.kind}{attempts}: {failure.message}"


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


def _tell(stage: Stage, made: Made[Any]) -> None:
    for check in made.checks:
        events.emit(events.Checked(check=check, provider=made.provider))
        if check.name in events.FIGURES and isinstance(check.value, float):
            figure, scale = events.FIGURES[check.name]
            events.emit(events.Measured(figure=figure, value=check.value * scale, provider=made.provider))
    kind, path = _artifact(stage, made.value)
    if path is not None and not made.cached:
        events.emit(events.Stored(kind=kind, size_bytes=path.stat().st_size))


def _artifact(stage: Stage, value: Any) -> tuple[str, Any]:
    match value:
        case Narration():
            return "audio", value.audio
        case Captions():
            return "subtitles", value.ass
        case Shot():
            return "image", value.image
        case Overlay():
            return "image", value.panel
        case Segment() | Film():
            return "video", value.video
    return stage.value, None


def _count(revision: Revision) -> None:
    scenes = revision.script.scenes
    lines = [line for scene in scenes for line in scene.lines]
    counts = {
        "scene": len(scenes),
        "narration": sum(line.kind is LineKind.NARRATION for line in lines),
        "dialogue_line": sum(line.kind is LineKind.DIALOGUE for line in lines),
        "stage_direction": sum(len(scene.directions) for scene in scenes),
        "on_screen_text": sum(len(scene.on_screen) for scene in scenes),
        "joke": len(revision.review.beats),
    }
    for element, count in counts.items():
        events.emit(events.Counted(element=element, count=count))
