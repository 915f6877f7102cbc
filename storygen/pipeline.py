"""The flow of a story: the only file that knows all the stages, their order, what runs side by side, when to stop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar, cast

from storygen import events
from storygen.errors import (
    BelowLimits,
    BudgetExceeded,
    DiskFull,
    InvalidScript,
    ProviderFailure,
    ResourceFailure,
    StageTimeout,
    StorygenError,
)
from storygen.resilience.slots import Slots
from storygen.results import Production, SceneResult, Version, beyond, translated, why
from storygen.seaming import Seaming
from storygen.settings import FilmSettings, Settings
from storygen.stages import (
    assembly,
    given,
    idea,
    placing,
    revise,
    script,
    subtitles,
    terminal,
    translation,
    visuals,
    voice,
)
from storygen.stages.base import Tools
from storygen.story import (
    Brief,
    Captions,
    Check,
    Film,
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
    Translated,
    Verdict,
)
from storygen.telling import sizes, tell_elements, tell_made
from storygen.workshop import Pulse, taking

R = TypeVar("R")
BEFORE = "before it, "
BUILTIN = "builtin"
MakesScene = Callable[[int, Scene, Script, tuple[str, ...]], Awaitable[SceneResult]]
Filmed = tuple[tuple[SceneResult, ...], Made[Film], StorygenError | None]
SceneFailure = (ProviderFailure, ResourceFailure, StageTimeout)


@dataclass(frozen=True, slots=True)
class Steps:
    """The functions of the stages; a test or a benchmark may bring its own."""

    choose: Callable[..., Awaitable[Any]] = idea.choose
    write: Callable[..., Awaitable[Any]] = script.write
    inspect: Callable[..., Awaitable[Any]] = given.inspect
    revise: Callable[..., Awaitable[Any]] = revise.revise
    speak: Callable[..., Awaitable[Any]] = voice.speak
    caption: Callable[..., Awaitable[Any]] = subtitles.caption
    translate: Callable[..., Awaitable[Any]] = translation.translate
    draw: Callable[..., Awaitable[Any]] = visuals.draw
    reframe: Callable[..., Awaitable[Any]] = visuals.reframe
    close: Callable[..., Awaitable[Any]] = visuals.close
    stand_in: Callable[..., Awaitable[Any]] = visuals.stand_in
    type_out: Callable[..., Awaitable[Any]] = terminal.type_out
    render: Callable[..., Awaitable[Any]] = assembly.render
    seam: Callable[..., Awaitable[Any]] = assembly.seam
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
        self._first: Mapping[int, SceneResult] = {}
        self._end: Scene | None = None
        self._ready: asyncio.Future[tuple[SceneResult, ...]] | None = None
        self._redrawn: Mapping[int, int] = {}

    async def run(self, source: Brief | Script) -> Production:
        """Make the film of a brief or a script.

        Raises the first failure where fewer scenes than the quorum could be made, `BelowLimits` where the film is
        beyond a limit and the settings refuse that, and what stops a run at once: mistakes of the caller, a full disk,
        a budget.
        """
        async with self._watchdog():
            revision, writing = await self._revised(source)
            story = self._ended(revision.value.script)
            ready: asyncio.Future[tuple[SceneResult, ...]] = asyncio.get_running_loop().create_future()
            self._ready, shapes = ready, self._settings.film.shapes
            (scenes, film, broken), *versions = await together(
                self._filmed(story), *(self._version(shape, ready, story) for shape in shapes)
            )
            if scenes is not ready.result() and shapes:  # some were drawn once more
                redrawn = _drawn_again(ready.result(), scenes)
                versions = [await self._version(shape, _done(scenes), story, redrawn) for shape in shapes]
        if broken is not None:
            versions = []
            scenes = tuple(replace(result, failure=result.failure or broken) for result in scenes)
        production = Production(
            revision=revision, scenes=scenes, film=film, writing=writing, broken=broken, versions=tuple(versions)
        )
        if self._settings.quality.below == "refuse":
            _insist_on_limits(production.below)
        return production

    async def prepare(self, source: Brief | Script) -> None:
        """Make all that a film waits for, its words, voices and pictures, so that `run` finds them in the cache.

        Raises what `run` raises, where that is known before anything is rendered.
        """
        async with self._watchdog():
            revision, _ = await self._revised(source)
            scenes = await self._scenes(revision.value.script, self._prepared)
        if self._degrade.assembly != "placeholder":
            self._insist_on_quorum(scenes)

    async def _version(
        self,
        shape: FilmSettings,
        first: Awaitable[tuple[SceneResult, ...]],
        story: Script,
        redrawn: Mapping[int, int] | None = None,
    ) -> Version:
        """The film in another shape, begun as soon as the scenes of the first one are there.

        What was spoken, drawn by others or filmed for that one is not paid again.
        """
        other = copy(self)
        other._settings = self._settings.model_copy(update={"film": shape})  # noqa: SLF001 - a copy of its own
        other._frame = shape.frame  # noqa: SLF001
        other._first = {result.number: result for result in await first}  # noqa: SLF001
        other._redrawn = redrawn or {}  # noqa: SLF001
        scenes, film, broken = await other._filmed_once(story)  # noqa: SLF001
        return Version(aspect=shape.aspect, frame=shape.frame, scenes=scenes, film=film, broken=broken)

    async def _revised(self, source: Brief | Script) -> tuple[Made[Revision], tuple[Made[Any], ...]]:
        """The script in its last form, and what was written before."""
        await assembly.check_music(self._settings.music, self._tools)
        draft, writing = await self._draft(source)
        revision: Made[Revision] = await self._stage(Stage.REVISE, lambda: self._fit(draft))
        if not revision.value.script.scenes:
            raise InvalidScript("The script has no scenes.", hint="Write at least one paragraph or scene.")
        tell_elements(revision.value)
        return revision, writing

    def _ended(self, story: Script) -> Script:
        """The story with a scene behind it that shows its closing card, where that is wanted."""
        film = self._settings.film
        if film.end_card and film.strategy is not Strategy.AUDIO_ONLY:
            self._end = visuals.closing_scene(story)
            story = replace(story, scenes=(*story.scenes, self._end))
        return story

    async def _fit(self, draft: Script) -> Made[Revision]:
        """A draft fit to be spoken, once the files that it names are known to be good."""
        await self._steps.inspect(draft, self._tools)
        return cast("Made[Revision]", await self._steps.revise(draft, self._tools, self._settings.voice))

    async def _filmed(self, story: Script) -> Filmed:
        """The film of a story; scenes whose pictures are beyond a limit are drawn once more, where that may help."""
        first = await self._filmed_once(story)
        faulty = await self._seen_twice(first) | self._to_redraw(first) if self._settings.quality.remake else {}
        if not faulty:
            return first
        other = copy(self)
        other._redrawn = faulty  # noqa: SLF001 - a copy of its own
        try:
            again = await other._filmed_once(story)  # noqa: SLF001
        except (ProviderFailure, ResourceFailure, BudgetExceeded):
            return first
        return first if again[2] or len(_beyond(again)) > len(_beyond(first)) else again

    async def _seen_twice(self, filmed: Filmed) -> dict[int, int]:
        """The scenes that got the picture of the one before them once more, each with one take more than it had."""
        shown = [(result.number, result.shot) for result in filmed[0] if result.failure is None and result.shot]
        if filmed[2] or not any(shot.value.original for _, shot in shown):
            return {}
        places = await self._tools.compute(visuals.seen_twice, [shot.value for _, shot in shown])
        for (before, _), (_, shot) in ((shown[place - 1], shown[place]) for place in places):
            found = Check(artifact="image", name="repeats", verdict=Verdict.WARN, value=f"as in scene {before}")
            events.emit(events.Checked(check=found, provider=shot.provider))
        return {shown[place][0]: 1 for place in places}

    def _to_redraw(self, filmed: Filmed) -> dict[int, int]:
        """The scenes that another picture may mend, each with one take more than it had."""
        scenes, film, broken = filmed
        shown = [result for result in scenes if result.failure is None and result.narration]
        if broken or any(result.segment is None for result in shown):
            return {}
        pairs = [(result.segment.value if result.segment else None, result.spoken().value) for result in shown]
        places = assembly.to_redraw(film.checks, pairs, self._frame.fps)
        return {shown[place].number: 1 for place in places if shown[place].shot}

    async def _filmed_once(self, story: Script) -> Filmed:
        """Every scene of a story, and the film of those that could be made."""
        async with Seaming(self._seam) as seams:
            scenes = await self._scenes(story, partial(self._scene, seams))
            scenes = await self._translated(scenes, story.language)
            if self._ready and not self._ready.done():
                self._ready.set_result(scenes)
            film, broken = await self._film(scenes, story, seams)
        return scenes, film, broken

    async def _translated(self, scenes: Sequence[SceneResult], language: str) -> tuple[SceneResult, ...]:
        """The scenes with their subtitles in all the languages that are asked for."""
        settings = self._settings.subtitles
        tags = [tag for tag in settings.languages if tag != language]

        async def told(result: SceneResult) -> SceneResult:
            if result.failure or result.narration is None:
                return result
            narration, scene = result.narration.value, result.scene

            async def say(tag: str) -> Made[Translated]:
                made = await self._steps.translate(
                    narration, scene, (language, tag), self._frame, self._tools, settings
                )
                return cast("Made[Translated]", made)

            stages = (self._stage(Stage.SUBTITLES, partial(say, tag), result.number) for tag in tags)
            return replace(result, translations=tuple(await together(*stages)))

        return tuple(await together(*map(told, scenes))) if tags else tuple(scenes)

    async def _seam(self, before: assembly.Side | None, after: assembly.Side | None) -> Made[Segment] | None:
        made = await self._steps.seam(before, after, self._tools, self._settings.film)
        return cast("Made[Segment] | None", made)

    async def _film(
        self, scenes: Sequence[SceneResult], story: Script, seams: Seaming
    ) -> tuple[Made[Film], ProviderFailure | ResourceFailure | StageTimeout | None]:
        """The film; where it cannot be made and the settings allow that, a stand-in for it, and what broke."""
        try:
            self._insist_on_quorum(scenes)
            return await self._stage(Stage.ASSEMBLY, lambda: self._join(scenes, story, seams)), None
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
        cast_list = _speakers(story)

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

    async def _scene(
        self, seams: Seaming, number: int, scene: Scene, story: Script, speakers: tuple[str, ...]
    ) -> SceneResult:
        (narration, captions), shot, overlay = await together(
            self._spoken(number, scene, story.language, speakers),
            self._drawn(number, scene, story),
            self._typed(number, scene),
        )
        captions, overlay = placing.place(scene, number, self._frame, shot, captions, overlay)
        burned = captions if self._settings.subtitles.is_burned else None
        segment, film = None, self._settings.film
        if film.strategy is not Strategy.AUDIO_ONLY:
            joined = (number > 1, number < len(story.scenes)) if film.transitions != "cut" else (False, False)
            if any(joined):
                plan = assembly.plan_of(shot, narration, burned, overlay, self._frame, film, joined)
                seams.ready(assembly.Side(number=number, mood=scene.mood, plan=plan))
            segment = await self._stage(
                Stage.ASSEMBLY,
                lambda: self._steps.render(
                    number, shot, narration, burned, overlay, self._frame, self._tools, film, joined
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
        narration = await self._narrated(number, scene, language, speakers)
        captions = await self._stage(
            Stage.SUBTITLES,
            lambda: self._steps.caption(
                narration.value, scene, self._frame, self._tools, self._settings.subtitles, self._settings.quality
            ),
            number,
        )
        return narration, captions

    async def _narrated(self, number: int, scene: Scene, language: str, speakers: tuple[str, ...]) -> Made[Narration]:
        if number in self._first:
            return self._first[number].spoken()
        listen = bool(self._settings.providers.transcription)
        return await self._stage(
            Stage.VOICE,
            lambda: self._or_stand_in(
                self._degrade.voice,
                lambda tools: self._steps.speak(scene, speakers, language, tools, self._settings.voice, listen=listen),
            ),
            number,
        )

    async def _drawn(self, number: int, scene: Scene, story: Script) -> Made[Shot] | None:
        if self._settings.film.strategy in {Strategy.UI_ONLY, Strategy.AUDIO_ONLY}:
            return None
        if scene is self._end:
            made = self._steps.close(number, story.title, story.language, scene.mood, self._frame, self._tools)
            return await self._stage(Stage.VISUALS, lambda: made, number)
        drawn = placing.pictured(scene, number, self._frame, typed=self._has_terminal(scene))
        with taking(self._take_of(number)):
            return await self._stage(Stage.VISUALS, lambda: self._picture(number, drawn, story.title), number)

    def _take_of(self, number: int) -> int:
        """Which picture of a scene is wanted: the first, or one after those that were not."""
        return self._takes.get(number, 0) + self._redrawn.get(number, 0)

    def _has_terminal(self, scene: Scene) -> bool:
        return self._settings.film.strategy is Strategy.OVERLAY and bool(scene.on_screen)

    async def _picture(self, number: int, scene: Scene, title: str) -> Made[Shot]:
        """The picture or the clip of a scene; where nobody delivers one and the settings allow that, a drawn card."""
        clips, take = bool(self._settings.providers.video), self._take_of(number)
        other = {"seed": take} if take else {}
        brings = scene.given and (scene.given.image or scene.given.clip)
        if number in self._first and not brings and (shot := self._first[number].shot):
            return cast(
                "Made[Shot]", await self._steps.reframe(scene, number, title, self._frame, self._tools, shot, **other)
            )
        try:
            shot = await self._steps.draw(scene, number, title, self._frame, self._tools, clips=clips, **other)
        except ProviderFailure as failure:
            if self._degrade.visuals != "card":
                raise
            _tell_fallback(failure)
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

    async def _join(self, scenes: Sequence[SceneResult], story: Script, seams: Seaming) -> Made[Film]:
        shown = [result for result in scenes if result.failure is None]
        parts = [(result.segment, result.narration) for result in shown]
        joined = await self._steps.join(
            parts,
            story.title,
            self._frame,
            self._tools,
            self._settings.film,
            _label(shown, story, self._settings),
            assembly.Wanted(formats=self._settings.outputs.formats, shots=tuple(result.shot for result in shown)),
            await seams.around([result.number for result in shown]),
            _score(shown, story, self._settings),
            self._settings.quality,
        )
        return cast("Made[Film]", joined)

    def _insist_on_quorum(self, scenes: Sequence[SceneResult]) -> None:
        failures = [result.failure for result in scenes if result.failure is not None]
        told = sum(result.scene is not self._end for result in scenes)
        real = 1 - len(failures) / told
        if failures and (real < self._settings.film.quorum or real <= 0):
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


def _beyond(filmed: Filmed) -> tuple[str, ...]:
    return beyond(filmed[1].checks)


def _insist_on_limits(below: Sequence[str]) -> None:
    if below:
        raise BelowLimits(
            f"The film is not shipped, because {below[0]}.",
            stage=Stage.ASSEMBLY.value,
            hint="; ".join((*below[1:], "see [quality] in the settings for the limits, and what is to become of it")),
        )


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
        cast=_speakers(story),
        voice=settings.voice,
        music=settings.music,
        has_keys=settings.terminal.key_sounds,
    )


def _speakers(story: Script) -> tuple[str, ...]:
    """All who speak, in order of appearance."""
    return tuple(dict.fromkeys(line.speaker for scene in story.scenes for line in scene.lines))


def _drawn_again(before: Sequence[SceneResult], after: Sequence[SceneResult]) -> dict[int, int]:
    """The scenes whose picture is another one than before, with how often they were drawn once more."""
    keys = [[result.shot.key if result.shot else "" for result in scenes] for scenes in (before, after)]
    return {result.number: 1 for result, old, new in zip(after, *keys, strict=True) if old != new}


async def _done(scenes: tuple[SceneResult, ...]) -> tuple[SceneResult, ...]:
    return scenes


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
