"""What was spoken, found again in sound that was cut, joined, made louder or encoded since.

Takes are remembered by how loud each 40 ms of them is. A heard sound is searched for each of them: where the loudness
goes up and down alike (a correlation of at least 0.68; other words reach 0.57), the take is in it, and so are its
words.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from math import sqrt

from storygen.story import Word

_STEP_SECONDS = 0.04
_ALIKE = 0.68
_SURE = 0.85
_EDGE = 4  # steps: how much of a take may have been cut off
_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A take: how loud each step of its sounding part is, which begins at step `begin`, and its words."""

    loud: tuple[float, ...]
    begin: int
    words: tuple[Word, ...]


class Memory:
    """Remembers the takes that were spoken last."""

    def __init__(self) -> None:
        self._takes: dict[tuple[float, ...], _Kept] = {}

    def keep(self, samples: bytes, rate: int, words: tuple[Word, ...]) -> None:
        """Remember a take; the one that was heard of longest ago is forgotten where there are too many."""
        loud = _loudness(samples, rate)
        begin, end = _sounding(loud)
        key = tuple(loud[begin:end])
        if key:
            self._takes.pop(key, None)
            self._takes[key] = _Kept(loud=key, begin=begin, words=words)
            if len(self._takes) > _MOST:
                del self._takes[next(iter(self._takes))]

    def hear(self, samples: bytes, rate: int) -> tuple[Word, ...]:
        """The words in a sound, with their times in it; none where nothing that was spoken is in it."""
        half = bytes(2 * round(rate * _STEP_SECONDS / 2))
        heard = [_loudness(data, rate) for data in (samples, half + samples)]
        found: list[tuple[float, float, _Kept]] = []
        begin, end = _sounding(heard[0])
        missing = end - begin
        for take in reversed(self._takes.values()):  # what was spoken last is most likely what is asked about
            scored = [(*_best(loud, take.loud), late / 2) for late, loud in enumerate(heard)]
            score, at, late = max(scored)
            if score >= _ALIKE:
                found.append((score, at - late, take))
                missing -= len(take.loud) if score > _SURE else 0
            if missing <= _EDGE:
                break
        taken: set[int] = set()
        words: list[Word] = []
        for _, where, take in sorted(found, key=lambda each: (-each[0], each[1])):
            first = round(where)
            middle = range(first + len(take.loud) // 5, first + len(take.loud) * 4 // 5 + 1)
            if taken.isdisjoint(middle):
                taken.update(range(first, first + len(take.loud)))
                shift = (where - take.begin) * _STEP_SECONDS
                words += [replace(w, start=max(0.0, w.start + shift), end=max(0.0, w.end + shift)) for w in take.words]
        return tuple(sorted(words, key=lambda word: word.start))


def _loudness(samples: bytes, rate: int) -> list[float]:
    """The root of the mean square of each step, on a scale that is nearer to the ear than the plain one."""
    values = array("h", samples[: len(samples) // 2 * 2])
    size = max(1, round(rate * _STEP_SECONDS))
    steps = (values[at : at + size : 4] for at in range(0, len(values) - size + 1, size))
    return [sqrt(sqrt(sum(value * value for value in step) / len(step))) for step in steps]


def _sounding(loud: list[float]) -> tuple[int, int]:
    """The first and last step that is no silence."""
    threshold = max(loud, default=0.0) * 0.15
    steps = [at for at, value in enumerate(loud) if value > threshold]
    return (steps[0], steps[-1] + 1) if steps else (0, 0)


def _best(where: list[float], what: tuple[float, ...]) -> tuple[float, int]:
    """The highest correlation of a piece within a longer one, and where."""
    size = len(what)
    if size > len(where) + _EDGE or size < _EDGE:
        return 0.0, 0
    where = [*([0.0] * _EDGE), *where, *([0.0] * _EDGE)]
    mean = sum(what) / size
    flat = [value - mean for value in what]
    power = sqrt(sum(value * value for value in flat))
    best = (0.0, 0)
    for at in range(len(where) - size + 1):
        part = where[at : at + size]
        middle = sum(part) / size
        spread = sqrt(max(1e-9, sum(value * value for value in part) - size * middle * middle))
        score = sum(a * b for a, b in zip(flat, part, strict=True)) / (power * spread) if power else 0.0
        best = max(best, (score, at - _EDGE))
    return best
