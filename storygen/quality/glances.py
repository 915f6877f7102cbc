"""What is seen over time, told from glances: what is black, what stands still, what repeats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import sub

from storygen.media.glances import PER_SECOND, SIZE, Glance

_BLACK_LIGHT = 20  # of 255
_BLACK_SHARE = 0.98
_STILL = 0.08  # mean difference of light, as ffmpeg's freezedetect at its usual noise
_SAME, _OTHER = 1.2, 6.0  # mean differences: seen before, and something else
_UNLETTERED = 19 * SIZE  # above where subtitles stand
_LEAST_REPEATED = 1.0
_MOST_PAIRS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of a film: where it begins, and how long it lasts, in seconds; nothing lasts 0."""

    at: float = 0.0
    seconds: float = 0.0


def black(glances: Sequence[Glance]) -> Stretch:
    """The longest stretch in which all but specks is black."""
    return _longest(glances, [_is_black(glance.light) for glance in glances])


def frozen(glances: Sequence[Glance]) -> Stretch:
    """The longest stretch that stays as it began."""
    longest, first = Stretch(), 0
    for number, glance in enumerate(glances):
        if _difference(glances[first].light, glance.light) >= _STILL:
            first = number
        longest = _longer(longest, glances, first, number)
    return longest if longest.seconds > 1.5 / PER_SECOND else Stretch()


def repeated(glances: Sequence[Glance]) -> Stretch:
    """The longest stretch that shows again, in the same order, what was seen before something else was.

    Only what lies above the subtitles is looked at.
    """
    upper = [glance.light[:_UNLETTERED] for glance in glances]
    lags: dict[int, list[int]] = {}
    for earlier, later in _alike(upper):
        lags.setdefault(later - earlier, []).append(later)
    longest = Stretch()
    for lag, places in lags.items():
        for first, last in _runs(sorted(places)):
            if _has_other(upper, first - lag, first):
                longest = _longer(longest, glances, first, last)
    return longest if longest.seconds >= _LEAST_REPEATED else Stretch()


def spread(light: bytes) -> float:
    """The standard deviation of the light of a glance: how much there is to see in it."""
    mean = sum(light) / len(light)
    return float((sum((value - mean) ** 2 for value in light) / len(light)) ** 0.5)


def _is_black(light: bytes) -> bool:
    return sum(value < _BLACK_LIGHT for value in light) >= _BLACK_SHARE * len(light)


def _difference(one: bytes, other: bytes) -> float:
    return sum(map(abs, map(sub, one, other))) / len(one) if one != other else 0.0


def _alike(pictures: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Pairs that look the same, earlier before later; only those of about the same mean light are compared.

    In a film where far too many are alike, the rest is passed over: those found are enough to tell.
    """
    means = sorted((sum(picture) / len(picture), number) for number, picture in enumerate(pictures))
    compared = 0
    for place, (mean, number) in enumerate(means):
        for other_mean, other in means[place + 1 :]:
            if other_mean - mean > _SAME or compared >= _MOST_PAIRS:
                break
            if abs(other - number) < PER_SECOND:
                continue
            compared += 1
            if _difference(pictures[number], pictures[other]) < _SAME:
                yield min(number, other), max(number, other)


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of neighbours."""
    first = before = places[0]
    for place in (*places[1:], None):
        if place is None or place != before + 1:
            yield first, before
            first = place if place is not None else first
        before = place if place is not None else before


def _has_other(pictures: Sequence[bytes], begin: int, end: int) -> bool:
    """Whether anything else than the first was seen between two places."""
    step = max(1, (end - begin) // 16)
    return any(_difference(pictures[begin], pictures[place]) >= _OTHER for place in range(begin, end, step))


def _longest(glances: Sequence[Glance], flags: Sequence[bool]) -> Stretch:
    longest = Stretch()
    edges = [0, *(place for place, (a, b) in enumerate(pairwise(flags), 1) if a != b), len(flags)]
    for begin, end in pairwise(edges):
        if flags[begin:end] and flags[begin]:
            longest = _longer(longest, glances, begin, end - 1)
    return longest


def _longer(longest: Stretch, glances: Sequence[Glance], first: int, last: int) -> Stretch:
    seconds = glances[last].at + glances[last].seconds - glances[first].at
    return Stretch(at=glances[first].at, seconds=seconds) if seconds > longest.seconds else longest
