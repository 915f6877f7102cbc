"""The built-in provider's work in place of that of a chain which failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from storygen import events
from storygen.errors import ProviderFailure
from storygen.pipeline.means import Means
from storygen.stages.base import Tools
from storygen.story import Made

R = TypeVar("R")
BEFORE = "before it, "
BUILTIN = "builtin"


async def or_stand_in(means: Means, rule: str, work: Callable[[Tools], Awaitable[Made[R]]]) -> Made[R]:
    """What the chain delivers; where all of it failed and `rule` allows that, what the built-in one does.

    Raises the chain's `ProviderFailure` otherwise.
    """
    try:
        return await work(means.tools)
    except ProviderFailure as failure:
        if rule != "builtin" or means.stand_in is None or failure.provider == BUILTIN:
            raise
        tell_fallback(failure)
        made = await work(means.stand_in)
        return replace(made, missing=(*_all_reasons(failure), *made.missing))


def tell_fallback(failure: ProviderFailure) -> None:
    """Tell that the built-in provider does what the chain could not."""
    events.emit(events.FellBack(from_provider=failure.provider, to_provider=BUILTIN, reason=failure.kind))


def _all_reasons(failure: ProviderFailure) -> tuple[str, ...]:
    """Why each provider of a chain failed, in their order: those before the last stand in its notes."""
    before = tuple(note.removeprefix(BEFORE) for note in getattr(failure, "__notes__", ()) if note.startswith(BEFORE))
    return (*before, f"{failure.provider}: {failure.kind}: {failure.message}")
