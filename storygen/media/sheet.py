"""Lines of text broken into rows that fit a terminal's window."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storygen.media.fonts import EMOJI, MONO, clean, clusters, runs
from storygen.media.layout import Box, window_box
from storygen.media.panels import Theme, Window
from storygen.story import Frame

LINE = 1.5  # from row to row, of the em
_MOST_ROWS = 500
_ADVANCE = 0.6  # the width of every letter of JetBrains Mono, of the em
_COMMANDS = re.compile(
    r"(?:\./|~/|/(?:bin|usr)/)\S|(?:sudo|cd|ls|cat|echo|grep|find|rm|cp|mv|mkdir|touch|chmod|ssh|scp|curl|wget|ping|git|make|"
    r"docker|kubectl|npm|npx|yarn|node|pip|pip3|python|python3|cargo|go|apt|brew|vim|nano|top|htop|kill|ps|tail|head|man|"
    r"storygen|ffmpeg|systemctl|whoami|uptime|exit|nmap|tar|unzip)(?=\s|$)"
)
_PICTURES = {code: 0x2400 + code for code in range(32) if code not in (9, 10, 13)} | {0x7F: 0x2421}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row on the screen; `number` is that of its line where the row begins one, `ends` whether it ends one."""

    text: str
    is_command: bool
    number: int
    begins: bool
    ends: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Rows that fit the width of a window, the size of their letters in pixels of an em, and how many rows it holds."""

    rows: tuple[Row, ...]
    em: float
    capacity: int
    window: Window


def lay_out(lines: Sequence[str], frame: Frame, theme: Theme, place: str = "") -> Sheet:
    """Break lines into rows with the largest letters that let all rows be seen at once, or else the smallest.

    `place` is one of `layout.window_places`; without one the window is the whole picture.
    """
    box = window_box(frame, place)
    alone = not place
    side = min(frame.width, frame.height)
    bar, pad = max(12, round(side * 0.050)), max(6, round(side * 0.030))
    foot = pad + (bar // 2 if theme.has_numbers else 0)
    texts = [part for line in lines for part in clean(line.translate(_PICTURES)).split("\n")] or [""]
    width, height = box.width - 2 * pad, box.height - bar - pad - foot
    for em in (side * share for share in (0.046, 0.041, 0.036, 0.032, 0.028)):
        columns = max(8, int(width / (em * _ADVANCE)) - (3 if theme.has_numbers else 0) - 1)  # the last for the cursor
        rows = _shortened(tuple(_rows(texts, columns)))
        capacity = max(1, int(height / (em * LINE)))
        if len(rows) <= capacity:
            break
    shown = capacity if alone or len(rows) > capacity else max(len(rows), min(3, capacity))
    used = min(box.height, box.height if alone else bar + pad + foot + math.ceil(shown * em * LINE))
    top = box.bottom - used if place == "low" else box.top  # what is short leaves the middle of the picture free
    outline = Box(left=box.left, top=top, right=box.right, bottom=top + used)
    text = Box(left=box.left + pad, top=top + bar + pad, right=box.right - pad, bottom=outline.bottom - foot)
    return Sheet(rows=rows, em=em, capacity=capacity, window=Window(outline=outline, bar=bar, text=text))


def _shortened(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """So many rows as somebody could follow; where there are more, a row says how many are left out of the middle."""
    if len(rows) <= _MOST_ROWS:
        return rows
    kept = _MOST_ROWS // 2
    gap = f"[… {len(rows) - 2 * kept} more rows …]".replace(" ", "\u00a0")
    between = Row(text=gap, is_command=False, number=rows[kept].number, begins=False, ends=True)
    return (*rows[:kept], between, *rows[-kept:])


def _rows(texts: Sequence[str], columns: int) -> Iterator[Row]:
    for number, text in enumerate(texts, 1):
        is_command = bool(_COMMANDS.match(text))
        left = columns - 2 * is_command
        pieces = list(_wrap(text.rstrip(), max(4, left)))
        for index, piece in enumerate(pieces):
            yield Row(
                text=piece.replace(" ", "\u00a0"),
                is_command=is_command and index == 0,
                number=number,
                begins=index == 0,
                ends=index == len(pieces) - 1,
            )


def _wrap(text: str, columns: int) -> Iterator[str]:
    """Rows of at most `columns` columns, broken at spaces where there are any within the last half of a row."""
    row, used, space = "", 0.0, 0
    for cluster in clusters(text):
        wide = _columns(cluster)
        if used + wide > columns and row:
            cut = space if space > len(row) // 2 and cluster != " " else len(row)
            yield row[:cut].rstrip() or row[:cut]
            row = row[cut:].lstrip() if cut < len(row) else ""
            used, space = sum(_columns(each) for each in clusters(row)), 0
            if cluster == " " and not row:
                continue
        row += cluster
        used += wide
        if cluster == " ":
            space = len(row)
    yield row


def _columns(cluster: str) -> float:
    """How many columns a cluster takes at most; measured of the widest common letters of each fallback."""
    if cluster.isascii():
        return float(len(cluster))
    family = runs(cluster, MONO)[-1][1]
    if family == MONO:
        return 1.0
    if family == EMOJI:
        return 2.6
    return 2.0 if unicodedata.east_asian_width(cluster[0]) in "WF" else 1.4
