"""A picture of a run: one row per scene, one bar per piece of work, drawn as SVG that grows with the page.

Across, everything is in percent of the run's length, so that a phone shows the same picture; down, in pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

from storygen.story import Stage
from storygen.telemetry import report_figures as figures
from storygen.telemetry.critical import Piece, critical_path
from storygen.telemetry.recorder import Entry, Recording
from storygen.telemetry.report_words import plain, seconds

MOST_BARS = 600
_BAR, _LANE, _LABEL, _GAP, _AXIS = 22, 28, 20, 12, 26
_STAGES = frozenset(str(stage) for stage in Stage)


@dataclass(slots=True)
class _Row:
    """The work of one scene (None: of the whole run) in lanes that do not overlap."""

    scene: int | None
    lanes: list[list[Entry]] = field(default_factory=list)

    @property
    def height(self) -> int:
        return _LABEL + _LANE * len(self.lanes) + _GAP


def in_order(recording: Recording) -> list[Entry]:
    """The pieces of work that the picture shows, in order of time; bars that open say their place in it, from 1."""
    longest = sorted(figures.work(recording), key=lambda entry: -entry.seconds)[:MOST_BARS]
    return sorted(longest, key=lambda entry: (entry.started, entry.ended))


def draw(recording: Recording, *, opens: bool = False) -> str:
    """The whole picture; empty where nothing took time. With `opens` each bar carries its place as `data-work`."""
    start, end = figures.bounds(recording)
    work = in_order(recording)
    if end <= start or not work:
        return ""
    rows = _rows(work)
    scale = _Scale(start, end)
    path = critical_path(figures.pieces(recording), start, end)
    height = _AXIS + sum(row.height for row in rows)
    parts = [
        f'<svg class="timeline" width="100%" height="{height}" role="img" aria-label="Timeline of the run">',
        *_axis(scale, height),
    ]
    attempts = _attempts(recording)
    places = {id(entry): f' data-work="{place}"' for place, entry in enumerate(work, 1)} if opens else {}
    middle: dict[Piece, float] = {}
    top = float(_AXIS)
    for row in rows:
        parts += _label(row, top)
        for lane, entries in enumerate(row.lanes):
            y = top + _LABEL + lane * _LANE
            for entry in entries:
                piece = Piece(entry.name, entry.scene, entry.started, entry.ended)
                middle[piece] = y + _BAR / 2
                mine = attempts.get((entry.stage, entry.scene), []) if entry.kind == "stage" else []
                parts += _bar(entry, y, scale, piece in path, mine, places.get(id(entry), ""))
        top += row.height
    parts += _links([piece for piece in path if piece in middle], middle, scale)
    return "".join([*parts, "</svg>"])


@dataclass(frozen=True, slots=True)
class _Scale:
    start: float
    end: float

    def at(self, moment: float) -> float:
        """Percent of the width."""
        return round(100 * (min(max(moment, self.start), self.end) - self.start) / (self.end - self.start), 3)


def _rows(work: Iterable[Entry]) -> list[_Row]:
    by_scene: dict[int | None, _Row] = {}
    for entry in work:
        row = by_scene.setdefault(entry.scene, _Row(entry.scene))
        lane = next((lane for lane in row.lanes if lane[-1].ended <= entry.started), None)
        if lane is None:
            row.lanes.append([entry])
        else:
            lane.append(entry)
    return [by_scene[scene] for scene in sorted(by_scene, key=lambda scene: -1 if scene is None else scene)]


def _attempts(recording: Recording) -> dict[tuple[str, int | None], list[Entry]]:
    found: dict[tuple[str, int | None], list[Entry]] = defaultdict(list)
    for attempt in sorted(recording.of_kind("attempt"), key=lambda entry: entry.started):
        found[attempt.stage, attempt.scene].append(attempt)
    return found


def _axis(scale: _Scale, height: int) -> list[str]:
    length = scale.end - scale.start
    step = next((s for s in _steps() if length / s <= 8), length)
    parts = []
    for index in range(int(length / step) + 1):
        x = scale.at(scale.start + index * step)
        parts.append(f'<line class="grid" x1="{x}%" x2="{x}%" y1="{_AXIS - 6}" y2="{height}"/>')
        anchor = "start" if index == 0 else "end" if x > 96 else "middle"
        text = seconds(index * step) if step >= 60 else f"{index * step:g} s"
        parts.append(f'<text class="tick" x="{x}%" y="{_AXIS - 11}" text-anchor="{anchor}">{text}</text>')
    return parts


def _steps() -> Iterable[float]:
    """Round distances between two ticks, in seconds."""
    yield from (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


def _label(row: _Row, top: float) -> list[str]:
    name = "whole story" if row.scene is None else f"scene {row.scene}"
    kept = [plain(entry.name) for lane in row.lanes for entry in lane if entry.outcome == "cached"]
    more = f'<tspan class="kept"> ✓ from the cache: {escape(", ".join(kept))}</tspan>' if kept else ""
    return [f'<text class="row" x="0" y="{top + _LABEL - 6}">{name}{more}</text>']


def _bar(entry: Entry, y: float, scale: _Scale, critical: bool, attempts: Sequence[Entry], place: str) -> list[str]:
    left, right = scale.at(entry.started), scale.at(entry.ended)
    width = round(right - left, 3)
    look = ["bar", stage_class(entry.name), entry.outcome]
    if critical:
        look.append("critical")
    parts = [
        f'<g class="{escape(" ".join(look))}"{place}><title>{escape(_hover(entry, critical, attempts))}</title>',
        f'<rect x="{left}%" y="{y}" width="{f"{width}%" if width > 0.5 else 4}" height="{_BAR}" rx="3"/>',
    ]
    if len(attempts) > 1:
        parts += _strip(attempts, y, scale)
    if width * 9 > len(entry.name) * 6.6 + 10:  # what fits a page of 900 pixels; a phone cuts it at the bar's edge
        parts.append(
            f'<svg x="{left}%" y="{y}" width="{width}%" height="{_BAR}">'
            f'<text class="name" x="6" y="{_BAR - 7}">{escape(_mark(entry))}</text></svg>'
        )
    return [*parts, "</g>"]


def _strip(attempts: Sequence[Entry], y: float, scale: _Scale) -> list[str]:
    """The attempts as a thin strip at the foot of the bar: failed ones red, the wait between two left open."""
    parts = []
    for attempt in attempts:
        left, right = scale.at(attempt.started), scale.at(attempt.ended)
        look = "missed" if attempt.outcome in figures.BAD else "hit"
        parts.append(
            f'<rect class="attempt {look}" x="{left}%" y="{y + _BAR - 5}" width="{max(0.1, round(right - left, 3))}%"'
            ' height="5"/>'
        )
    return parts


def _links(path: Sequence[Piece], middle: dict[Piece, float], scale: _Scale) -> list[str]:
    """The thread from each piece of the critical path to the next."""
    return [
        f'<line class="link" x1="{scale.at(a.ended)}%" y1="{middle[a]}" x2="{scale.at(b.started)}%" y2="{middle[b]}"/>'
        for a, b in pairwise(path)
        if middle[a] != middle[b]
    ]


def _mark(entry: Entry) -> str:
    return plain(entry.name) + {"failed": " ✗", "timeout": " ✗", "cancelled": " ✗", "cached": " ✓"}.get(
        entry.outcome, ""
    )


def _hover(entry: Entry, critical: bool, attempts: Sequence[Entry]) -> str:
    lines = [
        f"{plain(entry.name)}{f', scene {entry.scene}' if entry.scene is not None else ''}: {seconds(entry.seconds)}"
    ]
    if entry.outcome not in {"", "success"}:
        lines.append({"cached": "found in the cache"}.get(entry.outcome, entry.outcome))
    if entry.message:
        lines.append(plain(entry.message))
    if critical:
        lines.append("on the critical path")
    for number, attempt in enumerate(attempts, 1):
        who = plain(" ".join(str(attempt.fields.get(key) or "") for key in ("provider", "model")).strip())
        ended = attempt.error or "went well"
        lines.append(f"attempt {number}: {who}, {seconds(attempt.seconds)}, {plain(ended)}")
    return "\n".join(lines)


def stage_class(name: str) -> str:
    """The class that colours a stage; everything else shares one."""
    return f"s-{name}" if name in _STAGES else "s-other"
