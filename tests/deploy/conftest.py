"""The files that are deployed, read once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MANIFESTS = (
    *sorted((ROOT / "deploy/kubernetes").glob("*.y*ml")),
    *sorted((ROOT / "deploy/workers").glob("*.yaml")),
    ROOT / "deploy/collector/gateway.yaml",
)
NO_MANIFESTS = {"kustomization.yaml", "compose.yaml"}
# PostgreSQL has had two numbers since 10.
PINNED = re.compile(r"^([\w./-]+:v?\d+\.\d+\.\d+|postgres:\d+\.\d+)$")


def read(path: str | Path) -> Any:
    """A YAML file of one document, by its path below the project."""
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    return read("docker-compose.yml")


@pytest.fixture(scope="session")
def workers() -> dict[str, Any]:
    """What is laid over the compose file for workers of their own."""
    return read("deploy/workers/compose.yaml")


@pytest.fixture(scope="session")
def services(compose, workers) -> dict[str, Any]:
    """Those of the compose file, the gateway that can be put between them, and the workers."""
    gateway = {"collector": read("deploy/collector/compose.yaml")["services"]["collector"]}
    return gateway | workers["services"] | compose["services"]


@pytest.fixture(scope="session")
def manifests() -> list[dict[str, Any]]:
    """All objects for the cluster."""
    files = [path for path in MANIFESTS if path.name not in NO_MANIFESTS]
    return [found for path in files for found in yaml.safe_load_all(path.read_text("utf-8")) if found]


@pytest.fixture(scope="session")
def deployments(manifests) -> dict[str, Any]:
    return {found["metadata"]["name"]: found["spec"] for found in manifests if found["kind"] == "Deployment"}


@pytest.fixture(scope="session")
def collector() -> dict[str, Any]:
    return read("deploy/collector/collector.yaml")
