"""Translations behind the simulated vendors: the same words in the letters of the language, which anybody can tell."""

from __future__ import annotations

import json
import re

_LINES = re.compile(r"<lines>\s*(\[.*?\])\s*</lines>", re.DOTALL)
_TARGET = re.compile(
    r"\bto [^()\n]{1,60}\(([A-Za-z]{2,3})(?:-[A-Za-z0-9-]+)?\)|\bto the language with the BCP 47 tag (\w+)"
)
# The first of 26 letters that follow each other.
_ALPHABETS = {
    "ar": 0x0628, "el": 0x03B1, "he": 0x05D0, "hi": 0x0915, "ja": 0x3042, "ko": 0xAC00, "ru": 0x0430, "th": 0x0E01,
    "uk": 0x0430, "zh": 0x4E00,
}  # fmt: skip


def translated(prompt: str) -> list[str]:
    """The lines that a prompt wants to have translated, as the simulation speaks other languages; empty without any."""
    found, target = _LINES.search(prompt), _TARGET.search(prompt)
    if not found or not target:
        return []
    try:
        lines = json.loads(found[1])
    except ValueError:
        return []
    tag = (target[1] or target[2]).lower()
    return [_said(str(line), tag) for line in lines]


def _said(line: str, tag: str) -> str:
    first = _ALPHABETS.get(tag)
    if first is None:
        return f"{line.rstrip('.')} ({tag})."
    return "".join(chr(first + ord(c) - 97) if "a" <= c <= "z" else c for c in line.lower())
