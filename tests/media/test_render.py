"""Scenes are rendered to the exact frame, move smoothly, and show the text that they are given."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.media import render
from storygen.media.ffmpeg import Command
from storygen.media.layout import Box
from storygen.media.outputs import plain
from storygen.media.picture import Look
from storygen.media.render import Piece
from storygen.story import Captions, Overlay, Shot
from tests.media.films import FILM, FRAME, ass, frames, panel, run, shot, still

NASTY = "it's 100% [a]:b,c;d\\e\nf"


def picture(folder: Path, look: Look, piece: Piece | None = None) -> np.ndarray:
    out = folder / "out.mp4"
    run(render.piece_command(look, piece or Piece(first=0, frames=look.frames), FILM, out))
    return frames(out, folder)


def look_at(moving: Shot | None, count: int = 45, **parts: object) -> Look:
    given_parts = {"overlay": None, "captions": None} | parts
    return Look(shot=moving, frame=FRAME, frames=count, **given_parts)


def centre_of_light(seen: np.ndarray) -> np.ndarray:
    """Where the bright disc is in each frame, in fractions of a pixel: rows, columns."""
    light = np.clip(seen.astype(float) - 100, 0, None)
    rows, columns = np.mgrid[0 : seen.shape[1], 0 : seen.shape[2]]
    weight = light.sum(axis=(1, 2))
    return np.stack([(light * axis).sum(axis=(1, 2)) / weight for axis in (rows, columns)], axis=1)


def jitter(path: np.ndarray) -> np.ndarray:
    """How far a path is from a smooth one, in pixels rms, along each direction."""
    time = np.arange(len(path))
    smooth = np.stack([np.polynomial.Polynomial.fit(time, axis, 2)(time) for axis in path.T], axis=1)
    return np.sqrt(np.mean((path - smooth) ** 2, axis=0))


@pytest.mark.parametrize("inward", [True, False])
def test_a_zoom_has_exactly_its_frames_grows_steadily_and_stays_on_its_focus(tmp_path: Path, inward: bool) -> None:
    seen = picture(tmp_path, look_at(shot(tmp_path, zoom=1.3, inward=inward)))
    assert len(seen) == 45
    size = np.clip(seen.astype(float) - 100, 0, None).sum(axis=(1, 2))
    growth = (size[-1] / size[0]) if inward else (size[0] / size[-1])
    assert growth > 1.4
    path = centre_of_light(seen)
    assert np.abs(path - path[0]).max() < 0.6
    assert jitter(path).max() < 0.1


def test_a_zoom_towards_a_corner_moves_without_jumps(tmp_path: Path) -> None:
    path = centre_of_light(picture(tmp_path, look_at(shot(tmp_path, zoom=1.3, focus=(0.1, 0.2)), 60)))
    assert np.linalg.norm(path[-1] - path[0]) > 20
    assert jitter(path).max() < 0.3


def test_no_frame_differs_much_from_the_one_before_it_even_where_pieces_meet(tmp_path: Path) -> None:
    look = look_at(shot(tmp_path, zoom=1.2), 60)
    halves = (Piece(first=0, frames=30), Piece(first=30, frames=30))
    whole = picture(tmp_path, look)
    cut = np.concatenate([picture(tmp_path, look, piece) for piece in halves])
    assert cut.shape == whole.shape
    steps = np.abs(np.diff(cut.astype(int), axis=0)).mean(axis=(1, 2))
    assert steps.max() < 3
    assert np.abs(cut.astype(int) - whole).mean() < 2


def test_a_shot_without_movement_stands_still_and_fills_the_frame_whatever_its_shape(tmp_path: Path) -> None:
    wide = Shot(image=still(tmp_path / "wide.png", size=(300, 100), grey=200), zoom=1.0)
    seen = picture(tmp_path, look_at(wide, 5))
    assert seen.shape == (5, FRAME.height, FRAME.width)
    assert seen.min() > 180


def test_subtitles_are_seen_while_they_are_spoken_and_only_then(tmp_path: Path) -> None:
    grey = Shot(image=still(tmp_path / "grey.png", grey=60), zoom=1.0)
    spoken = Captions(cues=(), ass=ass(tmp_path / "c.ass", (0.5, 1.0, "Hello there")))
    seen = picture(tmp_path, look_at(grey, captions=spoken))
    bright = (seen > 180).sum(axis=(1, 2))
    assert bright[15:30].min() > 100
    assert bright[:15].max() == bright[30:].max() == 0


def test_a_later_piece_shows_what_is_spoken_at_its_time(tmp_path: Path) -> None:
    grey = Shot(image=still(tmp_path / "grey.png", grey=60), zoom=1.0)
    spoken = Captions(cues=(), ass=ass(tmp_path / "c.ass", (1.0, 1.2, "Hello there")))
    seen = picture(tmp_path, look_at(grey, captions=spoken), Piece(first=25, frames=20))
    bright = (seen > 180).sum(axis=(1, 2)) > 100
    assert list(np.flatnonzero(bright)) == list(range(5, 11))


def test_files_may_lie_in_a_folder_of_any_name(tmp_path: Path) -> None:
    folder = tmp_path / NASTY
    folder.mkdir()
    captions = Captions(cues=(), ass=ass(folder / "it's.ass", (0.0, 1.0, "Hello")))
    seen = picture(folder, look_at(shot(folder, "50%d.png", zoom=1.1), 10, captions=captions))
    assert (seen[5, 200:] > 200).sum() > 30


@pytest.mark.parametrize("text", ["';[out];movie=/etc/passwd", "%{pts}:x=1,drawtext=text=a", "a\\:b=c'd\"e"])
def test_text_that_looks_like_a_filter_is_shown_as_text(tmp_path: Path, text: str) -> None:
    grey = Shot(image=still(tmp_path / "grey.png", grey=60), zoom=1.0)
    captions = Captions(cues=(), ass=ass(tmp_path / "c.ass", (0.0, 1.0, text)))
    seen = picture(tmp_path, look_at(grey, 10, captions=captions))
    assert len(seen) == 10
    assert (seen[5] > 180).sum() > 50


def test_the_terminal_fades_in_over_the_picture_and_text_is_typed_on_it(tmp_path: Path) -> None:
    grey = Shot(image=still(tmp_path / "grey.png", grey=140), zoom=1.0)
    typed = ass(tmp_path / "t.ass", (0.7, 1.5, "typed"), place=8)
    terminal = Overlay(panel=panel(tmp_path / "panel.png"), ass=typed, seconds=1.5)
    seen = picture(tmp_path, look_at(grey, overlay=terminal, panel=Box(left=11, top=33, right=169, bottom=161)))
    inside = seen[:, 100:150, 20:160].mean(axis=(1, 2))
    assert inside[0] == pytest.approx(140, abs=6)
    assert inside[15] < 60
    assert seen[30, 200:].mean() == pytest.approx(140, abs=6)
    assert (seen[15] > 190).sum() == 0
    assert (seen[25] > 190).sum() > 20


def test_a_terminal_alone_is_the_picture(tmp_path: Path) -> None:
    typed = ass(tmp_path / "t.ass", (0.0, 1.5, "typed"))
    terminal = Overlay(panel=panel(tmp_path / "panel.png", opaque=True), ass=typed, seconds=1.0)
    seen = picture(tmp_path, look_at(None, 10, overlay=terminal))
    assert seen[5, :150].max() < 60
    assert (seen[5] > 190).sum() > 20


@given(st.integers(20, 20_000), st.integers(10, 60), st.integers(0, 9), st.integers(0, 9))
def test_pieces_cover_every_frame_between_the_seams_once_and_are_neither_short_nor_long(
    count: int, fps: int, before: int, after: int
) -> None:
    look = replace(look_at(None, count), frame=replace(FRAME, fps=fps), before=before, after=after)
    cut = render.pieces(look)
    assert [piece.first for piece in cut] == [before + sum(p.frames for p in cut[:i]) for i in range(len(cut))]
    assert sum(piece.frames for piece in cut) == count - before - after
    assert len(cut) == 1 or min(piece.frames for piece in cut) >= 1.5 * fps - 1
    assert max(piece.frames for piece in cut) <= 6 * fps + 1


@given(st.lists(st.integers(1, 500), min_size=1, max_size=300), st.integers(10, 60))
def test_however_many_scenes_follow_each_other_each_begins_within_a_microsecond_of_its_time(
    counts: list[int], fps: int
) -> None:
    listed = render.concat_list(["a.mp4"] * len(counts), [count / fps for count in counts])
    written = [line.removeprefix("duration ") for line in listed.splitlines() if line.startswith("duration ")]
    assert all(len(length.partition(".")[2]) <= 6 for length in written)
    starts = accumulate(Fraction(length) for length in written)
    exact = (Fraction(end, fps) for end in accumulate(counts))
    assert max(abs(start - end) for start, end in zip(starts, exact, strict=True)) < Fraction(1, 1_000_000)


def test_a_hundred_scenes_of_one_frame_follow_each_other_evenly(tmp_path: Path) -> None:
    fps = 60
    look = replace(look_at(shot(tmp_path), 1), frame=replace(FRAME, fps=fps))
    run(render.piece_command(look, Piece(first=0, frames=1), FILM, tmp_path / "one.mp4"))
    listed, film, packets = tmp_path / "list.txt", tmp_path / "film.mp4", tmp_path / "packets.txt"
    listed.write_text(render.concat_list(["one.mp4"] * 100, [1 / fps] * 100))
    run(render.stitch_command(listed, fps, 100 / fps, film))
    times = ("-map", "0:v", "-c", "copy", "-f", "framecrc", f"file:{packets}")
    run(Command(step="probe", args=("-f", "mov", "-i", f"file:{film}", *times)))
    lengths = {line.split(",")[3].strip() for line in packets.read_text().splitlines() if not line.startswith("#")}
    assert lengths == {"512"}


@given(st.text())
def test_a_title_becomes_one_printable_line(title: str) -> None:
    shown = plain(title)
    assert shown.isprintable()
    assert len(shown) <= 200
    shown.encode()
