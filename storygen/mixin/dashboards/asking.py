"""What panels ask, as Prometheus would be asked: for tests and drills that have no Grafana."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from storygen.mixin.dashboards.base import Board
from storygen.mixin.promql import mentioned

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
# What a stack without the gateway lacks, what one without a service and its workers lacks, and what is recorded of the
# past.
_OF_GATEWAY = ("otelcol_",)
_OF_QUEUE = ("http_server_", "storygen_job", "storygen_queue_", "storygen_sharing_", "storygen_webhook_")
_OF_THE_PAST = ":past"
_UNTIL_CHOSEN: Mapping[str, str] = {"__rate_interval": "1m", "__interval": "15s", "__range": "6h"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelQuery:
    """A query of a panel; `filled` is False where it asks for yesterday, or for parts that may not be there.

    Where it is `of_queue` it has data once a service with its workers is there, too.
    """

    board: str
    panel: str
    expr: str
    filled: bool = True
    of_queue: bool = False


def asked(board: Board) -> Iterator[PanelQuery]:
    """The queries of a board, in reading order."""
    for panel in board.panels:
        for query in panel.queries:
            is_there, is_queue = _is_there(query.expr), _is_of(query.expr, _OF_QUEUE)
            yield PanelQuery(
                board=board.uid,
                panel=panel.title,
                expr=query.expr,
                filled=is_there and not is_queue,
                of_queue=is_there and is_queue,
            )


def resolved(expr: str, **values: str) -> str:
    """`expr` with Grafana's variables replaced; those that are not in `values` mean everything, over six hours.

    `values` are named without the dollar: `job="storygen"`, `__rate_interval="1m"`, `__range="10m"`.
    """
    chosen = {**_UNTIL_CHOSEN, **values}
    return _VARIABLE.sub(lambda found: chosen.get(found[1] or found[2], ".*"), expr)


def _is_there(expr: str) -> bool:
    return " offset " not in expr and not _is_of(expr, _OF_GATEWAY) and not _is_past(expr)


def _is_of(expr: str, prefixes: tuple[str, ...]) -> bool:
    return any(mention.metric.startswith(prefixes) for mention in mentioned(expr))


def _is_past(expr: str) -> bool:
    return any(mention.metric.endswith(_OF_THE_PAST) for mention in mentioned(expr))
