"""The metrics endpoint of a process, and the gateway for processes that end."""

from __future__ import annotations

import logging
import threading

from prometheus_client import CollectorRegistry, push_to_gateway
from prometheus_client.exposition import choose_encoder

from storygen.errors import InvalidSettings
from storygen.telemetry import names
from storygen.telemetry.serving import Handler, Server

JOB = "storygen-cli"
PUSH_SECONDS = 2.0
# What the last run was like; figures of single calls mean nothing once the process is gone.
LAST_RUN = (
    "storygen_runs_started_total",
    "storygen_run_duration_seconds",
    "storygen_run_cost_usd",
    "storygen_last_success_timestamp_seconds",
    "storygen_films_total",
    "storygen_film_duration_seconds",
    "storygen_stage_critical_seconds_total",
    "storygen_stage_failures_total",
    "storygen_build_info",
)


class Endpoint:
    """Serves `/metrics` on one address: OpenMetrics, with exemplars, to those who ask for it, else text.

    Raises `InvalidSettings` where address and port cannot be had; port 0 picks a free one.
    """

    def __init__(self, registry: CollectorRegistry, port: int, host: str = "127.0.0.1") -> None:
        self.registry = registry
        self._closing = threading.Event()
        self._seen = threading.Event()
        try:
            self._server = Server(host, port, _Scrapes, endpoint=self)
        except OSError as error:
            raise InvalidSettings(
                f"telemetry.metrics_port: port {port} of {host} cannot be used: {error.strerror}.",
                hint="Choose another with --metrics-port, or 0 for any that is free.",
            ) from error
        self.port = self._server.port
        self.url = f"http://{host}:{self.port}/metrics"

    def linger(self, seconds: float) -> bool:
        """Wait until somebody has scraped once more, at most `seconds`; Ctrl-C ends it. Says whether somebody has."""
        self._closing.set()
        try:
            return self._seen.wait(seconds)
        except KeyboardInterrupt:
            return False

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    def scraped(self, *, at_the_end: bool) -> None:
        """Somebody has got everything; where it was asked for when all was over, nobody has to wait any longer."""
        if at_the_end:
            self._seen.set()

    @property
    def is_closing(self) -> bool:
        """Whether the work is over and only a last scrape is waited for."""
        return self._closing.is_set()


class _Scrapes(Handler):
    """Answers scrapes."""

    endpoint: Endpoint

    def do_GET(self) -> None:  # noqa: N802 - the name that the library calls
        if self.path.split("?")[0] not in {"/", "/metrics"}:
            self.send_error(404, "The metrics are at /metrics")
            return
        was_closing = self.endpoint.is_closing
        body, content_type = expose(self.endpoint.registry, self.headers.get("Accept", ""))
        self.answer(200, content_type, body)
        self.endpoint.scraped(at_the_end=was_closing)


def expose(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The metrics in the format that an `Accept` header asks for, and its content type."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def push_last_run(registry: CollectorRegistry, url: str) -> None:
    """Push what the last run was like to a Pushgateway; where that fails, a line in the log says so."""
    wanted = registry.restricted_registry(_samples(LAST_RUN))
    try:
        push_to_gateway(url, job=JOB, registry=wanted, timeout=PUSH_SECONDS)
    except (OSError, ValueError):
        logging.getLogger("storygen.telemetry").warning("telemetry.push_failed")


def _samples(metrics: tuple[str, ...]) -> list[str]:
    """The names of the series of these metrics."""
    found: list[str] = []
    for name in metrics:
        is_histogram = names.BY_NAME[name].type == "histogram"
        found += [f"{name}_bucket", f"{name}_sum", f"{name}_count"] if is_histogram else [name]
    return found
