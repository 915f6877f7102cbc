"""Text typed on a terminal: how it is broken into rows, when each character appears, and both as ASS events.

Text is data. It is measured, wrapped and escaped, and reaches ffmpeg only within a file.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from storygen.media.fonts import MONO, ass_sheet, ass_text, clusters
from storygen.media.layout import window_places
from storygen.media.lettering import is_from_right
from storygen.media.palettes import Colour
from storygen.media.panels import THEMES, Theme, paint_panel
from storygen.media.sheet import LINE, Row, Sheet, lay_out
from storygen.settings import TerminalSettings
from storygen.story import Frame, Overlay, Placed

if TYPE_CHECKING:
    from pysubs2 import SSAFile

FORMAT = 2  # part of the key under which overlays are stored: raise it when they look different
BEGIN_SECONDS = 0.5
HOLD_SECONDS = 1.5
LONGEST_TYPING = 20.0  # seconds; what would take longer is typed faster
_FOREVER = 35_999.0  # the last second that ASS can name
_BLINK, _BLINKING = 0.53, 40.0
_MOST_STATES, _SHORTEST_STATE = 320, 0.04
_MOST_SCROLLS = 20
_SLOWER = {".": 3.0, "!": 3.0, "?": 3.0, ",": 2.2, ";": 2.2, ":": 2.0, "\u00a0": 1.3}
_TEXT, _BEHIND = 1, 0  # layers
# A glitch moves two faint copies of a row, and nothing else: it never flashes, and comes far less often than the three
# times a second that WCAG 2.3.1 allows a flash.
_GLITCH_STEPS, _GLITCH_STEP, _GLITCH_EVERY, _GLITCH_UNTIL = 4, 0.04, 1.6, 30.0
_GHOSTS: tuple[Colour, ...] = ((255, 64, 96), (64, 224, 255))
_COLOURS = re.compile(r"\{\\1c&H[0-9A-F]{6}&\}")  # as `_tint` writes them: braces of people's text are escaped
_ASS_EM = 1.32  # ASS counts ascender and descender: a font size of 1.32 gives an em of 1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a row shows from `start` on: its first `shown` clusters, typed so far."""

    row: int
    shown: int
    start: float


def type_text(
    lines: Sequence[str], title: str, frame: Frame, settings: TerminalSettings, folder: Path, *, alone: bool
) -> Overlay:
    """Paint the window and write the typing of `lines` into `folder`, once for each place where it may stand."""
    places = ("",) if alone else window_places(frame)
    sheets = {place: lay_out(lines, frame, THEMES[settings.theme], place) for place in places}
    placed = tuple(_place(place, sheet, title, frame, settings, folder) for place, sheet in sheets.items())
    typing = [rhythm(sheet.rows, settings.characters_per_second) for sheet in sheets.values()]
    return Overlay(
        panel=folder / _panel_name(places[0]),
        ass=placed[0].ass,
        seconds=round(max(end for _, end in typing) + HOLD_SECONDS, 3),
        placed=placed,
        keys=tuple(round(state.start, 3) for state in typing[0][0] if state.shown),
    )


def _place(place: str, sheet: Sheet, title: str, frame: Frame, settings: TerminalSettings, folder: Path) -> Placed:
    """The terminal in one place."""
    theme = THEMES[settings.theme]
    states, end = rhythm(sheet.rows, settings.characters_per_second)
    panel, ass = folder / _panel_name(place), folder / f"typing-{place or 'alone'}.ass"
    paint_panel(sheet.window, theme, title, frame, panel, alone=not place)
    file = _ass_file(frame, sheet)
    for start, stop, text in _events(sheet, states, end, theme):
        _add(file, start, stop, text)
    if settings.glitch:
        for start, stop, text in _ghosts(sheet, states, end, theme):
            _add(file, start, stop, text, layer=_BEHIND)
    file.save(str(ass), format_="ass")
    return Placed(place=place, ass=ass, panel=panel)


def _panel_name(place: str) -> str:
    return f"panel-{place or 'alone'}.png"


def rhythm(rows: Sequence[Row], speed: float) -> tuple[list[State], float]:
    """When each row shows how much, and when all is typed: slower after punctuation and lines, and by chance.

    The chance is a hash of the text, so the same text is always typed alike.
    """
    parts = [list(clusters(row.text)) for row in rows]
    waits = [(_wait(part, row, speed) if part else [0.3 * row.ends]) for part, row in zip(parts, rows, strict=True)]
    total = sum(map(sum, waits))
    faster = min(1.0, LONGEST_TYPING / total) if total else 1.0
    shortest = max(_SHORTEST_STATE, total * faster / _MOST_STATES)
    states, now = [], BEGIN_SECONDS
    for number, wait in enumerate(waits):
        states.append(State(row=number, shown=0, start=now))
        last = now
        for index, pause in enumerate(wait):
            # what a row ends with is always a state of its own
            if parts[number] and (now - last >= shortest or index in (0, len(wait) - 1)):
                states.append(State(row=number, shown=index + 1, start=now))
                last = now
            now += pause * faster
    return states, now


def _wait(part: Sequence[str], row: Row, speed: float) -> list[float]:
    """Seconds after each cluster, on average those of `speed`; commands are followed by the time they would take."""
    weights = []
    for index, cluster in enumerate(part):
        digest = hashlib.blake2b(f"{row.number}:{index}:{cluster}".encode("utf-8", "replace"), digest_size=1).digest()[
            0
        ]
        chance = 0.55 + 0.9 * digest / 255
        weights.append(chance * _SLOWER.get(cluster, 1.0))
    waits = [weight / speed for weight in weights]
    waits[-1] += (0.55 if row.is_command else 0.30) * row.ends
    return waits


def _events(sheet: Sheet, states: Sequence[State], end: float, theme: Theme) -> Iterator[tuple[float, float, str]]:
    """Every event: the row that is typed, the rows above it, and a cursor that blinks when all is done."""
    offsets = _scrolling(sheet)
    yield 0.1, BEGIN_SECONDS, _row(sheet, replace(sheet.rows[0], text=""), 0, theme, cursor=True)
    for state, following in pairwise([*states, State(row=-1, shown=0, start=end)]):
        row = sheet.rows[state.row]
        shown = replace(row, text="".join(list(clusters(row.text))[: state.shown]))
        place = state.row - offsets[state.row]
        yield state.start, following.start, _row(sheet, shown, place, theme, cursor=True)
    yield from _finished(sheet, states, offsets, theme)
    last, place = sheet.rows[-1], len(sheet.rows) - 1 - offsets[-1]
    for number in range(round(_BLINKING / _BLINK)):
        stop = end + (number + 1) * _BLINK
        yield stop - _BLINK, stop, _row(sheet, last, place, theme, cursor=number % 2 == 1)
    yield end + round(_BLINKING / _BLINK) * _BLINK, _FOREVER, _row(sheet, last, place, theme, cursor=True)


def _scrolling(sheet: Sheet) -> list[int]:
    """How many rows have left the window by the time that each row is typed; many at once where there are very many."""
    over = max(0, len(sheet.rows) - sheet.capacity)
    step = max(1, min(sheet.capacity - 1, math.ceil(over / _MOST_SCROLLS)))
    needed = (max(0, number - sheet.capacity + 1) for number in range(len(sheet.rows)))
    return [min(over, math.ceil(rows / step) * step) for rows in needed]


def _finished(
    sheet: Sheet, states: Sequence[State], offsets: Sequence[int], theme: Theme
) -> Iterator[tuple[float, float, str]]:
    """Rows that are typed stand still until the window scrolls, and move up then."""
    starts = {state.row: state.start for state in reversed(states)}
    turns = [number for number in range(len(offsets)) if number == 0 or offsets[number] != offsets[number - 1]]
    for number in range(len(sheet.rows) - 1):
        done = starts[number + 1]
        spans = [(turn, following) for turn, following in pairwise([*turns, len(offsets)]) if following > number + 1]
        for turn, following in spans:
            place = number - offsets[turn]
            if place >= 0 and (sheet.rows[number].text or theme.has_numbers):
                stop = starts[following] if following < len(offsets) else _FOREVER
                yield max(done, starts[turn]), stop, _row(sheet, sheet.rows[number], place, theme, cursor=False)


def _ghosts(sheet: Sheet, states: Sequence[State], end: float, theme: Theme) -> Iterator[tuple[float, float, str]]:
    """Copies of a row in two colours that jump for a moment: of a row when it is done, and of the last one later on."""
    offsets = _scrolling(sheet)
    starts = {state.row: state.start for state in reversed(states)}
    last = len(sheet.rows) - 1
    moments = [(starts[number + 1], number, offsets[number + 1]) for number in range(last)]
    moments += [(end + step * _GLITCH_EVERY, last, offsets[last]) for step in range(int(_GLITCH_UNTIL / _GLITCH_EVERY))]
    free = 0.0
    for moment, number, offset in moments:
        if moment < free or not sheet.rows[number].text:
            continue
        free = moment + _GLITCH_EVERY
        for step in range(_GLITCH_STEPS):
            start = moment + step * _GLITCH_STEP
            for colour, side in zip(_GHOSTS, (-1, 1), strict=True):
                shift = side * sheet.em * (0.20, 0.08, 0.26, 0.12)[step]
                text = _row(sheet, sheet.rows[number], number - offset, theme, cursor=False, shift=shift)
                yield start, start + _GLITCH_STEP, _ghostly(text, colour)


def _ghostly(text: str, colour: Colour) -> str:
    """The text of a row in one faint colour."""
    head, _, rest = text.partition("}")
    return f"{head}\\alpha&H60&}}" + _COLOURS.sub(lambda _: _tint(colour), rest)


def _row(sheet: Sheet, row: Row, place: int, theme: Theme, *, cursor: bool, shift: float = 0.0) -> str:
    """A row as the text of an event, at its place within the window and clipped to it; `shift` moves it aside."""
    box = sheet.window.text
    from_right = is_from_right(row.text)
    y = box.top + place * sheet.em * LINE
    x = (box.right if from_right else box.left) + round(shift)
    outline = sheet.window.outline
    clip = f"\\clip({outline.left},{box.top},{outline.right},{outline.bottom})"
    parts = [f"{{\\an{9 if from_right else 7}\\pos({x},{y:.1f}){clip}}}"]
    if theme.has_numbers and not from_right:
        label = f"{row.number:>2} " if row.begins else "   "
        parts.append(_tint(_dim(theme)) + label.replace(" ", "\u00a0"))
    if row.is_command:
        parts.append(_tint(theme.prompt) + theme.sign.replace(" ", "\u00a0"))
    parts.append(_tint(theme.text) + ass_text(row.text, MONO))
    parts.append(_tint(theme.cursor) + "█" if cursor else "\u00a0")
    return "".join(parts)


def _dim(theme: Theme) -> Colour:
    red, green, blue = ((a + b) // 2 for a, b in zip(theme.paper, theme.text, strict=True))
    return red, green, blue


def _tint(colour: Colour) -> str:
    red, green, blue = colour
    return f"{{\\1c&H{blue:02X}{green:02X}{red:02X}&}}"


def _ass_file(frame: Frame, sheet: Sheet) -> SSAFile:
    from pysubs2 import SSAStyle

    file = ass_sheet(frame)
    file.styles["Default"] = SSAStyle(
        fontname=MONO,
        fontsize=round(sheet.em * _ASS_EM, 2),
        outline=0,
        shadow=0,
        marginl=0,
        marginr=0,
        marginv=0,
        encoding=-1,
    )
    return file


def _add(file: SSAFile, start: float, stop: float, text: str, layer: int = _TEXT) -> None:
    from pysubs2 import SSAEvent

    begin, finish = round(start * 100) * 10, round(stop * 100) * 10
    if finish > begin:
        file.append(SSAEvent(start=begin, end=finish, text=text, layer=layer))
