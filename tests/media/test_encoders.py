"""Encoders of graphics cards are used where a trial works, and left with the reason where it does not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from storygen.errors import RenderFailed
from storygen.media import encoders, render
from storygen.media.encoders import Encoder, settled
from storygen.media.ffmpeg import Command
from storygen.media.picture import Look
from storygen.media.probe import probe_command, read_probe
from storygen.media.render import Piece
from storygen.settings import FilmSettings
from tests.media.films import BINARY, FRAME, frames, run, shot

STAND_IN = Encoder(name="libopenh264", quality=("-b:v", "1M", "-pix_fmt", "yuv420p"))
SMALL = FilmSettings(height=320, preset="ultrafast")


def settle(film: FilmSettings) -> encoders.Settled:
    return asyncio.run(settled(film, BINARY))


@pytest.fixture
def a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another encoder stands where the one of a card is, and works."""
    kinds = {"nvenc": replace(encoders.HARDWARE["nvenc"], name="h264_nobody"), "qsv": STAND_IN}
    monkeypatch.setattr(encoders, "HARDWARE", kinds)


def test_without_a_word_nothing_is_tried_and_x264_encodes() -> None:
    assert settle(SMALL) == encoders.Settled(film=SMALL)
    assert encoders.options(SMALL)[:2] == ("-c:v", "libx264")


@pytest.mark.usefixtures("a_card")
def test_auto_takes_the_first_encoder_that_works_and_says_why_others_were_left() -> None:
    found = settle(SMALL.model_copy(update={"encoder": "auto"}))
    assert found.film.encoder == "qsv"
    assert found.film.coding != SMALL.coding
    [left] = found.left
    assert left.startswith("nvenc: ")
    assert "h264_nobody" in left


@pytest.mark.usefixtures("a_card")
def test_one_that_was_asked_for_and_does_not_work_is_left_for_x264() -> None:
    found = settle(SMALL.model_copy(update={"encoder": "nvenc"}))
    assert found.film.encoder == "software"
    assert len(found.left) == 1


@pytest.mark.usefixtures("a_card")
def test_pieces_of_another_encoder_are_joined_without_a_picture_missing(tmp_path: Path) -> None:
    film = settle(SMALL.model_copy(update={"encoder": "qsv"})).film
    look = Look(shot=shot(tmp_path, zoom=1.1), overlay=None, captions=None, frame=FRAME, frames=20)
    for number in range(2):
        piece = Piece(first=10 * number, frames=10)
        run(render.piece_command(look, piece, film, tmp_path / f"{number}.mp4"))
    listed, whole = tmp_path / "list.txt", tmp_path / "whole.mp4"
    listed.write_text(render.concat_list(["0.mp4", "1.mp4"], [1 / 3, 1 / 3]))
    run(render.stitch_command(listed, 30, 2 / 3, whole))
    assert len(frames(whole, tmp_path)) == 20
    [video] = read_probe(whole, run(probe_command(whole)).said).video
    assert (video.profile, video.pixel_format) == ("High", "yuv420p")


def test_every_encoder_of_a_card_is_asked_in_words_that_ffmpeg_knows() -> None:
    for name, encoder in encoders.HARDWARE.items():
        film = SMALL.model_copy(update={"encoder": name})
        said = settle(film).left
        assert all("Unrecognized option" not in one and "not found" not in one for one in said), encoder


def test_a_preview_is_the_same_picture_at_a_third_of_the_size(tmp_path: Path) -> None:
    final = FilmSettings(preset="ultrafast")
    preview = final.model_copy(update={"quality": "preview"})
    frame = replace(FRAME, width=360, height=640)
    look = Look(shot=shot(tmp_path, zoom=1.1), overlay=None, captions=None, frame=frame, frames=6)
    seen = {}
    for film in (final, preview):
        out = tmp_path / f"{film.quality}.mp4"
        run(render.piece_command(look, Piece(first=0, frames=6), film, out))
        seen[film.quality] = frames(out, tmp_path, film.encoded(frame))
    assert seen["preview"].shape == (6, 214, 120)
    large = seen["final"][:, :639, :].reshape(6, 213, 3, 120, 3).mean(axis=(2, 4))
    assert abs(large - seen["preview"][:, :213]).mean() < 6
    assert preview.coding != final.coding
    assert preview.frame == final.frame


def test_what_ffmpeg_says_first_is_the_reason() -> None:
    broken = Command(step="probe", args=("-loglevel", "error", "-f", "lavfi", "-i", "nonsense", "-f", "null", "-"))
    with pytest.raises(RenderFailed) as failed:
        run(broken)
    assert "nonsense" in encoders.why(failed.value)
