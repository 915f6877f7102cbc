"""Subtitles in other languages: as many sentences, at the times of what is spoken, within the same limits."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from storygen.errors import InvalidOutput
from storygen.providers.text.base import TranslationRequest
from storygen.providers.text.builtin import Builtin
from storygen.settings import SubtitleSettings
from storygen.stages.translation import translate
from storygen.story import Frame, Line, Made, Narration, Scene, Translated, Translation, Word
from tests.stages.text_tools import Canned, Tools

FRAME = Frame(width=180, height=320, fps=30)
SCENE = Scene(lines=(Line(text="The sea was calm. Nobody came."), Line(text="Are you there?", speaker="Ada")))


def narration() -> Narration:
    words, at = [], 0.3
    for number, line in enumerate(SCENE.lines):
        for text in line.text.split():
            words.append(Word(text=text, start=at, end=at + 0.4, line=number))
            at += 0.5
    return Narration(audio=Path("x.wav"), seconds=at + 0.5, words=tuple(words))


def told(by: Any, folder: Path, spoken: Narration | None = None) -> tuple[Made[Translated], Tools]:
    tools = Tools(folder, by)
    work = translate(spoken or narration(), SCENE, ("en", "de"), FRAME, tools, SubtitleSettings())
    return asyncio.run(work), tools


def test_sentences_are_translated_one_by_one_and_stand_while_they_are_spoken(tmp_path: Path) -> None:
    lines = ("Das Meer war still und leer.", "Niemand kam.", "Bist du da?")
    made, tools = told(Canned(Translation(lines=lines)), tmp_path)
    assert tools.asked[0][1] == TranslationRequest(
        lines=("The sea was calm.", "Nobody came.", "Are you there?"), source="en", target="de"
    )
    cues = made.value.cues
    assert " ".join(" ".join(cue.lines) for cue in cues) == " ".join((*lines[:2], "Ada:", lines[2]))
    assert all(before.end <= after.start for before, after in pairwise(cues))
    last = next(cue for cue in cues if cue.lines[0].startswith("Ada:"))
    assert last.start == pytest.approx(narration().words[6].start, abs=0.5)
    assert cues[-1].end <= narration().seconds
    assert max(len(line) for cue in cues for line in cue.lines) <= 33


@pytest.mark.parametrize("lines", [("Eins.", "Zwei."), ("Eins.", " ", "Drei.")])
def test_an_answer_with_too_few_lines_or_an_empty_one_is_refused(lines: tuple[str, ...], tmp_path: Path) -> None:
    made, _ = told(Canned(Translation(lines=lines)), tmp_path)
    assert made.value.cues == ()
    assert InvalidOutput.kind in made.missing[0]


def test_the_built_in_writer_says_that_it_cannot(tmp_path: Path) -> None:
    made, _ = told(Builtin(), tmp_path)
    assert made.value == Translated(language="de")
    assert "does not translate" in made.missing[0]


def test_where_nothing_is_said_nobody_is_asked(tmp_path: Path) -> None:
    made, tools = told(Builtin(), tmp_path, Narration(audio=Path("x.wav"), seconds=3.0, words=()))
    assert made.value.cues == made.missing == ()
    assert tools.asked == []
