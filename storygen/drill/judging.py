"""Whether the right alert came in time, and nothing else: compares deliveries with what was written down before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from storygen.drill.base import Fault
from storygen.mixin import rules
from storygen.mixin.base import PREFIX
from storygen.mixin.config import Config, seconds
from storygen.mixin.promql import mentioned
from storygen.stack.inbox import Alert, Delivery

_AVERAGED = re.compile(r"(?:avg|sum)_over_time\(")
_RATED = re.compile(r"rate\([^\[]*\[(\w+)\]")
WATCHDOG = f"{PREFIX}Watchdog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a fault; times in seconds, None where nothing came.

    `after_s` counts from the break, `resolved_s` from the mending. `allowed_seen` and `unexpected` are names of alerts.
    `outcome`, `fidelity` and `trace` are those of a run that shows the fault. `skipped` says why it was not drilled.
    """

    fault: str
    expected: str
    fired: bool = False
    after_s: float | None = None
    promised_s: float = 0.0
    unexpected: tuple[str, ...] = ()
    allowed_seen: tuple[str, ...] = ()
    resolved_s: float | None = None
    outcome: str = ""
    fidelity: str = ""
    trace: str = ""
    skipped: str = ""
    round: int = 1

    @property
    def is_missed(self) -> bool:
        """Whether the alert did not arrive, or stayed after the mending."""
        return not self.skipped and (not self.fired or self.resolved_s is None)

    @property
    def is_late(self) -> bool:
        """Whether the alert arrived later than the rule promises."""
        return self.after_s is not None and self.after_s > self.promised_s


def promised(fault: Fault, config: Config, group_wait: float) -> float:
    """The seconds within which the alert has to arrive after the break.

    What the rule promises is its hold and the wait of the group, from when its effect can be counted, and has lasted as
    long as the rule asks. On top come one window, which fills meanwhile, and two evaluations. A window that is the mean
    of recorded rates reaches further, by what these are read over. Of several rules of one name the quickest counts.
    """
    recorded = {one.record: one.expr for group in rules.groups(config) for one in group.recordings}
    reaches = []
    for alert in rules.alerts(config):
        if alert.name == fault.expected:
            window = seconds(config.window(alert.knobs.window))
            hold = seconds(config.hold(alert.knobs.hold)) + seconds(config.hold(alert.knobs.longest))
            reaches.append(window + _read(alert.expr, recorded, window) + hold)
    reach = min(reaches)
    return round(fault.onset + reach + group_wait + 2 * seconds(config.evaluation), 2)


def _read(expr: str, recorded: Mapping[str, str], window: float) -> float:
    """Seconds that recorded rates are read over which an expression, or one below it, averages over a window."""
    below = [recorded[name] for name in (mention.metric for mention in mentioned(expr)) if name in recorded]
    if _AVERAGED.search(expr):
        found = [seconds(span) for one in below for span in _RATED.findall(one)]
        return max((span for span in found if span < window), default=0.0)
    return max((_read(one, recorded, window) for one in below), default=0.0)


def is_expected(alert: Alert, fault: Fault) -> bool:
    """Whether this is the alert that was written down, about what broke."""
    return alert.name == PREFIX + fault.expected and fault.labels.items() <= alert.labels.items()


def arrival(deliveries: Iterable[Delivery], fault: Fault, since: float, status: str = "firing") -> float | None:
    """When the alert that was written down first came after a moment (Unix seconds), or its resolution did."""
    return next(
        (
            delivery.at
            for delivery in deliveries
            if delivery.at >= since
            and any(alert.status == status and is_expected(alert, fault) for alert in delivery.alerts)
        ),
        None,
    )


def others(
    deliveries: Iterable[Delivery], fault: Fault | None, since: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of alerts that came beside the expected one: the allowed consequences, and those that nobody wrote down."""
    came = [
        alert
        for delivery in deliveries
        if delivery.at >= since
        for alert in delivery.alerts
        if alert.status == "firing" and alert.name != WATCHDOG and not (fault and is_expected(alert, fault))
    ]
    allowed = {PREFIX + name for name in fault.allowed} if fault else set()
    names = dict.fromkeys(alert.name for alert in came)
    return (
        tuple(name.removeprefix(PREFIX) for name in names if name in allowed),
        tuple(name.removeprefix(PREFIX) for name in names if name not in allowed),
    )


def summary(run: Mapping[str, Any] | None) -> dict[str, str]:
    """The outcome and the fidelity of a run, as a worker said them."""
    return {"outcome": run["outcome"], "fidelity": run["fidelity"]} if run else {}
