"""The form of a figure: some values of one measurement, their unit, and the limit they must keep."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

_SUITES: dict[str, Suite] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the bench: the median of `values` against `limit`, which is a ceiling or a floor, or absent."""

    name: str
    values: tuple[float, ...]
    unit: str
    limit: float | None = None
    sense: Literal["at most", "at least"] = "at most"

    @property
    def median(self) -> float:
        """The value that is quoted."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """The distance from the smallest value to the largest."""
        return max(self.values) - min(self.values)

    @property
    def holds(self) -> bool:
        """Whether the median keeps the limit."""
        if self.limit is None:
            return True
        return self.median <= self.limit if self.sense == "at most" else self.median >= self.limit

    def line(self) -> str:
        """`name median spread unit limit ok|short`."""
        limit = "-" if self.limit is None else f"{self.limit:g}"
        verdict = "ok" if self.holds else "short"
        return f"{self.name:<32} {self.median:>12.4g} {self.spread:>12.4g} {self.unit:<8} {limit:>8} {verdict}"


@dataclass(frozen=True, slots=True)
class Suite:
    """A function that measures some figures; the long ones are left to `make bench-long`."""

    measure: Callable[[], Iterator[Figure]]
    is_long: bool


def suite(*, long: bool = False) -> Callable[[Callable[[], Iterator[Figure]]], Callable[[], Iterator[Figure]]]:
    """Register a function that yields figures, under its own name."""

    def register(measure: Callable[[], Iterator[Figure]]) -> Callable[[], Iterator[Figure]]:
        _SUITES[measure.__name__] = Suite(measure, long)
        return measure

    return register


def suites() -> dict[str, Suite]:
    """All registered suites by name."""
    return dict(_SUITES)
