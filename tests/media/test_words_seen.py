"""All words are seen when they should be, and where no platform hides them: read back from the rendered picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storygen.media import render
from storygen.media.captions import Limits, cut
from storygen.media.cards import Card, letter_picture
from storygen.media.ffmpeg import Command
from storygen.media.layout import (
    LARGEST_ZOOM,
    arrange,
    safe_box,
    subtitle_box,
    subtitle_places,
    window_box,
    window_places,
)
from storygen.media.picture import Look
from storygen.media.render import Piece
from storygen.media.styles import STYLES
from storygen.media.subtitles import columns_that_fit, write_ass
from storygen.media.terminal import type_text
from storygen.settings import SubtitleSettings, SubtitleStyle, TerminalSettings
from storygen.story import Captions, Cue, Frame, Line, Mood, Overlay, Placed, Shot, Word
from tests.media.films import FILM, run

UPRIGHT, WIDE, SQUARE = (Frame(width=w, height=h, fps=10) for w, h in ((216, 384), (384, 216), (256, 256)))
SPOKEN = "Everybody whispered about Wolfgang Quigley, who jumped backwards over the ghostly hedge."
ROWS = ("scp backup.tar.gz ada@lighthouse:/srv/vault", "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", "gjpqy_")


def shown(look: Look, folder: Path) -> np.ndarray:
    """The frames of a look in colour: frames, rows, columns, channels."""
    out, raw = folder / "out.mp4", folder / "frames.raw"
    run(render.piece_command(look, Piece(first=0, frames=look.frames), FILM, out))
    colours = ("-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", f"file:{raw}")
    run(Command(step="decode", args=("-f", "mov", "-i", f"file:{out}", *colours)))
    return np.fromfile(raw, dtype="uint8").reshape(-1, look.frame.height, look.frame.width, 3).astype(int)


def words(text: str, *, start: float = 0.0, pace: float = 0.12) -> tuple[Word, ...]:
    return tuple(
        Word(text=one, start=start + at * pace, end=start + (at + 1) * pace) for at, one in enumerate(text.split())
    )


def cues_of(text: str, frame: Frame, settings: SubtitleSettings, seconds: float) -> tuple[Cue, ...]:
    limits = Limits.from_settings(settings, columns_that_fit(frame, settings))
    return cut(words(text), (Line(text=text),), seconds, limits)


def scene(
    folder: Path, frame: Frame, style: SubtitleStyle, focus: tuple[float, float], *, typed: bool, worded: bool
) -> Look:
    """A scene with as many words in it as there can be, or the same one without any."""
    settings = SubtitleSettings(style=style)
    where = arrange(frame, focus, titled=not typed, typed=typed)
    Image.linear_gradient("L").convert("RGB").save(folder / "picture.png")
    said = SPOKEN if worded and not typed else ""
    card = Card(picture="", title=said, subtitle=said, mood=Mood.CALM, frame=frame, number=2)
    letter_picture(folder / "picture.png", card, focus, folder / "card.jpg")
    captions, overlay = None, None
    if worded:
        write_ass(cues_of(SPOKEN, frame, settings, 2.0), frame, folder / "cues.ass", settings, where.subtitles)
        captions = Captions(cues=(), ass=folder / "cues.ass")
    if typed:
        overlay = terminal(folder, frame, where.window, worded=worded)
    shot = Shot(image=folder / "card.jpg", zoom=LARGEST_ZOOM, focus=focus)
    return Look(shot=shot, overlay=overlay, captions=captions, frame=frame, frames=20)


def terminal(folder: Path, frame: Frame, place: str, *, worded: bool) -> Overlay:
    settings = TerminalSettings(characters_per_second=200, glitch=True)
    overlay = type_text(ROWS, SPOKEN if worded else " ", frame, settings, folder, alone=not place)
    there = next(one for one in overlay.placed if one.place == place)
    if not worded:
        there.ass.write_text(there.ass.read_text("utf-8").partition("[Events]")[0] + "[Events]\n", "utf-8")
    return Overlay(panel=there.panel or overlay.panel, ass=there.ass, seconds=2.0)


def inked(with_words: np.ndarray, without: np.ndarray) -> tuple[int, int, int, int]:
    """The box around all that is brighter with words: left, top, right, bottom. Shade under them is darker."""
    lit = ((with_words - without).min(axis=3) > 45).any(axis=0)
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize(
    ("frame", "style", "focus", "typed"),
    [
        (UPRIGHT, "bold-pop", (1.0, 0.0), False),
        (UPRIGHT, "clean", (0.5, 0.3), True),
        (WIDE, "boxed", (0.0, 1.0), False),
        (WIDE, "karaoke", (0.7, 0.5), True),
        (SQUARE, "clean", (0.0, 0.6), False),
        (SQUARE, "bold-pop", (0.5, 0.2), True),
    ],
)
def test_no_word_leaves_the_safe_area_at_the_largest_zoom(
    frame: Frame, style: SubtitleStyle, focus: tuple[float, float], typed: bool, tmp_path: Path
) -> None:
    films = []
    for worded in (True, False):
        folder = tmp_path / str(worded)
        folder.mkdir()
        films.append(shown(scene(folder, frame, style, focus, typed=typed, worded=worded), folder))
    left, top, right, bottom = inked(*films)
    safe = safe_box(frame)
    assert safe.left <= left < right <= safe.right
    assert safe.top <= top < bottom <= safe.bottom


@pytest.mark.parametrize("frame", [UPRIGHT, WIDE, SQUARE])
def test_a_terminal_that_is_the_whole_picture_is_read_inside_the_safe_area(frame: Frame, tmp_path: Path) -> None:
    films = []
    for worded in (True, False):
        folder = tmp_path / str(worded)
        folder.mkdir()
        overlay = terminal(folder, frame, "", worded=worded)
        films.append(shown(Look(shot=None, overlay=overlay, captions=None, frame=frame, frames=20), folder))
    left, top, right, bottom = inked(*films)
    safe = safe_box(frame)
    assert safe.left <= left < right <= safe.right
    assert safe.top <= top < bottom <= safe.bottom


@pytest.mark.parametrize("frame", [UPRIGHT, WIDE, SQUARE])
@pytest.mark.parametrize("focus", [(0.5, 0.5), (0.2, 0.2), (0.8, 0.8), (0.5, 0.6), (0.1, 0.9)])
def test_subtitles_and_terminals_never_meet_each_other_or_the_title(frame: Frame, focus: tuple[float, float]) -> None:
    for titled in (True, False):
        where = arrange(frame, focus, titled=titled, typed=True)
        window, told = window_box(frame, where.window), subtitle_box(frame, where.subtitles)
        assert window.bottom <= told.top or told.bottom <= window.top
    for typed in (True, False):
        assert arrange(frame, focus, titled=False, typed=typed).subtitles in subtitle_places(frame)
        assert arrange(frame, focus, titled=False, typed=True).window in window_places(frame)


def test_what_the_eye_goes_to_is_left_free() -> None:
    assert arrange(UPRIGHT, (0.5, 0.45), titled=True, typed=False).subtitles == "low"
    assert arrange(UPRIGHT, (0.5, 0.6), titled=True, typed=False).subtitles == "middle"
    assert arrange(WIDE, (0.5, 0.85), titled=True, typed=False).subtitles == "middle"
    assert arrange(WIDE, (0.3, 0.5), titled=True, typed=True).window == "right"
    assert arrange(WIDE, (0.7, 0.5), titled=True, typed=True).window == "left"
    assert arrange(UPRIGHT, (0.5, 0.5), titled=False, typed=True).window == "high"
    assert arrange(UPRIGHT, (0.5, 0.2), titled=False, typed=True).window == "low"


def plain(folder: Path, ass: Path | None, frame: Frame, frames: int) -> np.ndarray:
    """A grey picture that stands still, with subtitles or without."""
    Image.new("RGB", (frame.width, frame.height), (70, 80, 95)).save(folder / "grey.png")
    captions = Captions(cues=(), ass=ass, placed=(Placed(place="low", ass=ass),)) if ass else None
    shot = Shot(image=folder / "grey.png", zoom=1.0)
    return shown(Look(shot=shot, overlay=None, captions=captions, frame=frame, frames=frames), folder)


def spoken_with_pauses() -> tuple[Word, ...]:
    return (
        *words("The keeper counts", start=0.4, pace=0.4),
        *words("every wave.", start=2.6, pace=0.36),
        *words("Nobody asks why.", start=5.0, pace=0.32),
    )


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_cue_is_seen_while_it_lasts_and_at_no_other_time(style: SubtitleStyle, tmp_path: Path) -> None:
    frame, settings = Frame(width=384, height=216, fps=25), SubtitleSettings(style=style)
    cues = cut(spoken_with_pauses(), (Line(text="x"),), 7.0, Limits.from_settings(settings, 42))
    write_ass(cues, frame, tmp_path / "cues.ass", settings)
    difference = np.abs(plain(tmp_path, tmp_path / "cues.ass", frame, 175) - plain(tmp_path, None, frame, 175))
    seen = (difference.max(axis=3) > 60).sum(axis=(1, 2)) > 40
    assert len(cues) >= 2
    for number, is_seen in enumerate(seen):
        at = number / frame.fps
        near = any(abs(at - edge) <= 1 / frame.fps for cue in cues for edge in (cue.start, cue.end))
        assert near or is_seen == any(cue.start <= at < cue.end for cue in cues), at


def yellowness(film: np.ndarray) -> np.ndarray:
    """How much of each pixel is the colour of words that are heard: red without blue."""
    return np.clip(film[..., 0] - film[..., 2], 0, None)


def onset(amount: Sequence[float], most: float) -> int:
    """The first frame with a quarter of the colour."""
    return next(number for number, value in enumerate(amount) if value > most / 4)


def test_each_word_takes_colour_within_a_frame_of_being_heard(tmp_path: Path) -> None:
    frame, settings, spoken = Frame(width=384, height=216, fps=25), SubtitleSettings(), spoken_with_pauses()
    cues = cut(spoken, (Line(text="x"),), 7.0, Limits.from_settings(settings, 42))
    write_ass(cues, frame, tmp_path / "cues.ass", settings)
    colour = yellowness(plain(tmp_path, tmp_path / "cues.ass", frame, 175))
    places = []
    for word in spoken:
        middle = colour[round((word.start + word.end) / 2 * frame.fps)]
        columns = np.flatnonzero(middle.max(axis=0) > 90)
        place = slice(int(columns[0]), int(columns[-1]) + 1)
        amount = colour[:, :, place].sum(axis=(1, 2))
        begun = onset(amount[max(0, round((word.start - 0.2) * frame.fps)) :], float(amount.max()))
        assert begun + max(0, round((word.start - 0.2) * frame.fps)) == pytest.approx(word.start * frame.fps, abs=1.01)
        places.append(place.start)
    for cue in cues:
        of_cue = [place for place, word in zip(places, spoken, strict=True) if word in cue.words]
        assert of_cue == sorted(set(of_cue))


def test_words_that_fill_are_full_when_they_have_been_heard(tmp_path: Path) -> None:
    frame, settings = Frame(width=384, height=216, fps=25), SubtitleSettings(style="karaoke")
    spoken = words("mmmm mmmm mmmm mmmm", start=0.4, pace=0.6)
    cues = cut(spoken, (Line(text="x"),), 4.0, Limits.from_settings(settings, 42))
    write_ass(cues, frame, tmp_path / "cues.ass", settings)
    amount = yellowness(plain(tmp_path, tmp_path / "cues.ass", frame, 78)).sum(axis=(1, 2)).astype(float)
    filled = (amount - amount[0]) / (amount.max() - amount[0])
    assert filled[round(spoken[0].start * frame.fps)] < 0.05
    ends = [float(filled[round(word.end * frame.fps)]) for word in spoken]
    assert ends == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=0.05)
    assert np.all(np.diff(filled[12:70]) > -0.01)
