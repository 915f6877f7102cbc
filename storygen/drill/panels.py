"""Whether the panels of all dashboards have something to show after a drill."""

from __future__ import annotations

import time
from typing import Any

from storygen.drill.table import Panels
from storygen.mixin.config import Config
from storygen.stack.stack import Stack
from storygen.stack.web import ask

_STEP = 20.0  # seconds


def looked_at(stack: Stack, config: Config, began: float, *, with_queue: bool) -> Panels:
    """Ask what every panel asks, over the time since the drill began (Unix seconds).

    Those of a service and its queue are asked only where there was one.
    """
    from storygen.mixin.dashboards import queries
    from storygen.mixin.dashboards.asking import resolved

    values = {"__rate_interval": f"{_STEP:.0f}s", "__range": "15m", "job": config.job}
    wanted = [query for query in queries(config) if query.filled or (query.of_queue and with_queue)]
    asked = {query: resolved(query.expr, **values) for query in wanted}
    empty = [query for query, expr in asked.items() if expr and not _ranged(stack, expr, began)]
    return Panels(asked=len(asked), empty=tuple(dict.fromkeys(f"{query.board}: {query.panel}" for query in empty)))


def _ranged(stack: Stack, expr: str, began: float) -> list[Any]:
    # What is read in steps shows what has just happened when the next step is over.
    url, times = f"{stack.prometheus_url}/api/v1/query_range", {"start": began, "end": time.time() + _STEP}
    found: list[Any] = ask(url, query=expr, step="5", **{name: f"{at:.1f}" for name, at in times.items()})["data"][
        "result"
    ]
    return found
