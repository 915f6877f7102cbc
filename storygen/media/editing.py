"""A film for editing programs: its parts on tracks, as an OpenTimelineIO document.

The schemas are those of OpenTimelineIO 0.18, "OTIO Serialized Schema": Timeline.1, Stack.1, Track.1, Clip.2, Gap.1,
ExternalReference.1, Marker.2, TimeRange.1 and RationalTime.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from storygen.media.outputs import plain
from storygen.story import Cue

_TIME = 1000  # ticks a second of the marks that subtitles are


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a file on a track: where it lies and how long, and where it begins in the file, in ticks of the track.

    `file` is relative to the document.
    """

    name: str
    file: str
    at: int
    length: int
    begin: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A track of pieces, with `rate` ticks a second; one that `is_off` is there to be switched on."""

    name: str
    is_sound: bool
    rate: int
    pieces: tuple[Piece, ...]
    is_off: bool = False


def document(title: str, lanes: Sequence[Lane], cues: Sequence[Cue]) -> str:
    """The timeline as JSON; the first lane is the lowest. Each cue is a mark with its words, at its time."""
    tracks: dict[str, Any] = {
        "OTIO_SCHEMA": "Stack.1",
        "name": "tracks",
        "metadata": {},
        "source_range": None,
        "effects": [],
        "markers": [_marker(cue) for cue in cues],
        "enabled": True,
        "children": [_track(lane) for lane in lanes if lane.pieces],
    }
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "name": plain(title),
        "metadata": {},
        "global_start_time": None,
        "tracks": tracks,
    }
    return json.dumps(timeline, ensure_ascii=False, indent=1) + "\n"


def _track(lane: Lane) -> dict[str, Any]:
    return {
        **_item("Track.1", lane.name),
        "enabled": not lane.is_off,
        "kind": "Audio" if lane.is_sound else "Video",
        "source_range": None,
        "children": list(_children(lane)),
    }


def _children(lane: Lane) -> Iterator[dict[str, Any]]:
    """The pieces, with gaps where nothing lies between them."""
    end = 0
    for piece in lane.pieces:
        if piece.at > end:
            yield {**_item("Gap.1", ""), "source_range": _range(0, piece.at - end, lane.rate)}
        whole = _range(0, piece.begin + piece.length, lane.rate)
        file = {
            "OTIO_SCHEMA": "ExternalReference.1",
            "metadata": {},
            "name": "",
            "available_range": whole,
            "available_image_bounds": None,
            "target_url": quote(piece.file),
        }
        yield {
            **_item("Clip.2", plain(piece.name)),
            "source_range": _range(piece.begin, piece.length, lane.rate),
            "media_references": {"DEFAULT_MEDIA": file},
            "active_media_reference_key": "DEFAULT_MEDIA",
        }
        end = piece.at + piece.length


def _item(schema: str, name: str) -> dict[str, Any]:
    return {"OTIO_SCHEMA": schema, "metadata": {}, "name": name, "effects": [], "markers": [], "enabled": True}


def _marker(cue: Cue) -> dict[str, Any]:
    start = round(cue.start * _TIME)
    return {
        "OTIO_SCHEMA": "Marker.2",
        "metadata": {},
        "name": plain(" ".join(cue.lines)),
        "color": "YELLOW",
        "comment": "",
        "marked_range": _range(start, round(cue.end * _TIME) - start, _TIME),
    }


def _range(start: int, length: int, rate: int) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": _ticks(start, rate), "duration": _ticks(length, rate)}


def _ticks(value: int, rate: int) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate), "value": float(value)}
