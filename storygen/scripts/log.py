"""LOG scripts: `SCRIPT: title`, and sections headed `[m:ss – Title | subtitle]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from storygen.scripts.base import Issue, Row, warning
from storygen.scripts.labels import Role, clock
from storygen.scripts.markdown import heading, scene_title
from storygen.scripts.screenplay import Dialect, Screenplay
from storygen.story import Script

_DIALECT = Dialect(names_speak=False, plain_speaks=False, blank_ends=False)
_DASH = "-‐‑‒–—―−"
_TIME = r"\d{1,3}(?::\d{1,2}){1,2}"
_SECTION = re.compile(
    rf"[#*_>\s]*\[\s*(?P<start>{_TIME})\s*"
    rf"(?:(?:[{_DASH}]|to)\s*(?P<end>{_TIME})\s*(?=[\]{_DASH}|:]))?"
    rf"\s*[{_DASH}:|]*\s*(?P<text>[^\]]*?)\s*(?P<close>\])?(?P<after>[^\]]*?)[*_:\s]*",
    re.IGNORECASE,
)
_UNTIMED = re.compile(
    rf"[#*_>\s]*\[\s*[?:.\w]{{0,5}}\s*[{_DASH}]\s*(?P<dashed>[^\]]+)\]\s*|[#*_>\s]*\[(?P<bar>[^\]|]+\|[^\]]+)\]\s*"
)
_END = frozenset({"end", "the end", "fin", "ende", "end of script", "fade out"})
_LONGEST_SECTION = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading of a LOG script; times are seconds from the start of the film, None where missing.

    `is_bare` when the brackets hold a time alone, as the output of a program has it.
    """

    row: int
    title: str
    subtitle: str
    start: float | None
    end: float | None
    is_closed: bool
    is_odd: bool
    is_bare: bool = False


def section(row: Row) -> Section | None:
    """The section that a row heads, or None."""
    text = row.text
    if "[" not in text[:20] or len(text) > _LONGEST_SECTION:
        return None
    timed = _SECTION.fullmatch(text)
    untimed = None if timed else _UNTIMED.fullmatch(text)
    if timed:
        told = timed["text"] or (timed["after"] or "").lstrip(_DASH + ": *").strip()
        start, end = _seconds(timed["start"]), _seconds(timed["end"])
    elif untimed:
        told, start, end = untimed["dashed"] or untimed["bar"], None, None
    else:
        return None
    title, _, subtitle = told.partition("|")
    return Section(
        row=row.number,
        title=title.strip(" *_"),
        subtitle=subtitle.strip(" *_"),
        start=start,
        end=end,
        is_closed=untimed is not None or bool(timed and timed["close"]),
        is_odd=bool(timed and any(int(part) > 59 for part in timed["start"].split(":")[1:])),
        is_bare=bool(timed and not timed["text"]),
    )


def read_log(text: Sequence[Row], issues: list[Issue], *, title: str, language: str) -> Script:
    """The script of a LOG text; a scene is planned to last until the time of the next section."""
    play = Screenplay(_DIALECT, text, issues)
    sections: list[Section] = []
    for row in text:
        found = None if play.is_fenced else section(row)
        if found and found.is_bare and play.is_on_screen:
            found = None
        if found is None and not play.is_fenced and not play.is_on_screen and (head := heading(row.text)):
            found = _from_heading(row, head, play)
            if found is None:
                continue
        if found is None:
            play.feed(row)
        else:
            sections.append(found)
            play.open(row.number, found.title, subtitle=found.subtitle)
    play.close()
    if Role.TITLE not in play.header:
        issues.append(warning(text[0].number, "no title", f"begin with `SCRIPT: {title}`"))
    _plan(play, sections, issues)
    return play.script(title=title, language=language)


def _from_heading(row: Row, head: tuple[int, str], play: Screenplay) -> Section | None:
    """A Markdown heading inside a LOG script: its title when first, otherwise a section without a time."""
    level, text = head
    if level == 1 and not play.drafts:
        play.header.setdefault(Role.TITLE, re.sub(r"(?i)^script\s*:\s*", "", text).strip(" *_"))
        return None
    return Section(
        row=row.number, title=scene_title(text), subtitle="", start=None, end=None, is_closed=True, is_odd=False
    )


def _plan(play: Screenplay, sections: Sequence[Section], issues: list[Issue]) -> None:
    """Give each scene the seconds up to the next section; a last `[1:00 – END]` is a time and not a scene."""
    drafts = play.drafts[len(play.drafts) - len(sections) :]
    for place, (found, draft) in enumerate(zip(sections, drafts, strict=True)):
        following = sections[place + 1].start if place + 1 < len(sections) else None
        end = found.end if found.end is not None else following
        if found.start is None:
            issues.append(warning(found.row, "this section has no time", "write [m:ss – Title | subtitle]"))
        elif found.is_odd:
            issues.append(warning(found.row, f"read as {found.start:g} s", "minutes and seconds go up to 59"))
        if not found.is_closed:
            issues.append(warning(found.row, "the bracket of this section is not closed", "end it with ]"))
        if found.start is not None and end is not None and end <= found.start:
            issues.append(
                warning(found.row, "the next time is not later, so no length is planned", "put times in order")
            )
        elif found.start is not None and end is not None and end - found.start <= 3600:
            draft.seconds = draft.seconds or end - found.start
    last = drafts[-1] if drafts else None
    if last and last.title.casefold().strip(".") in _END and not last.has_content:
        play.drafts.remove(last)


def _seconds(time: str | None) -> float | None:
    if not time:
        return None
    minutes, _, seconds = time.rpartition(":")
    return clock(f"{minutes}:{int(seconds):02d}")
