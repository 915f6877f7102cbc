"""The same story made twice with different settings, inside one trace, and set side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from storygen import events
from storygen.errors import InvalidSettings, StorygenError
from storygen.production import Order, perform
from storygen.providers.base import Capability
from storygen.resilience.gears import Gears
from storygen.settings import Settings
from storygen.telemetry.recorder import Recorder
from storygen.telemetry.report import build
from storygen.telemetry.report_records import Report

OPERATION = "compare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two: what was asked for, the report of its run, its folder, and why there is none where it failed."""

    asked: str
    report: Report
    folder: Path | None
    failure: StorygenError | None = None


async def perform_both(
    order: Order,
    asked: tuple[str, str],
    settings: tuple[Settings, Settings],
    folder: Path,
    observers: Sequence[events.Observer] = (),
) -> tuple[Side, Side]:
    """Make both, one after the other, so that neither slows the other down; where one fails the other is still made.

    They are children of one span, and the second links to the first.
    """
    with events.watched(events.Watch(observers)), events.timed("operation", OPERATION):
        first, traceparent = await _side(replace(order, folder=folder / "a"), asked[0], settings[0], observers)
        second, _ = await _side(replace(order, folder=folder / "b", link=traceparent), asked[1], settings[1], observers)
    return first, second


async def _side(order: Order, asked: str, settings: Settings, observers: Sequence[events.Observer]) -> tuple[Side, str]:
    recorder, failure, folder = Recorder(), None, None
    gears = Gears.from_settings(settings)  # one side's open breaker says nothing of the other's settings
    traceparent = ""
    try:
        performance = await perform(order, settings, (*observers, recorder), gears)
        folder = performance.delivery.folder
        traceparent = performance.delivery.manifest.traceparent
    except StorygenError as error:
        failure = error
    return Side(asked=asked, report=build(recorder.recording()), folder=folder, failure=failure), traceparent


def flags(asked: str) -> dict[str, Any]:
    """`speech=elevenlabs,builtin` or `vendors.openai.speech_model=tts-1` as nested settings; several with a blank.

    Raises `InvalidSettings` for anything else.
    """
    nested: dict[str, Any] = {}
    for wish in asked.split():
        key, sign, value = wish.partition("=")
        if not (key and sign and value):
            raise InvalidSettings(
                f"{wish!r} says nothing to compare by.", hint="Write for example --a speech=elevenlabs."
            )
        path = ("providers", key) if key in {capability.value for capability in Capability} else tuple(key.split("."))
        _put(nested, path, value)
    return nested


def _put(nested: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    for part in path[:-1]:
        nested = nested.setdefault(part, {})
    nested[path[-1]] = value


def failures(report: Report) -> Mapping[str, int]:
    """Why attempts of a run were in vain, by provider and kind."""
    found: dict[str, int] = {}
    for fallback in report.calls.fallbacks:
        name = f"{fallback.from_provider}: {fallback.reason}, {fallback.to_provider} instead"
        found[name] = found.get(name, 0) + fallback.count
    for provider in report.calls.providers:
        if provider.errors:
            found[f"{provider.provider}: failed attempts"] = provider.errors
    return found
