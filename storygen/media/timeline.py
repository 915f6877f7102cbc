"""When each scene of a film is seen and heard: whole pictures, one scene after the other, and their chapters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from storygen.story import Narration, Segment

AUDIO_RATE = 48_000
Pair = tuple[Segment | None, Narration]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a film, in seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A stretch of a film that has a name."""

    title: str
    span: Span


def spans(scenes: Sequence[Pair], fps: int) -> tuple[Span, ...]:
    """When each scene is seen; one without a picture lasts as long as its voice."""
    if all(segment for segment, _ in scenes):
        ends = [end / fps for end in accumulate(segment.length if segment else 0 for segment, _ in scenes)]
    else:
        ends = [end / AUDIO_RATE for end in accumulate(round(voice.seconds * AUDIO_RATE) for _, voice in scenes)]
    return tuple(Span(start=start, end=end) for start, end in pairwise([0.0, *ends]))


def samples(scenes: Sequence[Pair], fps: int) -> list[int]:
    """The samples of sound of each scene, so that no scene begins more than half a sample from its first frame."""
    return [round(span.end * AUDIO_RATE) - round(span.start * AUDIO_RATE) for span in spans(scenes, fps)]


def chapters(titles: Sequence[str], when: Sequence[Span], film: str) -> tuple[Chapter, ...]:
    """A chapter for each scene with a title; one without belongs to the chapter before it.

    What comes before the first of them bears the film's title. Fewer than two chapters are none.
    """
    begun: list[tuple[str, float]] = []
    for title, span in zip(titles, when, strict=True):
        if title or not begun:
            begun.append((title or film, span.start))
    if len(begun) < 2:
        return ()
    ends = [*(start for _, start in begun[1:]), when[-1].end]
    return tuple(
        Chapter(title=title, span=Span(start=start, end=end)) for (title, start), end in zip(begun, ends, strict=True)
    )


def timescale(fps: int) -> int:
    """The ticks a second by which the pictures of a film are timed."""
    return fps * 512
