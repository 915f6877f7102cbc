"""Setting a few words into a box with Pillow: any length, any script, never outside the box.

Pillow shapes nothing by itself where the system has no libfribidi, so Arabic letters are joined and right-to-left text
is put into the order of the eye here, and each run of characters is drawn in a family that has them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from storygen.media.fonts import SANS, SANS_SEMIBOLD, clean, font_file, is_invisible, runs

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFont import FreeTypeFont

_LONGEST = 400  # characters that are looked at; no box holds more
_LEADING = 1.22
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Lines of one text in one size (pixels), ready to draw; the lines are in reading order."""

    lines: tuple[str, ...]
    family: str
    bold: bool
    size: int
    from_right: bool

    @property
    def height(self) -> int:
        """Pixels from the top of the first line to the bottom of the last."""
        return round(len(self.lines) * self.size * _LEADING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A title with a subtitle under it, either may have no lines, set for a box of `width` and `height` pixels."""

    title: Setting
    subtitle: Setting
    gap: int
    width: int
    height: int

    @property
    def used(self) -> int:
        """Pixels of the height that text stands on."""
        return self.title.height + self.gap + self.subtitle.height


def heading(title: str, subtitle: str, width: int, height: int, largest: int) -> Heading:
    """Set both as large as fits the box, the title at most `largest` pixels; what fits in no size is cut with `…`."""
    title, subtitle = tidy(title), tidy(subtitle)
    smallest = max(8, min(height // 4, round(largest * 0.42)))
    size = max(smallest, min(largest, int(height / (2.1 if subtitle else 1.3))))
    while True:
        below = _under(subtitle, width, size, largest)
        gap = round(size * 0.20) if title and subtitle else 0
        room = height - below.height - gap
        rows = min(3, max(1, int(room / (size * _LEADING))))
        above = _set(title, SANS, width, size, rows=rows)
        if (not _is_cut(above) and above.height <= room) or size <= smallest:
            return Heading(title=above, subtitle=below, gap=gap, width=width, height=height)
        size = max(smallest, round(size * 0.93))


def letter(setting: Setting, mask: Image.Image, top: int, *, centred: bool = False) -> None:
    """Draw a setting in white on a mask as wide as its box, `top` pixels from the upper edge."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(mask)
    baseline = top + setting.size * (0.5 * _LEADING + 0.36)
    for line in setting.lines:
        shown = in_eye_order(line, from_right=setting.from_right)
        free = mask.width - _width(shown, setting)
        x = free / 2 if centred else free if setting.from_right else 0.0
        for piece, family in runs(shown, setting.family):
            font = _font(family, setting.bold, setting.size)
            draw.text((x, baseline), piece, fill=255, font=font, anchor="ls")
            x += font.getlength(piece)
        baseline += setting.size * _LEADING


def one_line(text: str, width: int, size: int) -> Setting:
    """Set a text in one line of a given size, cut with `…` where it is longer."""
    return _set(tidy(text), SANS_SEMIBOLD, width, size, rows=1)


def is_from_right(text: str) -> bool:
    """Whether the first letter that has a direction runs from right to left."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in {"R", "AL"}:
            return True
        if direction == "L":
            return False
    return False


def tidy(text: str) -> str:
    """One line of visible characters, without what only steers other characters."""
    shown = "".join(c for c in clean(text[: 4 * _LONGEST]) if c.isspace() or not _is_dropped(c))
    return " ".join(shown.split())[:_LONGEST]


def in_eye_order(line: str, *, from_right: bool) -> str:
    """A line as it stands from left to right, Arabic letters in their joined forms."""
    if not _has_right_to_left(line):
        return line
    from arabic_reshaper import reshape
    from bidi import get_display

    return str(get_display(reshape(line), base_dir="R" if from_right else "L"))


def _under(text: str, width: int, title_size: int, largest: int) -> Setting:
    """A subtitle in one line, about half as large as its title but never too small to read."""
    smallest = max(7, round(largest * 0.30))
    size = max(smallest, round(title_size * 0.52))
    while True:
        setting = _set(text, SANS_SEMIBOLD, width, size, rows=1)
        if not _is_cut(setting) or size <= smallest:
            return setting
        size = max(smallest, round(size * 0.93))


def _set(text: str, family: str, width: int, size: int, *, rows: int) -> Setting:
    from_right = is_from_right(text)
    setting = Setting(lines=(), family=family, bold=family == SANS, size=size, from_right=from_right)
    lines: list[str] = []
    rest = text
    while rest and len(lines) < rows:
        line, rest = _first_line(rest, setting, width)
        lines.append(line)
    if rest:
        lines[-1] = _cut(f"{lines[-1]} {rest}", setting, width)
    return Setting(lines=tuple(lines), family=family, bold=setting.bold, size=size, from_right=from_right)


def _first_line(text: str, setting: Setting, width: int) -> tuple[str, str]:
    """As many words as fit a line, or as much of the first word as does; and the rest."""
    words = text.split(" ")
    count = _most(len(words), lambda some: _width(" ".join(words[:some]), setting) <= width)
    if count:
        return " ".join(words[:count]), " ".join(words[count:])
    letters = max(1, _most(len(text), lambda some: _width(text[:some], setting) <= width))
    return text[:letters].rstrip(), text[letters:].lstrip()


def _cut(text: str, setting: Setting, width: int) -> str:
    letters = _most(len(text), lambda some: _width(text[:some].rstrip(" ,.;:-") + _ELLIPSIS, setting) <= width)
    return text[:letters].rstrip(" ,.;:-") + _ELLIPSIS


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `limit` that still fits, by halving; 0 where not even 1 does."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _is_cut(setting: Setting) -> bool:
    return bool(setting.lines) and setting.lines[-1].endswith(_ELLIPSIS)


def _width(text: str, setting: Setting) -> float:
    shown = in_eye_order(text, from_right=setting.from_right)
    return sum(
        _font(family, setting.bold, setting.size).getlength(piece) for piece, family in runs(shown, setting.family)
    )


@lru_cache(maxsize=128)
def _font(family: str, bold: bool, size: int) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(font_file(family, bold=bold), size, layout_engine=ImageFont.Layout.BASIC)


def _is_dropped(character: str) -> bool:
    """Marks of Hebrew and Arabic vowels and tones of skin: without a shaper they would stand beside their letter."""
    is_vowel = "\u0591" <= character <= "\u05c7" and unicodedata.category(character) == "Mn"
    return is_invisible(character) or is_vowel or "\U0001f3fb" <= character <= "\U0001f3ff"


def _has_right_to_left(text: str) -> bool:
    return not text.isascii() and any(unicodedata.bidirectional(c) in {"R", "AL", "AN"} for c in text)
