"""What a good timeline is: one that an editing program can open, and that finds all its files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from storygen.errors import InvalidOutput
from storygen.story import Check, Verdict

_MOST_BYTES = 50_000_000
_HINT = "Write it with OpenTimelineIO 0.15 or newer."


def check_timeline(path: Path) -> tuple[Check, ...]:
    """Measure an OpenTimelineIO document. Raises `InvalidOutput` for what is none."""
    try:
        return _measured(_read(path), path.parent)
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError, ZeroDivisionError) as error:
        raise InvalidOutput(f"{path.name!r} is no OpenTimelineIO document", hint=_HINT) from error


def _measured(timeline: dict[str, Any], folder: Path) -> tuple[Check, ...]:
    tracks = timeline["tracks"]["children"]
    clips = [child for track in tracks for child in track["children"] if child["OTIO_SCHEMA"] == "Clip.2"]
    missing = [name for clip in clips for name in _files(clip) if not (folder / name).is_file()]
    ends = [_seconds(track) for track in tracks if track["kind"] == "Video"]
    apart = round(max(ends) - min(ends), 3) if ends else 0.0
    return (
        _check("tracks", len(tracks), "at least 1", good=bool(tracks)),
        _check("clips", len(clips), "at least 1", good=bool(clips)),
        _check("missing_files", len(missing), "at most 0", good=not missing),
        _check("end_offset", apart, "at most 0.05", good=apart <= 0.05, unit="s"),
    )


def _read(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _MOST_BYTES:
        raise InvalidOutput(f"{path.name!r} is larger than {_MOST_BYTES // 1_000_000} MB", hint=_HINT)
    found = json.loads(path.read_bytes())
    if found["OTIO_SCHEMA"] != "Timeline.1":
        raise InvalidOutput(f"{path.name!r} holds no timeline", hint=_HINT)
    return dict(found)


def _files(clip: dict[str, Any]) -> Iterator[str]:
    """The files of a clip that are named relative to the document."""
    for media in clip["media_references"].values():
        url = urlsplit(media.get("target_url") or "")
        if not url.scheme and url.path:
            yield unquote(url.path)


def _seconds(track: dict[str, Any]) -> float:
    lengths = (child["source_range"]["duration"] for child in track["children"])
    return float(sum(length["value"] / length["rate"] for length in lengths))


def _check(name: str, value: float, limit: str, *, good: bool, unit: str = "") -> Check:
    verdict = Verdict.PASS if good else Verdict.FAIL
    return Check(artifact="video", name=name, verdict=verdict, value=value, limit=limit, unit=unit)
