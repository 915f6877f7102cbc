"""Scenes are joined by seams to the exact frame, and an edited scene costs itself and its two seams."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storygen.media.ffmpeg import Command
from storygen.settings import FilmSettings
from storygen.stages import assembly
from storygen.stages.assembly import Side, plan_of
from storygen.story import Film, Frame, Made, Mood, Shot, Verdict
from storygen.workshop import Workshop
from tests.media import films
from tests.media.films import captions, made, narration, run, workshop

SMALL = Frame(width=96, height=160, fps=20)
FILM = FilmSettings(preset="ultrafast")
Told = tuple[int, float]


def film_of(folder: Path, tools: Workshop, scenes: list[Told], moods: Mood = Mood.CALM) -> Made[Film]:
    """A film of scenes of one grey each, of so many seconds, joined by seams."""

    async def work() -> Made[Film]:
        sides, parts = [], []
        for number, (grey, seconds) in enumerate(scenes, 1):
            joined = (number > 1, number < len(scenes))
            image = films.still(folder / f"{grey}.png", grey=grey)
            shot, voice = made(Shot(image=image, zoom=1.0), f"grey-{grey}"), narration(folder, seconds, f"{number}.wav")
            plan = plan_of(shot, voice, None, None, SMALL, FILM, joined)
            sides.append(Side(number=number, mood=moods, plan=plan))
            body = await assembly.render(number, shot, voice, None, None, SMALL, tools, FILM, joined)
            parts.append((body, voice))
        pairs = zip([None, *sides], [*sides, None], strict=True)
        seams = [await assembly.seam(before, after, tools, FILM) for before, after in pairs]
        return await assembly.join(parts, "A film", SMALL, tools, FILM, seams=seams)

    return asyncio.run(work())


class Counting(Workshop):
    """Counts what is really rendered."""

    rendered = 0

    async def ffmpeg(self, command: Command) -> Any:
        self.rendered += command.step == "render"
        return await super().ffmpeg(command)


def counting(folder: Path) -> Counting:
    tools = workshop(folder / "cache")
    tools.__class__ = Counting
    return tools  # type: ignore[return-value]


def test_no_frame_is_missing_or_doubled_and_the_film_decodes_without_a_complaint(tmp_path: Path) -> None:
    done = film_of(tmp_path, workshop(tmp_path / "cache"), [(40, 2.03), (120, 1.0), (200, 2.5), (80, 3.1)]).value
    light = films.frames(done.video, tmp_path, SMALL).mean(axis=(1, 2))
    assert len(light) == 41 + 20 + 50 + 62 == round(done.seconds * 20)
    told = {check.name: check.verdict for check in done.checks}
    assert {told[name] for name in ("frames", "uneven_frames", "end_offset", "decodes")} == {Verdict.PASS}
    assert light[:41] == pytest.approx([40] * 41, abs=2)  # its neighbour is too short for seams: a cut
    assert light[41:61] == pytest.approx([120] * 20, abs=2)
    middle = light[111 - 5 : 111 + 5]
    assert (np.diff(middle) < 0).sum() >= 6
    assert light[111 + 6 :] == pytest.approx([80] * 56, abs=2)
    clean = ("-xerror", "-err_detect", "explode", "-f", "mov", "-i", f"file:{done.video}", "-f", "null", "-")
    run(Command(step="decode", args=clean))


def test_an_edited_scene_of_six_renders_itself_and_its_two_seams_anew_and_nothing_else(tmp_path: Path) -> None:
    scenes = [(20 + 30 * n, 2.0) for n in range(6)]
    tools = counting(tmp_path)
    film_of(tmp_path, tools, scenes)
    assert tools.rendered == 6 + 5
    for edited, cost in ((2, 3), (0, 2), (5, 2)):
        tools.rendered = 0
        film_of(tmp_path, tools, [*scenes[:edited], (245 - edited, 2.4), *scenes[edited + 1 :]])
        assert tools.rendered == cost


def test_another_feeling_of_a_film_changes_its_seams_alone(tmp_path: Path) -> None:
    scenes = [(20 + 30 * n, 2.0) for n in range(4)]
    tools = counting(tmp_path)
    film_of(tmp_path, tools, scenes)
    tools.rendered = 0
    film_of(tmp_path, tools, scenes, Mood.TENSE)
    assert tools.rendered == 3


def test_words_of_a_scene_reach_into_its_seam_and_end_with_it(tmp_path: Path) -> None:
    tools, voice = workshop(tmp_path / "cache"), narration(tmp_path, 2.0)
    told = captions(tmp_path, (1.0, 2.0, "WORDS"))
    shot = made(Shot(image=films.still(tmp_path / "g.png", grey=60), zoom=1.0), "grey")
    plans = [
        plan_of(shot, voice, words, None, films.FRAME, FILM, joined)
        for words, joined in ((told, (False, True)), (None, (True, False)))
    ]
    sides = [Side(number=number, mood=Mood.CALM, plan=plan) for number, plan in enumerate(plans, 1)]
    seam = asyncio.run(assembly.seam(*sides, tools, FILM))
    assert seam is not None
    bright = (films.frames(seam.value.video, tmp_path) > 200).sum(axis=(1, 2)) > 30
    assert list(bright) == [True] * 8 + [False] * 8
