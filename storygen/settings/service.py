"""Settings of the service: its queue, its door, its share of the machine, and where it keeps what it made."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from storygen.settings.base import Group, Names


class DatabaseSettings(Group):
    """Where the queue and the history of runs are kept."""

    url: SecretStr | None = None
    """An SQLAlchemy address (postgresql+psycopg://storygen@localhost/storygen); a file of SQLite, if not set."""
    pool: int = Field(10, ge=1, le=200)
    """Most connections to a database server."""


class QueueSettings(Group):
    """How submitted stories are worked on."""

    engine: Literal["embedded", "celery"] = "embedded"
    """Inside the service, or by Celery workers on many machines."""
    broker: SecretStr | None = None
    """Address of Celery's broker, such as redis://localhost:6379/0 or amqp://localhost."""
    runs_at_once: int = Field(3, ge=0, le=64)
    """Most runs at once in one process; 0 only accepts and leaves the work to others."""
    lease_seconds: float = Field(30.0, gt=1, le=3600)
    """How long a worker that does not beat keeps a run."""
    claims: int = Field(5, ge=1, le=100)
    """How often a run is begun again after its worker died, before it counts as failed."""
    run_timeout: float = Field(7200.0, gt=0)
    """The longest that a run may take, in seconds."""
    renders_apart: bool = False
    """Whether a Celery worker that makes films whole still leaves rendering to whoever is free for it first."""
    grace_seconds: float = Field(30.0, ge=0, le=600)
    """How long a process that is told to end goes on with what it has begun."""


class ServiceSettings(Group):
    """The HTTP API and the console."""

    host: str = "127.0.0.1"
    """Address to listen on; anything but loopback needs tokens."""
    port: int = Field(8080, ge=0, le=65535)
    """Port to listen on."""
    allowed_hosts: Names = ()
    """Names under which the service may be asked for, beside loopback's own."""
    tokens_file: Path | None = None
    """A TOML file of callers: `[callers.anna] token = "...", scopes = ["submit", "read"]`."""
    public_url: str = ""
    """How people reach the service from outside; links in webhooks and summaries begin with it."""
    max_body_mb: float = Field(10.0, gt=0, le=1000)
    """Largest request."""
    max_script_characters: int = Field(200_000, ge=100)
    """Longest story."""
    open_runs_per_caller: int = Field(20_000, ge=1)
    """Most runs of one caller that are not over."""
    requests_per_minute: int = Field(100_000, ge=1)
    """Most requests of one caller a minute."""
    per_run: Names = ("film", "voice", "subtitles", "terminal", "outputs", "providers", "budget.run_usd")
    """Settings that a caller may choose for one run; keys, addresses and paths never are."""
    private_webhooks: bool = False
    """Whether webhooks may go to private addresses."""
    webhook_secret: SecretStr | None = None
    """Signs webhooks (HMAC-SHA256)."""
    summary: Literal["off", "daily", "weekly"] = "off"
    """How often a summary of the runs is sent: of each day, or of each week from Monday, in UTC."""
    summary_webhook: SecretStr | None = None
    """Address that summaries are sent to."""
    grafana_url: str = ""
    """Where Grafana is, for the console's links."""
    jaeger_url: str = ""
    """Where Jaeger is, for the console's links."""
    keep_days: float = Field(30.0, gt=0)
    """How long runs and their films are kept."""
    keep_gb: float = Field(50.0, gt=0)
    """Beyond this the oldest films are removed."""


class GuardSettings(Group):
    """What of this machine the service may take; a run that would not fit waits."""

    memory_gb: float = Field(2.0, gt=0)
    """Memory of the process and its children."""
    free_memory_gb: float = Field(0.5, ge=0)
    """Memory that stays free for others."""
    free_disk_gb: float = Field(1.0, ge=0)
    """Disk that stays free."""
    load_per_core: float = Field(8.0, gt=0)
    """Load of the machine by core above which no run is begun."""


class FilmStoreSettings(Group):
    """Where films are kept for those who fetch them."""

    url: str = ""
    """An fsspec address, such as s3://bucket/films or file:///mnt/films; the films folder, if not set."""
    cache_url: str = ""
    """An fsspec address through which workers on many machines share the cache; their own folders, if not set."""
