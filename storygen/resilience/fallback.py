"""Asking one provider of a chain after the other, and waiting for one that is left alone where nobody else can help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from storygen import events
from storygen.errors import BudgetExceeded, CircuitOpen, ProviderFailure, StorygenError
from storygen.resilience.errand import Errand, Onward
from storygen.story import Made


@dataclass(slots=True)
class Walk:
    """How far a call has come along its chain: why each provider did not deliver, by its place."""

    errands: Sequence[Errand]
    reasons: dict[int, str] = field(default_factory=dict)
    failure: StorygenError | None = None
    asked: int = 0
    rejected: list[int] = field(default_factory=list)

    def before(self, place: int) -> tuple[str, ...]:
        """Why those before this place did not deliver."""
        return tuple(reason for where, reason in sorted(self.reasons.items()) if where < place)


async def first_of(errands: Sequence[Errand], onward: Onward, *, dearer: bool) -> Made[Any]:
    """What the first provider delivers that can; `dearer` allows those that cost more than the first.

    With nobody left, it waits for one that was rejected by its breaker, within the total time. Raises the last failure,
    with the reasons of those before it as notes, or the `BudgetExceeded` that no free provider could mend.
    """
    walk = Walk(errands)
    if (made := await _ask(walk, 0, onward)) is not None:
        return made
    for place in range(1, len(errands)):
        if _is_allowed(walk, place, dearer=dearer) and (made := await _ask(walk, place, onward)) is not None:
            return made
    if (made := await _when_back(walk, onward)) is not None:
        return made
    failure = walk.failure
    assert failure is not None  # noqa: S101 - a chain has at least one provider
    last = f"{failure.provider}: {failure.kind}: {failure.message}"
    for reason in walk.before(len(errands)):
        if reason != last:
            failure.add_note(f"before it, {reason}")
    raise failure


async def _ask(walk: Walk, place: int, onward: Onward) -> Made[Any] | None:
    errand = walk.errands[place]
    name = errand.provider.name
    if place > walk.asked and walk.failure is not None:
        left = walk.errands[walk.asked].provider.name
        events.emit(events.FellBack(from_provider=left, to_provider=name, reason=walk.failure.kind))
    if walk.reasons:
        if place not in walk.reasons:
            errand.began = errand.clock()
        walk.asked, errand.missing = max(place, walk.asked), walk.before(place)
    try:
        made: Made[Any] = await onward(errand)
    except (ProviderFailure, BudgetExceeded) as error:
        error.locate(provider=name)
        walk.failure = error
        walk.reasons[place] = f"{name}: {error.kind}: {error.message}"
        if isinstance(error, CircuitOpen):
            walk.rejected.append(place)
        return None
    return replace(made, missing=walk.before(place)) if walk.reasons or made.missing else made


def _is_allowed(walk: Walk, place: int, *, dearer: bool) -> bool:
    """Whether a provider may stand in: after a budget said no only a free one, and a dearer one only if that is set."""
    cost, original = walk.errands[place].expected(), walk.errands[0].expected()
    if isinstance(walk.failure, BudgetExceeded):
        return cost == 0
    if dearer or cost is None or original is None or cost <= original:
        return True
    name = walk.errands[place].provider.name
    walk.reasons[place] = (
        f"{name}: not asked, because it costs about ${cost:.4f} instead of ${original:.4f}; "
        "`budget.dearer_fallback` allows that"
    )
    return False


async def _when_back(walk: Walk, onward: Onward) -> Made[Any] | None:
    """With nobody left, ask those whose breaker was open when they may be asked again, the soonest first."""
    while walk.rejected and not isinstance(walk.failure, BudgetExceeded):
        place = min(walk.rejected, key=lambda rejected: _ready_in(walk.errands[rejected]))
        errand, breaker = walk.errands[place], walk.errands[place].lane.breaker
        if breaker is None or not errand.left or not await breaker.ready(errand.left, errand.sleep):
            return None
        walk.rejected.remove(place)
        if (made := await _ask(walk, place, onward)) is not None:
            return made
    return None


def _ready_in(errand: Errand) -> float:
    return errand.lane.breaker.ready_in if errand.lane.breaker is not None else 0.0
