"""Text as people write it made into text that can be spoken, drawn and stored."""

from __future__ import annotations

import re
import unicodedata

from storygen.scripts.base import Row

_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
_UNSEEN = frozenset("\ufeff\u00ad\u200b\u2060")
# Whole sequences that command a terminal (ECMA-48), for without their first byte they would be read as words.
_COMMANDS = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ -/]+[0-~]|\x1b[0-Z=>c]"
)
_DROPPED = frozenset({"Cc", "Cs"})
# The Stream-Safe Text Format of UAX #15; without it a long run of marks makes normalisation quadratic.
_MAX_MARKS = 30
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff]")


def clean(text: str) -> str:
    """The text on one line: breaks become spaces, control sequences and lone surrogates go, the rest is NFC."""
    if text.isascii() and text.isprintable():
        return text
    if "\x1b" in text or "\x9b" in text:
        text = _COMMANDS.sub("", text)
    kept: list[str] = []
    marks = 0
    for character in text:
        if character in _BREAKS:
            kept.append(" ")
        elif character in _UNSEEN or unicodedata.category(character) in _DROPPED:
            continue
        else:
            marks = marks + 1 if unicodedata.combining(character) else 0
            if marks <= _MAX_MARKS:
                kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def squeeze(text: str) -> str:
    """Cleaned text with single spaces and none at the ends."""
    return " ".join(clean(text).split())


def rows(text: str) -> list[Row]:
    """The cleaned lines of a text, numbered as an editor numbers them; tabs become up to four spaces."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return [
        Row(number=number, text=clean(part.expandtabs(4)).rstrip())
        for number, line in enumerate(plain.split("\n"), 1)
        for part in line.splitlines() or [""]
    ]


def count_words(text: str) -> int:
    """Words as they are spoken: between spaces, with a letter or digit; two characters of unspaced scripts are one."""
    unspaced = len(_UNSPACED.findall(text))
    if unspaced:
        text = _UNSPACED.sub(" ", text)
    return (unspaced + 1) // 2 + sum(any(map(str.isalnum, word)) for word in text.split())
