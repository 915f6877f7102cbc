"""Where the time of a run went: its critical path, and what it would save were a stage instant.

What a piece of work waited for is, by definition, its predecessors in the flow that had finished when it began
(idea ─► script ─► revise ─► per scene: voice ─► subtitles, visuals, terminal ─► assembly ─► the join), or, where
something else finished more than a hundredth of a second after those, that: it gave up the slot that was waited for.

The critical path is walked backwards: the work that finished last, the work that this one waited for, and so on to the
start. No two pieces of it overlap, so that the shares of the stages and the idle time between them add up to the length
of the run.

What an instant stage would save is found by playing the run again with the same waits and the same gaps, that stage
taking no time. Cores that it would leave to others are not counted, so for work that competes for cores it is a lower
bound. It is never more than the stage's share of the critical path, and less where something else takes over.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

TIE_SECONDS = 0.01
_OPENING = ("idea", "script", "revise")
_NEEDS: dict[str, tuple[str, ...]] = {
    "idea": (),
    "script": ("idea",),
    "revise": ("idea", "script"),
    "voice": _OPENING,
    "subtitles": ("voice",),
    "visuals": _OPENING,
    "terminal": _OPENING,
    "assembly": ("voice", "subtitles", "visuals", "terminal"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One stage of one scene (None: of the whole run), from when to when, in seconds of one clock."""

    stage: str
    scene: int | None
    started: float
    ended: float


def critical_path(pieces: Sequence[Piece], started: float, ended: float) -> tuple[Piece, ...]:
    """The pieces that the run's length is made of, in order of time, cut to the run; gaps between them are idle."""
    plan = _Plan(pieces, started, ended)
    path: list[Piece] = []
    here = plan.last_until(ended)
    while here is not None:
        path.append(here)
        waited = plan.awaited(here)
        here = max(waited, key=lambda piece: piece.ended) if waited else None
    return tuple(reversed(path))


def critical_seconds(pieces: Sequence[Piece], started: float, ended: float) -> dict[str, float]:
    """Each stage's share of the critical path in seconds; every stage is named, those beside the path with 0."""
    shares = {piece.stage: 0.0 for piece in pieces}
    for piece in critical_path(pieces, started, ended):
        shares[piece.stage] += piece.ended - piece.started
    return shares


def saved_if_instant(pieces: Sequence[Piece], started: float, ended: float) -> dict[str, float]:
    """What the run would save, in seconds, were a stage instant, for each stage."""
    plan = _Plan(pieces, started, ended)
    waits = [plan.awaited(piece) for piece in plan.pieces]
    last = max((piece.ended for piece in plan.pieces), default=started)
    saved = {}
    for stage in dict.fromkeys(piece.stage for piece in pieces):
        ends: dict[int, float] = {}
        for piece, waited in zip(plan.pieces, waits, strict=True):
            freed = max((other.ended for other in waited), default=started)
            base = max((ends[id(other)] for other in waited), default=started)
            length = 0.0 if piece.stage == stage else piece.ended - piece.started
            ends[id(piece)] = base + (piece.started - freed) + length
        saved[stage] = max(0.0, last - max(ends.values(), default=last))
    return saved


class _Plan:
    """The pieces of a run that took time, cut to the run, in the order in which they finished."""

    def __init__(self, pieces: Sequence[Piece], started: float, ended: float) -> None:
        cut = (replace(p, started=max(p.started, started), ended=min(p.ended, ended)) for p in pieces)
        self.pieces = sorted((p for p in cut if p.ended > p.started), key=lambda p: (p.ended, p.started))
        self._ends = [p.ended for p in self.pieces]
        self._by_stage: dict[str, list[Piece]] = defaultdict(list)
        self._by_place: dict[tuple[str, int | None], list[Piece]] = defaultdict(list)
        for piece in self.pieces:
            self._by_stage[piece.stage].append(piece)
            self._by_place[piece.stage, piece.scene].append(piece)

    def last_until(self, moment: float) -> Piece | None:
        """The piece that finished last, at `moment` or before."""
        index = bisect_right(self._ends, moment)
        return self.pieces[index - 1] if index else None

    def awaited(self, piece: Piece) -> list[Piece]:
        """What `piece` waited for; all of it finished before it began."""
        flow = [other for other in self._before(piece) if other.ended <= piece.started]
        last = self.last_until(piece.started)
        if last is None:
            return []
        latest = max((other.ended for other in flow), default=float("-inf"))
        return flow if last.ended - latest <= TIE_SECONDS else [*flow, last]

    def _before(self, piece: Piece) -> Iterator[Piece]:
        for stage in _NEEDS.get(piece.stage, ()):
            if piece.scene is None:
                yield from self._by_stage[stage]
            else:
                yield from self._by_place[stage, None]
                yield from self._by_place[stage, piece.scene]
        if piece.stage == "assembly" and piece.scene is None:
            yield from (other for other in self._by_stage["assembly"] if other.scene is not None)
