"""What a voice is asked for, and what it delivers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storygen.story import Line, Word


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """Speak the lines of one scene, one after the other, each speaker with a voice of its own.

    `cast` lists all speakers of the film in order of appearance, so that a speaker keeps its voice from scene to scene.
    `turn` counts up where the same is asked for again because other words were heard in what came.
    """

    lines: tuple[Line, ...]
    cast: tuple[str, ...]
    language: str = "en"
    turn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """What was spoken: a PCM WAV file of any rate, and the time of each written word in it.

    The words are the whitespace-separated words of each line's text, in order; `Word.line` indexes the request's lines.
    There are none where the voice does not tell times.
    """

    audio: Path
    words: tuple[Word, ...]
