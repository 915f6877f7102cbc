"""How the providers do: watched while they are called, and read from the runs that were."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storygen.errors import ContentRejected
from storygen.events import BreakerChanged, Event, Observer, Timed
from storygen.settings import Settings
from storygen.store.history import PastRun
from storygen.story import Outcome
from storygen.telemetry.report_figures import percentile

REMEMBERED = 1_000
HOUR_SECONDS = 3600.0
PERCENTILES = (50, 90, 99)
_GOOD = frozenset({Outcome.SUCCESS, Outcome.CACHED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt that reached a provider; `error` is its kind, empty where it went well."""

    at: float
    seconds: float
    error: str


@dataclass(slots=True)
class _Seen:
    """What was seen of one provider since the process began."""

    recent: deque[Attempt] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    attempts: int = 0
    failures: int = 0
    last_success: float | None = None
    last_failure: float | None = None
    last_error: str = ""
    breakers: dict[str, tuple[str, float]] = field(default_factory=dict)


class Services:
    """The observer that remembers how providers did, for the health pages."""

    hears = frozenset({BreakerChanged})

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    @classmethod
    def among(cls, observers: Iterable[Observer]) -> Services:
        """The one of these observers, or one that has seen nothing where the work is done elsewhere."""
        return next((each for each in observers if isinstance(each, cls)), None) or cls()

    def began(self, timed: Timed) -> None:
        """Nothing is known yet."""

    def ended(self, timed: Timed) -> None:
        """An attempt has ended."""
        provider = timed.fields.get("provider")
        if timed.kind != "attempt" or not provider or timed.outcome is Outcome.CANCELLED:
            return
        seen, now = self._of(str(provider)), self._clock()
        is_good = timed.outcome in _GOOD or isinstance(timed.error, ContentRejected)
        error = "" if is_good else str(getattr(timed.error, "kind", "error"))
        seen.recent.append(Attempt(at=now, seconds=timed.seconds, error=error))
        seen.attempts += 1
        if is_good:
            seen.last_success = now
        else:
            seen.failures += 1
            seen.last_failure, seen.last_error = now, error

    def noted(self, event: Event, within: Timed | None) -> None:  # noqa: ARG002 - the protocol's signature
        """A breaker has changed."""
        if isinstance(event, BreakerChanged):
            self._of(event.provider).breakers[event.capability] = (event.to_state, self._clock())

    def figures(self, provider: str, capabilities: Iterable[str]) -> dict[str, Any]:
        """One provider since the process began; times are Unix seconds, None where something has not been.

        Its breakers are those that have moved, and those of `capabilities`, which begin closed.
        """
        seen = self._seen.get(provider, _Seen())
        durations = sorted(attempt.seconds for attempt in seen.recent if not attempt.error)
        breakers: dict[str, tuple[str, float | None]] = dict.fromkeys(capabilities, ("closed", None))
        breakers |= seen.breakers
        return {
            "breakers": {name: {"state": state, "since": since} for name, (state, since) in breakers.items()},
            "attempts": seen.attempts,
            "failures": seen.failures,
            "availability": availability(seen.attempts, seen.failures),
            "last_success": seen.last_success,
            "last_failure": seen.last_failure,
            "last_error": seen.last_error,
            "response_seconds": {f"p{share}": percentile(durations, share / 100) for share in PERCENTILES},
            "recent": _minutes(seen.recent),
        }

    def _of(self, provider: str) -> _Seen:
        return self._seen.setdefault(provider, _Seen())


def configured(settings: Settings) -> dict[str, list[str]]:
    """The providers of the chains, with what each is asked for."""
    found: dict[str, list[str]] = {}
    for capability, chain in settings.providers.model_dump().items():
        for provider in chain:
            found.setdefault(provider, []).append(capability)
    return found


def hours(runs: Iterable[PastRun]) -> list[dict[str, Any]]:
    """Attempts by provider and hour (Unix seconds of its beginning), from the reports of runs, oldest first."""
    counted: dict[tuple[float, str], list[float]] = {}
    for run in runs:
        hour = run.started // HOUR_SECONDS * HOUR_SECONDS
        for row in run.report.get("calls", {}).get("providers", ()):
            figures = counted.setdefault((hour, str(row["provider"])), [0, 0, 0.0])
            for place, name in enumerate(("attempts", "errors", "seconds")):
                figures[place] += row[name]
    return [
        {
            "provider": provider,
            "hour": hour,
            "attempts": int(attempts),
            "failures": int(failures),
            "availability": availability(attempts, failures),
            "mean_seconds": seconds / attempts if attempts else None,
        }
        for (hour, provider), (attempts, failures, seconds) in sorted(counted.items())
    ]


def availability(attempts: float, failures: float) -> float | None:
    """The share of attempts that went well, None without any."""
    return 1 - failures / attempts if attempts else None


def _minutes(recent: Iterable[Attempt]) -> list[Mapping[str, float]]:
    """The remembered attempts by minute (Unix seconds of its beginning), oldest first."""
    counted: dict[float, list[int]] = {}
    for attempt in recent:
        figures = counted.setdefault(attempt.at // 60 * 60, [0, 0])
        figures[0] += 1
        figures[1] += bool(attempt.error)
    return [{"minute": minute, "attempts": had, "failures": bad} for minute, (had, bad) in sorted(counted.items())]
