"""A drill passes only where the right alert came, and nothing that nobody wrote down."""

from __future__ import annotations

from dataclasses import replace

from storygen.drill.base import Fault
from storygen.drill.faults import FAULTS
from storygen.drill.judging import Verdict, arrival, others, promised
from storygen.drill.table import Healthy, Panels, Report, text
from storygen.mixin.config import load
from storygen.stack.inbox import Alert, Delivery
from storygen.stack.stack import scaled

DOWN = next(fault for fault in FAULTS if fault.name == "vendor down")
GOOD = Verdict(
    fault="vendor down",
    expected="StorygenCircuitBreakerOpen",
    fired=True,
    after_s=2.0,
    promised_s=5.0,
    resolved_s=1.5,
    outcome="success",
    fidelity="degraded",
    trace="ab" * 16,
)


def delivery(name: str, at: float, status: str = "firing", **labels: str) -> Delivery:
    alert = Alert(status=status, labels={"alertname": name, **labels}, annotations={})
    return Delivery(receiver="chat", at=at, alerts=(alert,), size=1)


def test_the_alert_counts_only_where_it_is_about_what_broke() -> None:
    about_another = delivery("StorygenCircuitBreakerOpen", 11, provider="openai")
    right = delivery("StorygenCircuitBreakerOpen", 12, provider="elevenlabs")
    assert arrival([about_another], DOWN, 10) is None
    assert arrival([about_another, right], DOWN, 10) == 12


def test_what_came_before_the_break_does_not_count() -> None:
    early = delivery("StorygenCircuitBreakerOpen", 9, provider="elevenlabs")
    assert arrival([early], DOWN, 10) is None
    assert others([delivery("StorygenStageSlowdown", 9)], DOWN, 10) == ((), ())


def test_a_resolution_is_not_taken_for_the_alert() -> None:
    gone = delivery("StorygenCircuitBreakerOpen", 12, "resolved", provider="elevenlabs")
    assert arrival([gone], DOWN, 10) is None
    assert arrival([gone], DOWN, 10, "resolved") == 12


def test_consequences_are_told_apart_from_false_alerts_and_the_watchdog_is_neither() -> None:
    came = [
        delivery("StorygenFilmsDegraded", 11),
        delivery("StorygenStageSlowdown", 12),
        delivery("StorygenWatchdog", 13),
        delivery("StorygenCircuitBreakerOpen", 14, provider="elevenlabs"),
    ]
    assert others(came, DOWN, 10) == (("FilmsDegraded",), ("StageSlowdown",))
    assert others(came[:3], None, 10) == ((), ("FilmsDegraded", "StageSlowdown"))


def test_the_promise_grows_with_window_hold_and_onset() -> None:
    config = scaled(load(), 200)
    plain = Fault(name="x", says="x", expected="ProviderErrorRatioHigh")
    knobs = config.of("ProviderErrorRatioHigh")
    assert (knobs.window, knobs.hold) == ("15m", "10m")
    read = 1.0  # four scrapes, which its recorded rates are read over
    assert promised(plain, config, group_wait=0.25) == 4.5 + read + 3.0 + 0.25 + 0.5
    assert promised(replace(plain, onset=2.0), config, group_wait=0.25) == 11.25


def test_the_promise_holds_how_long_the_effect_must_last_to_count() -> None:
    config = scaled(load(), 200)
    stuck = Fault(name="x", says="x", expected="JobsStuck")
    knobs = config.of("JobsStuck")
    assert (knobs.window, knobs.hold, knobs.longest) == ("5m", "5m", "15m")
    assert promised(stuck, config, group_wait=0.25) == 1.5 + 1.5 + 4.5 + 0.25 + 0.5


def test_a_drill_is_good_only_without_missed_and_false_alerts() -> None:
    assert Report(faults=(GOOD,)).is_good
    assert not Report(faults=(replace(GOOD, fired=False),)).is_good
    assert not Report(faults=(replace(GOOD, resolved_s=None),)).is_good
    assert not Report(faults=(replace(GOOD, unexpected=("StageSlowdown",)),)).is_good
    assert not Report(faults=(GOOD,), healthy=Healthy(seconds=1, unexpected=("StageSlowdown",))).is_good
    assert Report(faults=(GOOD, Verdict(fault="disk nearly full", expected="x", skipped="no disk"))).is_good


def test_the_table_shows_each_fault_and_names_what_is_wrong() -> None:
    late = replace(GOOD, fault="hanging", after_s=7.0, unexpected=("StageSlowdown",))
    shown = text(
        Report(faults=(GOOD, late), healthy=Healthy(seconds=18), panels=Panels(asked=9, empty=("a: b",)), seconds=60)
    )
    row = next(line for line in shown.splitlines() if line.startswith("vendor down"))
    assert row.split() == [
        *("vendor", "down", "StorygenCircuitBreakerOpen", "yes", "2.0", "s", "of", "5.0", "s"),
        *("-", "-", "1.5", "s", "success", "degraded", "ab" * 16),
    ]
    assert "Missed: none. False: StageSlowdown. Late: hanging." in shown
    assert "Panels: 9 queries asked, empty: a: b." in shown


def test_json_holds_what_the_table_shows() -> None:
    values = Report(faults=(GOOD,), healthy=Healthy(seconds=18), panels=Panels(asked=9)).to_json()
    assert (
        values["faults"][0].items()
        >= {
            "fault": "vendor down",
            "expected": "StorygenCircuitBreakerOpen",
            "fired": True,
            "after_s": 2.0,
            "promised_s": 5.0,
            "unexpected": (),
            "allowed_seen": (),
            "resolved_s": 1.5,
            "outcome": "success",
            "fidelity": "degraded",
            "trace": "ab" * 16,
        }.items()
    )
    assert values["healthy"] == {"seconds": 18, "unexpected": ()}
    assert values["panels"] == {"asked": 9, "empty": ()}
