"""The eye moves without jumps, differently in neighbouring scenes, and never so far that words leave their place."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.media.layout import is_upright, still_title_box, title_box
from storygen.media.movement import Movement, movement
from storygen.media.picture import Look
from storygen.media.render import Piece, piece_command
from storygen.story import Frame, Mood
from tests.media.films import FILM, FRAME, frames, run, shot

SHAPES = (
    Frame(width=1080, height=1920, fps=30),
    Frame(width=1920, height=1080, fps=30),
    Frame(width=1080, height=1080, fps=30),
)


@pytest.mark.parametrize(
    ("glide", "travels"),
    [((0.0, 0.5, 1.0, 0.5), (0, -14)), ((1.0, 1.0, 0.0, 0.0), (26, 14)), ((0.5, 0.9, 0.5, 0.1), (20, 0))],
    ids=["across", "askew", "upwards"],
)
def test_a_glide_is_a_straight_steady_line(
    tmp_path: Path, glide: tuple[float, float, float, float], travels: tuple[int, int]
) -> None:
    look = Look(shot=shot(tmp_path, zoom=1.08, glide=glide), overlay=None, captions=None, frame=FRAME, frames=60)
    out = tmp_path / "out.mp4"
    run(piece_command(look, Piece(first=0, frames=60), FILM, out))
    seen = np.clip(frames(out, tmp_path).astype(float) - 100, 0, None)
    rows, columns = np.mgrid[0:320, 0:180]
    path = np.stack([(seen * axis).sum(axis=(1, 2)) / seen.sum(axis=(1, 2)) for axis in (rows, columns)], axis=1)
    assert path[-1] - path[0] == pytest.approx(travels, abs=1.5)
    time = np.arange(60)
    line = np.stack([np.polynomial.Polynomial.fit(time, axis, 1)(time) for axis in path.T], axis=1)
    assert np.sqrt(np.mean((path - line) ** 2, axis=0)).max() < 0.2
    assert np.abs(np.diff(path, axis=0)).max() < 0.9  # a step of whole pixels would be 1


@given(st.sampled_from(SHAPES), st.floats(0.2, 0.8), st.floats(0.2, 0.8), st.booleans())
def test_neighbours_never_move_alike_whatever_their_moods(frame: Frame, x: float, y: float, titled: bool) -> None:
    for before, after, number in product(Mood, Mood, range(1, 5)):
        one = movement(before, number, (x, y), frame, titled=titled)
        other = movement(after, number + 1, (x, y), frame, titled=titled)
        assert way(one) != way(other)


def way(move: Movement) -> str:
    """What the eye does: in, out, or in which of the two manners it glides."""
    if move.glide is None:
        return "in" if move.inward else "out"
    left, top, right, bottom = move.glide
    return "askew" if left != right and top != bottom else "across"


@given(st.sampled_from(SHAPES), st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.sampled_from(Mood), st.integers(1, 8))
def test_words_stay_where_titles_stand_while_the_eye_glides(
    frame: Frame, x: float, y: float, mood: Mood, number: int
) -> None:
    move = movement(mood, number, (x, y), frame, titled=True)
    if move.glide is None:
        return
    words, home = still_title_box(frame, (x, y)), title_box(frame)
    for left, top in (move.glide[:2], move.glide[2:]):
        assert 0 <= left <= 1
        assert 0 <= top <= 1
        across, down = left * (move.zoom - 1) * frame.width, top * (move.zoom - 1) * frame.height
        slack = 0.012 * frame.height  # where no place keeps all of a full box, the nearest is taken
        assert words.left * move.zoom - across >= home.left - slack
        assert words.right * move.zoom - across <= home.right + slack
        assert words.top * move.zoom - down >= home.top - slack
        assert words.bottom * move.zoom - down <= home.bottom + slack


def test_a_picture_without_words_is_crossed_from_end_to_end_towards_its_focus() -> None:
    wide = movement(Mood.CALM, 1, (0.7, 0.5), SHAPES[1], titled=False)
    assert wide.glide == (0.0, 0.5, 1.0, 0.5)
    high = movement(Mood.CALM, 1, (0.5, 0.3), SHAPES[0], titled=False)
    assert is_upright(SHAPES[0])
    assert high.glide == (0.5, 1.0, 0.5, 0.0)
