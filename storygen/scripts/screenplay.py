"""The part that Markdown and LOG scripts share: labelled rows, stage directions and on-screen blocks become scenes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from storygen.scripts.base import UNTITLED, Issue, Row, warning
from storygen.scripts.blocks import Block, block_of, spoken_lines
from storygen.scripts.cleaning import squeeze
from storygen.scripts.drafts import Draft, screen_lines
from storygen.scripts.given import Link, cut_links, is_file, named
from storygen.scripts.labels import HEADER, PRINTED, STRUCTURE, Label, Role, cast, clock, parse_label
from storygen.scripts.moods import named_mood
from storygen.story import Script

_FENCE = ("```", "~~~")
_DIRECTION = re.compile(r"[*_]{0,2}(?:\((?P<round>.*)\)|\[(?P<square>.*)\])[*_]{0,2}[.]?")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,4})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a script without a label is understood.

    `names_speak`: an unknown name before a colon speaks what follows. `plain_speaks`: text without a label is
    narration. `blank_ends`: an empty row ends what a label began.
    """

    names_speak: bool
    plain_speaks: bool
    blank_ends: bool


class Screenplay:
    """Reads the rows of a script one after the other; `script` is what they came to."""

    def __init__(self, dialect: Dialect, text: Sequence[Row], issues: list[Issue]) -> None:
        self.header: dict[Role, str] = {}
        self.drafts: list[Draft] = []
        self._dialect = dialect
        self._issues = issues
        self._cast = cast(text)
        self._block: Block | None = None
        self._fence = ""
        self._fence_row = 0
        self._is_headed = False

    @property
    def is_fenced(self) -> bool:
        """Whether the next row stands between two fences."""
        return bool(self._fence)

    @property
    def is_on_screen(self) -> bool:
        """Whether the next row continues a block of on-screen text that no empty row has interrupted."""
        return self._block is not None and self._block.role is Role.SCREEN and not self._block.gap

    def open(self, row: int, title: str, *, subtitle: str = "", seconds: float | None = None) -> None:
        """Begin a scene under a heading."""
        self._flush()
        self._is_headed = True
        self.drafts.append(Draft(row=row, title=squeeze(title), subtitle=squeeze(subtitle), seconds=seconds))

    def feed(self, row: Row) -> None:
        """Take a row that is not a heading."""
        text = row.text.strip()
        if self._fenced(row, text):
            return
        if not text:
            self._blank()
            return
        plain, links = cut_links(row.text)
        if links:
            row = self._given(replace(row, text=plain), links)
            text = row.text.strip()
            if not text:
                return
        label = parse_label(row.text)
        if self._block and self._block.role is Role.SCREEN and not self._ends_screen(label):
            self._block.rows.append(row.text)
        elif label and (label.role or self._speaks(label, row.number)):
            self._begin(label, row.number)
        elif direction := _DIRECTION.fullmatch(text):
            self._flush()
            self._draft(row.number).directions.append(squeeze(direction["round"] or direction["square"] or ""))
        elif text.startswith("(") and ")" not in text:
            self._start(Block(role=Role.DIRECTION, rows=[text[1:]]), row.number)
        else:
            self._plain(row)

    def _given(self, row: Row, links: Sequence[Link]) -> Row:
        """Take what the image links of a row name, and return what is left to read of it."""
        label = parse_label(row.text)
        spoken = label is not None and label.role in {Role.NARRATION, Role.AUDIO, Role.DIALOGUE}
        for link in links:
            self._give(link, row.number, spoken=spoken)
        led_there = label is not None and not label.rest and label.role in {Role.PICTURE, Role.FILE}
        return replace(row, text="") if led_there else row

    def _give(self, link: Link, row: int, *, spoken: bool = False) -> None:
        """Give the scene a file; where it shows or plays one already, and after words without headings, another one."""
        self._flush()
        draft, given = self._draft(row), named(link.name, spoken=spoken)
        follows = not given.sound and not self._is_headed and bool(draft.lines or draft.on_screen)
        if follows or draft.is_taken(given):
            draft = Draft(row=row)
            self.drafts.append(draft)
        draft.take(given)
        if link.words and not given.sound:
            draft.picture.append(link.words)

    def close(self) -> None:
        """Take the last row as read."""
        self._flush()
        if self._fence:
            self._issues.append(warning(self._fence_row, "this fence is not closed", f"end it with {self._fence}"))

    def script(self, *, title: str, language: str) -> Script:
        """The script after `close`; `title` and `language` stand in where the text names none."""
        for draft in self.drafts:
            self._issues.extend(draft.doubts())
        return Script(
            title=self.header.get(Role.TITLE) or title or UNTITLED,
            scenes=tuple(draft.scene() for draft in self.drafts),
            language=self.header.get(Role.LANGUAGE) or language,
            tone=self.header.get(Role.TONE, ""),
            logline=self.header.get(Role.LOGLINE, ""),
        )

    def _fenced(self, row: Row, text: str) -> bool:
        if self._fence:
            if text.startswith(self._fence) and not text.strip("`~"):
                self._fence = ""
                self._flush()
            elif self._block:
                self._block.rows.append(row.text)
            return True
        if not text.startswith(_FENCE):
            return False
        if not (self._block and self._block.role is Role.SCREEN and not any(self._block.rows)):
            self._start(Block(role=Role.SCREEN, rows=[]), row.number)
        self._fence, self._fence_row = text[:3], row.number
        return True

    def _blank(self) -> None:
        block = self._block
        if block is None or not any(block.rows):
            return
        block.gap = True
        if block.role is Role.PICTURE or self._dialect.blank_ends:
            self._flush()
        else:
            block.rows.append("")

    def _ends_screen(self, label: Label | None) -> bool:
        block = self._block
        if label is None or block is None:
            return False
        if label.role is Role.FILE:
            return label.bold or (block.gap and is_file(label.rest))
        if label.role in STRUCTURE and not label.guessed:
            return label.bold or label.name[0].isupper() or block.gap
        if label.role is None and label.is_capitals and label.name not in PRINTED:
            return block.inline or label.name in self._cast
        return label.bold and label.is_name

    def _speaks(self, label: Label, row: int) -> bool:
        """Whether an unknown label is a name; what cannot be known is said."""
        if not label.is_name:
            return False
        quoted = label.rest[:1] in {'"', "“", "«"}
        sure = label.is_capitals or label.bold or quoted or self._cast[label.name] > 1
        if not self._dialect.names_speak and not quoted:
            message = f"unknown label “{label.name}”, kept as a stage direction"
            self._issues.append(warning(row, message, f"if {label.name} speaks, put the words in quotes"))
        elif not sure:
            message = f"“{label.name}” is taken for somebody who speaks"
            self._issues.append(warning(row, message, f"write {label.name.upper()}: for a speaker, or avoid the colon"))
        return True

    def _begin(self, label: Label, row: int) -> None:
        if label.guessed:
            message = f"unknown label “{label.name}”, read as “{label.guessed}”"
            self._issues.append(warning(row, message, f"write {label.guessed.capitalize()}:"))
        if label.role in {Role.MOOD, Role.SECONDS} or label.role in HEADER:
            self._flush()
            self._note(label, row)
        elif label.role is Role.FILE:
            self._give(Link(name=label.rest.strip("\"'`“”"), words=""), row)
        elif label.role is None and not self._dialect.names_speak and label.rest[:1] not in {'"', "“", "«"}:
            self._start(Block(role=Role.DIRECTION, rows=[f"{label.name}: {label.rest}"]), row)
        else:
            self._start(block_of(label), row)
            if label.role is Role.AUDIO and not label.arguments and label.rest and label.rest[0] not in '"“«(':
                hint = "write Narration: for words and Sound: for sounds"
                self._issues.append(warning(row, "this audio is taken for words that are spoken", hint))

    def _note(self, label: Label, row: int) -> None:
        """Take a label that holds one value, for the scene or, before the first, for the script."""
        value = squeeze(label.rest)
        in_scene = bool(self.drafts)
        if label.role is Role.MOOD or (label.role is Role.TONE and in_scene):
            draft = self._draft(row)
            draft.mood = named_mood(value)
            if draft.mood is None:
                hint = "one of neutral, calm, joyful, wonder, mysterious, tense, dark, melancholy"
                self._issues.append(warning(row, f"unknown mood “{value}”, guessed from the words", hint))
        elif label.role is Role.SECONDS and in_scene:
            self.drafts[-1].seconds = self._seconds(value, row)
        elif label.role in {Role.TITLE, Role.SUBTITLE} and in_scene:
            draft = self.drafts[-1]
            draft.title, draft.subtitle = (value, draft.subtitle) if label.role is Role.TITLE else (draft.title, value)
        elif label.role is Role.LANGUAGE and not _LANGUAGE.fullmatch(value):
            self._issues.append(warning(row, f"“{value}” is no code of a language", "write en, de or pt-BR"))
        elif label.role is not None and value:
            self.header.setdefault(label.role, value)

    def _seconds(self, value: str, row: int) -> float | None:
        seconds = clock(value)
        if not seconds or seconds > 3600:
            self._issues.append(warning(row, f"“{value}” is no length of a scene", "write 8 s or 0:08"))
            return None
        return seconds

    def _plain(self, row: Row) -> None:
        if self._block:
            self._block.rows.append(row.text)
            if self._block.role is Role.DIRECTION and row.text.strip().endswith(")"):
                self._flush()
            return
        if not self._dialect.plain_speaks:
            message = "text without a label, read as narration"
            self._issues.append(warning(row.number, message, "write Narration: before it"))
        elif not self.drafts:
            message = "text before the first scene becomes a scene"
            self._issues.append(warning(row.number, message, "give it a ## heading"))
        self._start(Block(role=Role.NARRATION, rows=[row.text]), row.number)

    def _start(self, block: Block, row: int) -> None:
        self._flush()
        draft = self._draft(row)
        if block.role is Role.PICTURE and not self._is_headed and (draft.lines or draft.on_screen):
            self.drafts.append(Draft(row=row))
        self._block = block

    def _draft(self, row: int) -> Draft:
        if not self.drafts:
            self.drafts.append(Draft(row=row))
        return self.drafts[-1]

    def _flush(self) -> None:
        block, self._block = self._block, None
        if block is None:
            return
        draft = self.drafts[-1]
        if block.role is Role.SCREEN:
            draft.on_screen.extend(screen_lines(block.rows))
        elif block.role is Role.PICTURE:
            draft.picture.append(squeeze(" ".join(block.rows)))
        elif block.role is Role.DIRECTION:
            told = squeeze(" ".join(block.rows)).removesuffix(")")
            draft.directions.extend([told] if told else [])
        else:
            draft.lines.extend(spoken_lines(block))
