"""The flow: what runs beside what, what one failure may spoil, and when a run stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from storygen import events
from storygen.errors import DiskFull, ProviderUnavailable, RenderFailed, StageTimeout, StorygenError
from storygen.pipeline import Pipeline, Steps, together
from storygen.resilience.slots import Slots
from storygen.results import Production, translated
from storygen.settings import DegradeSettings, FilmSettings, RunSettings, Settings, StageTimeouts, SubtitleSettings
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
    Translated,
)
from storygen.workshop import Pulse

NOWHERE = Path("/dev/null")
TOOLS: Any = "the chain's"
STAND_IN: Any = "the built-in ones"


def made(value: Any, **facts: Any) -> Made[Any]:
    return Made(value=value, key="k", provider="fake", **facts)


class Play:
    """Stages that only note that they were there, and do what a test asks of them."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.seams: list[tuple[int, int]] = []
        self.pictures: dict[int, Path] = {}
        self.closed: list[tuple[int, str, str]] = []
        self.at_once = self.most_at_once = 0
        self.deeds: dict[tuple[str, int], Callable[[], Any]] = {}

    def steps(self) -> Steps:
        return Steps(
            choose=self.choose,
            write=self.write,
            revise=self.revise,
            speak=self.speak,
            caption=self.caption,
            translate=self.translate,
            draw=self.draw,
            close=self.close,
            stand_in=self.stand_in,
            placeholder=self.placeholder,
            type_out=self.type_out,
            render=self.render,
            seam=self.seam,
            join=self.join,
        )

    async def act(self, stage: str, number: int | str = 0, tools: Any = TOOLS) -> None:
        number, tools = (number, tools) if isinstance(number, int) else (0, number)
        self.seen.append((stage if tools is TOOLS else f"built-in {stage}", number))
        if tools is TOOLS and (deed := self.deeds.get((stage, number))):
            outcome = deed()
            if asyncio.iscoroutine(outcome):
                await outcome

    async def choose(self, brief: Brief, tools: Any) -> Made[Ideas]:
        await self.act("idea", tools)
        idea = Idea(title=brief.topic, logline="", hook="", tone="", audience="", score=1)
        return made(Ideas(candidates=(idea,)))

    async def write(self, brief: Brief, idea: Idea, tools: Any) -> Made[Script]:
        await self.act("script", tools)
        return made(story(3))

    async def revise(self, script: Script, tools: Any, settings: Any) -> Made[Revision]:
        await self.act("revise")
        review = Review(words=1, minutes=1, pace=1, hook="", has_hook=False, beats=("ha",))
        return made(Revision(script=script, changes=(), review=review))

    async def speak(
        self, scene: Scene, cast: Any, language: str, tools: Any, settings: Any, *, listen: bool
    ) -> Made[Narration]:
        number = int(scene.title) if scene.title.isdigit() else 0
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.act("voice", number, tools)
            await asyncio.sleep(0)
        finally:
            self.at_once -= 1
        return made(Narration(audio=NOWHERE, seconds=2, words=()), missing=("dear: timeout",) if number == 99 else ())

    async def caption(self, narration: Any, scene: Scene, *_: Any) -> Made[Captions]:
        await self.act("subtitles", int(scene.title) if scene.title.isdigit() else 0)
        return made(Captions(cues=(), ass=NOWHERE))

    async def translate(self, narration: Any, scene: Scene, languages: tuple[str, str], *_: Any) -> Made[Translated]:
        source, target = languages
        lost = target == "fr" and scene.title == "2"
        self.seen.append((f"{source} to {target}", int(scene.title)))
        return made(Translated(language=target), missing=("dear: timeout: too slow",) if lost else ())

    async def draw(self, scene: Scene, number: int, *_: Any, clips: bool, seed: int = 0) -> Made[Shot]:
        await self.act("visuals" if not seed else "visuals once more", number)
        return made(Shot(image=NOWHERE, original=self.pictures.get(number)))

    async def close(self, number: int, title: str, language: str, *_: Any) -> Made[Shot]:
        self.closed.append((number, title, language))
        return made(Shot(image=NOWHERE))

    async def stand_in(self, scene: Scene, number: int, *rest: Any) -> Made[Shot]:
        self.seen.append(("card", number))
        return made(Shot(image=NOWHERE), missing=(f"{rest[-1].provider}: {rest[-1].kind}: {rest[-1].message}",))

    async def placeholder(self, *given: Any, **named: Any) -> Made[Film]:
        self.seen.append(("placeholder", 0))
        self.told = given, named
        return made(Film(video=NOWHERE, seconds=5, width=1, height=1))

    async def type_out(self, scene: Scene, *_: Any, alone: bool) -> Made[Overlay]:
        await self.act("terminal", int(scene.title))
        return made(Overlay(panel=NOWHERE, ass=NOWHERE, seconds=1))

    async def render(self, number: int, shot: Any, narration: Any, captions: Any, *_: Any, **__: Any) -> Made[Segment]:
        await self.act("assembly", number)
        self.burned = captions
        return made(Segment(video=NOWHERE, frames=60))

    async def seam(self, before: Any, after: Any, *_: Any) -> Made[Segment] | None:
        pair = (before.number if before else 0, after.number if after else 0)
        self.seams.append(pair)
        if deed := self.deeds.get(("seam", pair[1])):
            deed()
        return made(Segment(video=NOWHERE, frames=16)) if all(pair) else None

    async def join(self, parts: Any, *rest: Any) -> Made[Film]:
        await self.act("assembly")
        self.joined = len(parts)
        self.between = [bool(seam) for seam in rest[6]]
        return made(Film(video=NOWHERE, seconds=2.0 * len(parts), width=1, height=1), cached=True)


def story(count: int, *, on_screen: bool = True) -> Script:
    scenes = tuple(
        Scene(title=str(n), lines=(Line(text="words"),), on_screen=("ls",) if on_screen else ())
        for n in range(1, count + 1)
    )
    return Script(title="t", scenes=scenes)


def run(play: Play, source: Brief | Script | None = None, **settings: Any) -> Production:
    whole = Settings(**settings)
    pipeline = Pipeline(TOOLS, whole, Pulse(), play.steps(), stand_in=STAND_IN)
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


@pytest.mark.parametrize(("mode", "burned"), [("burned", True), ("both", True), ("soft", False)])
def test_soft_subtitles_are_made_but_not_part_of_the_picture(mode: Any, burned: bool) -> None:
    play = Play()
    production = run(play, subtitles=SubtitleSettings(mode=mode))
    assert all(result.captions for result in production.scenes)
    assert bool(play.burned) is burned


def test_subtitles_in_a_language_that_a_scene_has_not_got_are_left_out_and_the_film_says_so() -> None:
    play = Play()
    production = run(play, subtitles=SubtitleSettings(languages=("de", "fr", "en")))
    assert {what for what, _ in play.seen if " to " in what} == {"en to de", "en to fr"}
    assert set(translated(production.scenes)) == {"de"}
    assert production.reasons == ("there are no subtitles in fr, because dear: timeout: too slow",)
    assert production.fidelity is Fidelity.DEGRADED


def test_scenes_run_side_by_side_up_to_the_limit() -> None:
    wide, narrow = Play(), Play()
    run(wide, story(9))
    run(narrow, story(9), run=RunSettings(scenes_at_once=2))
    assert (wide.most_at_once, narrow.most_at_once) == (9, 2)


def test_a_scene_that_fails_is_left_out_and_the_film_says_so() -> None:
    play = Play()
    play.deeds["visuals", 2] = fail(ProviderUnavailable("the painter is down", provider="painter"))
    production = run(play, story(4), degrade=DegradeSettings(visuals="leave_out"))
    assert play.joined == 3
    assert production.fidelity is Fidelity.DEGRADED
    assert production.reasons == ("scene 2 is left out: visuals: the painter is down",)


def test_a_seam_is_begun_as_soon_as_both_of_its_scenes_are_ready() -> None:
    play = Play()

    async def until_joined() -> None:
        while (1, 2) not in play.seams:
            await asyncio.sleep(0)

    play.deeds["voice", 3] = until_joined
    run(play, story(3))
    assert sorted(play.seams) == [(0, 1), (1, 2), (2, 3), (3, 0)]
    assert play.between == [False, True, True, False]


def test_the_neighbours_of_a_scene_that_is_left_out_are_joined() -> None:
    play = Play()
    play.deeds["visuals", 2] = fail(ProviderUnavailable("down"))
    play.deeds["assembly", 5] = fail(RenderFailed("broken"))
    run(play, story(8), degrade=DegradeSettings(visuals="leave_out"))
    assert {(1, 3), (4, 6), (6, 7)} < set(play.seams)
    assert play.between == [False, True, True, True, True, True, False]


def test_a_film_of_cuts_has_no_seams() -> None:
    play = Play()
    run(play, story(3), film=FilmSettings(transitions="cut"))
    assert (play.seams, play.between) == ([], [])


def test_a_seam_that_breaks_is_told_as_a_film_that_cannot_be_joined() -> None:
    play = Play()
    play.deeds["seam", 2] = fail(RenderFailed("torn"))
    production = run(play, story(3), degrade=DegradeSettings(assembly="placeholder"))
    assert production.fidelity is Fidelity.PLACEHOLDER
    assert production.reasons == ("assembly: render_failed: torn",)


def test_a_film_may_end_with_a_card_that_counts_for_no_scene_of_the_story() -> None:
    play = Play()
    run(play, story(2), film=FilmSettings(end_card=True))
    assert play.closed == [(3, "t", "en")]
    assert play.joined == 3
    assert (2, 3) in play.seams
    for number in (1, 2):
        play.deeds["visuals", number] = fail(ProviderUnavailable("down"))
    with pytest.raises(ProviderUnavailable):
        run(play, story(2), film=FilmSettings(end_card=True, quorum=0), degrade=DegradeSettings(visuals="leave_out"))


def test_a_picture_that_is_delivered_twice_in_a_row_is_asked_for_once_more_and_told_of(
    tmp_path: Path, listener: Any
) -> None:
    class Hands:
        async def compute(self, function: Callable[..., Any], *given: Any) -> Any:
            return function(*given)

    play = Play()
    for number, name in enumerate(("a", "b", "b", "b", "c"), 1):
        play.pictures[number] = tmp_path / name
        Image.linear_gradient("L").rotate(90 * ord(name)).save(tmp_path / name, "PNG")
    pipeline = Pipeline(Hands(), Settings(), Pulse(), play.steps())  # type: ignore[arg-type]
    asyncio.run(pipeline.run(story(5)))
    told = [event.check for event in listener.of(events.Checked)]
    assert [(check.name, check.value) for check in told] == [("repeats", "as in scene 2")]
    assert [number for stage, number in play.seen if stage == "visuals once more"] == [3]


def test_below_the_quorum_the_first_failure_ends_the_run_and_names_the_others() -> None:
    play = Play()
    play.deeds["visuals", 2] = fail(ProviderUnavailable("down"))
    play.deeds["assembly", 3] = fail(RenderFailed("broken"))
    with pytest.raises(ProviderUnavailable) as failure:
        run(play, story(4), degrade=DegradeSettings(visuals="leave_out"))
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
        task = asyncio.create_task(Pipeline(TOOLS, Settings(), Pulse(), play.steps()).run(story(3)))
        while play.at_once < 3:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert sorted(ended) == [1, 2, 3]


def down(provider: str = "elevenlabs") -> ProviderUnavailable:
    error = ProviderUnavailable("it is down", provider=provider)
    error.add_note("before it, openai: timeout: nothing came")
    return error


def test_when_every_voice_failed_the_built_in_one_speaks_and_each_reason_is_named(listener: Any) -> None:
    play = Play()
    play.deeds["voice", 2] = fail(down())
    production = run(play)
    assert ("built-in voice", 2) in play.seen
    assert play.joined == 3
    assert production.fidelity is Fidelity.DEGRADED
    assert production.reasons == (
        "scene 2: voice by fake, because openai: timeout: nothing came",
        "scene 2: voice by fake, because elevenlabs: unavailable: it is down",
    )
    assert [(e.from_provider, e.to_provider) for e in listener.of(events.FellBack)] == [("elevenlabs", "builtin")]


def test_when_every_painter_failed_a_card_is_drawn() -> None:
    play = Play()
    play.deeds["visuals", 1] = fail(down("runway"))
    production = run(play)
    assert ("card", 1) in play.seen
    assert production.reasons == ("scene 1: visuals by fake, because runway: unavailable: it is down",)


@pytest.mark.parametrize(("stage", "rule"), [("voice", {"voice": "fail"}), ("visuals", {"visuals": "fail"})])
def test_a_stage_that_must_not_degrade_ends_the_run(stage: str, rule: dict[str, Any]) -> None:
    play = Play()
    play.deeds[stage, 2] = fail(down())
    with pytest.raises(ProviderUnavailable) as failure:
        run(play, story(9), degrade=DegradeSettings(**rule))
    assert (failure.value.stage, failure.value.scene, failure.value.provider) == (stage, 2, "elevenlabs")
    assert failure.value.hint
    assert ("assembly", 0) not in play.seen


def test_the_writer_is_replaced_only_where_that_is_wanted() -> None:
    play = Play()
    play.deeds["script", 0] = fail(down("anthropic"))
    with pytest.raises(ProviderUnavailable):
        run(play, Brief(topic="cats"))
    production = run(play, Brief(topic="cats"), degrade=DegradeSettings(text="builtin"))
    assert ("built-in script", 0) in play.seen
    assert production.reasons[-1] == "fake wrote, because anthropic: unavailable: it is down"


def test_a_film_that_cannot_be_joined_becomes_a_placeholder_that_says_why() -> None:
    play = Play()
    play.deeds["assembly", 0] = fail(RenderFailed("ffmpeg broke"))
    with pytest.raises(RenderFailed):
        run(play)
    production = run(play, degrade=DegradeSettings(assembly="placeholder"))
    assert ("placeholder", 0) in play.seen
    assert production.fidelity is Fidelity.PLACEHOLDER
    assert production.reasons == ("assembly: render_failed: ffmpeg broke",)
    assert production.film.value.seconds == 5


def test_scenes_that_miss_the_quorum_become_a_placeholder_too_but_a_full_disk_never() -> None:
    play, wish = Play(), DegradeSettings(voice="leave_out", assembly="placeholder")
    for number in (1, 2):
        play.deeds["voice", number] = fail(down())
    production = run(play, degrade=wish)
    assert production.reasons[0] == "voice of scene 1, elevenlabs: unavailable: it is down"
    assert all(result.failure for result in production.scenes)
    play.deeds = {("assembly", 1): fail(DiskFull("full"))}
    with pytest.raises(DiskFull):
        run(play, degrade=wish)


def test_a_failure_side_by_side_leaves_the_task_as_if_nobody_had_cancelled_it() -> None:
    async def wait() -> None:
        await asyncio.sleep(60)

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ProviderUnavailable("gone")

    async def go() -> int:
        with pytest.raises(ProviderUnavailable):
            await together(wait(), fail())
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert asyncio.run(go()) == 0
