"""What breakers, limits and budgets tell, as metrics, log lines and spans."""

from __future__ import annotations

import io
import json
from typing import Any

from prometheus_client import CollectorRegistry

from storygen import events
from storygen.events import Watch, emit, timed, watched
from storygen.settings import BudgetSettings, LogSettings, Settings
from storygen.story import Usage
from storygen.telemetry.families import allowed_from
from storygen.telemetry.metrics import Metrics
from storygen.telemetry.setup import start

STATE = "storygen_circuit_breaker_state"


def states(registry: CollectorRegistry, provider: str = "elevenlabs") -> list[str]:
    names = ("closed", "open", "half_open")
    labels = {"provider": provider, "capability": "speech"}
    return [name for name in names if registry.get_sample_value(STATE, labels | {"state": name}) == 1]


def changed(state: str) -> events.BreakerChanged:
    return events.BreakerChanged(provider="elevenlabs", capability="speech", to_state=state)


def test_a_breaker_is_in_one_state_at_a_time_begins_closed_and_built_ins_have_none() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, allowed_from({"speech": ("elevenlabs", "builtin")}, {}))
    assert (states(registry), states(registry, "builtin")) == (["closed"], [])
    seen = []
    with watched(Watch([metrics])):
        for state in ("open", "half_open", "closed"):
            emit(changed(state))
            seen += states(registry)
        emit(events.BreakerSaw(provider="elevenlabs", capability="speech", result="rejected"))
    assert seen == ["open", "half_open", "closed"]
    labels = {"provider": "elevenlabs", "capability": "speech"}
    assert registry.get_sample_value("storygen_circuit_breaker_calls_total", labels | {"result": "rejected"}) == 1
    assert registry.get_sample_value("storygen_circuit_breaker_transitions_total", labels | {"to_state": "open"}) == 1


def test_limits_are_gauges_by_provider() -> None:
    registry = CollectorRegistry()
    with watched(Watch([Metrics(registry, allowed_from({"speech": ("elevenlabs",)}, {}))])):
        emit(events.Occupied(name="elevenlabs", in_use=3, limit=8))
        emit(events.Occupied(name="gemini", in_use=1, limit=2))
    assert registry.get_sample_value("storygen_concurrency_in_use", {"limit": "elevenlabs"}) == 3
    assert registry.get_sample_value("storygen_concurrency_limit", {"limit": "gcp.gemini"}) == 2


def test_budgets_are_shown_where_they_are_set_and_rejections_counted_from_nothing() -> None:
    registry = CollectorRegistry()
    with start(Settings(budget=BudgetSettings(day_usd=5)), registry=registry, environ={}) as telemetry:
        assert registry.get_sample_value("storygen_budget_usd", {"window": "24h"}) == 5
        assert registry.get_sample_value("storygen_budget_usd", {"window": "run"}) is None
        assert registry.get_sample_value("storygen_budget_rejections_total", {"window": "run"}) == 0
        with watched(Watch(telemetry.observers)):
            emit(events.BudgetRefused(window="run", expected_usd=1, left_usd=0.5))
        assert registry.get_sample_value("storygen_budget_rejections_total", {"window": "run"}) == 1


def test_what_may_have_been_billed_is_no_known_cost() -> None:
    registry = CollectorRegistry()
    spent = {"provider": "elevenlabs", "model": "m", "usage": Usage(characters=9), "cost_usd": 0.25}
    with watched(Watch([Metrics(registry, allowed_from({"speech": ("elevenlabs",)}, {"elevenlabs": ("m",)}))])):
        emit(events.Spent(**spent, wasted="failed", is_uncertain=True))
        emit(events.Spent(**spent, wasted="failed", is_uncertain=True, is_repeated=True))
    labels = {"stage": "none", "provider": "elevenlabs"}
    assert registry.get_sample_value("storygen_uncertain_cost_usd_total", labels) == 0.25
    assert registry.get_sample_value("storygen_cost_usd_total", labels | {"model": "m"}) in {None, 0.0}


def test_changes_refusals_and_a_lost_redis_are_lines_of_the_log() -> None:
    out = io.StringIO()
    told: list[Any] = [
        changed("open"),
        changed("closed"),
        events.BudgetRefused(window="24h", expected_usd=1, left_usd=0.5),
        events.SharingChanged(service="redis", is_reachable=False, reason="ConnectionError"),
    ]
    with (
        start(Settings(logs=LogSettings(format="json")), environ={}, stream=out) as telemetry,
        watched(Watch(telemetry.observers)),
        timed("run", "story"),
    ):
        for event in told:
            emit(event)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    found = [(line["level"], line["event"]) for line in lines if not line["event"].startswith("run.")]
    assert found == [
        ("warning", "breaker.open"),
        ("info", "breaker.closed"),
        ("warning", "budget.refused"),
        ("warning", "sharing.lost"),
    ]
