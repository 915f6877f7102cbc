"""A film that is beyond a limit has its pictures drawn once more; then it ships and says so, or it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from storygen.errors import BelowLimits, BudgetExceeded
from storygen.story import Check, Fidelity, Film, Made, Shot, Verdict
from tests.test_pipeline import Play, run, story

DARK = Check(
    artifact="video", name="black_stretch", verdict=Verdict.FAIL, value=1.6, limit="at most 1.5", unit="s", at=6.2
)
LOUD = Check(artifact="video", name="loudness", verdict=Verdict.FAIL, value=-9.5, limit="-17 to -15", unit="LUFS")
DOUBTFUL = replace(LOUD, verdict=Verdict.WARN)


class Judged(Play):
    """A play whose films have the checks that a test wants, one film after the other."""

    def __init__(self, *checks: Sequence[Check]) -> None:
        super().__init__()
        self.checks = list(checks)
        self.seeds: list[tuple[int, int]] = []

    async def draw(self, scene: Any, number: int, *rest: Any, clips: bool, seed: int = 0) -> Made[Shot]:
        self.seeds.append((number, seed))
        return await super().draw(scene, number, *rest, clips=clips)

    async def join(self, parts: Any, *rest: Any) -> Made[Film]:
        joined = await super().join(parts, *rest)
        return replace(joined, checks=tuple(self.checks.pop(0)))


def test_a_film_beyond_a_limit_ships_as_degraded_and_says_why() -> None:
    production = run(Judged([LOUD]))
    assert production.fidelity is Fidelity.DEGRADED
    assert production.reasons == ("film: loudness is -9.5 LUFS, wanted is -17 to -15",)


def test_a_doubtful_film_is_as_asked() -> None:
    assert run(Judged([DOUBTFUL])).fidelity is Fidelity.FULL


def test_a_film_beyond_a_limit_is_refused_where_the_user_asked_for_that() -> None:
    with pytest.raises(BelowLimits, match=r"loudness is -9\.5 LUFS, wanted is -17 to -15"):
        run(Judged([LOUD]), quality={"below": "refuse"})
    assert run(Judged([DOUBTFUL]), quality={"below": "refuse"}).fidelity is Fidelity.FULL


def test_only_the_scene_whose_picture_is_to_blame_is_drawn_once_more() -> None:
    play = Judged([DARK], [])
    production = run(play, story(6))
    assert production.fidelity is Fidelity.FULL
    assert [pair for pair in play.seeds if pair[1]] == [(4, 1)]
    assert play.checks == []


def test_pictures_are_not_drawn_a_third_time() -> None:
    play = Judged([DARK], [DARK])
    production = run(play, story(6))
    assert production.reasons == ("film: black stretch is 1.6 s from 6.2 s on, wanted is at most 1.5",)
    assert play.checks == []


def test_what_is_no_fault_of_a_picture_and_what_may_not_be_is_not_drawn_again() -> None:
    for judged, settings in ((Judged([LOUD]), {}), (Judged([DARK]), {"quality": {"remake": False}})):
        run(judged, story(6), **settings)
        assert {seed for _, seed in judged.seeds} == {0}


def test_a_film_is_kept_where_there_is_no_money_for_a_better_one() -> None:
    play = Judged([DARK])
    spent: list[int] = []

    def pay() -> None:
        spent.append(1)
        if len(spent) > 1:
            raise BudgetExceeded("nothing left")

    play.deeds["visuals", 4] = pay
    assert run(play, story(6)).fidelity is Fidelity.DEGRADED
