"""The service may be killed at any moment: every story still becomes a film, and nothing that is kept is paid twice."""

from __future__ import annotations

from benchmarks.kill import paid_twice, toll_of


def test_a_service_that_is_killed_again_and_again_loses_nothing_and_pays_nothing_twice() -> None:
    quiet = toll_of(2, moments=0)
    killed = toll_of(2, moments=2)

    assert (quiet.lost, quiet.uncertain) == (0, 0.0)
    assert killed.lost == 0
    assert max(job.claims for job in killed.jobs) > 1
    assert paid_twice(quiet, killed) == 0
