"""A joined film is measured: what is beyond a limit is told with its place, what is broken is joined once more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storygen.errors import RenderFailed
from storygen.media.ffmpeg import Command, Finished
from storygen.media.glances import PER_SECOND, SIZE
from storygen.settings import QualitySettings
from storygen.stages import assembly
from storygen.stages.assembly.measuring import Aim, plan_of
from storygen.story import Check, Film, Frame, Made, Soundtrack, Verdict
from tests.media.films import FILM, narration
from tests.stages.test_assembly import Watched, go, grey_shot, tools_in

SMALL = Frame(width=90, height=160, fps=10)


class Careless(Watched):
    """Hands that spoil the first films which they join."""

    def __init__(self, tools: Watched, spoilt: int) -> None:
        super().__init__(tools._tools)
        self.spoilt = spoilt

    async def ffmpeg(self, command: Command) -> Finished:
        finished = await super().ffmpeg(command)
        if command.step == "join" and self.spoilt:
            self.spoilt -= 1
            film = Path(command.args[-1].removeprefix("file:"))
            data = bytearray(film.read_bytes())
            data[data.index(b"mdat") + 40 : data.index(b"mdat") + 80] = bytes(40)
            film.write_bytes(data)
        return finished


def joined(folder: Path, tools: Any, *scenes: tuple[int, float], **limits: Any) -> Made[Film]:
    """A film of plain scenes, each of one grey for so many seconds."""

    async def work() -> Made[Film]:
        parts = []
        for number, (grey, seconds) in enumerate(scenes, 1):
            voice = narration(folder, seconds, f"{number}.wav", 0.1 + number / 10)
            shot = grey_shot(folder, grey)
            parts.append((await assembly.render(number, shot, voice, None, None, SMALL, tools, FILM), voice))
        return await assembly.join(parts, "A film", SMALL, tools, FILM, limits=QualitySettings(**limits))

    return go(work())


def failed(film: Made[Film]) -> dict[str, Check]:
    return {check.name: check for check in film.checks if check.verdict is Verdict.FAIL}


def test_a_black_scene_is_found_between_key_frames_and_told_with_its_place(tmp_path: Path) -> None:
    film = joined(tmp_path, tools_in(tmp_path), (90, 1.0), (0, 2.4), (160, 1.0), black_seconds=2.0)
    assert failed(film).keys() == {"black_stretch"}
    found = failed(film)["black_stretch"]
    assert (found.at, found.value) == (pytest.approx(1.0, abs=0.3), pytest.approx(2.4, abs=0.3))


def test_scenes_carry_glances_of_all_their_pictures(tmp_path: Path) -> None:
    tools = tools_in(tmp_path)
    segment = go(
        assembly.render(1, grey_shot(tmp_path, 120), narration(tmp_path, 4.0), None, None, SMALL, tools, FILM)
    ).value
    light = segment.glances.read_bytes()
    assert len(light) == pytest.approx(4 * PER_SECOND * SIZE * SIZE, abs=2 * SIZE * SIZE)
    assert {abs(value - 120) <= 2 for value in light} == {True}


def test_other_limits_measure_again_and_who_may_refuse_does_not(tmp_path: Path) -> None:
    tools = tools_in(tmp_path)
    scenes = ((90, 1.0), (160, 1.0))
    first = joined(tmp_path, tools, *scenes)
    assert joined(tmp_path, tools, *scenes, below="refuse").key == first.key
    assert joined(tmp_path, tools, *scenes, frozen_seconds=5.0).key != first.key


def test_a_film_that_came_out_broken_is_joined_once_more(tmp_path: Path) -> None:
    tools = Careless(tools_in(tmp_path), spoilt=1)
    assert failed(joined(tmp_path, tools, (90, 1.0), (160, 1.0))) == {}
    assert tools.steps.count("join") == 2


def test_a_film_that_comes_out_broken_twice_is_not_kept(tmp_path: Path) -> None:
    tools = Careless(tools_in(tmp_path), spoilt=2)
    with pytest.raises(RenderFailed) as broken:
        joined(tmp_path, tools, (90, 1.0), (160, 1.0), decode="all")
    assert {"packets", "decodes"} & {said.split()[0] for said in broken.value.hint.split("; ")}
    assert not list((tmp_path / "cache").rglob("film.mp4"))


def test_music_between_words_does_not_make_a_film_too_quiet(tmp_path: Path) -> None:
    """A word in much music is measured with that music; what counts is how loud the word is."""
    aim = Aim(loudness_lufs=-16.0)

    def wanted(voice: float | None, whole: float) -> float | None:
        sound = Soundtrack(audio=tmp_path, seconds=1.0, voice_lufs=voice, lufs=whole, true_peak_dbtp=-2.0)
        return go(plan_of((), SMALL, None, sound, aim, tools_in(tmp_path))).loudness_lufs

    assert wanted(-16.0, -17.9) == -17.9
    assert wanted(-16.0, -13.0) == -16.0
    assert wanted(None, -30.0) is None
