"""Prometheus's own configuration, for the container and the native stack alike; read by 2.42 and by 3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from storygen.mixin.config import Config

SERVICE = "storygen"
RULES = "/etc/prometheus/rules/*.yml"
# Beside storygen, what watches it is watched too: job and address in the compose file.
NEIGHBOURS = {
    "prometheus": "localhost:9090",
    "alertmanager": "alertmanager:9093",
    "jaeger": "jaeger:8888",
    "grafana": "grafana:3000",
}
METRICS_PORT = 9464
# Those of the compose files that are not always there, or more than once.
WORKERS = ("service", "calls", "renders")
_NAMES_REFRESH = "15s"
# Changes are told by the kernel; this is for where it cannot.
_REFRESH = "5s"
# Still behind a flag in 3.14; without it no panel leads to a trace.
FEATURES = ("exemplar-storage",)


def document(
    config: Config,
    *,
    targets: Sequence[str] = (),
    target_files: Sequence[str] = (),
    target_names: Sequence[str] = (),
    neighbours: Mapping[str, str] | None = None,
    alertmanagers: Sequence[str] = (),
    rule_files: Sequence[str] = (),
) -> dict[str, Any]:
    """What Prometheus reads: storygen's processes at `targets` or listed in `target_files`, and its neighbours.

    All processes behind each of `target_names` are asked, too, on `METRICS_PORT`; where a name is not known, none is.

    The files are read by Prometheus and hold what `target_list` makes. Native histograms stay off: storygen has none,
    and with `convert_classic_histograms_to_nhcb` every rule on a `_bucket` would go silent.
    """
    ours: dict[str, Any] = {"job_name": config.job}
    if target_files:
        ours["file_sd_configs"] = [{"files": [*target_files], "refresh_interval": _REFRESH}]
    if targets or not target_files:
        ours["static_configs"] = target_list(targets)
    if target_names:
        found = {"names": [*target_names], "type": "A", "port": METRICS_PORT, "refresh_interval": _NAMES_REFRESH}
        ours["dns_sd_configs"] = [found]
        ours["relabel_configs"] = [{"target_label": "service_name", "replacement": SERVICE}]
    others = [
        {"job_name": job, "static_configs": [{"targets": [address]}]} for job, address in (neighbours or {}).items()
    ]
    return {
        "global": {"scrape_interval": config.scrape, "evaluation_interval": config.evaluation},
        "rule_files": [*rule_files],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [*alertmanagers]}]}]},
        "scrape_configs": [ours, *others],
    }


def target_list(targets: Sequence[str]) -> list[dict[str, Any]]:
    """Processes of storygen (host:port) with the label that dashboards for GenAI select by."""
    return [{"targets": [*targets], "labels": {"service_name": SERVICE}}]


def outputs(config: Config) -> Iterator[tuple[str, Any]]:
    """The file at the root of the project, which the compose file mounts."""
    yield (
        "prometheus.yml",
        document(
            config,
            targets=[f"storygen:{METRICS_PORT}"],
            target_names=WORKERS,
            neighbours=NEIGHBOURS,
            alertmanagers=[NEIGHBOURS["alertmanager"]],
            rule_files=[RULES],
        ),
    )
