"""All groups of rules, in the order in which they are written."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group
from storygen.mixin.config import Config
from storygen.mixin.rules import (
    breakers,
    caches,
    films,
    health,
    money,
    objectives,
    pace,
    providers,
    queue,
    stages,
    targets,
)

_ROOMS = (objectives, targets, stages, pace, breakers, providers, films, money, caches, queue, health)


def groups(config: Config) -> tuple[Group, ...]:
    """Every group, without the alerts that the configuration leaves out."""
    return tuple(group for room in _ROOMS for group in room.groups(config))


def alerts(config: Config) -> tuple[Alert, ...]:
    """Every alert that is on."""
    return tuple(alert for group in groups(config) for alert in group.alerts if alert.knobs.enabled)
