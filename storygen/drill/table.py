"""What the drill found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from storygen.drill.judging import Verdict

_HEAD = ("fault", "expected alert", "fired", "after", "allowed", "others", "resolved", "run", "trace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy:
    """What a time without any fault lit; it should be nothing."""

    seconds: float = 0.0
    unexpected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Panels:
    """How many queries of panels were asked, and which of them showed nothing: `board: panel`."""

    asked: int = 0
    empty: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole drill."""

    faults: tuple[Verdict, ...] = ()
    healthy: Healthy = field(default_factory=Healthy)
    panels: Panels = field(default_factory=Panels)
    scale: float = 1.0
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether no alert was missed and none was false."""
        false = self.healthy.unexpected or any(verdict.unexpected for verdict in self.faults)
        return not false and not any(verdict.is_missed for verdict in self.faults)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def text(report: Report) -> str:
    """The table, and a sentence on each thing that is not as it should be."""
    rows = [_HEAD, *(_row(verdict) for verdict in report.faults)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*table, "", *_remarks(report)])


def _row(verdict: Verdict) -> tuple[str, ...]:
    if verdict.skipped:
        return (verdict.fault, verdict.expected, "-", "-", "", "", "-", verdict.skipped, "")
    after = f"{_seconds(verdict.after_s)} of {verdict.promised_s:.1f} s"
    return (
        verdict.fault,
        verdict.expected,
        "yes" if verdict.fired else "NO",
        after,
        " ".join(verdict.allowed_seen) or "-",
        " ".join(verdict.unexpected) or "-",
        _seconds(verdict.resolved_s),
        " ".join(part for part in (verdict.outcome, verdict.fidelity) if part) or "-",
        verdict.trace or "-",
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _remarks(report: Report) -> Iterator[str]:
    missed = [verdict.fault for verdict in report.faults if verdict.is_missed]
    false = sorted({name for verdict in report.faults for name in verdict.unexpected})
    late = [verdict.fault for verdict in report.faults if verdict.is_late]
    lit = _listed(report.healthy.unexpected) if report.healthy.unexpected else "nothing but the watchdog"
    yield f"Healthy for {report.healthy.seconds:.0f} s (an hour, at {report.scale:g} times the pace): lit {lit}."
    yield f"Missed: {_listed(missed)}. False: {_listed(false)}. Late: {_listed(late)}."
    if report.panels.asked:
        yield f"Panels: {report.panels.asked} queries asked, empty: {_listed(report.panels.empty)}."
    yield f"It took {report.seconds / 60:.1f} minutes."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"
