"""Series in promtool's notation, and figures as Prometheus's templates print them, for proofs of alerts."""

from __future__ import annotations

from storygen.mixin.config import seconds, written


def ramp(*phases: tuple[float, int]) -> str:
    """A counter that begins at 0 and, in each phase, grows by so much a step for so many steps."""
    value, parts = 0.0, []
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
