"""What a listener is asked for, and what it delivers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storygen.story import Word


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionRequest:
    """Write down what is spoken in a WAV file; `sha256` of its content stands for it in keys.

    `path` is where it lies, which is no part of what the answer depends on.
    """

    sha256: str
    language: str
    seconds: float
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was heard, and when."""

    words: tuple[Word, ...]
