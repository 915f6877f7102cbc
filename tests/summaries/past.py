"""Runs that ended when we say, with figures that we choose."""

from __future__ import annotations

import dataclasses
from copy import deepcopy
from typing import Any

from storygen.store.history import PastRun
from storygen.telemetry.report import build
from tests.telemetry.runs import rich

NOW = 1_795_219_200.0  # 2026-11-21 00:00 UTC, a Saturday
DAY = 86_400.0
_RECORDING = rich()
_REPORT = build(_RECORDING).to_json()


def run(ended: float, *, voice: float = 6.0, cost: float = 0.05, run_id: str = "", **more: Any) -> PastRun:
    """A run of 10 s whose voices took `voice` seconds for 60 s of film; `more` are figures of the run itself."""
    report = deepcopy(_REPORT)
    number = f"{run_id or ended:}"
    report["run"] |= {"run_id": number, "seconds": 10.0, "film_seconds": 60.0, "outcome": "success", **more}
    report["cost"]["usd"] = cost
    for row in report["stages"]:
        row |= {"cached": 0, "failures": 0}
        if row["name"] == "voice":
            row["total"] = voice
    past = PastRun.from_report(report, _RECORDING.to_document())
    return dataclasses.replace(past, started=ended - 10.0)


class Past:
    """A history in memory."""

    def __init__(self, *runs: PastRun) -> None:
        self.runs = list(runs)

    def since(self, moment: float) -> list[PastRun]:
        return [each for each in self.runs if each.started >= moment]
