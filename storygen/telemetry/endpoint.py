"""The metrics endpoint of a process, and the gateway for processes that end."""

from __future__ import annotations

import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, push_to_gateway
from prometheus_client.exposition import choose_encoder

from storygen.errors import InvalidSettings
from storygen.telemetry import names

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
        self._registry = registry
        self._closing = threading.Event()
        self._seen = threading.Event()
        try:
            self._server = ThreadingHTTPServer((host, port), self._handler())
        except OSError as error:
            raise InvalidSettings(
                f"telemetry.metrics_port: port {port} of {host} cannot be used: {error.strerror}.",
                hint="Choose another with --metrics-port, or 0 for any that is free.",
            ) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}/metrics"
        serve = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="storygen-metrics", daemon=True)
        serve.start()

    def linger(self, seconds: float) -> bool:
        """Wait until somebody has scraped once more, at most `seconds`; Ctrl-C ends it. Says whether somebody has."""
        self._closing.set()
        try:
            return self._seen.wait(seconds)
        except KeyboardInterrupt:
            return False

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            """Answers scrapes."""

            def do_GET(self) -> None:
                if self.path.split("?")[0] not in {"/", "/metrics"}:
                    self.send_error(404, "The metrics are at /metrics")
                    return
                was_closing = endpoint._closing.is_set()
                body, content_type = expose(endpoint._registry, self.headers.get("Accept", ""))
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                if was_closing:
                    endpoint._seen.set()

            def log_message(self, *_: object) -> None:
                """Scrapes are not worth a line."""

        return Handler


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
