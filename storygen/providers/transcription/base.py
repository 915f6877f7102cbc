"""What a listener is asked for, and what it delivers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from storygen.errors import InvalidOutput
from storygen.story import Usage, Word


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionRequest:
    """Write down what is spoken in a WAV file; `sha256` of its content stands for it in keys.

    `path` is where it lies, which is no part of what the answer depends on.
    """

    sha256: str
    language: str
    seconds: float
    path: Path = field(metadata={"keyed": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was heard, and when."""

    words: tuple[Word, ...]


def heard(told: Iterable[tuple[str, float, float]], seconds: float, provider: str, usage: Usage) -> tuple[Word, ...]:
    """Words as a listener tells them, in order and within the sound.

    Listeners overlap their words a little, or give some no length. Raises `InvalidOutput` where times are no times, or
    most lie behind the end of the sound.
    """
    words: list[Word] = []
    latest = 0.0
    try:
        rows = [(str(text).strip(), float(start), float(end)) for text, start, end in told]
    except (TypeError, ValueError) as error:
        raise InvalidOutput("The transcript tells times that are no times.", provider=provider, usage=usage) from error
    if sum(start > seconds + 1 for _, start, _ in rows) * 2 > len(rows) or not all(
        isfinite(start + end) for _, start, end in rows
    ):
        raise InvalidOutput("The transcript tells of words behind the end.", provider=provider, usage=usage)
    for text, start, end in rows:
        begin = min(max(start, latest), seconds)
        latest = min(max(end, begin), seconds)
        if text:
            words.append(Word(text=text, start=begin, end=latest))
    return tuple(words)
