"""The ledger of a run: who was paid for what, in true units, and what of it was for nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import ClassVar

from storygen.events import CacheLooked, Event, Spent, Timed
from storygen.story import Cost, CostLine, Usage


class Ledger:
    """An observer that adds up what is spent and saved, by stage, provider and model, on top of what was `before`."""

    hears: ClassVar[frozenset[type]] = frozenset({Spent, CacheLooked})

    def __init__(self, before: Cost | None = None) -> None:
        lines = before.lines if before is not None else ()
        self._lines: dict[tuple[str, str, str], CostLine] = {
            (line.stage, line.provider, line.model): line for line in lines
        }

    def began(self, timed: Timed) -> None:
        """Work that begins costs nothing."""

    def ended(self, timed: Timed) -> None:
        """Neither does work that ends: money is told of by events."""

    def noted(self, event: Event, within: Timed | None) -> None:
        """Enter what was spent or saved."""
        stage = within.stage if within else ""
        if isinstance(event, Spent):
            self._enter(stage, event.provider, event.model, spent_line(event))
        elif isinstance(event, CacheLooked) and event.saved_usd:
            self._enter(stage, event.provider, event.model, CostLine(saved_usd=event.saved_usd))

    def cost(self) -> Cost:
        """What was spent up to now."""
        return total(self._lines.values())

    def _enter(self, stage: str, provider: str, model: str, line: CostLine) -> None:
        key = (stage, provider, model)
        before = self._lines.get(key) or CostLine(stage=stage, provider=provider, model=model)
        self._lines[key] = _added(before, line)


def spent_line(event: Spent) -> CostLine:
    """One use as a line: known, and wasted where it was for nothing; or uncertain; or unpriced."""
    cost = event.cost_usd or 0.0
    known = 0.0 if event.is_uncertain else cost
    return CostLine(
        uses=1,
        usage=event.usage,
        known_usd=known,
        wasted_usd=known if event.wasted else 0.0,
        uncertain_usd=cost - known,
        unpriced=int(event.cost_usd is None),
    )


def total(lines: Iterable[CostLine]) -> Cost:
    """Lines, the dearest first, and their sums."""
    ranked = sorted(lines, key=lambda line: (-line.known_usd, line.stage, line.provider, line.model))
    return Cost(
        known_usd=sum(line.known_usd for line in ranked),
        wasted_usd=sum(line.wasted_usd for line in ranked),
        uncertain_usd=sum(line.uncertain_usd for line in ranked),
        saved_usd=sum(line.saved_usd for line in ranked),
        unpriced=sum(line.unpriced for line in ranked),
        lines=tuple(ranked),
    )


def _added(line: CostLine, more: CostLine) -> CostLine:
    return replace(
        line,
        uses=line.uses + more.uses,
        usage=Usage(**{u.name: getattr(line.usage, u.name) + getattr(more.usage, u.name) for u in fields(Usage)}),
        known_usd=line.known_usd + more.known_usd,
        wasted_usd=line.wasted_usd + more.wasted_usd,
        uncertain_usd=line.uncertain_usd + more.uncertain_usd,
        saved_usd=line.saved_usd + more.saved_usd,
        unpriced=line.unpriced + more.unpriced,
    )
