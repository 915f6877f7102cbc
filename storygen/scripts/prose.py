"""Prose into scenes: by paragraphs and length, and never through a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from storygen.scripts.base import UNTITLED, Issue, Row, warning
from storygen.scripts.cleaning import count_words
from storygen.scripts.moods import guess_mood
from storygen.story import Line, Scene, Script

FEWEST, MOST = 20, 45
_WINDOW = 2 * MOST
_BREATHLESS = 80
_END = re.compile(r"([.!?…؟\u06d4।]+[\"'”’»)\]*_]*)\s+|([。\uff01\uff1f]+[」』”]*)\s*")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“‘])(?:[^\W\d_]|mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|mt|capt|col|gen|lt|sgt|rev|hon|fig|approx|e\.g|i\.e|"
    r"a\.m|p\.m|u\.s)\.$",
    re.IGNORECASE,
)
_HEADING = re.compile(r"(#{1,6})\s+(.+)")
_UNDERLINE = re.compile(r"(={3,}|-{3,})")
_LONGEST_BREAK = 200
_BREAK = re.compile(r"(?:[*_~#•—–-]\s*){3,}|[#⁂*]")
_OPENS_LIST_OR_SPEECH = re.compile(r"\s*(?:[-+*•]\s|\d{1,3}[.)]\s|[–—]\s?\S)")


@dataclass(slots=True)
class _Part:
    """What stands under one heading or between two breaks: paragraphs, each of several rows."""

    title: str = ""
    paragraphs: list[list[Row]] = field(default_factory=lambda: [[]])


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    words: int
    row: int
    ends_paragraph: bool


def read_prose(text: Sequence[Row], issues: list[Issue], *, language: str) -> Script:
    """The script of a prose text: its title from the first heading or short first line, scenes of 20 to 45 words."""
    title, body = _title(text)
    parts = _parts(body)
    scenes = [scene for part in parts for scene in _scenes(part, issues)]
    if not title:
        title = _first_words(scenes)
        issues.append(
            warning(text[0].number, f"no title, so it is called “{title}”", "put a short line or `# Title` first")
        )
    return Script(title=title, scenes=tuple(scenes), language=language)


def sentences(text: str) -> list[str]:
    """The sentences of a text, which joined by spaces are the text; where an end is in doubt, it is none."""
    found, start = [], 0
    for end in _END.finditer(text):
        following = text[end.end() : end.end() + 1]
        if end[1] and (
            following.islower() or (end[1] == "." and _ABBREVIATION.search(text, max(0, end.end(1) - 10), end.end(1)))
        ):
            continue
        found.append(text[start : end.end()].strip())
        start = end.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


def _title(text: Sequence[Row]) -> tuple[str, Sequence[Row]]:
    """The title and the rows after it; without one the title is empty and all rows are left."""
    first = next(place for place, row in enumerate(text) if row.text.strip())
    line, after = text[first].text.strip(), text[first + 1 :]
    if not any(any(map(str.isalnum, row.text)) for row in after):
        return "", text
    if heading := _HEADING.fullmatch(line):
        return _unmarked(heading[2]), after
    if after and _UNDERLINE.fullmatch(after[0].text.strip()):
        return _unmarked(line), after[1:]
    alone = not after[0].text.strip()
    short = (
        len(line) <= 70 and count_words(line) <= 10 and not line.endswith((".", "!", "?", "…", ",", ";", ":", '"', "”"))
    )
    named = re.fullmatch(r"(?i)title\s*:\s*(.+)", line)
    if named:
        return _unmarked(named[1]), after
    return (_unmarked(line), after) if alone and short and any(map(str.isalnum, line)) else ("", text)


def _unmarked(text: str) -> str:
    return text.strip().rstrip("# ").strip("*_").strip()


def _first_words(scenes: Sequence[Scene]) -> str:
    words = scenes[0].spoken.split()[:6] if scenes else []
    return " ".join(words)[:60].rstrip(",;:.!?…-–— ") or UNTITLED


def _parts(text: Sequence[Row]) -> list[_Part]:
    """The text at its headings and breaks; a list entry, and a line so long that nobody wrapped it, is a paragraph."""
    parts = [_Part()]
    unwrapped = any(len(row.text) > 110 for row in text)
    for place, row in enumerate(text):
        line = row.text.strip()
        under_line = place > 0 and bool(text[place - 1].text.strip()) and _UNDERLINE.fullmatch(line)
        if heading := _HEADING.fullmatch(line):
            parts.append(_Part(title=_unmarked(heading[2])))
        elif under_line and len(parts[-1].paragraphs[-1]) == 1:
            parts.append(_Part(title=_unmarked(parts[-1].paragraphs.pop()[0].text)))
        elif len(line) <= _LONGEST_BREAK and _BREAK.fullmatch(line):
            parts.append(_Part())
        elif not line:
            parts[-1].paragraphs.append([])
        else:
            if unwrapped or _OPENS_LIST_OR_SPEECH.match(row.text):
                parts[-1].paragraphs.append([])
            parts[-1].paragraphs[-1].append(row)
    return _joined(parts)


def _joined(parts: list[_Part]) -> list[_Part]:
    """Parts that hold something; a heading without text of its own leads the title of the next."""
    kept: list[_Part] = []
    waiting: list[str] = []
    for part in parts:
        part.paragraphs = [rows for rows in part.paragraphs if rows]
        if not part.paragraphs:
            waiting += [part.title] if part.title else []
            continue
        part.title = " – ".join([*waiting, part.title] if part.title else waiting)
        waiting = []
        kept.append(part)
    if waiting:
        kept.append(_Part(paragraphs=[[Row(number=0, text=title)] for title in waiting]))
    return kept


def _scenes(part: _Part, issues: list[Issue]) -> Iterator[Scene]:
    found = [
        _Sentence(text, count_words(text), paragraph[0].number, place == len(texts) - 1)
        for paragraph in part.paragraphs
        for texts in [sentences(" ".join(" ".join(row.text for row in paragraph).split()))]
        for place, text in enumerate(texts)
    ]
    start = 0
    for number, end in enumerate(_cuts(found)):
        chosen = found[start:end]
        words = sum(sentence.words for sentence in chosen)
        if words > _BREATHLESS:
            message = f"a sentence of this paragraph has {words} words, too long for a breath or for one picture"
            issues.append(warning(chosen[0].row, message, "end it earlier"))
        lines = tuple(Line(text=text) for text in _by_paragraph(chosen))
        yield Scene(title="" if number else part.title, lines=lines, mood=guess_mood(*(line.text for line in lines)))
        start = end


def _by_paragraph(chosen: Sequence[_Sentence]) -> Iterator[str]:
    texts: list[str] = []
    for sentence in chosen:
        texts.append(sentence.text)
        if sentence.ends_paragraph:
            yield " ".join(texts)
            texts = []
    if texts:
        yield " ".join(texts)


def _cuts(found: Sequence[_Sentence]) -> list[int]:
    """After which sentences a scene ends, so that the sum of `_cost` is least; inside a paragraph it costs more."""
    best = [0.0] + [float("inf")] * len(found)
    cut = [0] * (len(found) + 1)
    for end in range(1, len(found) + 1):
        words = 0
        price = 0.0 if found[end - 1].ends_paragraph else 0.5
        for start in range(end - 1, -1, -1):
            words += max(1, found[start].words)
            if words > _WINDOW and start < end - 1:
                break
            total = best[start] + _cost(words) + price
            if total < best[end]:
                best[end], cut[end] = total, start
    ends, end = [], len(found)
    while end:
        ends.append(end)
        end = cut[end]
    return ends[::-1]


def _cost(words: int) -> float:
    """How ill a scene of so many words sits: next to nothing between 20 and 45, growing with the square outside."""
    outside = max(FEWEST - words, words - MOST, 0)
    return (outside / 10) ** 2 + abs(words - 32) / 100
