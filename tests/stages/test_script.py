"""Writing a script."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from storygen.errors import InvalidOutput
from storygen.stages.script import write
from storygen.story import Brief, Idea, Line, Made, Scene, Script
from tests.stages.text_tools import Canned, Tools

IDEA = Idea(title="One", logline="l", hook="h", tone="t", audience="a", score=0.9)


def scene(words: int) -> Scene:
    return Scene(title="A", lines=(Line(text=" ".join(["the"] * words)),))


def written(script: Script, folder: Path, seconds: float = 60) -> Made[Script]:
    return asyncio.run(write(Brief(topic="tea", seconds=seconds), IDEA, Tools(folder, Canned(script))))


@pytest.mark.parametrize(
    ("scenes", "name"),
    [
        ((), "scenes"),
        ((Scene(title="A"),), "words"),
        ((scene(30),), "length"),
        ((scene(900),), "length"),
        ((Scene(lines=(Line(text="Смотритель маяка спит. " * 40),)),), "language"),
    ],
)
def test_a_script_that_cannot_be_used_is_a_failure_of_the_provider(
    tmp_path: Path, scenes: tuple[Scene, ...], name: str
) -> None:
    with pytest.raises(InvalidOutput, match=name):
        written(Script(title="T", scenes=scenes), tmp_path)


def test_a_script_that_is_a_little_long_is_taken_with_a_warning(tmp_path: Path) -> None:
    made = written(Script(title="T", scenes=(scene(230),)), tmp_path)
    assert [check.name for check in made.checks if check.verdict == "warn"] == ["length"]


def test_three_scenes_are_not_too_long_for_the_shortest_film(tmp_path: Path) -> None:
    assert written(Script(title="T", scenes=(scene(18), scene(18), scene(15))), tmp_path, seconds=5).value
