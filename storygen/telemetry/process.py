"""What this process is, and where the standard variables send its traces."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def wants_traces(environ: Mapping[str, str]) -> bool:
    """Whether the standard variables name a collector and do not switch the export off."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environ.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "none":
        return False
    return any(environ.get(name) for name in ENDPOINTS)


def installed_version() -> str:
    """The version of storygen, as installed."""
    try:
        return metadata.version("storygen")
    except metadata.PackageNotFoundError:
        return "0+unknown"
