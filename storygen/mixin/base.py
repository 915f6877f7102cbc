"""What the mixin is made of: recording rules, alerts with their runbooks and proofs, and groups of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storygen.mixin.config import Knobs

PREFIX = "Storygen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording rule, named `level:metric:operations`."""

    record: str
    expr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """What stands on an alert's page: each a sentence or two, `do` a list of steps with commands in backticks."""

    means: str
    felt: str
    look: str
    do: tuple[str, ...]
    over: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Series, in promtool's notation, that leave an alert silent just below its threshold and set it off just above.

    Both are keyed by series (`metric{labels}`) and sampled every `interval`. At `at` the alert must be silent or fire;
    `labels` are exactly what the expression leaves on it, and `value` is how `$value` reads in its annotations. `pace`
    is how often the rules are evaluated: proofs over days take a slow one.
    """

    below: Mapping[str, str]
    above: Mapping[str, str]
    at: str
    labels: Mapping[str, str]
    value: str = ""
    interval: str = "1m"
    pace: str = "1m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alerting rule and all that is built from it.

    `name` is without the prefix and is the key of its knobs; `labels` come on top of severity and service. `summary`
    and `description` are templates of Prometheus. `variables` maps variables of `dashboard` (a uid) to labels of the
    alert, `traces` maps span attributes to a label (`$label`) or a constant for the search in Jaeger.
    """

    name: str
    expr: str
    knobs: Knobs
    summary: str
    description: str
    dashboard: str
    runbook: Runbook
    proofs: tuple[Proof, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    traces: Mapping[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """The name that Prometheus knows it by."""
        return PREFIX + self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules that are evaluated together, in this order, every `interval` where they need it less often than others."""

    name: str
    interval: str = ""
    recordings: tuple[Recording, ...] = ()
    alerts: tuple[Alert, ...] = ()
