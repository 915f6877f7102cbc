"""One run makes a film in several shapes, and asks for nothing twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from storygen.errors import ProviderUnavailable
from storygen.settings import FilmSettings
from storygen.story import Fidelity, Made, Scene, Shot, Strategy
from tests.test_pipeline import Play, fail, run

BOTH = FilmSettings(aspect="9:16", also=("16:9",))


class Shapes(Play):
    """Stages that also note for which shape they were asked."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[tuple[str, tuple[int, int]]] = []
        self.reframed: list[int] = []

    def steps(self) -> Any:
        return replace(super().steps(), reframe=self.reframe)

    async def reframe(self, scene: Scene, number: int, *rest: Any) -> Made[Shot]:
        self.reframed.append(number)
        return replace(rest[3], key=f"reframed-{number}")

    async def join(self, parts: Any, title: Any, frame: Any, *rest: Any) -> Any:
        self.frames.append(("join", (frame.width, frame.height)))
        return await super().join(parts, title, frame, *rest)

    async def render(self, *given: Any, **_: Any) -> Any:
        self.frames.append(("render", (given[5].width, given[5].height)))
        return await super().render(*given)


def test_what_was_spoken_and_drawn_is_taken_for_the_other_shape(listener: Any) -> None:
    play = Shapes()
    production = run(play, film=BOTH)
    done = [stage for stage, _ in play.seen]
    assert (done.count("voice"), done.count("visuals"), done.count("revise")) == (3, 3, 1)
    assert (done.count("subtitles"), done.count("terminal")) == (6, 6), "these are made for each shape"
    assert sorted(play.reframed) == [1, 2, 3]
    assert sorted(play.frames) == sorted(
        [("join", (1080, 1920)), ("join", (1920, 1080)), *[("render", (1080, 1920)), ("render", (1920, 1080))] * 3]
    )
    (version,) = production.versions
    assert (version.aspect, version.frame.width, version.frame.height) == ("16:9", 1920, 1080)
    assert [result.shot.key for result in version.scenes if result.shot] == ["reframed-1", "reframed-2", "reframed-3"]
    assert production.fidelity is Fidelity.FULL


def test_a_scene_that_is_left_out_is_left_out_of_every_shape_and_told_once(listener: Any) -> None:
    play = Shapes()
    play.deeds["voice", 2] = fail(ProviderUnavailable("down", provider="x"))
    production = run(play, film=BOTH.model_copy(update={"quorum": 0.5}), degrade={"voice": "leave_out"})
    (version,) = production.versions
    assert [bool(result.failure) for result in version.scenes] == [False, True, False]
    assert len(production.reasons) == 1
    assert [stage for stage, _ in play.seen].count("voice") == 3


def test_what_fails_in_the_other_shape_alone_is_told_with_the_shape(listener: Any) -> None:
    play = Shapes()

    async def broken(*given: Any, **_: Any) -> Any:
        if given[5].width > given[5].height and given[0] == 3:
            raise ProviderUnavailable("odd", provider="x")
        return await Shapes.render(play, *given)

    play.steps = lambda: replace(Shapes.steps(play), render=broken)  # type: ignore[method-assign]
    production = run(play, film=BOTH.model_copy(update={"quorum": 0.5}))
    assert production.fidelity is Fidelity.DEGRADED
    (reason,) = production.reasons
    assert reason.startswith("16:9: scene 3")


def test_sound_alone_has_one_shape(listener: Any) -> None:
    play = Shapes()
    film = FilmSettings(also=("16:9", "1:1"), strategy=Strategy.AUDIO_ONLY)
    assert run(play, film=film).versions == ()


@pytest.mark.parametrize(
    ("film", "sizes"),
    [
        (FilmSettings(also=("16:9", "9:16", "16:9", "1:1")), [(1920, 1080), (1080, 1080)]),
        (FilmSettings(aspect="16:9", also=("9:16",), height=360), [(360, 640)]),
        (FilmSettings(aspect="1:1", also=("9:16",), height=540), [(540, 960)]),
        (FilmSettings(also=("16:9",), height=160), [(256, 144)]),
    ],
)
def test_other_shapes_are_as_sharp_as_the_first_and_each_is_made_once(
    film: FilmSettings, sizes: list[tuple[int, int]]
) -> None:
    assert [(other.frame.width, other.frame.height) for other in film.shapes] == sizes
    assert all(other.shapes == () and other.fps == film.fps for other in film.shapes)


def test_shapes_are_read_from_one_variable() -> None:
    assert FilmSettings.model_validate({"also": "16:9, 1:1"}).also == ("16:9", "1:1")
