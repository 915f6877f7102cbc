"""Choosing an idea."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from storygen.errors import InvalidOutput
from storygen.providers.base import Capability
from storygen.providers.text.base import IdeasRequest
from storygen.providers.text.builtin import Builtin
from storygen.stages.idea import choose
from storygen.story import Brief, Idea, Ideas, Made
from tests.stages.text_tools import Canned, Tools

ONE = Idea(title="One", logline="l", hook="h", tone="t", audience="a", score=0.9)
TWO = replace(ONE, title="Two", score=0.4)


def chosen(ideas: Ideas, folder: Path) -> Made[Ideas]:
    return asyncio.run(choose(Brief(topic="tea"), Tools(folder, Canned(ideas)), count=2))


def test_the_best_of_several_goes_on(tmp_path: Path) -> None:
    tools = Tools(tmp_path, Builtin())
    made = asyncio.run(choose(Brief(topic="tea"), tools, count=3))
    assert len(made.value.candidates) == 3
    assert made.value.best.score == max(idea.score for idea in made.value.candidates)
    assert tools.asked == [(Capability.TEXT, IdeasRequest(brief=Brief(topic="tea"), count=3))]


@pytest.mark.parametrize(
    ("candidates", "name"),
    [
        ((), "candidates"),
        ((ONE, replace(TWO, title=" one ")), "duplicate_titles"),
        ((replace(ONE, score=1.2), TWO), "scores_outside"),
        ((ONE, replace(TWO, hook="  ")), "blank_fields"),
        ((TWO, ONE), "out_of_order"),
    ],
)
def test_ideas_that_cannot_be_used_are_a_failure_of_the_provider(
    tmp_path: Path, candidates: tuple[Idea, ...], name: str
) -> None:
    with pytest.raises(InvalidOutput, match=name):
        chosen(Ideas(candidates=candidates), tmp_path)


def test_fewer_ideas_than_asked_for_are_taken_with_a_warning(tmp_path: Path) -> None:
    made = chosen(Ideas(candidates=(ONE,)), tmp_path)
    assert [check.name for check in made.checks if check.verdict == "warn"] == ["candidates"]
