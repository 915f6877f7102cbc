"""prometheus.yml: read by promtool, and right for the container and for newer Prometheus."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from storygen.mixin import prometheus
from storygen.mixin.config import load
from storygen.mixin.rendering import as_yaml
from tests.servers import need


def test_promtool_reads_what_is_built(tmp_path: Path) -> None:
    need("promtool")
    ((_, document),) = prometheus.outputs(load())
    (tmp_path / "prometheus.yml").write_text(as_yaml({**document, "rule_files": []}))
    command = ["promtool", "check", "config", "--lint=all", "--lint-fatal", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_of_the_compose_file_that_has_metrics_is_scraped() -> None:
    compose = yaml.safe_load(Path("docker-compose.yml").read_text())
    ((_, document),) = prometheus.outputs(load())
    jobs = {
        job["job_name"]: target for job in document["scrape_configs"] for target in job["static_configs"][0]["targets"]
    }
    assert jobs["storygen"] == "storygen:9464"
    assert set(jobs) == {"storygen", "prometheus", "alertmanager", "jaeger", "grafana"}
    assert {address.partition(":")[0] for address in jobs.values()} - {"localhost"} <= set(compose["services"])


def test_histograms_stay_classic_so_that_rules_on_their_buckets_live() -> None:
    ((_, document),) = prometheus.outputs(load())
    written = as_yaml(document)
    assert "nhcb" not in written
    assert "native_histograms" not in written
