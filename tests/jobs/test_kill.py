"""Processes may be killed at any moment: every story still becomes a film, and nothing that is kept is paid twice."""

from __future__ import annotations

import pytest

from benchmarks.kill import Toll, paid_twice, toll_of, unlisted


@pytest.fixture(scope="module")
def quiet() -> Toll:
    return toll_of(2, moments=0)


@pytest.mark.parametrize("engine", ["embedded", "celery"])
def test_what_is_killed_again_and_again_loses_nothing_pays_nothing_twice_and_breaks_no_stream(
    quiet: Toll, engine: str
) -> None:
    killed = toll_of(2, moments=3, engine=engine)

    assert (quiet.lost, quiet.gaps, quiet.uncertain) == (0, 0, 0.0)
    assert (killed.lost, killed.gaps) == (0, 0), killed
    assert max(job.claims for job in killed.jobs) > 1
    assert paid_twice(quiet, killed) == 0
    assert unlisted(killed) == 0
