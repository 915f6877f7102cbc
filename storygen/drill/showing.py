"""The run and the trace that show a fault."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from storygen.drill.base import Fault
from storygen.drill.judging import is_expected, summary
from storygen.errors import ResourceFailure
from storygen.stack.inbox import Alert
from storygen.stack.stack import Stack
from storygen.stack.web import ask

_TRAVEL_SECONDS = 10.0
_LOOK = 0.1


def shown(
    stack: Stack, fault: Fault, since: float, runs_of: Callable[[float], Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    """What the alert's own link to traces finds, or else the last of the runs since then.

    Traces travel in batches, so what has just ended may not have arrived.
    """
    alert = _delivered(stack, fault, since)
    until = time.monotonic() + _TRAVEL_SECONDS
    while True:
        runs = {run["trace_id"]: run for run in runs_of(since) if run["trace_id"]}
        found = _searched(stack, alert, since) if alert else []
        wanted = [*sorted(found, key=lambda trace: trace not in runs), *reversed(runs)]
        trace = next((one for one in wanted if _is_kept(stack, one)), "")
        if trace or time.monotonic() > until:
            return {"trace": trace, **summary(runs.get(trace))}
        time.sleep(_LOOK)


def _delivered(stack: Stack, fault: Fault, since: float) -> Alert | None:
    return next(
        (
            alert
            for delivery in stack.inbox.deliveries()
            if delivery.at >= since
            for alert in delivery.alerts
            if is_expected(alert, fault)
        ),
        None,
    )


def _searched(stack: Stack, alert: Alert, since: float) -> list[str]:
    """Ids of traces that the search behind an alert's link finds, since the break."""
    query = parse_qs(urlsplit(alert.annotations.get("trace_url", "")).query)
    if "tags" not in query:
        return []
    try:
        answer = ask(
            f"{stack.traces_url}/api/v3/traces",
            **{
                "query.serviceName": "storygen",
                "query.attributes": query["tags"][0],
                "query.startTimeMin": _written(since),
                "query.startTimeMax": _written(time.time() + 1),
            },
        )
    except ResourceFailure:
        return []
    parts = answer["result"]["resourceSpans"]
    spans = (span for part in parts for scope in part["scopeSpans"] for span in scope["spans"])
    return list(dict.fromkeys(span["traceId"] for span in spans))


def _is_kept(stack: Stack, trace: str) -> bool:
    try:
        return bool(ask(f"{stack.traces_url}/api/v3/traces/{trace}"))
    except ResourceFailure:
        return False


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
