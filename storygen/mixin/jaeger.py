"""Jaeger's configuration, for the container, the cluster and the native stack; Jaeger 2 is a kind of collector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from storygen.mixin.config import Config, seconds
from storygen.telemetry import spans

# Jaeger's image sets this variable to 0.0.0.0; everywhere else it listens on the loopback address.
HOST = "${env:JAEGER_LISTEN_HOST:-127.0.0.1}"
# The image's user owns no folder; /tmp is the one it may write to, so the volume is mounted there.
FOLDER = "/tmp/jaeger"  # noqa: S108 - a path inside the container
UI = "/etc/jaeger/ui.json"
_STORE = "disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where Jaeger listens; the defaults are its own."""

    grpc: int = 4317
    http: int = 4318
    query: int = 16686
    query_grpc: int = 16685
    metrics: int = 8888
    health: int = 13133


def document(
    config: Config, *, host: str = HOST, ports: Ports | None = None, folder: str = FOLDER, ui: str = UI
) -> dict[str, Any]:
    """What Jaeger 2.20 reads: spans in over OTLP, kept below `folder` as long as the metrics are, asked for at `query`.

    `ui` is the path of the file that `links` fills.
    """
    ports = ports or Ports()
    return {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter", "batch"],
                    "exporters": ["jaeger_storage_exporter"],
                }
            },
            "telemetry": _telemetry(host, ports.metrics),
        },
        "extensions": _extensions(config, host, ports, folder, ui),
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"{host}:{ports.grpc}"},
                    "http": {"endpoint": f"{host}:{ports.http}"},
                }
            }
        },
        "processors": {
            "memory_limiter": {"check_interval": "1s", "limit_percentage": 75, "spike_limit_percentage": 20},
            "batch": {},
        },
        "exporters": {"jaeger_storage_exporter": {"trace_storage": _STORE}},
    }


def links(config: Config) -> dict[str, Any]:
    """What Jaeger's pages show beside spans: the way from an attribute to the board that measures it."""
    boards = {
        spans.STAGE_NAME: ("storygen-stage", "stage"),
        "storygen.provider": ("storygen-providers", "provider"),
        spans.GENAI_PROVIDER: ("storygen-providers", "provider"),
    }
    return {
        "linkPatterns": [
            {
                "type": "tags",
                "key": attribute,
                "url": f"{config.links.grafana}/d/{uid}?var-{variable}=#{{{attribute}}}",
                "text": f"The board of this {variable}: #{{{attribute}}}",
            }
            for attribute, (uid, variable) in boards.items()
        ]
    }


def outputs(config: Config) -> Iterator[tuple[str, Any]]:
    """The files that are built here, with their path below the project: plain values as YAML, text as it is."""
    yield "deploy/jaeger/jaeger.yaml", document(config)
    yield "deploy/jaeger/ui.json", json.dumps(links(config), indent=2) + "\n"


def _telemetry(host: str, port: int) -> dict[str, Any]:
    """Jaeger's own metrics and log; its own spans would only be about itself."""
    reader = {"pull": {"exporter": {"prometheus": {"host": host, "port": port}}}}
    return {
        "resource": {"service.name": "jaeger"},
        "metrics": {"level": "detailed", "readers": [reader]},
        "logs": {"level": "info"},
        "traces": {"level": "none"},
    }


def _extensions(config: Config, host: str, ports: Ports, folder: str, ui: str) -> dict[str, Any]:
    badger = {
        "directories": {"keys": f"{folder}/keys", "values": f"{folder}/values"},
        "ephemeral": False,
        # Go's durations know no days.
        "ttl": {"spans": f"{round(seconds(config.retention) / 3600)}h"},
    }
    return {
        "healthcheckv2": {"use_v2": True, "http": {"endpoint": f"{host}:{ports.health}"}},
        "jaeger_query": {
            "storage": {"traces": _STORE},
            # Spans about searches would go to port 4317 of this machine, whoever listens there, and hold up its end.
            "enable_tracing": False,
            "http": {"endpoint": f"{host}:{ports.query}"},
            "grpc": {"endpoint": f"{host}:{ports.query_grpc}"},
            "ui": {"config_file": ui},
        },
        "jaeger_storage": {"backends": {_STORE: {"badger": badger}}},
    }
