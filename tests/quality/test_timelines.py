"""A timeline is good when an editing program can open it and finds all its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from storygen.errors import InvalidOutput
from storygen.media.editing import Lane, Piece, document
from storygen.quality.timelines import check_timeline
from storygen.story import Verdict

LANE = Lane(name="Scenes", is_sound=False, rate=30, pieces=(Piece(name="A", file="a b.mp4", at=0, length=30),))


def failed(path: Path) -> set[str]:
    return {check.name for check in check_timeline(path) if check.verdict is Verdict.FAIL}


def test_a_timeline_needs_its_files_and_tracks_that_end_together(tmp_path: Path) -> None:
    path = tmp_path / "film.otio"
    path.write_text(document("t", [LANE], ()))
    assert failed(path) == {"missing_files"}
    (tmp_path / "a b.mp4").touch()
    assert failed(path) == set()
    longer = Lane(name="P", is_sound=False, rate=30, pieces=(Piece(name="A", file="a b.mp4", at=0, length=40),))
    path.write_text(document("t", [LANE, longer], ()))
    assert failed(path) == {"end_offset"}
    path.write_text(document("t", [], ()))
    assert failed(path) == {"tracks", "clips"}


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "null", '{"OTIO_SCHEMA": "Clip.2"}', "[" * 100_000, '{"OTIO_SCHEMA": "Timeline.1"}'),
        '{"OTIO_SCHEMA": "Timeline.1", "tracks": {"children": [{"children": [{"OTIO_SCHEMA": 1}], "kind": "Video"}]}}',
        '{"OTIO_SCHEMA": "Timeline.1", "tracks": {"children": [3]}}',
    ],
)
def test_what_is_no_timeline_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "film.otio"
    path.write_text(text)
    with pytest.raises(InvalidOutput):
        check_timeline(path)
