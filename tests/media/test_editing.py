"""An editing program finds every part of a film where it is, to the frame and to the sample."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio
import pytest

from storygen.media.editing import Lane, Piece, document
from storygen.story import Cue

LANES = [
    Lane(
        name="Scenes",
        is_sound=False,
        rate=30,
        pieces=(
            Piece(name="A", file="parts/01-dünen #1/scene.mp4", at=0, length=90),
            Piece(name="Seam", file="film.mp4", at=90, length=12, begin=90),
            Piece(name="B", file="parts/02-b/scene.mp4", at=102, length=33),
        ),
    ),
    Lane(
        name="Voice",
        is_sound=True,
        rate=48_000,
        pieces=(
            Piece(name="A", file="parts/01-dünen #1/voice.wav", at=0, length=140_001),
            Piece(name="B", file="parts/02-b/voice.wav", at=153_600, length=50_000),
        ),
    ),
]
CUES = (Cue(start=0.5, end=1.25, lines=("Who is", "there? {\\b1}\0")),)


def test_every_piece_lies_where_it_is_seen_and_heard(tmp_path: Path) -> None:
    path = tmp_path / "film.otio"
    path.write_text(document("The\nJar", LANES, CUES), "utf-8")
    timeline = otio.adapters.read_from_file(str(path))
    assert timeline.name == "The Jar"
    for track, lane in zip(timeline.tracks, LANES, strict=True):
        assert track.kind == ("Audio" if lane.is_sound else "Video")
        found = [
            (clip.name, clip.range_in_parent().start_time.value, clip.range_in_parent().duration.value)
            for clip in track.find_clips()
        ]
        assert found == [(piece.name, piece.at, piece.length) for piece in lane.pieces]
        assert {clip.source_range.start_time.rate for clip in track.find_clips()} == {lane.rate}
    seam = list(timeline.tracks[0].find_clips())[1]
    assert seam.source_range.start_time.value == 90
    assert timeline.duration().to_seconds() == pytest.approx(135 / 30)


def test_files_are_named_relative_to_the_document(tmp_path: Path) -> None:
    path = tmp_path / "film.otio"
    path.write_text(document("t", LANES, ()), "utf-8")
    first = next(iter(otio.adapters.read_from_file(str(path)).find_clips()))
    assert first.media_reference.target_url == "parts/01-d%C3%BCnen%20%231/scene.mp4"


def test_each_subtitle_is_a_mark_with_its_words(tmp_path: Path) -> None:
    path = tmp_path / "film.otio"
    path.write_text(document("t", LANES, CUES), "utf-8")
    (marker,) = otio.adapters.read_from_file(str(path)).tracks.markers
    assert marker.name == "Who is there? {\\b1}"
    assert marker.marked_range.start_time.to_seconds() == 0.5
    assert marker.marked_range.end_time_exclusive().to_seconds() == 1.25


def test_a_lane_that_is_off_is_there_but_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "film.otio"
    still = Lane(name="Pictures", is_sound=False, rate=30, pieces=LANES[0].pieces, is_off=True)
    path.write_text(document("t", [LANES[0], still, Lane(name="None", is_sound=True, rate=1, pieces=())], ()), "utf-8")
    timeline = otio.adapters.read_from_file(str(path))
    assert [track.enabled for track in timeline.tracks] == [True, False]
