"""The built-in trace store as a server: takes OTLP, and answers Jaeger's query API and plain pages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from storygen.errors import InvalidSettings
from storygen.stack import page, tracepages
from storygen.stack.traces import TRACES, Search, TraceStore
from storygen.stack.web import HOST
from storygen.telemetry.receiver import Receiver
from storygen.telemetry.serving import Handler, Server

_TRACE_ID = re.compile(r"[0-9a-fA-F]{1,32}")
_GO_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}


class TraceServer:
    """Keeps traces while it runs; start and stop may be repeated on the same ports.

    Raises `InvalidSettings` where a port is taken.
    """

    name = "jaeger"

    def __init__(self, *, port: int = 0, grpc_port: int = 0, http_port: int = 0) -> None:
        self.store = TraceStore()
        self.port = port
        self.grpc_port = grpc_port
        self.http_port = http_port
        self._receiver: Receiver | None = None
        self._server: Server | None = None

    def start(self) -> None:
        """Listen; afterwards the three ports are known."""
        self._receiver = Receiver(keep=False, take=self.store.add, grpc_port=self.grpc_port, http_port=self.http_port)
        self.grpc_port, self.http_port = self._receiver.grpc_port, self._receiver.http_port
        try:
            self._server = Server(HOST, self.port, _Handler, store=self.store)
        except OSError as error:
            self.stop()
            raise InvalidSettings(f"Port {self.port} cannot be used: {error.strerror}.") from error
        self.port = self._server.port

    def wait_ready(self) -> None:
        """It is ready once it has started."""

    def stop(self) -> None:
        """Stop listening; what was kept stays."""
        if self._server:
            self._server.close()
        if self._receiver:
            self._receiver.close()
        self._server = self._receiver = None


def parse_search(parameters: Mapping[str, list[str]]) -> Search:
    """What `/api/v3/traces` was asked for. Raises `ValueError` with Jaeger's words where it cannot be read."""

    def given(camel: str) -> str:
        snake = re.sub("([A-Z])", r"_\1", camel).lower()
        return next((values[0] for name in (camel, snake) if (values := parameters.get(f"query.{name}"))), "")

    if not given("startTimeMin") or not given("startTimeMax"):
        raise ValueError("query.startTimeMin and query.startTimeMax are required")
    depth = given("searchDepth") or parameters.get("query.num_traces", [""])[0]
    search = Search(
        service=given("serviceName"),
        operation=given("operationName"),
        attributes=_attributes(given("attributes")),
        start_min=_nanoseconds("startTimeMin", given("startTimeMin")),
        start_max=_nanoseconds("startTimeMax", given("startTimeMax")),
        duration_min=_duration("durationMin", given("durationMin"), 0),
        duration_max=_duration("durationMax", given("durationMax"), 2**63),
        **({"depth": _depth(depth)} if depth else {}),
    )
    if search.start_min >= search.start_max:
        raise ValueError("query.startTimeMin must be before query.startTimeMax")
    return search


def _depth(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value[:9]) <= TRACES:
        raise ValueError(f"search depth must be greater than 0 and less than max traces {TRACES}")
    return int(value)


def _attributes(value: str) -> dict[str, str]:
    try:
        pairs = json.loads(value or "{}")
    except (ValueError, RecursionError) as error:
        raise ValueError("malformed parameter query.attributes: not JSON") from error
    if not isinstance(pairs, dict) or not all(isinstance(one, str) for one in pairs.values()):
        raise ValueError("malformed parameter query.attributes: an object of strings is expected")
    return pairs


def _nanoseconds(name: str, value: str) -> int:
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
    except ValueError as error:
        raise ValueError(f"malformed parameter query.{name}: {error}") from error
    if moment.tzinfo is None:
        raise ValueError(f"malformed parameter query.{name}: the time zone is missing")
    return int(moment.timestamp() * 1e9)


def _duration(name: str, value: str, otherwise: int) -> int:
    if not value:
        return otherwise
    parts = _GO_DURATION.findall(value)
    if "".join(number + unit for number, unit in parts) != value:
        raise ValueError(f"malformed parameter query.{name}: no duration")
    return int(sum(float(number) * _NANOSECONDS[unit] for number, unit in parts))


class _Handler(Handler):
    """Jaeger's query API, as far as it is needed, and pages under the addresses of Jaeger's own."""

    store: TraceStore

    def do_GET(self) -> None:  # noqa: N802 - the name is the method of HTTP
        address = urlsplit(self.path)
        parameters = parse_qs(address.query)
        if address.path == "/api/v3/services":
            self._json(200, {"services": self.store.services()})
        elif address.path == "/api/v3/traces":
            self._search(parameters)
        elif found := re.fullmatch(r"/api/v3/traces/([^/]+)", address.path):
            self._trace(found[1])
        elif address.path in {"/", "/search"}:
            self._page(tracepages.search(self.store, parameters))
        elif (found := re.fullmatch(r"/trace/([^/]+)", address.path)) and _TRACE_ID.fullmatch(found[1]):
            self._page(tracepages.trace(self.store, found[1]))
        else:
            self.send_error(404)

    def _search(self, parameters: Mapping[str, list[str]]) -> None:
        try:
            ids = self.store.search(parse_search(parameters))
        except ValueError as error:
            self._refuse(400, str(error))
            return
        self._traces([part for trace in ids for part in self.store.get(trace)], "No traces found")

    def _trace(self, trace_id: str) -> None:
        if _TRACE_ID.fullmatch(trace_id):
            self._traces(self.store.get(trace_id), "trace not found")
        else:
            self._refuse(400, "malformed parameter trace_id")

    def _traces(self, parts: list[dict[str, Any]], otherwise: str) -> None:
        if parts:
            self._json(200, {"result": {"resourceSpans": parts}})
        else:
            self._refuse(404, otherwise)

    def _refuse(self, status: int, message: str) -> None:
        self._json(status, {"error": {"httpCode": status, "message": message}})

    def _json(self, status: int, document: Mapping[str, Any]) -> None:
        self.answer(status, "application/json", json.dumps(document).encode())

    def _page(self, text: str) -> None:
        self.answer(200, page.HTML, page.encoded(text), page.HEADERS)
