"""What becomes of a film that is beyond a limit: pictures drawn once more, or no film at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from storygen import events
from storygen.errors import BelowLimits, BudgetExceeded, ProviderFailure, ResourceFailure
from storygen.pipeline.film import Filmed, film_once
from storygen.pipeline.means import Means
from storygen.resilience.cache import repeating
from storygen.results import SceneResult, beyond
from storygen.stages import assembly, visuals
from storygen.story import Check, Script, Stage, Verdict


async def remade(first: Filmed, story: Script, means: Means) -> Filmed:
    """The film with those pictures drawn once more that are beyond a limit, where that is wanted and helps."""
    if not means.settings.quality.remake:
        return first
    faulty = await _seen_twice(first, means) | _to_redraw(first, means.frame.fps)
    if not faulty:
        return first
    try:
        with repeating():
            again = await film_once(story, replace(means, redrawn=faulty))
    except (ProviderFailure, ResourceFailure, BudgetExceeded):
        return first
    return first if again.broken or len(beyond(again.film.checks)) > len(beyond(first.film.checks)) else again


async def _seen_twice(filmed: Filmed, means: Means) -> dict[int, int]:
    """The scenes that got the picture of the one before them once more, each with one take more than it had."""
    shown = [(result.number, result.shot) for result in filmed.scenes if result.failure is None and result.shot]
    if filmed.broken or not any(shot.value.original for _, shot in shown):
        return {}
    places = await means.tools.compute(visuals.seen_twice, [shot.value for _, shot in shown])
    for (before, _), (_, shot) in ((shown[place - 1], shown[place]) for place in places):
        found = Check(artifact="image", name="repeats", verdict=Verdict.WARN, value=f"as in scene {before}")
        events.emit(events.Checked(check=found, provider=shot.provider))
    return {shown[place][0]: 1 for place in places}


def _to_redraw(filmed: Filmed, fps: int) -> dict[int, int]:
    """The scenes that another picture may mend, each with one take more than it had."""
    shown = [result for result in filmed.scenes if result.failure is None and result.narration]
    if filmed.broken or any(result.segment is None for result in shown):
        return {}
    pairs = [(result.segment.value if result.segment else None, result.spoken().value) for result in shown]
    places = assembly.to_redraw(filmed.film.checks, pairs, fps)
    return {shown[place].number: 1 for place in places if shown[place].shot}


def drawn_again(before: Sequence[SceneResult], after: Sequence[SceneResult]) -> dict[int, int]:
    """The scenes whose picture is another one than before, with how often they were drawn once more."""
    keys = [[result.shot.key if result.shot else "" for result in scenes] for scenes in (before, after)]
    return {result.number: 1 for result, old, new in zip(after, *keys, strict=True) if old != new}


def insist_on_limits(below: Sequence[str]) -> None:
    """Raise `BelowLimits` where anything is said to be beyond a limit."""
    if below:
        raise BelowLimits(
            f"The film is not shipped, because {below[0]}.",
            stage=Stage.ASSEMBLY.value,
            hint="; ".join((*below[1:], "see [quality] in the settings for the limits, and what is to become of it")),
        )
