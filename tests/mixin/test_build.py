"""What is built: the same as what is checked in, and proven by promtool, also with thresholds that were changed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from storygen.mixin import build
from storygen.mixin.config import Config, load
from tests.mixin.conftest import ROOT, promtool

RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
PROOFS = sorted((ROOT / "tests/alerts").glob("*.yml"))
# Every figure otherwise than it comes along, where its proof does not take long.
CHANGED = """
job = "films"
[alerts]
AllTargetsDown = { hold = "4m" }
TargetDown = { hold = "7m" }
TargetAbsent = { hold = "3m" }
PipelineStalled = { hold = "1h", window = "10m" }
NoRecentSuccess = { window = "3h", hold = "30m" }
StageFailureRatioHigh = { window = "20m", hold = "5m", limit = 0.35, minimum = 12 }
StageNearTimeout = { hold = "5m", limit = 0.7, minimum = 3 }
StageSlowdown = { limit = 3, hold = "1h" }
StageBottleneck = { limit = 0.6, hold = "10m", minimum = 0.5 }
RunStalled = { window = "30m" }
QueueWaitHigh = { longest = "8m", window = "20m", hold = "5m" }
QueueBacklogGrowing = { window = "20m", limit = 1.3, minimum = 50, hold = "20m" }
JobsStuck = { longest = "3h", hold = "10m" }
TelemetryDropped = { window = "20m" }
SeriesCountHigh = { limit = 2500, hold = "10m" }
DiskNearlyFull = { limit = 0.2, hold = "10m" }
"""


def test_what_is_checked_in_is_what_is_built(config: Config) -> None:
    assert build.differences(config, ROOT) == [], "run `storygen mixin build`"


def test_promtool_accepts_all_rules() -> None:
    assert RULES
    promtool("check", "rules", *RULES)


@pytest.mark.parametrize("file", PROOFS, ids=lambda path: path.stem)
def test_alerts_are_silent_below_their_threshold_and_fire_above(file: Path) -> None:
    promtool("test", "rules", file)


def test_changed_thresholds_are_proven_as_well(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(CHANGED)
    build.write(load(tmp_path / "mine.toml"), tmp_path)
    rooms = ("targets", "stages", "pace", "queue", "health")
    promtool("test", "rules", *(path for room in rooms for path in (tmp_path / "tests/alerts").glob(f"*-{room}*.yml")))


def test_a_cluster_gets_the_same_rules(built: dict[str, str]) -> None:
    manifest = yaml.safe_load(built["deploy/kubernetes/prometheusrule.yml"])
    files = [yaml.safe_load(text) for path, text in built.items() if path.startswith("deploy/prometheus/rules/")]
    assert manifest["apiVersion"] == "monitoring.coreos.com/v1"
    assert manifest["kind"] == "PrometheusRule"
    assert manifest["spec"]["groups"] == [group for file in files for group in file["groups"]]


def test_no_file_names_a_key_or_a_place_on_this_machine(built: dict[str, str]) -> None:
    assert [path for path, text in built.items() if str(ROOT) in text or str(Path.home()) in text] == []


def test_building_again_changes_nothing_and_mends_what_was_changed(config: Config, tmp_path: Path) -> None:
    written = build.write(config, tmp_path)
    assert set(written) == set(build.outputs(config))
    assert build.write(config, tmp_path) == []
    (tmp_path / written[0]).write_text("by hand")
    assert build.differences(config, tmp_path) == [written[0]]
    assert build.write(config, tmp_path) == [written[0]]


def test_a_file_that_is_no_longer_built_is_noticed_and_removed_and_what_is_not_ours_stays(
    config: Config, tmp_path: Path
) -> None:
    build.write(config, tmp_path)
    stale, foreign = tmp_path / "tests/alerts/storygen-gone.yml", tmp_path / "dashboards/my-own.json"
    stale.write_text("old")
    foreign.write_text("{}")
    assert build.differences(config, tmp_path) == ["tests/alerts/storygen-gone.yml"]
    build.write(config, tmp_path)
    assert not stale.exists()
    assert foreign.exists()
