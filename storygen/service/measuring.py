"""Measures every request, and makes spans of them where traces are wanted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storygen import events
from storygen.service.base import House
from storygen.story import Outcome
from storygen.telemetry.words import OTHER

if TYPE_CHECKING:
    from storygen.telemetry.setup import Telemetry

REQUESTS = "http_server_request_duration_seconds"
DELIVERIES = "storygen_webhook_deliveries_total"
RESULTS = ("success", "failed", "retried")
# They are asked every few seconds and tell nothing.
_UNTRACED = frozenset({"/health/live", "/health/ready", "/metrics"})


def install(app: FastAPI, house: House) -> None:
    """Measure the requests of `app`, also those that are refused at the door: call it after other middleware."""
    if house.telemetry.metrics is not None or house.telemetry.tracing is not None:
        app.add_middleware(_Measured, telemetry=house.telemetry)


def deliveries_counter(telemetry: Telemetry) -> Callable[[str], None]:
    """Counts webhooks by what became of them, where there are metrics."""
    if telemetry.metrics is None:
        return lambda _: None
    counter = telemetry.metrics.families.counter(DELIVERIES)
    counter.create(RESULTS)
    return lambda result: counter.of(result).inc()


class _Measured:
    """Times requests by method, route template and status; a path that no route knows is `other`."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._family = telemetry.metrics.families.histogram(REQUESTS) if telemetry.metrics is not None else None
        self._watch = events.Watch((telemetry.tracing,)) if telemetry.tracing is not None else None
        self._routes: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._watch is not None and scope["path"] not in _UNTRACED:
            with events.watched(self._watch), events.timed("request", scope["method"]) as span:
                status = await self._serve(scope, receive, send)
                route = _route(scope)
                span.add(method=scope["method"], route=route, status=status)
                span.end(Outcome.FAILED if status >= 500 else Outcome.SUCCESS)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> int:
        status = 500

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, seen)
        finally:
            if self._family is not None:
                route = _route(scope)
                if route not in self._routes:  # a template of ours, of which there are only so many
                    self._routes.add(route)
                    self._family.allow("route", (route,))
                self._family.of(scope["method"], route, str(status)).observe(time.perf_counter() - began)
        return status


def _route(scope: Scope) -> str:
    """The template of the route that was taken, `other` where none was."""
    return str(getattr(scope.get("route"), "path", OTHER))
