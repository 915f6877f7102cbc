"""When words are heard and which: what a listener heard is held against what is written; or times are estimated."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise

from storygen.quality.spoken import fit
from storygen.story import Line, Word

_BLOCK = 0.01  # seconds of a place of an envelope
_QUIET = 0.02  # of the loudest
_PAUSE = 0.12  # seconds of quiet that lie between words
_NEAR = 1.0  # seconds within which a pause belongs to a comma or a full stop
_SHORTEST = 0.005
# Writings without spaces between words are compared letter by letter.
_TOKEN = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:['\u2019][^\W_]+)*")

_Anchor = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What a listener's words say of what is written.

    `words` are all written words with their times; `heard_share` says how many of them were heard, the others lie
    between them; `error_rate` is the word error rate: wrong, missing and added words by written ones.
    """

    words: tuple[Word, ...]
    heard_share: float
    error_rate: float


def compare(lines: Sequence[Line], heard: Sequence[Word], language: str, seconds: float) -> Hearing:
    """Find the written words among those that were heard in a sound of `seconds`.

    Case, punctuation and how numbers are written make no difference. Needs jiwer; raises `ImportError` without it.
    """
    written = _written(lines)
    asked = [(token, index) for index, (_, text) in enumerate(written) for token in _tokens(text, language)]
    told = [timed for word in heard for timed in _timed(word, language)]
    if not asked or not told:
        return Hearing(words=_placed(written, [], seconds), heard_share=0.0, error_rate=1.0 if asked else 0.0)
    pairs, error_rate = _paired([token for token, _ in asked], [token for token, _, _ in told])
    slots: dict[int, tuple[float, float]] = {}
    for mine, theirs in pairs:
        index, (_, start, end) = asked[mine][1], told[theirs]
        before = slots.get(index)
        slots[index] = (before[0], end) if before else (start, end)
    spoken = len({index for _, index in asked})
    words = _placed(written, _anchors(written, slots), seconds)
    return Hearing(words=words, heard_share=len(slots) / spoken, error_rate=error_rate)


def estimate(lines: Sequence[Line], loud: Sequence[int], seconds: float) -> tuple[Word, ...]:
    """Times by the length of the words, over the stretches that can be heard; `loud` is the sound's envelope.

    Pauses are taken for the commas and full stops nearest to where they would lie.
    """
    written = _written(lines)
    ends = list(accumulate(_weight(text) for _, text in written))
    voiced = _voiced(loud)
    if not voiced or not ends:
        return _placed(written, [], seconds)
    left = sum(stop - start for start, stop in voiced)
    anchors: list[_Anchor] = [(0.0, voiced[0][0])]
    spent, done, latest = 0.0, 0.0, -1
    for (start, stop), (following, _) in pairwise(voiced):
        spent += stop - start
        rate = (ends[-1] - done) / left
        border = _border(written, ends, done + spent * rate, rate * _NEAR, latest)
        if border is not None:
            anchors += [(ends[border], stop), (ends[border], following)]
            left, spent, done, latest = left - spent, 0.0, ends[border], border
    return _placed(written, [*anchors, (ends[-1], voiced[-1][1])], seconds)


def _written(lines: Sequence[Line]) -> list[tuple[int, str]]:
    return [(index, text) for index, line in enumerate(lines) for text in line.text.split()]


def _tokens(text: str, language: str) -> list[str]:
    """A word as it is compared: numbers as they are spoken, without case and apostrophes."""
    if any(letter.isdigit() for letter in text):
        text = next((after for _, _, after in reversed(fit(text, language))), text)
    return [re.sub(r"['\u2019]", "", token).casefold() for token in _TOKEN.findall(text)]


def _timed(word: Word, language: str) -> list[tuple[str, float, float]]:
    """The tokens of a heard word; they share its time evenly."""
    tokens = _tokens(word.text, language)
    each = (word.end - word.start) / max(1, len(tokens))
    return [(token, word.start + place * each, word.start + (place + 1) * each) for place, token in enumerate(tokens)]


def _paired(asked: list[str], told: list[str]) -> tuple[list[tuple[int, int]], float]:
    """Which token is which, by the fewest changes, and the share of changes."""
    import jiwer

    result = jiwer.process_words(" ".join(asked), " ".join(told))
    pairs = [
        (chunk.ref_start_idx + offset, chunk.hyp_start_idx + offset)
        for chunk in result.alignments[0]
        if chunk.type in {"equal", "substitute"}
        for offset in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]
    return pairs, float(result.wer)


def _weight(text: str) -> float:
    """About how long a word takes, in letters."""
    return 1.0 + sum(6.0 if letter.isdigit() else 1.0 for letter in text if letter.isalnum())


def _anchors(written: Sequence[tuple[int, str]], slots: dict[int, tuple[float, float]]) -> list[_Anchor]:
    """The places of heard words on the way through the text, by weight, and their times."""
    ends = [0.0, *accumulate(_weight(text) for _, text in written)]
    return [
        anchor
        for index, (start, end) in sorted(slots.items())
        if end - start >= _SHORTEST
        for anchor in ((ends[index], start), (ends[index + 1], end))
    ]


def _placed(written: Sequence[tuple[int, str]], anchors: Iterable[_Anchor], seconds: float) -> tuple[Word, ...]:
    """Every word with its time: between two anchors it goes on evenly, at an anchor with two times there is a pause."""
    borders = [0.0, *accumulate(_weight(text) for _, text in written)]
    fixed = _rising(anchors, borders[-1], seconds)
    places = [place for place, _ in fixed]
    words = []
    for index, (line, text) in enumerate(written):
        start = _at(fixed, bisect_right(places, borders[index]) - 1, borders[index])
        end = _at(fixed, bisect_left(places, borders[index + 1]) - 1, borders[index + 1])
        words.append(Word(text=text, start=start, end=end, line=line))
    return tuple(words)


def _rising(anchors: Iterable[_Anchor], last: float, seconds: float) -> list[_Anchor]:
    """The anchors that go forwards in both, from the beginning to the end of the text."""
    kept: list[_Anchor] = []
    for place, time in anchors:
        before = kept[-1] if kept else (0.0, 0.0)
        needed = (place - before[0]) * _SHORTEST
        rest = (last - place) * _SHORTEST
        if time >= before[1] + needed and time + rest <= seconds:
            kept.append((place, time))
    if not kept or kept[0][0] > 0:
        kept.insert(0, (0.0, 0.0))
    if kept[-1][0] < last:
        kept.append((last, seconds))
    return kept


def _at(fixed: Sequence[_Anchor], left: int, place: float) -> float:
    """The time of a place, on the line between the anchors `left` and the next."""
    (from_place, from_time), (to_place, to_time) = fixed[left], fixed[min(left + 1, len(fixed) - 1)]
    if to_place <= from_place:
        return from_time
    return from_time + (to_time - from_time) * (place - from_place) / (to_place - from_place)


def _voiced(loud: Sequence[int]) -> list[tuple[float, float]]:
    """Start and end of each stretch that can be heard; quiet that is too short to lie between words belongs to it."""
    limit = _QUIET * max(loud, default=0)
    stretches: list[tuple[float, float]] = []
    place = 0
    for is_loud, blocks in groupby(loud, key=lambda value: value > limit):
        start, place = place, place + sum(1 for _ in blocks)
        if not is_loud:
            continue
        if stretches and start * _BLOCK - stretches[-1][1] < _PAUSE:
            stretches[-1] = (stretches[-1][0], place * _BLOCK)
        else:
            stretches.append((start * _BLOCK, place * _BLOCK))
    return stretches


def _border(
    written: Sequence[tuple[int, str]], ends: Sequence[float], place: float, near: float, after: int
) -> int | None:
    """The word behind which a pause lies that would lie at `place`; None where none is near."""
    close = [index for index in range(after + 1, len(ends) - 1) if abs(ends[index] - place) <= near]
    stops = [
        index
        for index in close
        if written[index][1][-1:] in ".,;:!?\u2026\u2014" or written[index][0] != written[index + 1][0]
    ]
    return min(stops or close, key=lambda index: abs(ends[index] - place), default=None)
