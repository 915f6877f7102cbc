"""Settings of what is logged, observed and remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from storygen.settings.base import Group, Names


class LogSettings(Group):
    """What is logged, and where."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe that is logged."""
    format: Literal["off", "console", "json"] = "off"
    """How a line on standard error looks, where lines are wanted beside the progress."""
    folder: Path | None = None
    """A folder for a log file a day."""
    keep_days: int = Field(14, ge=1)
    """How long log files are kept."""


class TelemetrySettings(Group):
    """What is observed; traces also follow the standard `OTEL_*` variables."""

    enabled: bool = True
    """Whether metrics, spans and logs are made."""
    metrics_port: int | None = Field(None, ge=0, le=65535)
    """Port of the metrics endpoint; 0 picks a free one."""
    metrics_host: str = Field("127.0.0.1", min_length=1)
    """Address that the metrics endpoint listens on; 0.0.0.0 lets other machines read them, as in a container."""
    metrics_linger_seconds: float = Field(30.0, ge=0, le=600)
    """How long the endpoint waits, at the end of a run, to be scraped once more."""
    pushgateway: str | None = None
    """Address of a Pushgateway that is told of the last run."""
    trace_url: str = Field("http://localhost:16686/trace/{trace_id}", pattern=r"^https?://\S*\{trace_id\}\S*$")
    """Address at which a trace is looked at; `{trace_id}` stands for its id."""
    operations: Names = ()
    """Names of your own operations that may be labels of metrics."""
    pipelines: Names = ()
    """Names of your own sessions that may be labels of metrics."""
    models: Names = ()
    """Names of models, beyond those of the configured providers, that may be labels of metrics."""


class ReportSettings(Group):
    """What is remembered of runs."""

    keep_days: int = Field(90, ge=1)
    """How long the history of runs is kept."""
