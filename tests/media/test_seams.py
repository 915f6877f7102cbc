"""A seam shows how one scene becomes the next, to the frame, while both go on moving and their words stay apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storygen.media.picture import Look
from storygen.media.render import Piece, piece_command
from storygen.media.seams import Ends, Seam, Way, half_seam, seam_between, seam_command
from storygen.story import Captions, Mood, Overlay, Shot
from tests.media.films import FILM, FRAME, ass, frames, panel, run, shot, still

FADE = Seam(way=Way.FADE)
CUT = Seam(way=Way.CUT)


def grey(folder: Path, light: int, **parts: Any) -> Look:
    image = still(folder / f"{light}.png", grey=light)
    given = {"overlay": None, "captions": None, "frames": 60, "before": 8, "after": 8} | parts
    return Look(shot=Shot(image=image, zoom=1.0), frame=FRAME, **given)


def told(folder: Path, text: str, *when: float) -> Captions:
    return Captions(cues=(), ass=ass(folder / f"{text}.ass", (*(when or (0.0, 9.0)), text)))


def seen(folder: Path, before: Look | None, after: Look | None, seam: Seam = FADE) -> np.ndarray:
    out = folder / "seam.mp4"
    run(seam_command(Ends(before=before, after=after), seam, FILM, out))
    return frames(out, folder)


@pytest.mark.parametrize("way", list(Way))
def test_every_way_begins_with_the_one_picture_and_ends_with_the_other(tmp_path: Path, way: Way) -> None:
    light = seen(tmp_path, grey(tmp_path, 60), grey(tmp_path, 160), Seam(way=way, share=0.8)).mean(axis=(1, 2))
    assert len(light) == 16
    assert (light[0], light[-1]) == pytest.approx((60, 160), abs=2)
    steps = np.diff(light)
    assert steps.min() > -1
    assert bool(steps.max() > 90) is (way is Way.CUT)
    assert light[7] < 112 < light[8] + 8


def test_words_are_seen_in_their_own_scene_and_never_blended(tmp_path: Path) -> None:
    ends = [grey(tmp_path, light, captions=told(tmp_path, text)) for light, text in ((60, "I"), (90, "WWWWWW"))]
    for seam in (FADE, CUT):
        bright = (seen(tmp_path, *ends, seam) > 225).sum(axis=(1, 2))
        assert 0 < bright[:8].min() <= bright[:8].max() < bright[8:].min() / 3


def test_words_keep_the_times_of_their_scenes(tmp_path: Path) -> None:
    before = grey(tmp_path, 60, captions=told(tmp_path, "END", 55 / 30, 58 / 30))
    after = grey(tmp_path, 60, captions=told(tmp_path, "BEGIN", 0.1, 0.2))
    bright = (seen(tmp_path, before, after) > 200).sum(axis=(1, 2)) > 30
    assert list(np.flatnonzero(bright)) == [3, 4, 5, 11, 12, 13]


def test_a_terminal_goes_with_its_picture_and_its_text_stays_on_it(tmp_path: Path) -> None:
    typed = ass(tmp_path / "t.ass", (0.0, 2.0, "typed"), place=8)
    terminal = Overlay(panel=panel(tmp_path / "panel.png"), ass=typed, seconds=2.0)
    light = seen(tmp_path, grey(tmp_path, 140, overlay=terminal), grey(tmp_path, 140))[:, 40:150, 20:160]
    assert light[0].mean() < 80
    assert light[-1].mean() == pytest.approx(140, abs=14)
    lit = [int(np.ptp(frame[:40])) for frame in light]
    assert lit[0] > lit[9] > lit[15]
    assert lit[9] > 20


def test_where_a_neighbour_gives_nothing_the_other_shows_its_own_frames(tmp_path: Path) -> None:
    words = told(tmp_path, "HELLO")
    first, last = grey(tmp_path, 60, captions=words), grey(tmp_path, 160, captions=words)
    for before, after, light in ((first, None, 60), (None, last, 160), (first, replace(last, before=0), 60)):
        shown = seen(tmp_path, before, after)
        assert len(shown) == 8
        assert shown[:, :200].mean(axis=(1, 2)) == pytest.approx([light] * 8, abs=2)
        assert ((shown > 225).sum(axis=(1, 2)) > 30).all()


def test_a_picture_moves_on_from_its_scene_through_the_seam(tmp_path: Path) -> None:
    moving = Look(
        shot=shot(tmp_path, zoom=1.3, focus=(0.1, 0.2)),
        overlay=None,
        captions=None,
        frame=FRAME,
        frames=60,
        before=8,
        after=8,
    )
    body = tmp_path / "body.mp4"
    run(piece_command(moving, Piece(first=8, frames=44), FILM, body))
    before = seen(tmp_path, None, replace(moving, after=0), CUT)
    shown = np.concatenate([before, frames(body, tmp_path), seen(tmp_path, moving, None)]).astype(float)
    assert len(shown) == 60
    light = np.clip(shown - 100, 0, None)
    columns = (light * np.arange(180)).sum(axis=(1, 2)) / light.sum(axis=(1, 2))
    smooth = np.polynomial.Polynomial.fit(np.arange(60), columns, 2)(np.arange(60))
    assert np.abs(np.diff(columns)).max() < 1.2
    assert np.abs(columns - smooth).max() < 0.9


def test_blending_leaves_the_frames_beside_it_as_they_are(tmp_path: Path) -> None:
    before = Look(shot=shot(tmp_path, zoom=1.2), overlay=None, captions=None, frame=FRAME, frames=60, after=8)
    fine = FILM.model_copy(update={"crf": 10})
    whole, part = tmp_path / "whole.mp4", tmp_path / "part.mp4"
    run(seam_command(Ends(before=before, after=None), FADE, fine, whole))
    late = Seam(way=Way.FADE, share=0.25)
    run(seam_command(Ends(before=before, after=grey(tmp_path, 60)), late, fine, part))
    pictures = [colours(video, tmp_path)[:6] for video in (whole, part)]
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() < 1.5


def colours(video: Path, scratch: Path) -> np.ndarray:
    """All planes of a film's frames."""
    from storygen.media.ffmpeg import Command

    raw = scratch / "planes.raw"
    planes = ("-map", "0:v:0", "-pix_fmt", "yuv420p", "-f", "rawvideo", f"file:{raw}")
    run(Command(step="decode", args=("-f", "mov", "-i", f"file:{video}", *planes)))
    return np.fromfile(raw, dtype="uint8").reshape(-1, FRAME.height * FRAME.width * 3 // 2)


def test_moods_say_how_scenes_follow_each_other() -> None:
    def way(before: Mood, after: Mood, wish: str = "auto") -> Seam:
        return seam_between(before, after, wish, 1)

    assert way(Mood.CALM, Mood.TENSE).way is Way.CUT
    assert way(Mood.TENSE, Mood.CALM).way is Way.FADE
    assert way(Mood.JOYFUL, Mood.JOYFUL).way not in {Way.CUT, Way.FADE}
    assert way(Mood.CALM, Mood.CALM).share < way(Mood.CALM, Mood.DARK).share == 1
    assert way(Mood.JOYFUL, Mood.JOYFUL, "fade").way is Way.FADE
    assert way(Mood.CALM, Mood.TENSE, "wipe").way not in {Way.CUT, Way.FADE}
    assert {seam_between(Mood.JOYFUL, Mood.JOYFUL, "auto", n).way for n in range(3)} == set(Way) - {Way.CUT, Way.FADE}


def test_a_scene_that_is_too_short_has_no_part_in_seams() -> None:
    assert [half_seam(frames, 30) for frames in (1, 44, 45, 900)] == [0, 0, 8, 8]
