"""Writes everything that is built from the mixin, and says what of it is not as it would be written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from storygen.mixin import alertmanager, dashboards, grafana, jaeger, prometheus, proving, rules, runbooks
from storygen.mixin.config import Config
from storygen.mixin.rendering import as_yaml, rule_file

_ROOMS = (dashboards, runbooks, alertmanager, prometheus, grafana, jaeger)
# Files of these names belong to the mixin alone: what is no longer built of them goes.
_OWN = (
    "deploy/prometheus/rules/storygen*.yml",
    "tests/alerts/storygen*.yml",
    "dashboards/storygen-*.json",
    "deploy/runbooks/Storygen*.md",
)


def outputs(config: Config) -> dict[str, str]:
    """Every file that is built: its path below the project, with slashes, and its text."""
    return {path: built if isinstance(built, str) else as_yaml(built) for path, built in _outputs(config)}


def write(config: Config, root: Path) -> list[str]:
    """Write what differs below `root`, and remove what is no longer built; returns the paths that changed."""
    stale = differences(config, root)
    built = outputs(config)
    for path in stale:
        if path in built:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(built[path], "utf-8")
        else:
            (root / path).unlink()
    return stale


def differences(config: Config, root: Path) -> list[str]:
    """The paths whose file is missing, is not what would be built, or would not be built any more."""
    built = outputs(config)
    return [path for path, text in built.items() if _read(root / path) != text] + _left_over(built, root)


def _outputs(config: Config) -> Iterator[tuple[str, Any]]:
    groups = rules.groups(config)
    for group in groups:
        yield proving.rules_path(group), rule_file(config, (group,))
    yield "deploy/kubernetes/prometheusrule.yml", _for_kubernetes(rule_file(config, groups))
    if config.scale == 1:
        yield from proving.outputs(config, groups)
    for room in _ROOMS:
        yield from room.outputs(config)


def _for_kubernetes(rules_as_read: dict[str, Any]) -> dict[str, Any]:
    """The rules as the Prometheus Operator takes them."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "storygen",
            "labels": {"app.kubernetes.io/name": "storygen", "app.kubernetes.io/component": "monitoring"},
        },
        "spec": rules_as_read,
    }


def _left_over(built: dict[str, str], root: Path) -> list[str]:
    folders = {str(PurePosixPath(path).parent) for path in built}
    found = (path for pattern in _OWN if str(PurePosixPath(pattern).parent) in folders for path in root.glob(pattern))
    return sorted({path.relative_to(root).as_posix() for path in found} - built.keys())


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except OSError:
        return None
