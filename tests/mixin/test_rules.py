"""The rules: nothing is missing, nothing asks for what nobody tells, and promtool accepts them at every scale."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from storygen.mixin import rules
from storygen.mixin.base import Alert
from storygen.mixin.config import DAY, Config, load, seconds, spoken
from storygen.mixin.dashboards import boards
from storygen.mixin.promql import Matcher, mentioned, strangers
from storygen.mixin.proving import rules_path
from storygen.mixin.rendering import as_yaml, rule_file, texts
from storygen.telemetry import spans
from storygen.telemetry.metrics import Metrics
from tests.mixin.conftest import promtool

ALERTS = {
    *("RunErrorBudgetBurn", "RunLatencyBudgetBurn"),
    *("TargetDown", "AllTargetsDown", "TargetAbsent", "PipelineStalled", "NoRecentSuccess"),
    *("StageFailureRatioHigh", "StageNearTimeout", "StageSlowdown", "StageBottleneck", "RunStalled"),
    *("ProviderErrorRatioHigh", "RetryRatioHigh", "RetriesExhausted", "ProviderRateLimited", "CircuitBreakerOpen"),
    *("CircuitBreakerFlapping", "FallbackInUse", "FilmsDegraded", "QualityChecksFailing"),
    *("BudgetNearlySpent", "BudgetExceeded", "CostPerFilmHigh", "WastedSpendHigh", "PriceUnknown", "CacheHitRatioLow"),
    *("QueueWaitHigh", "QueueBacklogGrowing", "JobsStuck", "SharingLost"),
    *("TelemetryDropped", "SeriesCountHigh", "DiskNearlyFull", "Watchdog"),
}
SHIPPED = load()
EACH = pytest.mark.parametrize(
    "alert", rules.alerts(SHIPPED), ids=lambda one: " ".join([one.name, *one.labels.values()])
)
RECORDED = frozenset(rule.record for group in rules.groups(SHIPPED) for rule in group.recordings)


def test_every_alert_of_the_contract_exists_and_has_its_knobs(config: Config) -> None:
    names = [alert.name for alert in rules.alerts(config)]
    assert set(names) == ALERTS == set(config.alerts)
    assert names.count("RunErrorBudgetBurn") == 4
    assert names.count("RunLatencyBudgetBurn") == 2


def test_no_rule_asks_for_what_storygen_does_not_declare(config: Config) -> None:
    made = [(rule.record, rule.expr) for group in rules.groups(config) for rule in group.recordings]
    made += [(alert.name, alert.expr) for alert in rules.alerts(config)]
    proofs = [
        (alert.name, series) for alert in rules.alerts(config) for proof in alert.proofs for series in proof.above
    ]
    wrong = {name: found for name, expr in (*made, *proofs) if (found := strangers(expr, RECORDED))}
    assert wrong == {}


def test_every_rule_looks_at_one_job_only(config: Config) -> None:
    exprs = [rule.expr for group in rules.groups(config) for rule in (*group.recordings, *group.alerts)]
    scraped = {one for expr in exprs for one in mentioned(expr) if one.metric not in RECORDED | {"ALERTS"}}
    assert scraped
    assert [one for one in scraped if Matcher("job", "=", config.job) not in one.matchers] == []


@EACH
def test_an_alert_leads_on(alert: Alert) -> None:
    """To a runbook that says something, a board that exists, and traces that carry the attributes searched for."""
    page = alert.runbook
    assert all((page.means, page.felt, page.look, page.over, *page.do))
    assert len(page.do) >= 2 or alert.name == "StageFailureRatioHigh"
    shown = {board.uid: board for board in boards(SHIPPED)}
    assert alert.dashboard in shown
    known = {attribute for span in spans.SPANS.values() for attribute in span.fields.values()} | {"error"}
    known |= {value for name, value in vars(spans).items() if name.isupper() and isinstance(value, str)}
    assert set(alert.traces) <= known


@EACH
def test_an_alert_is_proven_and_its_words_name_only_labels_that_it_has(alert: Alert) -> None:
    assert alert.proofs
    said = " ".join([*texts(SHIPPED, alert).values(), *alert.variables.values()])
    used = {*re.findall(r"\$labels\.(\w+)", said), *alert.variables.values()}
    for proof in alert.proofs:
        assert used <= {*proof.labels, *alert.labels}
        assert bool(proof.value) == ("$value" in said)


@EACH
def test_the_words_of_an_alert_follow_its_window(alert: Alert) -> None:
    """Scaled, no text may go on to speak of the window as it was."""
    scaled = load(changes={"scale": 50, "scrape": "250ms", "evaluation": "250ms"})
    for span in {alert.knobs.window, alert.knobs.hold}:
        if span in alert.description and seconds(span) < DAY:
            again = [one for one in rules.alerts(scaled) if one.name == alert.name]
            assert all(f"last {spoken(span)}" not in one.description for one in again)


@pytest.mark.parametrize("scale", [1, 10, 60, 300, 1000])
def test_promtool_accepts_the_rules_at_every_scale_and_their_names_stay(scale: float, tmp_path: Path) -> None:
    config = load(changes={"scale": scale, "scrape": "250ms", "evaluation": "250ms"})
    groups = rules.groups(config)
    assert frozenset(rule.record for group in groups for rule in group.recordings) <= RECORDED
    (tmp_path / "rules.yml").write_text(as_yaml(rule_file(config, groups)), "utf-8")
    assert "SUCCESS" in promtool("check", "rules", tmp_path / "rules.yml")


def test_an_alert_that_is_switched_off_is_in_no_file() -> None:
    config = load(changes={"alerts": {"StageBottleneck": {"enabled": False}}})
    said = yaml.dump(rule_file(config, rules.groups(config)))
    assert "StorygenStageBottleneck" not in said
    assert "StorygenStageSlowdown" in said


def test_each_group_has_a_file_of_its_own(config: Config) -> None:
    paths = [rules_path(group) for group in rules.groups(config)]
    assert len(paths) == len(set(paths))


def test_what_failures_are_counted_from_is_there_before_the_first() -> None:
    """A series that begins at its first failure shows no increase, and the failure would not be seen."""
    registry = CollectorRegistry()
    Metrics(registry)
    run = {"pipeline": "story"}
    for outcome in ("success", "failed", "timeout"):
        assert registry.get_sample_value("storygen_run_duration_seconds_count", run | {"outcome": outcome}) == 0
    voice = {"stage": "voice"}
    assert registry.get_sample_value("storygen_stage_failures_total", voice | {"error_type": "stage_timeout"}) == 0
    assert registry.get_sample_value("storygen_stalls_total", voice) == 0
    assert registry.get_sample_value("storygen_telemetry_dropped_total", {"signal": "traces"}) == 0
    assert registry.get_sample_value("storygen_runs_started_total", run) == 0
