"""The critical path: where the time of a run went."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.telemetry.critical import TIE_SECONDS, Piece, critical_path, critical_seconds, saved_if_instant

STAGES = ("idea", "script", "revise", "voice", "subtitles", "visuals", "terminal", "assembly", "my own")
moments = st.integers(0, 100_000).map(lambda n: n / 1000)


@st.composite
def _pieces(draw: st.DrawFn) -> Piece:
    began, took = draw(moments), draw(moments)
    return Piece(draw(st.sampled_from(STAGES)), draw(st.none() | st.integers(0, 3)), began, began + took)


runs = st.tuples(st.lists(_pieces(), max_size=30), moments, moments).map(lambda run: (run[0], run[1], run[1] + run[2]))


def _chain(lengths: list[float], scene: int | None = 0, start: float = 0.0) -> list[Piece]:
    pieces = []
    for stage, length in zip(STAGES, lengths, strict=False):
        pieces.append(Piece(stage, scene, start, start + length))
        start += length
    return pieces


@given(runs)
def test_shares_are_never_negative_and_never_exceed_the_run(run: tuple[list[Piece], float, float]) -> None:
    pieces, started, ended = run
    shares = critical_seconds(pieces, started, ended)
    assert all(share >= 0 for share in shares.values())
    assert sum(shares.values()) <= ended - started + 1e-6


@given(runs)
def test_the_path_goes_forward_in_time_and_never_overlaps(run: tuple[list[Piece], float, float]) -> None:
    path = critical_path(*run)
    assert all(earlier.ended <= later.started for earlier, later in itertools.pairwise(path))


@given(runs)
def test_an_instant_stage_saves_at_most_its_share_of_the_path(run: tuple[list[Piece], float, float]) -> None:
    shares, saved = critical_seconds(*run), saved_if_instant(*run)
    assert set(shares) == set(saved)
    for stage, seconds in saved.items():
        assert 0 <= seconds <= shares[stage] + 1e-6


@given(st.lists(st.just(0.0) | st.floats(2 * TIE_SECONDS, 100), min_size=1, max_size=len(STAGES)))
def test_in_a_chain_every_stage_has_its_whole_length_and_would_save_it(lengths: list[float]) -> None:
    pieces = _chain(lengths)
    total = sum(lengths)
    wanted = {piece.stage: piece.ended - piece.started for piece in pieces}
    assert critical_seconds(pieces, 0.0, total) == pytest.approx(wanted, abs=1e-6)
    assert saved_if_instant(pieces, 0.0, total) == pytest.approx(wanted, abs=1e-6)


def _two_scenes() -> list[Piece]:
    return [
        Piece("script", None, 0.0, 2.0),
        Piece("voice", 0, 2.0, 5.0),
        Piece("visuals", 0, 2.0, 3.0),
        Piece("assembly", 0, 5.0, 7.0),
        Piece("voice", 1, 2.0, 6.0),
        Piece("visuals", 1, 2.0, 9.0),
        Piece("assembly", 1, 9.0, 11.0),
        Piece("assembly", None, 11.0, 12.0),
    ]


def test_the_slow_picture_of_the_slow_scene_is_on_the_path_and_the_voices_beside_it_are_not() -> None:
    assert critical_seconds(_two_scenes(), 0.0, 12.5) == {"script": 2.0, "voice": 0.0, "visuals": 7.0, "assembly": 3.0}


def test_an_instant_stage_saves_only_until_the_next_slowest_takes_over() -> None:
    saved = saved_if_instant(_two_scenes(), 0.0, 12.5)
    assert saved["visuals"] == pytest.approx(3.0)  # the voice of the scene ends at 6 instead of 9
    assert saved["voice"] == 0.0
    assert saved["script"] == pytest.approx(2.0)


def test_of_two_that_end_together_the_own_predecessor_is_taken() -> None:
    pieces = [
        Piece("visuals", 4, 0.0, 5.002),
        Piece("voice", 3, 0.0, 5.0),
        Piece("subtitles", 3, 5.003, 6.0),
    ]
    assert [piece.stage for piece in critical_path(pieces, 0.0, 6.0)] == ["voice", "subtitles"]


def test_a_scene_that_waited_for_a_free_place_puts_the_one_before_it_on_the_path() -> None:
    pieces = [
        Piece("script", None, 0.0, 1.0),
        Piece("voice", 0, 1.0, 4.0),
        Piece("voice", 1, 4.0, 7.0),
    ]
    assert critical_seconds(pieces, 0.0, 7.0) == {"script": 1.0, "voice": 6.0}
    assert saved_if_instant(pieces, 0.0, 7.0) == {"script": pytest.approx(1.0), "voice": pytest.approx(6.0)}


def test_a_run_without_stages_has_no_shares() -> None:
    assert critical_seconds([], 0.0, 5.0) == {}
    assert saved_if_instant([], 0.0, 5.0) == {}
