"""The flow: what runs beside what, what one failure may spoil, and when a run stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storygen import events
from storygen.errors import DiskFull, ProviderUnavailable, RenderFailed, StageTimeout, StorygenError
from storygen.pipeline import Pipeline, Production, Steps
from storygen.settings import FilmSettings, RunSettings, Settings, StageTimeouts
from storygen.story import (
    Brief,
    Captions,
    Fidelity,
    Film,
    Idea,
    Ideas,
    Line,
    Made,
    Narration,
    Outcome,
    Overlay,
    Review,
    Revision,
    Scene,
    Script,
    Segment,
    Shot,
    Strategy,
)
from storygen.workshop import Pulse, Slots

NOWHERE = Path("/dev/null")


def made(value: Any, **facts: Any) -> Made[Any]:
    return Made(value=value, key="k", provider="fake", **facts)


class Play:
    """Stages that only note that they were there, and do what a test asks of them."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.at_once = self.most_at_once = 0
        self.deeds: dict[tuple[str, int], Callable[[], Any]] = {}

    def steps(self) -> Steps:
        return Steps(
            choose=self.choose,
            write=self.write,
            revise=self.revise,
            speak=self.speak,
            caption=self.caption,
            draw=self.draw,
            type_out=self.type_out,
            render=self.render,
            join=self.join,
        )

    async def act(self, stage: str, number: int = 0) -> None:
        self.seen.append((stage, number))
        if deed := self.deeds.get((stage, number)):
            outcome = deed()
            if asyncio.iscoroutine(outcome):
                await outcome

    async def choose(self, brief: Brief, tools: Any) -> Made[Ideas]:
        await self.act("idea")
        idea = Idea(title=brief.topic, logline="", hook="", tone="", audience="", score=1)
        return made(Ideas(candidates=(idea,)))

    async def write(self, brief: Brief, idea: Idea, tools: Any) -> Made[Script]:
        await self.act("script")
        return made(story(3))

    async def revise(self, script: Script, tools: Any, settings: Any) -> Made[Revision]:
        await self.act("revise")
        review = Review(words=1, minutes=1, pace=1, hook="", has_hook=False, beats=("ha",))
        return made(Revision(script=script, changes=(), review=review))

    async def speak(self, scene: Scene, cast: Any, language: str, tools: Any, settings: Any) -> Made[Narration]:
        number = int(scene.title)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.act("voice", number)
            await asyncio.sleep(0)
        finally:
            self.at_once -= 1
        return made(Narration(audio=NOWHERE, seconds=2, words=()), missing=("dear: timeout",) if number == 99 else ())

    async def caption(self, narration: Any, scene: Scene, *_: Any) -> Made[Captions]:
        await self.act("subtitles", int(scene.title))
        return made(Captions(cues=(), ass=NOWHERE))

    async def draw(self, scene: Scene, number: int, *_: Any) -> Made[Shot]:
        await self.act("visuals", number)
        return made(Shot(image=NOWHERE))

    async def type_out(self, scene: Scene, *_: Any, alone: bool) -> Made[Overlay]:
        await self.act("terminal", int(scene.title))
        return made(Overlay(panel=NOWHERE, ass=NOWHERE, seconds=1))

    async def render(self, number: int, *_: Any) -> Made[Segment]:
        await self.act("assembly", number)
        return made(Segment(video=NOWHERE, frames=60))

    async def join(self, parts: Any, *_: Any) -> Made[Film]:
        await self.act("assembly")
        self.joined = len(parts)
        return made(Film(video=NOWHERE, seconds=2.0 * len(parts), width=1, height=1), cached=True)


def story(count: int, *, on_screen: bool = True) -> Script:
    scenes = tuple(
        Scene(title=str(n), lines=(Line(text="words"),), on_screen=("ls",) if on_screen else ())
        for n in range(1, count + 1)
    )
    return Script(title="t", scenes=scenes)


def run(play: Play, source: Brief | Script | None = None, **settings: Any) -> Production:
    whole = Settings(**settings)
    pipeline = Pipeline(None, whole, Pulse(), play.steps())  # type: ignore[arg-type]
    return asyncio.run(pipeline.run(source or story(3)))


def fail(error: StorygenError) -> Callable[[], None]:
    def deed() -> None:
        raise error

    return deed


def test_a_topic_goes_through_every_stage_in_order(listener: Any) -> None:
    play = Play()
    run(play, Brief(topic="cats"))
    assert [stage for stage, _ in play.seen][:3] == ["idea", "script", "revise"]
    assert play.seen[-1] == ("assembly", 0)
    for number in (1, 2, 3):
        order = [stage for stage, n in play.seen if n == number]
        assert order.index("voice") < order.index("subtitles")
        assert order[-1] == "assembly"
    counted = {event.element: event.count for event in listener.of(events.Counted)}
    assert counted["scene"] == 3
    assert counted["joke"] == 1


def test_a_script_skips_what_it_does_not_need(listener: Any) -> None:
    play = Play()
    run(play)
    assert play.seen[0] == ("revise", 0)
    assert [t.name for t in listener.named("stage") if t.outcome is Outcome.SKIPPED] == ["idea", "script"]
    assert [t.outcome for t in listener.named("stage", "assembly") if t.scene is None] == [Outcome.CACHED]


@pytest.mark.parametrize(
    ("strategy", "absent"),
    [
        (Strategy.OVERLAY, set()),
        (Strategy.VISUAL_ONLY, {"terminal"}),
        (Strategy.UI_ONLY, {"visuals"}),
        (Strategy.AUDIO_ONLY, {"terminal", "visuals"}),
    ],
)
def test_a_strategy_makes_only_what_it_shows(strategy: Strategy, absent: set[str]) -> None:
    play = Play()
    run(play, film=FilmSettings(strategy=strategy))
    stages = {stage for stage, _ in play.seen}
    assert stages == {"revise", "voice", "subtitles", "visuals", "terminal", "assembly"} - absent
    rendered = [number for stage, number in play.seen if stage == "assembly" and number]
    assert bool(rendered) is (strategy is not Strategy.AUDIO_ONLY)


def test_scenes_run_side_by_side_up_to_the_limit() -> None:
    wide, narrow = Play(), Play()
    run(wide, story(9))
    run(narrow, story(9), run=RunSettings(scenes_at_once=2))
    assert (wide.most_at_once, narrow.most_at_once) == (9, 2)


def test_a_scene_that_fails_is_left_out_and_the_film_says_so() -> None:
    play = Play()
    play.deeds["visuals", 2] = fail(ProviderUnavailable("the painter is down", provider="painter"))
    production = run(play, story(4))
    assert play.joined == 3
    assert production.fidelity is Fidelity.DEGRADED
    assert production.reasons == ("scene 2 is left out: visuals: the painter is down",)


def test_below_the_quorum_the_first_failure_ends_the_run_and_names_the_others() -> None:
    play = Play()
    play.deeds["visuals", 2] = fail(ProviderUnavailable("down"))
    play.deeds["assembly", 3] = fail(RenderFailed("broken"))
    with pytest.raises(ProviderUnavailable) as failure:
        run(play, story(4))
    assert (failure.value.stage, failure.value.scene) == ("visuals", 2)
    assert failure.value.__notes__ == ["scene 3: assembly: broken"]
    assert ("assembly", 0) not in play.seen


def test_a_fallback_makes_a_film_degraded_not_failed() -> None:
    production = run(Play(), Script(title="t", scenes=(Scene(title="99", lines=(Line(text="x"),)),)))
    assert production.fidelity is Fidelity.DEGRADED
    assert production.reasons == ("scene 1: voice by fake, because dear: timeout",)


def test_a_full_disk_stops_the_run_at_once() -> None:
    play = Play()
    play.deeds["voice", 1] = fail(DiskFull("full"))
    with pytest.raises(DiskFull):
        run(play, story(9))
    assert ("assembly", 0) not in play.seen


def test_a_stage_that_takes_too_long_is_ended_and_named(listener: Any) -> None:
    play = Play()
    play.deeds["revise", 0] = lambda: asyncio.sleep(60)
    limits = StageTimeouts(revise=0.01)
    with pytest.raises(StageTimeout, match=r"Revise took longer than 0\.01 s") as failure:
        run(play, run=RunSettings(stage_timeout=limits))
    assert "run.stage_timeout.revise" in failure.value.hint
    assert failure.value.exit_code == 124
    assert listener.named("stage", "revise")[0].outcome is Outcome.TIMEOUT


def test_when_nothing_moves_every_running_stage_is_reported_as_stalled(listener: Any) -> None:
    play = Play()

    async def until_reported() -> None:
        while not listener.of(events.Halted):
            await asyncio.sleep(0.001)

    play.deeds["revise", 0] = until_reported
    run(play, run=RunSettings(stall_seconds=0.01))
    assert listener.of(events.Halted)[0].seconds >= 0.01


def test_of_those_who_wait_for_a_slot_the_urgent_go_first_and_a_cancelled_one_holds_nobody_up(listener: Any) -> None:
    order: list[str] = []

    async def scenario() -> None:
        slots = Slots("cores", 1)
        first = asyncio.Event()

        async def work(name: str, *, urgent: bool) -> None:
            async with slots.one(urgent=urgent):
                order.append(name)
                if name == "first":
                    await first.wait()

        tasks = [asyncio.create_task(work("first", urgent=True))]
        for name, urgent in (("render 1", False), ("render 2", False), ("gone", True), ("voice", True)):
            await asyncio.sleep(0)
            tasks.append(asyncio.create_task(work(name, urgent=urgent)))
        await asyncio.sleep(0)
        tasks[3].cancel()
        first.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(scenario())
    assert order == ["first", "voice", "render 1", "render 2"]
    assert [(event.name, event.in_use) for event in listener.of(events.Occupied)][-1] == ("cores", 0)


def test_cancelling_ends_every_scene() -> None:
    play = Play()
    ended: list[int] = []

    def hang(number: int) -> Callable[[], Any]:
        async def wait() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(number)

        return wait

    for number in (1, 2, 3):
        play.deeds["voice", number] = hang(number)

    async def cancelled() -> None:
        task = asyncio.create_task(Pipeline(None, Settings(), Pulse(), play.steps()).run(story(3)))  # type: ignore[arg-type]
        while play.at_once < 3:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert sorted(ended) == [1, 2, 3]
