"""One cause lights one alert: in the rules themselves, while Alertmanager's inhibitions have ended or not begun."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from storygen.mixin.base import PREFIX
from storygen.mixin.config import load
from storygen.mixin.promql import selector
from storygen.mixin.proofs import flat, ramp
from storygen.mixin.rendering import as_yaml, rule_file
from storygen.mixin.rules import breakers, providers
from storygen.mixin.rules.breakers import STATE, TRANSITIONS
from storygen.mixin.rules.providers import ATTEMPTS, EXHAUSTED, RETRIES
from tests.servers import need

CONFIG = load()
VENDOR = {"job": "storygen", "provider": "elevenlabs"}
SPEECH = {**VENDOR, "operation": "generate_content"}
VOICE = {**VENDOR, "stage": "voice"}
QUIETER = ("ProviderErrorRatioHigh", "RetryRatioHigh", "RetriesExhausted", "ProviderRateLimited")


def outage(minutes: int) -> dict[str, str]:
    """Half an hour of good work, an outage that opens the breaker, and so little work after it that it still shows."""
    breaker = {**VENDOR, "capability": "speech", "instance": "worker-1:9464"}
    return {
        selector(ATTEMPTS, **SPEECH, error_type=""): ramp((10, 30), (0, minutes), (2, 60)),
        selector(ATTEMPTS, **SPEECH, error_type="unavailable"): ramp((0, 30), (4, minutes), (0, 60)),
        selector(RETRIES, **VOICE, reason="server_error"): ramp((0, 30), (4, minutes), (0, 60)),
        selector(EXHAUSTED, **VOICE): ramp((0, 30), (1, minutes), (0, 60)),
        selector(STATE, **breaker, state="closed"): flat((1, 31), (0, minutes), (1, 60)),
        selector(TRANSITIONS, **breaker, to_state="closed"): flat((0, 31 + minutes), (1, 60)),
    }


def firing(series: Mapping[str, str], alerts: Sequence[str], minutes: Sequence[int], folder: Path) -> str:
    """What promtool says where one of these alerts fires at one of these minutes; empty where none does."""
    need("promtool")
    groups = (*breakers.groups(CONFIG), *providers.groups(CONFIG))
    (folder / "rules.yml").write_text(as_yaml(rule_file(CONFIG, groups)))
    cases = [
        {"eval_time": f"{minute}m", "alertname": PREFIX + alert, "exp_alerts": []}
        for alert in alerts
        for minute in minutes
    ]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": "1m", "input_series": inputs, "alert_rule_test": cases}
    written = as_yaml({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]})
    (folder / "test.yml").write_text(written)
    done = subprocess.run(
        ["promtool", "test", "rules", folder / "test.yml"], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_an_outage_lights_the_breaker_alone_while_it_lasts_and_after_it(tmp_path: Path) -> None:
    assert "got:" in firing(outage(40), ["CircuitBreakerOpen"], [40], tmp_path)
    assert firing(outage(40), [*QUIETER, "CircuitBreakerFlapping"], range(30, 130), tmp_path) == ""


@pytest.mark.parametrize("alert", ["ProviderErrorRatioHigh", "RetryRatioHigh", "RetriesExhausted"])
def test_what_the_breaker_explains_fires_where_the_breaker_stays_closed(alert: str, tmp_path: Path) -> None:
    closed = {name: values for name, values in outage(40).items() if not name.startswith((STATE, TRANSITIONS))}
    alone = closed if alert == "ProviderErrorRatioHigh" else without_errors(closed)
    assert "got:" in firing(alone, [alert], [68], tmp_path)


def without_errors(series: Mapping[str, str]) -> dict[str, str]:
    """The same, with so many good attempts that their share of errors is no alert."""
    good = selector(ATTEMPTS, **SPEECH, error_type="")
    return {**series, good: ramp((10, 30), (20, 100))}
