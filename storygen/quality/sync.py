"""How late the sound of a film is against the sound that it was made from, found by their loudness over time."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import pairwise
from operator import sub

RATE = 8_000
WINDOW_SECONDS = 8.0
_FURTHEST = 400  # ms
_COARSE = 10  # ms
_CERTAIN = 0.9  # of the difference without moving; what does not change tells of no time


def late(heard: bytes, meant: bytes) -> float | None:
    """Seconds by which `heard` comes after `meant`, both mono 16-bit samples at `RATE`; negative where it is early.

    The answer is to the millisecond, within 0.4 s either way. None where the sound says nothing of its time: silence,
    or a tone that does not change.
    """
    fine_heard, fine_meant = _envelope(heard), _envelope(meant)
    size = min(len(fine_heard), len(fine_meant))
    if size < 4 * _FURTHEST or not any(fine_meant):
        return None
    coarse_heard, coarse_meant = _coarser(fine_heard), _coarser(fine_meant)
    reach = _FURTHEST // _COARSE
    near = _best(coarse_heard, coarse_meant, range(-reach, reach + 1)) * _COARSE
    close = range(near - 2 * _COARSE, near + 2 * _COARSE + 1)
    best = _best(fine_heard, fine_meant, close)
    unmoved = _cost(fine_heard, fine_meant, 0)
    if best and _cost(fine_heard, fine_meant, best) > _CERTAIN * unmoved:
        return 0.0 if unmoved < 0.05 * sum(fine_meant) / len(fine_meant) else None
    return best / 1000


def _best(heard: Sequence[int], meant: Sequence[int], lags: Sequence[int]) -> int:
    return min(lags, key=lambda lag: (_cost(heard, meant, lag), abs(lag)))


def _cost(heard: Sequence[int], meant: Sequence[int], lag: int) -> float:
    """The mean difference when `heard` is moved `lag` places forwards."""
    mine, theirs = (heard[lag:], meant) if lag >= 0 else (heard, meant[-lag:])
    size = min(len(mine), len(theirs))
    difference: int = sum(map(abs, map(sub, mine[:size], theirs[:size])))
    return difference / max(1, size)


def _envelope(samples: bytes) -> list[int]:
    """The largest sample of each millisecond."""
    values = array("h", samples[: len(samples) // 2 * 2])
    step = RATE // 1000
    return [max(map(abs, values[at : at + step])) for at in range(0, len(values) - step + 1, step)]


def _coarser(fine: Sequence[int]) -> list[int]:
    edges = range(0, len(fine) + 1, _COARSE)
    return [sum(fine[begin:end]) // _COARSE for begin, end in pairwise(edges)]
