"""Progress: what the person who waits is told is true, short, and never in the way."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.errors import RenderFailed
from storygen.events import Counted, Progressed
from storygen.story import Outcome
from storygen.telemetry.estimate import Left, Standing, time_left
from storygen.telemetry.progress import Progress, words_left
from tests.telemetry.runs import ZERO, Told

SIDE = ("voice", "subtitles", "visuals", "terminal", "assembly")


@dataclass
class Earlier:
    """An earlier run."""

    scenes: int = 4
    seconds: float = 20.0
    durations: Mapping[str, Sequence[float]] = field(
        default_factory=lambda: {"script": (2.0,), "voice": (3.0,) * 4, "assembly": (5.0,) * 4, "join": (2.0,)}
    )
    counts: Mapping[str, int] = field(default_factory=lambda: {"script": 1, "voice": 4, "assembly": 5})


def test_without_history_nothing_is_invented() -> None:
    assert time_left(Standing(scenes=4, running=(("voice", 1.0),)), []) is None
    assert words_left(None) == "no history yet to tell how long it takes"


def test_earlier_runs_tell_how_long_a_fresh_one_takes() -> None:
    # 2 s script, then 4 scenes of 8 s of which two go on at once (32 s of work in 16 s), then 2 s to join
    left = time_left(Standing(), [Earlier()])
    assert left is not None
    assert (left.low, left.high) == pytest.approx((20.0, 20.0))


def test_runs_that_differ_give_a_range() -> None:
    slow = Earlier(
        seconds=36.0, durations={"script": (2.0,), "voice": (6.0,) * 4, "assembly": (10.0,) * 4, "join": (2.0,)}
    )
    left = time_left(Standing(), [Earlier(), slow])
    assert left is not None
    assert left.high is not None
    assert left.low < 25 < left.high


def test_a_first_run_learns_from_its_own_scenes_and_leaves_open_what_nobody_knows() -> None:
    now = Standing(scenes=4, scenes_done=2, done={"voice": (3.0, 3.0, 3.0), "assembly": (5.0, 5.0)}, side_seconds=19.0)
    left = time_left(now, [])
    assert left is not None
    assert left.low == pytest.approx(3.0 + 2 * 5.0)
    assert left.high is None  # the join was never timed
    assert words_left(left) == "at least 13 s left"


def test_scenes_that_come_from_the_cache_shorten_the_estimate() -> None:
    fresh = time_left(Standing(scenes=10, done={"voice": (3.0,) * 5}), [Earlier()])
    cached = time_left(Standing(scenes=10, done={"voice": (0.01,) * 5}), [Earlier()])
    assert fresh is not None
    assert cached is not None
    assert fresh.high is not None
    assert cached.high is not None
    assert cached.high < fresh.low  # not even the upper end expects the old times


def test_the_steps_of_the_last_scene_follow_each_other_however_many_went_on_at_once_before() -> None:
    left = time_left(Standing(scenes=1, done={"script": (2.0,)}), [Earlier()])
    assert left is not None
    assert left.low == pytest.approx(3.0 + 5.0 + 2.0)


def test_a_step_that_few_scenes_have_is_not_expected_of_all() -> None:
    counts = {"script": 1, "voice": 4, "assembly": 5, "terminal": 1}
    some = Earlier(counts=counts, durations=Earlier().durations | {"terminal": (8.0,)})
    left = time_left(Standing(scenes=4, done={"script": (2.0,)}), [some])
    assert left is not None
    assert left.low == pytest.approx((32 + 8) / (40 / 16) + 2.0)


seconds_ = st.floats(0, 1e5)
standings = st.builds(
    Standing,
    scenes=st.none() | st.integers(0, 50),
    scenes_done=st.integers(0, 60),
    done=st.dictionaries(st.sampled_from(("idea", "script", *SIDE, "join")), st.lists(seconds_, max_size=8)),
    running=st.lists(st.tuples(st.sampled_from(("idea", "script", *SIDE, "join")), seconds_), max_size=8),
    side_seconds=seconds_,
)
pasts = st.lists(
    st.builds(
        Earlier,
        scenes=st.integers(0, 20),
        seconds=seconds_,
        durations=st.dictionaries(st.sampled_from(("idea", *SIDE, "join")), st.lists(seconds_, max_size=5)),
        counts=st.dictionaries(st.sampled_from(("idea", *SIDE)), st.integers(0, 30)),
    ),
    max_size=4,
)


@given(standings, pasts)
def test_what_is_left_is_never_negative_and_never_a_range_the_wrong_way_round(
    now: Standing, past: list[Earlier]
) -> None:
    left = time_left(now, past)
    if left is not None:
        assert left.low >= 0
        assert left.high is None or left.high >= left.low


@given(st.floats(0.5, 50), st.floats(0.5, 50), st.integers(1, 8), st.integers(1, 4))
def test_what_is_left_only_shrinks_while_work_goes_on_at_a_constant_rate(
    voice: float, render: float, scenes: int, at_once: int
) -> None:
    waves = -(-scenes // at_once)
    length = waves * (voice + render)
    durations = {"voice": (voice,) * scenes, "assembly": (render,) * scenes, "join": (1.0,)}
    counts = {"voice": scenes, "assembly": scenes + 1}
    past = [Earlier(scenes=scenes, seconds=length + 1.0, durations=durations, counts=counts)]
    before = float("inf")
    for step in range(31):
        left = time_left(_at(length * step / 30, voice, render, scenes, at_once), past)
        assert left is not None
        assert left.high is not None
        assert left.high <= before + 1e-6
        before = left.high
    assert before == pytest.approx(1.0)  # the join


def _at(now: float, voice: float, render: float, scenes: int, at_once: int) -> Standing:
    """How far a run is whose scenes go through in waves, each voiced and then rendered."""
    done: dict[str, list[float]] = {"voice": [], "assembly": []}
    running: list[tuple[str, float]] = []
    for scene in range(scenes):
        start = (scene // at_once) * (voice + render)
        for name, begin, takes in (("voice", start, voice), ("assembly", start + voice, render)):
            if now >= begin + takes - 1e-9:
                done[name].append(takes)
            elif now > begin:
                running.append((name, now - begin))
    return Standing(scenes=scenes, scenes_done=len(done["assembly"]), done=done, running=running, side_seconds=now)


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = ZERO

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """What a terminal would be sent."""

    def isatty(self) -> bool:
        return True


def play(
    out: io.StringIO, title: str = "The Lighthouse", past: Sequence[Earlier] = (Earlier(),), scenes: int = 4
) -> Told:
    clock = Clock()
    with Progress(past, out, clock) as progress:
        told = Told(progress)
        run = told.begin("run", "story", 0, title=title)
        told.work("stage", "script", 0, 2, run)
        told.note(Counted(element="scene", count=scenes), run)
        for scene in range(1, scenes + 1):
            start = 2 + 8.0 * (scene - 1)
            for name, begin, end in (("voice", start, start + 3), ("assembly", start + 3, start + 8)):
                clock.now = ZERO + begin
                stage = told.begin("stage", name, begin, run, scene=scene)
                clock.now = ZERO + end
                told.end(stage, end)
        told.end(run, 2 + 8.0 * scenes)
    return told


def test_off_a_terminal_there_is_a_line_when_a_stage_begins_and_one_every_ten_seconds_at_most() -> None:
    out = io.StringIO()
    play(out)
    shown = out.getvalue().splitlines()
    assert shown[0] == "making The Lighthouse"
    assert shown[1].startswith("script; ")
    assert any(line.startswith("voice; 0 of 4 scenes done; ") for line in shown)
    assert shown[-1] == "success after 34.0 s"
    assert len(shown) <= 1 + 3 + 34 // 10 + 1


def test_off_a_terminal_there_are_no_control_codes_whatever_the_title() -> None:
    out = io.StringIO()
    play(out, title="\x1b[2J\rgone\u202e\n" + "long " * 50)
    assert all(char.isprintable() or char == "\n" for char in out.getvalue())
    assert len(out.getvalue().splitlines()[0]) < 60


def test_nothing_of_the_story_is_shown_but_its_title() -> None:
    out = io.StringIO()
    clock = Clock()
    with Progress((), out, clock) as progress:
        told = Told(progress)
        run = told.begin("run", "story", 0, title="T", source="a secret topic")
        told.work("stage", "voice", 0, 1, run, text="a secret line", scene=1)
        told.work("stage", "visuals", 0, 1, run, Outcome.FAILED, RenderFailed("a secret message"), scene=1)
        told.end(run, 2)
    assert "secret" not in out.getvalue()


def test_on_a_terminal_the_bar_goes_away_and_the_cursor_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()
    play(out)
    shown = out.getvalue()
    assert "The Lighthouse" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_the_cursor_comes_back_when_the_run_is_stopped_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()

    def stopped() -> None:
        with Progress((), out) as progress:
            Told(progress).begin("run", "story", 0, title="T")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")


def test_a_scene_that_failed_is_waited_for_no_longer() -> None:
    progress = Progress((), io.StringIO(), Clock())
    told = Told(progress)
    run = told.begin("run", "story", 0)
    told.note(Counted(element="scene", count=2), run)
    told.work("stage", "visuals", 0, 1, run, Outcome.FAILED, RenderFailed("no"), scene=1)
    assert progress.standing().scenes_done == 1


def test_the_assembly_of_the_whole_film_is_not_taken_for_a_scene() -> None:
    progress = Progress((), io.StringIO(), Clock())
    told = Told(progress)
    told.work("stage", "assembly", 0, 1, told.begin("run", "story", 0))
    assert progress.standing().done == {"join": (1.0,)}
    assert progress.standing().scenes_done == 0


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (Left(low=12.2, high=19.6), "12 to 20 s left"),
        (Left(low=12.2, high=12.4), "about 12 s left"),
        (Left(low=50, high=130), "50 s to 2 min 10 s left"),
        (Left(low=0, high=0.2), "about 1 s left"),
        (Left(low=75, high=None), "at least 1 min 15 s left"),
    ],
)
def test_what_is_left_is_said_in_whole_seconds(left: Left, words: str) -> None:
    assert words_left(left) == words


def test_the_speed_of_all_encoders_together_is_told_while_they_run() -> None:
    out, clock = io.StringIO(), Clock()
    with Progress((), out, clock) as progress:
        told = Told(progress)
        run = told.begin("run", "story", 0, title="The Lighthouse")
        stage = told.begin("stage", "assembly", 1, run, scene=1)
        pieces = [told.begin("ffmpeg", "render", 1, stage) for _ in range(2)]
        for piece in pieces:
            told.note(Progressed(done=1.0, total=5.0, speed=0.8), piece)
        told.note(Progressed(done=0.1, total=5.0, speed=90.0), told.begin("ffmpeg", "join", 1, stage))
        told.begin("stage", "voice", 2, run, scene=2)
        for piece in pieces:
            told.end(piece, 3)
        told.begin("stage", "terminal", 3, run, scene=2)
    *_, during, after = out.getvalue().splitlines()
    assert "assembly, voice; encoding at 1.6x; " in during
    assert "encoding" not in after
