"""A film is its scenes, one after the other, each picture with its own sound, exact to the frame."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storygen.errors import InvalidScript, RenderFailed
from storygen.media.ffmpeg import Command, Finished
from storygen.settings import FilmSettings
from storygen.stages import assembly
from storygen.story import Film, Frame, Made, Segment, Shot, Strategy, Verdict
from storygen.workshop import Workshop
from tests.media import films
from tests.media.films import FILM, FRAME, captions, made, narration, overlay, workshop


class Watched:
    """The hands of a stage, which also remember which steps ffmpeg was asked for."""

    def __init__(self, tools: Workshop, cores: int = 2) -> None:
        self._tools = tools
        self.cores = cores
        self.make, self.compute = tools.make, tools.compute
        self.steps: list[str] = []

    async def ffmpeg(self, command: Command) -> Finished:
        self.steps.append(command.step)
        return await self._tools.ffmpeg(command)


def go(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def tools_in(folder: Path, cores: int = 2) -> Any:
    return Watched(workshop(folder / "cache"), cores)


def grey_shot(folder: Path, grey: int) -> Made[Shot]:
    image = films.still(folder / f"{grey}.png", grey=grey)
    return made(Shot(image=image, zoom=1.0), f"grey-{grey}")


async def render(tools: Any, shot: Any, voice: Any, film: FilmSettings = FILM, **parts: Any) -> Made[Segment]:
    return await assembly.render(
        1, shot, voice, parts.get("captions"), parts.get("overlay"), parts.get("frame", FRAME), tools, film
    )


def a_film(folder: Path, tools: Any, *scenes: tuple[int, float, float]) -> Made[Film]:
    """Join scenes of one grey each, with a tone of its own level, of so many seconds."""

    async def work() -> Made[Film]:
        parts = []
        for grey, level, seconds in scenes:
            voice = narration(folder, seconds, f"{grey}.wav", level)
            parts.append((await render(tools, grey_shot(folder, grey), voice), voice))
        return await assembly.join(parts, "A film", FRAME, tools, FILM)

    return go(work())


def test_every_scene_has_its_frames_and_its_sound_and_both_end_together(tmp_path: Path) -> None:
    film = a_film(tmp_path, tools_in(tmp_path), (50, 0.5, 0.51), (120, 0.05, 1.03), (200, 0.3, 0.34)).value
    lengths = [16, 31, 11]  # rounded up to whole frames at 30 a second
    light = films.frames(film.video, tmp_path).mean(axis=(1, 2))
    assert [int(round(g, -1)) for g in light] == [50] * 16 + [120] * 31 + [200] * 11
    heard = films.samples(film.video, tmp_path)
    assert len(heard) / 48_000 == pytest.approx(film.seconds, abs=0.03)
    assert film.seconds == pytest.approx(sum(lengths) / 30)
    loud = [float(np.abs(heard[round(t * 48_000) :][:2400]).max()) for t in (0.2, 16 / 30 + 0.2, 47 / 30 + 0.2)]
    assert loud == pytest.approx([0.5, 0.05, 0.3], rel=0.2)
    assert (film.width, film.height) == (180, 320)
    assert {check.name for check in film.checks} >= {"end_offset", "frames", "uneven_frames", "decodes"}
    assert all(check.verdict is not Verdict.FAIL for check in film.checks)


def test_sound_stays_with_the_picture_where_a_frame_is_no_whole_number_of_samples(tmp_path: Path) -> None:
    frame = Frame(width=64, height=64, fps=29)
    tools = tools_in(tmp_path)

    async def work() -> Made[Film]:
        parts = []
        for number in range(7):
            voice = narration(tmp_path, 0.5, f"{number}.wav")
            parts.append((await render(tools, grey_shot(tmp_path, 100), voice, frame=frame), voice))
        return await assembly.join(parts, "t", frame, tools, FILM)

    film = go(work())
    offset = next(check for check in film.checks if check.name == "end_offset")
    assert float(offset.value or 0) < 0.001
    assert film.value.seconds == pytest.approx(7 * 15 / 29, abs=1e-4)


def test_a_film_made_before_comes_back_with_its_checks_and_without_ffmpeg(tmp_path: Path) -> None:
    first = a_film(tmp_path, tools_in(tmp_path), (50, 0.5, 0.3))
    tools = tools_in(tmp_path)
    second = a_film(tmp_path, tools, (50, 0.5, 0.3))
    assert second.cached
    assert tools.steps == []
    assert second.checks == first.checks != ()


def test_a_voice_that_only_got_louder_leaves_the_picture_as_it_is(tmp_path: Path) -> None:
    a_film(tmp_path, tools_in(tmp_path), (50, 0.5, 0.3), (90, 0.5, 0.3))
    tools = tools_in(tmp_path)
    a_film(tmp_path, tools, (50, 0.5, 0.3), (90, 0.1, 0.3))
    assert "render" not in tools.steps
    assert "join" in tools.steps


def test_a_scene_lasts_until_all_is_typed(tmp_path: Path) -> None:
    voice = narration(tmp_path, 0.3)
    typed = overlay(tmp_path, 0.8)
    segment = go(render(tools_in(tmp_path), grey_shot(tmp_path, 100), voice, overlay=typed))
    assert segment.value.frames == 24
    assert len(films.frames(segment.value.video, tmp_path)) == 24


@pytest.mark.parametrize(
    ("strategy", "panel", "background"),
    [("overlay", True, True), ("visual-only", False, True), ("ui-only", True, False)],
)
def test_a_strategy_says_what_the_picture_is_made_of(
    tmp_path: Path, strategy: str, panel: bool, background: bool
) -> None:
    film = FilmSettings(preset="ultrafast", strategy=Strategy(strategy))
    typed = overlay(tmp_path, 0.7)
    voice = narration(tmp_path, 0.7)
    segment = go(render(tools_in(tmp_path), grey_shot(tmp_path, 140), voice, film, overlay=typed))
    last = films.frames(segment.value.video, tmp_path)[-1]
    assert (last[100:150, 20:160].mean() < 60) == panel
    assert (last[250:].mean() > 120) == background


def test_sound_alone_is_a_film_too(tmp_path: Path) -> None:
    film = FilmSettings(strategy=Strategy.AUDIO_ONLY)
    parts = [(None, narration(tmp_path, 0.41, "a.wav")), (None, narration(tmp_path, 0.32, "b.wav"))]
    heard = go(assembly.join(parts, "t", FRAME, tools_in(tmp_path), film)).value
    assert heard.video.suffix == ".m4a"
    assert heard.seconds == pytest.approx(0.73)
    assert (heard.width, heard.height) == (0, 0)
    assert len(films.samples(heard.video, tmp_path)) / 48_000 == pytest.approx(0.73, abs=0.03)


def test_subtitles_can_be_left_out_of_the_picture(tmp_path: Path) -> None:
    told = captions(tmp_path, (0.0, 1.0, "Hello"))
    bright = []
    for burned in (told, None):
        voice = narration(tmp_path, 0.3)
        segment = go(render(tools_in(tmp_path), grey_shot(tmp_path, 60), voice, captions=burned))
        bright.append(int((films.frames(segment.value.video, tmp_path)[3] > 180).sum()))
    assert bright[0] > 50
    assert bright[1] == 0


def test_a_film_that_is_not_as_planned_is_not_kept(tmp_path: Path) -> None:
    tools = tools_in(tmp_path)

    async def work() -> None:
        voice = narration(tmp_path, 0.5)
        segment = await render(tools, grey_shot(tmp_path, 100), voice)
        lying = replace(segment, value=replace(segment.value, frames=segment.value.frames + 10))
        await assembly.join([(lying, voice)], "t", FRAME, tools, FILM)

    with pytest.raises(RenderFailed, match="not as planned") as failed:
        go(work())
    assert "frames" in failed.value.hint
    assert not list((tmp_path / "cache").rglob("film.mp4"))


def test_nothing_to_join_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(InvalidScript):
        go(assembly.join([], "t", FRAME, tools_in(tmp_path), FILM))


def test_a_scene_is_cut_at_the_same_places_whatever_else_is_rendered(tmp_path: Path) -> None:
    frame = Frame(width=64, height=64, fps=10)
    voice = narration(tmp_path, 3.2)

    async def work(greys: list[int], folder: str, cores: int) -> tuple[int, bytes]:
        tools = tools_in(tmp_path / folder, cores)
        shots = [grey_shot(tmp_path, grey) for grey in greys]
        made = await asyncio.gather(*(render(tools, shot, voice, frame=frame) for shot in shots))
        return tools.steps.count("render") // len(greys), made[0].value.video.read_bytes()

    alone = go(work([10], "a", 1))
    assert alone == go(work([10, 20, 30], "b", 8))
    assert alone[0] == 2


def test_a_piece_that_fails_ends_the_others_and_leaves_nothing(tmp_path: Path) -> None:
    tools = tools_in(tmp_path)
    shot = grey_shot(tmp_path, 100)
    shot.value.image.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(RenderFailed) as failed:
        go(render(tools, shot, narration(tmp_path, 3.2)))
    assert failed.value.scene == 1
    assert not list((tmp_path / "cache").rglob("*.mp4"))


def test_a_preview_is_rendered_anew_joined_at_a_third_of_the_size_and_measured_so(tmp_path: Path) -> None:
    tools, preview = tools_in(tmp_path), FILM.model_copy(update={"quality": "preview"})
    voice, shot = narration(tmp_path, 0.5), grey_shot(tmp_path, 120)

    async def both() -> tuple[Made[Segment], Made[Segment], Film]:
        final, small = [await render(tools, shot, voice, film) for film in (FILM, preview)]
        return final, small, (await assembly.join([(small, voice)], "A film", FRAME, tools, preview)).value

    final, small, film = go(both())
    assert final.key != small.key
    assert (film.width, film.height) == (60, 106)
    resolution = next(check for check in film.checks if check.name == "resolution")
    assert (resolution.value, resolution.verdict) == ("60x106", Verdict.PASS)
    assert len(films.frames(film.video, tmp_path, replace(FRAME, width=60, height=106))) == 15
