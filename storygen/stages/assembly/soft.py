"""Subtitles that a player switches on: each language a file, with times of the film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from storygen.media.captions import shift
from storygen.media.outputs import MOST_TRACKS, Label, Soft, Subtitles
from storygen.media.subtitles import write_srt, write_vtt
from storygen.media.timeline import Span

_WRITERS = {"srt": write_srt, "vtt": write_vtt}


def soft_subtitles(label: Label, when: Sequence[Span], folder: Path, suffix: str = "srt") -> Subtitles:
    """Write the tracks of a film's label into `folder`; a track in which nothing is said is left out."""
    files = []
    for number, track in enumerate(label.tracks[:MOST_TRACKS]):
        shifted = (shift(cues, span.start) for cues, span in zip(track.scenes, when, strict=True))
        cues = tuple(cue for scene in shifted for cue in scene)
        if cues:
            file = folder / f"subtitles-{number}.{suffix}"
            _WRITERS[suffix](cues, file)
            files.append(Soft(file=file, language=track.language))
    return Subtitles(files=tuple(files), are_shown=label.shows_tracks)
