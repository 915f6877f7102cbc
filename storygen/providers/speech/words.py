"""When each written word is heard, from what an engine says about positions in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

SLOT = 0.02
_QUIET = 0.02
_BLOCKS_PER_SECOND = 100


def spans(text: str) -> list[tuple[int, int]]:
    """First character and end of each whitespace-separated word."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def anchors(text: str, events: Sequence[tuple[int, float]], seconds: float) -> list[float | None]:
    """The start of each written word in seconds, None where it makes no sound of its own.

    `events` are (character, seconds). Engines break words as they are spoken, not as they are written ("1984" has three
    events, "didn't" ends early): the first event inside a word, or in the space behind it, is its start.
    """
    words = spans(text)
    starts: list[float | None] = [None] * len(words)
    latest = -1.0
    place = 0
    for character, at in events:
        if not words or character < words[0][0]:
            continue
        if character < words[place][0]:
            continue  # the engine looked back; what it said there is part of a word that has begun
        while place + 1 < len(words) and character >= words[place + 1][0]:
            place += 1
        if starts[place] is None and latest < at < seconds:
            starts[place] = latest = max(0.0, at)
    return starts


def ends(starts: Sequence[float | None], loud: Sequence[int], seconds: float) -> list[float | None]:
    """The end of each word that is heard: where the sound before the next one dies away.

    `loud` is the peak of each hundredth of a second.
    """
    found: list[float | None] = [None] * len(starts)
    limit = _QUIET * max(loud, default=0)
    following = seconds
    for index in reversed(range(len(starts))):
        start = starts[index]
        if start is None:
            continue
        last = min(len(loud), int(following * _BLOCKS_PER_SECOND))
        while last > int(start * _BLOCKS_PER_SECOND) + 3 and loud[last - 1] <= limit:
            last -= 1
        found[index] = min(following, max(last / _BLOCKS_PER_SECOND, start + 0.03))
        following = start
    return found


def fill(starts: Sequence[float | None], stops: Sequence[float | None], seconds: float) -> list[tuple[float, float]]:
    """A start and an end for every word: those without a sound get a short slot between their neighbours.

    Every start lies before its end, and no word begins before the one before it has ended.
    """
    heard = [(index, start) for index, start in enumerate(starts) if start is not None]
    if not heard:
        slot = min(SLOT, seconds / max(1, len(starts)))
        return [(index * slot, (index + 1) * slot) for index in range(len(starts))]
    slots, begin = _before(heard[0][0], heard[0][1], stops[heard[0][0]] or seconds)
    heard[0] = (heard[0][0], max(heard[0][1], begin))
    for (index, start), (following, limit) in pairwise([*heard, (len(starts), seconds)]):
        silent = following - index - 1
        slot = min(SLOT, (limit - start) / (silent + 1) / 2)
        stop = min(max(stops[index] or limit, start + slot), limit - silent * slot)
        slots.append((start, stop))
        slots += [(stop + number * slot, min(limit, stop + (number + 1) * slot)) for number in range(silent)]
    return slots


def _before(count: int, start: float, stop: float) -> tuple[list[tuple[float, float]], float]:
    """Slots for words without a sound before the first with one, and where that one may begin at the earliest."""
    slot = min(SLOT, (stop - start) / (count + 1) / 2)
    begin = max(0.0, start - count * slot)
    return [(begin + place * slot, begin + (place + 1) * slot) for place in range(count)], begin + count * slot
