"""No metric is only declared: a few films, good ones and bad ones, fill them all with figures that make sense."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from storygen import events
from storygen.errors import StorygenError
from storygen.production import order_of, perform
from storygen.providers.registry import models, serving
from storygen.resilience.gears import Gears
from storygen.settings import Settings
from storygen.telemetry import names
from storygen.telemetry.setup import Telemetry, start
from tests.vendors.fixture import simulation, vendors

__all__ = ["simulation", "vendors"]
STORY = "# The Jar\n\n## Scene: Light\nVisual: A jar at three.\nON-SCREEN: lamp --on\n\nADA: It glowed at three.\n"
TOPIC = "a jar that glows at three in the night"
# What a healthy process has no reason to fill, and where it is shown to be filled instead.
EXCUSED = {
    "storygen_telemetry_dropped_total": "tests/telemetry/test_setup.py",
    "storygen_sharing_up": "tests/telemetry/test_metrics.py",
    "storygen_queue_wait_seconds": "tests/jobs/test_traces.py",
    "storygen_webhook_deliveries_total": "tests/service/test_webhooks.py",
    "http_server_request_duration_seconds": "tests/service/test_health.py",
}


class Visitor:
    """An observer that scrapes once while something is being made: some gauges are back at zero later."""

    hears = (events.Occupied,)

    def __init__(self, look: Callable[[], dict[str, list[Any]]]) -> None:
        self.look = look
        self.seen: dict[str, list[Any]] = {}

    def began(self, timed: events.Timed) -> None: ...
    def ended(self, timed: events.Timed) -> None: ...

    def noted(self, event: events.Event, within: events.Timed | None) -> None:
        if not self.seen and isinstance(event, events.Occupied) and event.in_use:
            self.seen = self.look()


class Studio:
    """A process that makes films with simulated vendors, and what its metrics say."""

    def __init__(self, home: Path, vendors: Any, telemetry: Telemetry, gears: Gears) -> None:
        self.home, self.vendors, self.telemetry, self.gears = home, vendors, telemetry, gears
        self.visitor = Visitor(self.values)

    async def film(self, source: str, *rules: Mapping[str, Any], **changes: Mapping[str, Any]) -> StorygenError | None:
        """Make one under a plan of faults, with other settings where some are given; says what went wrong."""
        self.vendors.plan(rules)
        try:
            chosen = settings(self.home, self.vendors, **changes)
            order, _ = order_of(source, chosen)
            await perform(order, chosen, (*self.telemetry.observers, self.visitor), self.gears)
        except StorygenError as error:
            return error
        return None

    def write(self, hour: str) -> str:
        """A story of its own."""
        path = self.home / f"{hour}.md"
        path.write_text(STORY.replace("three", hour))
        return str(path)

    def values(self) -> dict[str, list[Any]]:
        """The samples of each declared metric."""
        with urlopen(self.telemetry.url, timeout=10) as answer:
            families = list(text_string_to_metric_families(answer.read().decode("utf-8")))
        found = {family.name: family.samples for family in families}
        return {
            metric.name: found.get(metric.name.removesuffix("_total"), found.get(metric.name, []))
            for metric in names.registered()
        }


def settings(home: Path, simulated: Any, **changes: Mapping[str, Any]) -> Settings:
    quick = {"attempts": 2, "retry_wait": 0.01, "timeout": 20.0, "breaker": {"failures": 50}}
    known: dict[str, Any] = {
        name: {"api_keys": ["sk-simulated"], "base_url": simulated.url(name), **quick}
        for name in ("openai", "elevenlabs", "runway")
    }
    known["runway"]["poll_seconds"] = 0.05
    chains = {"text": ["openai"], "speech": ["elevenlabs", "openai"], "images": ["openai"], "video": ["runway"]}
    values: dict[str, Any] = {
        "film": {"height": 144, "fps": 10, "preset": "ultrafast", "seconds": 6},
        "folders": {kind: home / kind for kind in ("films", "cache", "state")},
        "providers": {**chains, "transcription": ["openai"]},
        "budget": {"run_usd": 50.0, "day_usd": 500.0},
        "vendors": known,
        "telemetry": {"metrics_port": 0},
    }
    return Settings.model_validate(merged(values, changes))


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values with those of the changes in their place, at any depth."""
    deeper = {
        key: merged(values[key], change) if isinstance(change, dict) and isinstance(values.get(key), dict) else change
        for key, change in changes.items()
    }
    return {**values, **deeper}


async def make_films(studio: Studio) -> Sequence[StorygenError | None]:
    """A topic, a story, that again, then one for each thing that can go wrong, and one that leaves a full cache."""
    story, other, third = (studio.write(name) for name in ("three", "four", "five"))
    film = studio.film
    ended = [
        await film(TOPIC),
        await film(story),
        await film(story),
        await film(
            other, {"vendor": "elevenlabs", "fault": "truncated_audio"}, {"vendor": "runway", "fault": "server_error"}
        ),
        await film(
            third,
            {"vendor": "openai", "capability": "speech", "fault": "drop", "first": 1},
            providers={"speech": ["openai"]},
            vendors={"openai": {"speech_model": "tts-of-nobody"}},
        ),
        await film(
            third,
            {"vendor": "openai", "capability": "speech", "fault": "unauthorized"},
            providers={"speech": ["openai"]},
            degrade={"voice": "fail"},
        ),
        await film(
            third,
            {"vendor": "elevenlabs", "fault": "server_error"},
            {"vendor": "openai", "capability": "speech", "fault": "drop", "first": 1},
            vendors={"elevenlabs": {"breaker": {"failures": 1}}},
        ),
        await film("a topic that nobody pays for", budget={"run_usd": 0.0}),
        await film(
            "a topic that takes its time",
            {"vendor": "openai", "capability": "text", "fault": "slow", "seconds": 1.0},
            run={"stall_seconds": 0.3},
        ),
    ]
    age(studio.home / "cache")
    return [*ended, await film(story, folders={"cache_limit_gb": 1e-9})]


def age(cache: Path) -> None:
    """Make the cache look as if it was last used long ago, and counted, too."""
    for path in cache.rglob("entry.json"):
        os.utime(path, (1, 1))
    for path in cache.rglob("size.json"):
        path.unlink()


def is_filled(samples: Sequence[Any]) -> bool:
    """Whether anything was counted or set: a bucket of zeros is not enough."""
    return any(sample.value for sample in samples if not sample.name.endswith("_bucket"))


@pytest.fixture
def studio(tmp_path: Path, vendors: Any) -> Any:
    chosen = settings(tmp_path, vendors)
    with start(chosen, models=models(chosen), serving=serving(chosen), environ={}) as telemetry:
        gears = Gears.from_settings(chosen)
        yield Studio(tmp_path, vendors, telemetry, gears)


def test_every_declared_metric_is_filled_by_films(studio: Studio) -> None:
    async def go() -> Sequence[StorygenError | None]:
        ended = await make_films(studio)
        with events.watched(events.Watch(studio.telemetry.observers)), events.timed("operation", "my own"):
            pass
        await studio.gears.close()
        return ended

    ended = asyncio.run(go())
    found = studio.values()
    busy = studio.visitor.seen
    empty = {name for name, samples in found.items() if not is_filled(samples) and not is_filled(busy[name])}
    assert empty - EXCUSED.keys() == set(), [error.kind if error else "made" for error in ended]

    def value(name: str, **labels: str) -> float:
        return sum(
            sample.value
            for sample in found[name]
            if labels.items() <= sample.labels.items() and not sample.name.endswith(("_bucket", "_sum"))
        )

    assert value("storygen_runs_started_total") == len(ended)
    assert value("storygen_films_total") == sum(error is None for error in ended)
    assert value("storygen_run_cost_usd") == value("storygen_run_duration_seconds") - 1  # one has an unknown price
    assert value("storygen_fallbacks_total", from_provider="runway", to_provider="openai") == 1
    assert value("storygen_fallbacks_total", from_provider="elevenlabs", to_provider="openai") >= 1
    assert value("storygen_circuit_breaker_state", provider="elevenlabs", state="open") == 1
    for part in ("normalisation", "probe", "transcription", "alignment"):
        assert value("storygen_operation_duration_seconds", operation=part, outcome="success") > 0, part
    limits = {sample.labels["limit"]: sample.value for sample in found["storygen_concurrency_limit"]}
    assert limits.keys() >= {"scenes", "cores", "openai", "elevenlabs", "runway"}
    idle = {sample.labels["limit"]: sample.value for sample in found["storygen_concurrency_in_use"]}
    assert idle.keys() >= limits.keys()
    assert set(idle.values()) == {0}
    kept = sum(
        path.stat().st_size
        for path in (studio.home / "cache").rglob("*")
        if path.is_file() and path.name != "entry.json"
    )
    assert value("storygen_cache_size_bytes", cache="store") == pytest.approx(kept, rel=0.05)
