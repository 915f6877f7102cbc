"""Series in promtool's notation, and figures as Prometheus's templates print them, for proofs of alerts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from storygen.mixin.base import Proof
from storygen.mixin.config import Knobs, seconds, written

Series = Mapping[str, str]
_SLOW = "15m"


def ramp(*phases: tuple[float, int]) -> str:
    """A counter that begins at 0 and, in each phase, grows by so much a step for so many steps."""
    value = 0.0
    parts: list[str] = []
    for step, count in phases:
        first = value if not parts else value + step
        last = count if not parts else count - 1
        parts.append(f"{first:.12g}+{step:.12g}x{last}")
        value = first + step * last
    return " ".join(parts)


def flat(*phases: tuple[float, int]) -> str:
    """A gauge that in each phase stays at a value for so many samples."""
    return " ".join(f"{value:.12g}+0x{count - 1}" for value, count in phases)


def steps(duration: str, interval: str = "1m") -> int:
    """How many samples a duration holds."""
    return round(seconds(duration) / seconds(interval))


def after(*durations: str) -> str:
    """The sum of durations, and five minutes more, so that what lasted that long was seen to."""
    return written(sum(map(seconds, durations)) + 300)


def percent(ratio: float) -> str:
    """As `humanizePercentage` prints a ratio."""
    return f"{ratio * 100:.4g}%"


def lasting(span: float) -> str:
    """As `humanizeDuration` prints a number of seconds of at least one."""
    if span < 60:
        return f"{span:.4g}s"
    minutes, rest = divmod(int(span), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h {minutes}m {rest}s"
    return f"{hours}h {minutes}m {rest}s" if hours else f"{minutes}m {rest}s"


def shares(
    knobs: Knobs, series: Callable[[float, float, int], Series], *, labels: Mapping[str, str]
) -> tuple[Proof, Proof]:
    """Proofs of an alert on a share: one of the limit, and one of the minimum of events, all of which count.

    `series(share, a_minute, minutes)` are events of which so large a share counts.
    """
    minutes, at = steps(knobs.window) + steps(knobs.hold) + 10, after(knobs.window, knobs.hold)
    least, many = knobs.minimum / steps(knobs.window), 100 + knobs.minimum
    low, high = knobs.limit * 0.95, knobs.limit * 1.05
    return (
        Proof(
            below=series(low, many, minutes),
            above=series(high, many, minutes),
            at=at,
            labels=labels,
            value=percent(high),
        ),
        Proof(
            below=series(1, least * 0.9, minutes),
            above=series(1, least * 1.1, minutes),
            at=at,
            labels=labels,
            value=percent(1),
        ),
    )


def counts(knobs: Knobs, series: Callable[[str], Series], *, labels: Mapping[str, str]) -> Proof:
    """A proof of an alert on a number of events; `series` are made of a counter that grows."""
    minutes = steps(knobs.window) + steps(knobs.hold) + 10
    low, high = (ramp(((knobs.minimum + more) / steps(knobs.window), minutes)) for more in (-0.2, 0.2))
    return Proof(
        below=series(low),
        above=series(high),
        at=after(knobs.window, knobs.hold),
        labels=labels,
        value=f"{knobs.minimum:.0f}",
    )


def against_past(
    knobs: Knobs, below: Series, above: Series, *, labels: Mapping[str, str], value: str, interval: str = _SLOW
) -> Proof:
    """A proof of an alert that compares with its past, of series made by `then`."""
    at = written(sum(map(seconds, (knobs.baseline, "1d", knobs.window, knobs.hold, "1h"))))
    return Proof(below=below, above=above, at=at, labels=labels, value=value, interval=interval, pace=_SLOW)


def then(knobs: Knobs, before: float, now: float, *, interval: str = _SLOW) -> str:
    """A counter that grows by so much a sample, for the past and a day; then by so much, for two hours more."""
    past = steps(knobs.baseline, interval) + steps("1d", interval)
    present = sum(steps(span, interval) for span in (knobs.window, knobs.hold, "2h"))
    return ramp((before, past), (now, present))
