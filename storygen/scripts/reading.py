"""Bytes into a script: the format is found by what is in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from storygen.errors import InvalidScript
from storygen.media.fonts import covers
from storygen.scripts.base import MAX_SCENES, MAX_TITLE, UNTITLED, Issue, Reading, Row, error, warning
from storygen.scripts.cleaning import rows, squeeze
from storygen.scripts.decoding import NESTED, decode
from storygen.scripts.given import cut_links, find_given, is_file, row_finder
from storygen.scripts.labels import Label, Role, parse_label
from storygen.scripts.log import read_log, section
from storygen.scripts.markdown import heading, read_markdown
from storygen.scripts.prose import read_prose
from storygen.scripts.records import read_json, read_yaml
from storygen.story import Script

_JSON = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]])")
_KEY = re.compile(r"([a-zA-Z_]{4,10})\s*:(?:\s|$)")
_RECORD = ("title", "scenes", "language", "tone", "logline")
_SCRIPT_TITLE = re.compile(r"[#*_>\s]*script\s*[*_]*\s*:", re.IGNORECASE)
_DIRECTION = re.compile(r"\s*[*_]{0,2}\(.{1,200}\)[*_]{0,2}")


def read_text(data: bytes, name: str, *, language: str = "en", folder: Path | None = None) -> Reading:
    """The script in the bytes, whatever its format and encoding; raises `InvalidScript` where there is none.

    `name` is told in messages, and stands in for a missing title; `language` is that of a script which names none.
    Files that it names are looked for below `folder`, and are errors where there is none.
    """
    decoded = decode(data, name)
    text = rows(decoded.text)
    if not any(any(map(str.isalnum, row.text)) for row in text) and not NESTED.match(decoded.text):
        raise InvalidScript(f"{name}, line 1: there are no words in it", hint="write a story or a script into it")
    kind = _format(decoded.text, text, name)
    issues = list(decoded.issues)
    script: Script | None
    if kind in {"json", "yaml"}:
        script, found = (read_json if kind == "json" else read_yaml)(
            decoded.text.lstrip("\ufeff"), name, language=language
        )
        issues += found
    elif kind == "prose":
        script = read_prose(text, issues, language=language)
    else:
        reader = read_log if kind == "log" else read_markdown
        script = reader(text, issues, title=_title(name), language=language)
    if script:
        _refuse_endless(script, name)
        issues += _hollow(script)
        script = _short_titles(script, issues)
        issues += _undrawable(text)
        script, wrong = find_given(script, folder, row_finder(text))
        issues += wrong
    issues.sort(key=lambda issue: issue.line)
    return Reading(name=name, format=kind, script=script, issues=tuple(issues), encoding=decoded.encoding)


@dataclass(slots=True)
class _Signs:
    """What tells the formats of plain text apart."""

    sections: int = 0
    headings: int = 0
    scenes: int = 0
    labels: int = 0
    links: int = 0
    speakers: int = 0


def _format(text: str, lines: Sequence[Row], name: str) -> str:
    if _JSON.match(text.lstrip("\ufeff")):
        return "json"
    if _is_yaml(lines):
        return "yaml"
    signs = _signs(lines)
    first = next(row.text for row in lines if row.text.strip())
    if signs.sections and (_SCRIPT_TITLE.match(first) or signs.sections >= signs.headings):
        return "log"
    if _SCRIPT_TITLE.match(first):
        return "markdown" if signs.headings else "log"
    if signs.labels or signs.scenes or signs.links or (signs.headings and signs.speakers):
        return "markdown"
    suffix = PurePath(name).suffix.lower()
    return {".json": "json", ".yaml": "yaml", ".yml": "yaml"}.get(suffix, "prose")


def _is_yaml(lines: Sequence[Row]) -> bool:
    """Whether keys of the record stand at the margin, `scenes` or nearly so among them."""
    keys = [found[1] for row in lines if (found := _KEY.match(row.text))]
    has_scenes = bool(difflib.get_close_matches("scenes", {key.lower() for key in keys[:500]}, n=1, cutoff=0.75))
    first = next((row.text for row in lines if row.text.strip() and not row.text.startswith(("#", "---", "%"))), "")
    opening = _KEY.match(first)
    if first.startswith("{"):
        return "scenes" in first or "title" in first
    return has_scenes and opening is not None and bool(difflib.get_close_matches(opening[1], _RECORD, n=1, cutoff=0.75))


def _signs(lines: Sequence[Row]) -> _Signs:
    signs = _Signs()
    fenced = False
    for row in lines:
        if row.text.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        if fenced:
            continue
        signs.links += bool(cut_links(row.text)[1])
        if section(row):
            signs.sections += 1
        elif found := heading(row.text):
            signs.headings += 1
            signs.scenes += bool(re.match(r"(?i)[*_]*scene\b", found[1]))
        elif label := parse_label(row.text):
            signs.labels += _is_structure(label)
            signs.speakers += label.is_name and label.is_capitals
        else:
            signs.speakers += bool(_DIRECTION.fullmatch(row.text))
    return signs


def _is_structure(label: Label) -> bool:
    """Whether a label makes a text a script: `Visual:` does, while prose has lines such as `Music: none`."""
    if label.role is Role.FILE:
        return is_file(label.rest)
    telling = {Role.PICTURE, Role.NARRATION, Role.SCREEN}
    return label.role in telling and not label.guessed and label.name[0].isupper()


def _hollow(script: Script) -> list[Issue]:
    if any(scene.lines or scene.on_screen or scene.picture or scene.given for scene in script.scenes):
        return []
    return [error(1, "nothing is spoken, shown or typed in any scene", "write Narration: and some words")]


def _undrawable(text: Sequence[Row]) -> list[Issue]:
    """A warning where the first character stands that no typeface at hand can draw; it would be seen as a box."""
    missing = covers("".join(row.text for row in text))
    if not missing:
        return []
    line = next(row.number for row in text if not set(missing).isdisjoint(row.text))
    some = " ".join(missing[:8])
    return [
        warning(
            line,
            f"no typeface here can draw {some} ({len(missing)} characters in all); boxes will be seen in their place",
            "install a font that has them, such as Noto Sans CJK",
        )
    ]


def _short_titles(script: Script, issues: list[Issue]) -> Script:
    """The script with titles that a card can hold: cut at a word, and said so."""
    scenes = tuple(
        replace(scene, title=_cut(scene.title), subtitle=_cut(scene.subtitle))
        if max(len(scene.title), len(scene.subtitle)) > MAX_TITLE
        else scene
        for scene in script.scenes
    )
    short = replace(script, title=_cut(script.title), scenes=scenes)
    if short != script:
        issues.append(warning(0, f"titles longer than {MAX_TITLE} characters are cut", "keep titles short"))
    return short


def _cut(title: str) -> str:
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1].rsplit(" ", 1)[0] + "…"


def _refuse_endless(script: Script, name: str) -> None:
    if len(script.scenes) > MAX_SCENES:
        raise InvalidScript(
            f"{name}, line 1: it comes to {len(script.scenes):,} scenes, more than {MAX_SCENES:,}",
            hint="split it into several stories",
        )


def _title(name: str) -> str:
    """A title from the name of a file."""
    stem = PurePath(name).name.split(".")[0]
    words = squeeze(re.sub(r"[-_<>]+", " ", stem))
    return words[:1].upper() + words[1:] if any(map(str.isalpha, words)) and name != "standard input" else UNTITLED
