"""A scene while it is being read, and what is made of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from storygen.scripts.base import Issue, warning
from storygen.scripts.cleaning import count_words, squeeze
from storygen.scripts.moods import guess_mood
from storygen.story import Given, Line, Mood, Scene

WORDS_PER_SECOND = 165 / 60
_OPENING, _CLOSING = "\"“„«”'‘", "\"”“»'’"
_SEVERAL = re.compile(r"(?:\"[^\"]*\"\s*)+|(?:“[^”]*”\s*)+|(?:«[^»]*»\s*)+")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»")


@dataclass(slots=True)
class Draft:
    """What was found for one scene; `row` is the line that its heading is on."""

    row: int
    title: str = ""
    subtitle: str = ""
    lines: list[Line] = field(default_factory=list)
    picture: list[str] = field(default_factory=list)
    on_screen: list[str] = field(default_factory=list)
    directions: list[str] = field(default_factory=list)
    mood: Mood | None = None
    seconds: float | None = None
    given: Given = field(default_factory=Given)

    @property
    def has_content(self) -> bool:
        """Whether anything besides its heading was found."""
        return bool(self.lines or self.picture or self.on_screen or self.directions or self.given.files)

    def scene(self) -> Scene:
        """The record of the scene; its mood is guessed where no label names it."""
        manners = [line.manner for line in self.lines]
        texts = [line.text for line in self.lines]
        return Scene(
            title=self.title,
            subtitle=self.subtitle,
            lines=tuple(self.lines),
            picture=squeeze(" ".join(self.picture)),
            on_screen=tuple(self.on_screen),
            directions=tuple(self.directions),
            mood=self.mood or guess_mood(self.title, *self.picture, *texts, *manners, *self.directions),
            seconds=self.seconds,
            given=self.given if self.given.files else None,
        )

    def is_taken(self, given: Given) -> bool:
        """Whether the scene has something of the kind already: it shows one thing and plays one thing."""
        has, asks = ((one.image or one.clip, one.sound) for one in (self.given, given))
        return any(mine and theirs for mine, theirs in zip(has, asks, strict=True))

    def take(self, given: Given) -> None:
        """Show and play what is given, too."""
        mine, more = self.given, given
        self.given = Given(image=mine.image or more.image, clip=mine.clip or more.clip, sound=mine.sound or more.sound)

    def doubts(self) -> list[Issue]:
        """What the writer of the scene may not have meant."""
        words = sum(count_words(line.text) for line in self.lines)
        spoken = words / WORDS_PER_SECOND
        if not self.has_content:
            return [warning(self.row, "there is nothing in this section", "its title stands alone on the picture")]
        if not self.lines and not self.on_screen and not (self.given.clip or self.given.sound):
            return [warning(self.row, "nothing is spoken or shown as text in this section", "its picture is held")]
        if self.seconds and spoken > self.seconds * 1.4 + 2:
            message = f"{self.seconds:g} s are planned, but the words take about {spoken:.0f} s"
            return [warning(self.row, message, "the scene lasts as long as its words")]
        return []


def utterances(texts: Sequence[str]) -> list[str]:
    """Rows of narration as what is said in one go: each quotation by itself, other rows joined up to an empty one."""
    said: list[str] = []
    waiting: list[str] = []
    is_open = False

    def close() -> None:
        if waiting:
            said.extend(_unquoted(squeeze(" ".join(waiting))))
        waiting.clear()

    for text in texts:
        row = text.strip()
        if not row or (row[0] in _OPENING[:4] and not is_open):
            close()
            is_open = bool(row)
        if row:
            waiting.append(row)
        if is_open and (len(waiting) > 1 or len(row) > 1) and row.rstrip(".,;!?")[-1:] in _CLOSING[:4]:
            close()
            is_open = False
    close()
    return [text for text in said if any(map(str.isalnum, text))]


def screen_lines(texts: Sequence[str]) -> list[str]:
    """A block of on-screen text without the indentation and the quotes that all its lines share."""
    block = list(texts)
    while block and not block[-1].strip():
        block.pop()
    while block and not block[0].strip():
        block.pop(0)
    filled = [line for line in block if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    block = [line[margin:].rstrip() for line in block]
    if filled and all(_is_quotation(line.strip()) for line in filled):
        return [line.strip()[1:-1] for line in block]
    return block


def _unquoted(text: str) -> list[str]:
    if _SEVERAL.fullmatch(text):
        return [quotation[1:-1].strip() for quotation in _QUOTED.findall(text)]
    if text[:1] == '"' and text.count('"') == 1:
        return [text[1:]]
    if text[:1] == "“" and "”" not in text:
        return [text[1:]]
    return [text[1:-1].strip()] if _is_quotation(text) else [text]


def _is_quotation(text: str) -> bool:
    """Whether one pair of quotes holds all of the text."""
    if len(text) < 3 or text[0] not in _OPENING or text[-1] not in _CLOSING:
        return False
    inside = text[1:-1]
    if text[0] == "'" or text[0] == "‘":
        return text[0] not in inside and text[-1] in "'’" and not re.search(r"['’]\s", inside)
    return not any(mark in inside for mark in {text[0], text[-1]})
