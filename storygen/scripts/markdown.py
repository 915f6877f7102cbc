"""Markdown scripts: `## Scene` headings, labels, `NAME: dialogue`, `(stage directions)`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from storygen.scripts.base import Issue, Row, warning
from storygen.scripts.labels import HEADER, Role, parse_label
from storygen.scripts.screenplay import Dialect, Screenplay
from storygen.story import Script

_DIALECT = Dialect(names_speak=True, plain_speaks=True, blank_ends=True)
_HEADING = re.compile(r"\s{0,3}(#(?=\s)|#{2,6})\s*([^#\s].*)")
_SCENE = re.compile(
    r"[*_]{0,3}(?:scene|szene|scène|escena)\s*#?\s*(?:\d{1,4}|[ivx]{1,5})?\b[.:)\s–—-]*(.*?)[*_]{0,3}", re.IGNORECASE
)
_NUMBERED = re.compile(r"[*_]{0,3}scene\s+#?\d{1,4}\b.{0,80}", re.IGNORECASE)
_LONGEST_RULE = 200
_LONGEST_HEADING = 200
_RULE = re.compile(r"\s*(?:[-*_]\s*){3,}|\s*={3,}\s*")


def heading(text: str) -> tuple[int, str] | None:
    """Level and text of a heading; a row of its own such as `**SCENE 2: The door**` is one of level 2."""
    if found := _HEADING.fullmatch(text):
        return len(found[1]), found[2].rstrip(" #")
    bare = text.strip()
    return (2, bare) if _NUMBERED.fullmatch(bare) else None


def scene_title(text: str) -> str:
    """A heading without `Scene 3:` before it and emphasis around it."""
    found = _SCENE.fullmatch(text) if len(text) <= _LONGEST_HEADING else None
    return (found[1] if found else text).strip().strip("*_").strip()


def read_markdown(text: Sequence[Row], issues: list[Issue], *, title: str, language: str) -> Script:
    """The script of a Markdown text; `title` and `language` stand in where it names none."""
    play = Screenplay(_DIALECT, text, issues)
    body = _front_matter(text, play)
    headings = [found for row in body if (found := heading(row.text))]
    top = min((level for level, _ in headings), default=2)
    has_title = sum(level == top for level, _ in headings) == 1 and any(level > top for level, _ in headings)
    for place, row in enumerate(body):
        found = None if play.is_fenced else heading(row.text)
        if found is None:
            if play.is_fenced or play.is_on_screen or not _is_rule(row.text):
                play.feed(row)
        elif has_title and found[0] == top and not play.drafts:
            play.header.setdefault(Role.TITLE, found[1].strip("*_ "))
        elif not _only_leads(body[place + 1 :], found[0]):
            play.open(row.number, scene_title(found[1]))
    play.close()
    if Role.TITLE not in play.header:
        issues.append(warning(body[0].number if body else 1, "no title", f"put `# {title}` first"))
    return play.script(title=title, language=language)


def _is_rule(text: str) -> bool:
    return len(text) <= _LONGEST_RULE and _RULE.fullmatch(text) is not None


def _only_leads(after: Sequence[Row], level: int) -> bool:
    """Whether the next thing under a heading is a deeper heading: an act and not a scene."""
    following = next((row.text for row in after if row.text.strip()), "")
    found = heading(following)
    return found is not None and found[0] > level


def _front_matter(text: Sequence[Row], play: Screenplay) -> Sequence[Row]:
    """The rows after a block of `key: value` between two `---`, whose known keys go into the header."""
    filled = [place for place, row in enumerate(text) if row.text.strip()]
    if not filled or text[filled[0]].text.strip() != "---":
        return text
    for end in range(filled[0] + 1, min(len(text), filled[0] + 50)):
        if text[end].text.strip() == "---":
            for row in text[filled[0] + 1 : end]:
                label = parse_label(row.text)
                if label and label.role in HEADER and label.rest:
                    play.header.setdefault(label.role, label.rest.strip("\"'"))
            return text[end + 1 :]
    return text
