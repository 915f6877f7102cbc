"""Dashboards as code: each file is one of them, `base` is what they are made of, `drawing` writes Grafana's JSON."""

from __future__ import annotations

from collections.abc import Iterator

from storygen.mixin.config import Config
from storygen.mixin.dashboards import (
    cache,
    cost,
    overview,
    providers,
    quality,
    queue,
    slo,
    stage,
    telemetry,
)
from storygen.mixin.dashboards.asking import PanelQuery, asked, resolved
from storygen.mixin.dashboards.base import Board

__all__ = ["PanelQuery", "boards", "outputs", "queries", "resolved"]

_ROOMS = (overview, stage, providers, cost, cache, quality, queue, slo, telemetry)


def boards(config: Config) -> tuple[Board, ...]:
    """All dashboards, from the first that one opens to the last."""
    return tuple(room.board(config) for room in _ROOMS)


def outputs(config: Config) -> Iterator[tuple[str, str]]:
    """The files that are built: path and text."""
    from storygen.mixin.dashboards.drawing import drawn

    for board in boards(config):
        yield f"dashboards/{board.uid}.json", drawn(config, board)


def queries(config: Config) -> Iterator[PanelQuery]:
    """Every query of every panel, as written."""
    return (query for board in boards(config) for query in asked(board))
