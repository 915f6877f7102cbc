"""What a run will cost and how long it will take, before it is paid: its stages are gone through, nobody is asked.

Each call is looked for in the cache, else counted as its provider expects it. A script that is still to be written is
stood in for by one of the built-in writer's, which is as long.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from storygen.costs.prices import PriceTable
from storygen.media.ffmpeg import Command, Finished
from storygen.providers.base import Capability, Provider
from storygen.providers.images.base import Picture
from storygen.providers.registry import BUILTIN, Chains, chains
from storygen.providers.transcription.base import TranscriptionRequest
from storygen.resilience.call import key_inputs
from storygen.settings import Settings
from storygen.stages import idea, revise, script, visuals, voice
from storygen.store.artifacts import BrokenEntry, Store
from storygen.store.history import PastDurations
from storygen.store.records import digest
from storygen.story import Brief, Check, Made, Scene, Script, Stage, Strategy, Usage
from storygen.telemetry.estimate import LOWER, UPPER, Standing, time_left
from storygen.telemetry.report_figures import percentile

R = TypeVar("R")
P = ParamSpec("P")
# How far an answer can be from what is expected of it: a writer may write more, a voice bills by what it is given.
_SPREAD = {Capability.TEXT: (0.5, 2.0), Capability.SPEECH: (0.9, 1.15), Capability.TRANSCRIPTION: (0.9, 1.15)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One call that a run will make; `usd` is None where its price is not known, and 0 where it is `cached`."""

    stage: Stage
    capability: Capability
    provider: str
    model: str
    usage: Usage
    usd: float | None
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEstimate:
    """What one stage is expected to take; dollars between `low` and `high`, seconds None where nothing is known."""

    stage: str
    calls: int
    cached: int
    unpriced: int
    low_usd: float
    high_usd: float
    low_seconds: float | None
    high_seconds: float | None
    providers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A whole run; `runs` is how many earlier ones its times were taken from."""

    title: str
    scenes: int
    stages: tuple[StageEstimate, ...]
    low_usd: float
    high_usd: float
    low_seconds: float | None
    high_seconds: float | None
    unpriced: tuple[str, ...]
    runs: int
    is_written: bool


async def estimate(story: Brief | Script, settings: Settings, past: Sequence[PastDurations]) -> Estimate:
    """Go through a run without making it; nothing is asked, paid or stored."""
    with tempfile.TemporaryDirectory() as folder:
        dry = _DryTools(settings, Path(folder))
        draft, is_written = (story, True) if isinstance(story, Script) else await _draft(story, dry)
        revised = (await revise.revise(draft, dry, settings.voice)).value.script
        speakers = tuple(dict.fromkeys(line.speaker for scene in revised.scenes for line in scene.lines))
        for number, scene in enumerate(revised.scenes, 1):
            await _scene(number, scene, revised, speakers, dry, settings)
    return _summed(revised, dry.calls, past, is_written=is_written)


async def _draft(brief: Brief, dry: _DryTools) -> tuple[Script, bool]:
    """The script of a brief where the cache has it, else a built-in one; and whether it is the real one."""
    dry.stage = Stage.IDEA
    ideas = await _or_none(idea.choose(brief, dry))
    best = (ideas or await idea.choose(brief, dry.builtin())).value.best
    dry.stage = Stage.SCRIPT
    written = await _or_none(script.write(brief, best, dry))
    if written is not None:
        return written.value, ideas is not None
    return (await script.write(brief, best, dry.builtin())).value, False


async def _scene(
    number: int, scene: Scene, story: Script, speakers: tuple[str, ...], dry: _DryTools, settings: Settings
) -> None:
    dry.stage = Stage.VOICE
    before = len(dry.calls)
    listen = bool(settings.providers.transcription)
    await _or_none(voice.speak(scene, speakers, story.language, dry, settings.voice, listen=listen))
    if listen and any(not call.cached and call.provider != BUILTIN for call in dry.calls[before:]):
        seconds = len(scene.spoken.split()) / settings.voice.words_per_minute * 60
        dry.expect(
            Capability.TRANSCRIPTION,
            TranscriptionRequest(sha256="", language=story.language, seconds=seconds, path=Path()),
        )
    if settings.film.strategy in {Strategy.UI_ONLY, Strategy.AUDIO_ONLY}:
        return
    dry.stage = Stage.VISUALS
    clips = bool(settings.providers.video)
    await _or_none(visuals.draw(scene, number, story.title, settings.film.frame, dry, clips=clips))


class _NotMadeError(Exception):
    """Stops a stage at what a real run would now have to make."""


async def _or_none(work: Awaitable[R]) -> R | None:
    try:
        return await work
    except _NotMadeError:
        return None


class _DryTools:
    """Tools that find what is stored, note what would be asked, and make nothing."""

    cores = 1

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.calls: list[Expected] = []
        self.stage = Stage.IDEA
        self._settings = settings
        self._chains = chains(settings)
        self._store = Store(settings.folders.cache)
        self._prices = PriceTable(settings.prices)
        self._folder = folder

    def builtin(self) -> _Builtin:
        """Tools whose calls are answered by the built-in providers, without a trace."""
        return _Builtin(self._settings, self._folder)

    async def call(
        self,
        capability: Capability,
        request: Any,
        expect: type[R],
        check: Callable[[R], Awaitable[tuple[Check, ...]]],  # noqa: ARG002 - as `Tools.call` has it
        *,
        otherwise: str = "",  # noqa: ARG002
    ) -> Made[R]:
        """What is stored; a picture that is not gets a stand-in, because a clip may be asked for with it."""
        for provider in self._chains[capability]:
            made = self._find(capability.value, digest(key_inputs(provider, request)), expect)
            if made is not None:
                self._note(provider, capability, made.usage, 0.0, cached=True)
                return made
        self.expect(capability, request)
        if expect is Picture:
            return Made(value=_blank(self._folder), key="", provider="", model="")  # type: ignore[arg-type]
        raise _NotMadeError

    def expect(self, capability: Capability, request: Any) -> None:
        """Note a call as the first provider of its chain expects it."""
        provider = self._chains[capability][0]
        usage = provider.expected(request)
        usd = self._prices.cost(provider.name, provider.model, usage)
        self._note(provider, capability, usage, usd, cached=False)

    async def make(
        self, step: str, inputs: Mapping[str, Any], expect: type[R], work: Callable[[Path], Awaitable[R]]
    ) -> Made[R]:
        """What is stored, or a revision, which is made in a moment and needed to know what will be spoken."""
        made = self._find(step, digest(inputs), expect)
        if made is not None:
            return made
        if step != "revise":
            raise _NotMadeError
        return Made(value=await work(self._folder), key="", provider="local")

    async def ffmpeg(self, command: Command) -> Finished:  # noqa: ARG002
        """A real run would now render."""
        raise _NotMadeError

    async def compute(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Tools.compute`."""
        return await asyncio.to_thread(function, *args, **kwargs)

    def part(self, name: str) -> AbstractContextManager[object]:  # noqa: ARG002
        """Nobody asks how long an estimate takes."""
        return nullcontext()

    def _find(self, cache: str, key: str, expect: type[R]) -> Made[R] | None:
        try:
            return self._store.find(cache, key, expect)
        except BrokenEntry:
            return None

    def _note(
        self, provider: Provider[Any, Any], capability: Capability, usage: Usage, usd: float | None, *, cached: bool
    ) -> None:
        self.calls.append(
            Expected(
                stage=self.stage,
                capability=capability,
                provider=provider.name,
                model=provider.model,
                usage=usage,
                usd=usd,
                cached=cached,
            )
        )


class _Builtin(_DryTools):
    """Asks the built-in writer, which is free and takes a moment."""

    async def call(
        self,
        capability: Capability,
        request: Any,
        expect: type[R],  # noqa: ARG002 - as `Tools.call` has it
        check: Callable[[R], Awaitable[tuple[Check, ...]]],  # noqa: ARG002
        *,
        otherwise: str = "",  # noqa: ARG002
    ) -> Made[R]:
        """See `Tools.call`."""
        provider = Chains(self._settings).create(capability, BUILTIN)
        answer = await provider.answer(request, self._folder)
        return Made(value=answer.value, key="", provider=BUILTIN)


def _blank(folder: Path) -> Picture:
    image = folder / "blank"
    image.touch()
    return Picture(image=image)


def _summed(story: Script, calls: Sequence[Expected], past: Sequence[PastDurations], *, is_written: bool) -> Estimate:
    stages = tuple(_stages(story, calls, past, is_written=is_written))
    paid = {call.stage for call in calls if not call.cached}
    written = {} if paid & {Stage.IDEA, Stage.SCRIPT} else {Stage.IDEA.value: (0.0,), Stage.SCRIPT.value: (0.0,)}
    left = time_left(Standing(scenes=len(story.scenes), done=written), past) if past else None
    return Estimate(
        title=story.title,
        scenes=len(story.scenes),
        stages=stages,
        low_usd=sum(stage.low_usd for stage in stages),
        high_usd=sum(stage.high_usd for stage in stages),
        low_seconds=left.low if left else None,
        high_seconds=left.high if left else None,
        unpriced=tuple(sorted({f"{call.provider}/{call.model}" for call in calls if call.usd is None})),
        runs=len(past),
        is_written=is_written,
    )


def _stages(
    story: Script, calls: Sequence[Expected], past: Sequence[PastDurations], *, is_written: bool
) -> Iterator[StageEstimate]:
    by: dict[Stage, list[Expected]] = defaultdict(list)
    for call in calls:
        by[call.stage].append(call)
    # A script that is still to be written can have more or fewer words than the one that stands in for it.
    doubt = (1.0, 1.0) if is_written else (0.7, 1.4)
    for stage in Stage:
        less, more = (1.0, 1.0) if stage in {Stage.IDEA, Stage.SCRIPT} else doubt
        found = by[stage]
        priced = [(call, *_SPREAD.get(call.capability, (1.0, 1.0))) for call in found if call.usd]
        pieces = len(found) if found else 0 if stage in {Stage.IDEA, Stage.SCRIPT} else len(story.scenes)
        fresh = sum(not call.cached for call in found) if found else pieces
        known = [seconds for run in past for seconds in run.durations.get(stage.value, ())]
        yield StageEstimate(
            stage=stage.value,
            calls=len(found),
            cached=sum(call.cached for call in found),
            unpriced=sum(call.usd is None for call in found),
            low_usd=sum((call.usd or 0.0) * low for call, low, _ in priced) * less,
            high_usd=sum((call.usd or 0.0) * high for call, _, high in priced) * more,
            low_seconds=fresh * (percentile(known, LOWER) or 0.0) if known or not fresh else None,
            high_seconds=fresh * (percentile(known, UPPER) or 0.0) if known or not fresh else None,
            providers=tuple(dict.fromkeys(call.provider for call in found)),
        )
