"""The files of the native stack, from the same sources as those of the containers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from storygen.errors import InvalidSettings
from storygen.mixin import alertmanager, grafana, jaeger, prometheus, rules, runbooks
from storygen.mixin.config import Config
from storygen.mixin.rendering import as_yaml, rule_file
from storygen.stack.programs import BOARDS, PROVISIONING, Ports
from storygen.stack.web import HOST

# Relative to the folder, where Prometheus runs: it takes paths for patterns, and a folder may be called `a[b]`.
TARGETS = "targets.json"
RULES = "rules/storygen.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where everything listens; `running` are the programs that run as processes."""

    ports: Ports
    inbox: str
    running: frozenset[str]

    def of(self, name: str) -> str:
        """The base URL of what listens on the port of that name."""
        return f"http://{self.host(name)}"

    def host(self, name: str) -> str:
        """The same without the scheme."""
        return f"{HOST}:{getattr(self.ports, name)}"

    def links(self, missing: tuple[str, ...]) -> dict[str, str]:
        """What replaces the links of the configuration; those of programs that are missing stay."""
        here = {name: self.of(name) for name in ("prometheus", "alertmanager", "grafana") if name not in missing}
        return {**here, "jaeger": self.of("traces"), "runbooks": f"{self.inbox}/runbooks"}


def render(folder: Path, config: Config, addresses: Addresses) -> None:
    """Write every configuration below `folder`; those whose program is missing are left out."""
    for path, document in _documents(folder, config, addresses):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(document if isinstance(document, str) else as_yaml(document), "utf-8")


def _documents(folder: Path, config: Config, addresses: Addresses) -> Iterator[tuple[str, Any]]:
    yield RULES, rule_file(config, rules.groups(config))
    for path, page in runbooks.outputs(config):
        yield f"runbooks/{PurePosixPath(path).name}", page
    yield "prometheus.yml", _prometheus(config, addresses)
    if "alertmanager" in addresses.running:
        yield "alertmanager.yml", alertmanager.document(config, addresses.inbox)
    if "jaeger" in addresses.running:
        yield "jaeger.yaml", _jaeger(folder, config, addresses)
        yield "jaeger-ui.json", json.dumps(jaeger.links(config))
    if "grafana" in addresses.running:
        yield from _grafana(folder, config, addresses)


def _prometheus(config: Config, addresses: Addresses) -> dict[str, Any]:
    neighbours = {name: addresses.host(name) for name in ("prometheus", "alertmanager", "grafana")}
    neighbours["jaeger"] = addresses.host("jaeger_metrics")
    alertmanagers = [addresses.host("alertmanager")] if "alertmanager" in addresses.running else []
    return prometheus.document(
        config,
        target_files=[TARGETS],
        neighbours={name: address for name, address in neighbours.items() if name in addresses.running},
        alertmanagers=alertmanagers,
        rule_files=[RULES],
    )


def _jaeger(folder: Path, config: Config, addresses: Addresses) -> dict[str, Any]:
    ports = addresses.ports
    listening = jaeger.Ports(
        grpc=ports.otlp_grpc,
        http=ports.otlp_http,
        query=ports.traces,
        query_grpc=ports.jaeger_grpc,
        metrics=ports.jaeger_metrics,
        health=ports.jaeger_health,
    )
    return jaeger.document(
        config, host=HOST, ports=listening, folder=str(folder / "jaeger"), ui=str(folder / "jaeger-ui.json")
    )


def _grafana(folder: Path, config: Config, addresses: Addresses) -> Iterator[tuple[str, Any]]:
    """Sources and boards; the built-in trace store is no source, since Grafana asks Jaeger for more than it answers."""
    sources = grafana.provisioning(
        config,
        prometheus=addresses.of("prometheus"),
        alertmanager=addresses.of("alertmanager") if "alertmanager" in addresses.running else "",
        jaeger=addresses.of("traces") if "jaeger" in addresses.running else "",
        boards=str(folder / BOARDS),
    )
    for path, document in sources:
        yield f"{PROVISIONING}/{path}", document
    try:
        from storygen.mixin import dashboards

        boards = [*dashboards.outputs(config)]
    except ImportError as error:
        raise InvalidSettings(f"Grafana's boards need {error.name}.", hint="pip install 'storygen[mixin]'") from error
    for path, board in boards:
        yield f"{BOARDS}/{PurePosixPath(path).name}", board
