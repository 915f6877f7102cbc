"""Words with times cut into subtitles: where to break, when to show, for how long.

The rules are those of broadcasters (Netflix timed text style guide, BBC subtitle guidelines): few characters a line and
a second, breaks by sense, lines of like length, no cue over the next. Times come out in whole hundredths of a second,
which every format of subtitles can hold.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, combinations, pairwise

from storygen.media.phrasing import break_cost, ends_sentence
from storygen.settings import SubtitleSettings
from storygen.story import NARRATOR, Cue, Line, Word

SHORTEST_SECONDS = 0.8
LONGEST_SECONDS = 7.0
_LINGER_SECONDS = 0.35
_CLOSE_GAP_SECONDS = 0.3
_ROUNDING = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a cue may hold: columns a line (wide characters take two), lines, and characters a second."""

    columns: int
    lines: int
    speed: float

    @classmethod
    def from_settings(cls, settings: SubtitleSettings, columns: int) -> Limits:
        """The settings' limits, with no more than `columns` a line."""
        columns = min(settings.max_characters, columns)
        return cls(columns=columns, lines=settings.max_lines, speed=settings.max_characters_per_second)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A cue without times."""

    words: tuple[Word, ...]
    lines: tuple[str, ...]

    @property
    def characters(self) -> int:
        return sum(map(len, self.lines)) + len(self.lines) - 1


def cut(words: Sequence[Word], lines: Sequence[Line], seconds: float, limits: Limits) -> tuple[Cue, ...]:
    """Cut the words of a scene that lasts `seconds` into cues.

    A speaker other than the narrator is named where he or she begins ("Ada: …"), and no cue holds two speakers. The
    limit of characters a second holds wherever the scene is long enough for all that is said in it; cues then begin a
    little before or after their words, as little as possible (least squares). Elsewhere all are equally fast.
    """
    drafts = [draft for group in _groups(words, lines) for draft in _drafts(group, lines, limits)]
    return _timed(drafts, seconds, limits)


def shift(cues: Sequence[Cue], seconds: float) -> tuple[Cue, ...]:
    """The cues `seconds` later, as they stand in the film."""
    return tuple(
        replace(
            cue,
            start=round(cue.start + seconds, 2),
            end=round(cue.end + seconds, 2),
            words=tuple(replace(word, start=word.start + seconds, end=word.end + seconds) for word in cue.words),
        )
        for cue in cues
    )


def columns_of(text: str) -> int:
    """How much room a text takes in a line: two columns for wide characters."""
    if text.isascii():
        return len(text)
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def _groups(words: Sequence[Word], lines: Sequence[Line]) -> Iterator[list[Word]]:
    """The words of one speaker after the other."""
    group: list[Word] = []
    for word in words:
        if group and _speaker(lines, word) != _speaker(lines, group[-1]):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _speaker(lines: Sequence[Line], word: Word) -> str:
    return lines[word.line].speaker if word.line < len(lines) else NARRATOR


def _drafts(group: Sequence[Word], lines: Sequence[Line], limits: Limits) -> list[_Draft]:
    """The cheapest way to cut one speaker's words, found by dynamic programming over the places to break."""
    label = _label(_speaker(lines, group[0]), limits.columns)
    taken = columns_of(label) + 1 if label and limits.lines == 1 else 0
    words = [piece for word in group for piece in _pieces(word, limits.columns - taken * (word is group[0]))]
    best: list[tuple[float, int, tuple[str, ...]]] = [(0.0, 0, ())]
    for end in range(1, len(words) + 1):
        options = []
        for begin in range(end - 1, -1, -1):
            prefix = label if begin == 0 else ""
            if begin < end - 1 and not _fits(words[begin:end], prefix, limits):
                break
            cost, found = _layout(words[begin:end], prefix, limits)
            options.append((best[begin][0] + cost + _cost(words, begin, end), begin, found))
        best.append(min(options))
    drafts: list[_Draft] = []
    end = len(words)
    while end:
        _, begin, found = best[end]
        drafts.append(_Draft(words=tuple(words[begin:end]), lines=found))
        end = begin
    return drafts[::-1]


def _label(speaker: str, columns: int) -> str:
    """What names a speaker before the words; nothing for the narrator."""
    name = " ".join(_visible(speaker).split())
    if not name or name.casefold() == NARRATOR:
        return ""
    most = columns // 2
    return f"{name}:" if columns_of(name) < most else f"{next(_broken(name, most - 2)).rstrip()}…:"


def _pieces(word: Word, columns: int) -> list[Word]:
    """The word, in pieces with a share of its time each where it is longer than a line; none where it is invisible."""
    text = _visible(word.text)
    texts = list(_broken(text, columns)) if columns_of(text) > columns else [text] * bool(text.strip())
    share = (word.end - word.start) / max(1, sum(map(len, texts)))
    pieces: list[Word] = []
    start = word.start
    for piece in texts:
        end = start + share * len(piece)
        pieces.append(replace(word, text=piece, start=start, end=end))
        start = end
    return pieces


def _visible(text: str) -> str:
    """The text without control characters, and with a sign for what no file can hold."""
    if text.isprintable():
        return text
    kept = (letter for letter in text if unicodedata.category(letter) != "Cc")
    return "".join("\ufffd" if unicodedata.category(letter) == "Cs" else letter for letter in kept)


def _broken(text: str, columns: int) -> Iterator[str]:
    """Pieces of at most `columns`: after punctuation in the later half where there is any; marks stay with letters."""
    piece = ""
    for letter in text:
        if piece and columns_of(piece + letter) > columns:
            place = _place(piece, letter)
            yield piece[:place]
            piece = piece[place:]
        piece += letter
    yield piece


def _place(piece: str, letter: str) -> int:
    """Where to break a full piece that `letter` follows."""
    signs = [at + 1 for at, sign in enumerate(piece[:-1]) if not sign.isalnum() and not unicodedata.combining(sign)]
    if signs and signs[-1] >= len(piece) // 2 and not unicodedata.combining(piece[signs[-1]]):
        return signs[-1]
    if not unicodedata.combining(letter):
        return len(piece)
    bases = [at for at, sign in enumerate(piece) if at and not unicodedata.combining(sign)]
    return bases[-1] if bases else len(piece)


def _fits(words: Sequence[Word], label: str, limits: Limits) -> bool:
    """Whether the words fill no more than the lines there are, and do not stand for too long."""
    if words[-1].end - words[0].start > LONGEST_SECONDS:
        return False
    count, used = 1, 0
    for text in _tokens(words, label):
        width = columns_of(text)
        if used and used + 1 + width > limits.columns:
            count, used = count + 1, width
        else:
            used += width + bool(used)
    return count <= limits.lines


def _tokens(words: Sequence[Word], label: str) -> list[str]:
    return [*label.split(), *(word.text for word in words)]


def _cost(words: Sequence[Word], begin: int, end: int) -> float:
    """How bad it is to show words[begin:end] as one cue."""
    cost = 2.0 + (break_cost(words[end - 1].text, words[end].text) if end < len(words) else 0.0)
    until = words[end].start if end < len(words) else words[end - 1].end + 1.0
    cost += 6.0 * max(0.0, SHORTEST_SECONDS - (until - words[begin].start))
    for left, right in pairwise(words[begin:end]):
        cost += 2.2 * ends_sentence(left.text) + 4.0 * max(0.0, right.start - left.end - 0.4)
    return cost


def _layout(words: Sequence[Word], label: str, limits: Limits) -> tuple[float, tuple[str, ...]]:
    """The lines of a cue, as few as hold it, broken by sense and of like length; and how bad they are."""
    tokens = _tokens(words, label)
    reach = [0, *accumulate(columns_of(token) + 1 for token in tokens)]
    for count in range(1, limits.lines + 1):
        choices = []
        for breaks in combinations(range(1, len(tokens)), count - 1):
            edges = (0, *breaks, len(tokens))
            widths = [reach[end] - reach[begin] - 1 for begin, end in pairwise(edges)]
            if max(widths) <= limits.columns:
                sense = sum(break_cost(tokens[place - 1], tokens[place]) for place in breaks)
                choices.append((0.5 * sense + 0.06 * (max(widths) - min(widths)), edges))
        if choices:
            cost, edges = min(choices)
            return cost, tuple(" ".join(tokens[begin:end]) for begin, end in pairwise(edges))
    return 100.0, (" ".join(tokens),)


def _timed(drafts: Sequence[_Draft], seconds: float, limits: Limits) -> tuple[Cue, ...]:
    if not drafts:
        return ()
    seconds = math.floor(seconds * 100 + 1e-6) / 100
    needs = _needs(drafts, seconds, limits.speed)
    starts = [round(start, 2) for start in _starts([draft.words[0].start for draft in drafts], needs, seconds)]
    cues = []
    for index, draft in enumerate(drafts):
        following = starts[index + 1] if index + 1 < len(drafts) else seconds
        end = max(starts[index] + needs[index], draft.words[-1].end + _LINGER_SECONDS)
        end = following if following - end < _CLOSE_GAP_SECONDS else round(end, 2)
        cues.append(Cue(start=starts[index], end=end, lines=draft.lines, words=draft.words))
    return tuple(cues)


def _needs(drafts: Sequence[_Draft], seconds: float, speed: float) -> list[float]:
    """How long each cue has to stand: to be read, and not to flash; where time is short, less of the latter first."""
    reading = [draft.characters / speed + _ROUNDING for draft in drafts]
    spare = seconds - sum(reading)
    if spare <= 0:
        return [need * seconds / sum(reading) for need in reading]
    flashing = [max(0.0, SHORTEST_SECONDS + _ROUNDING - need) for need in reading]
    share = min(1.0, spare / sum(flashing)) if any(flashing) else 0.0
    return [need + share * more for need, more in zip(reading, flashing, strict=True)]


def _starts(wanted: Sequence[float], needs: Sequence[float], seconds: float) -> list[float]:
    """Starts as near to the wanted ones as the needs allow, within the scene.

    Less the needs of all cues before it, a start must only not be smaller than the one before: isotonic regression, by
    pooling adjacent violators (Barlow et al., 1972).
    """
    before = [0.0]
    for need in needs:
        before.append(before[-1] + need)
    pools: list[tuple[float, int]] = []
    for start, offset in zip(wanted, before, strict=False):
        total, count = start - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, others = pools.pop()
            total, count = total + more, count + others
        pools.append((total, count))
    latest = max(0.0, seconds - before[-1])
    level = [min(latest, max(0.0, total / count)) for total, count in pools for _ in range(count)]
    return [base + offset for base, offset in zip(level, before, strict=False)]
