"""storygen turns a story into a narrated, subtitled video and shows where the time and the money went.

`run_story`, `run_story_sync` and `submit_story` make films; the other names below observe any pipeline, also one that
is not storygen's. Each is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ROOMS = {
    "breaker": "storygen.resilience.decorators",
    "cache_hit": "storygen.telemetry.observe",
    "cache_miss": "storygen.telemetry.observe",
    "count": "storygen.telemetry.observe",
    "current_session": "storygen.telemetry.sessions",
    "disable": "storygen.telemetry.observe",
    "enable": "storygen.telemetry.observe",
    "is_enabled": "storygen.telemetry.observe",
    "observe": "storygen.telemetry.observe",
    "record_call": "storygen.telemetry.observe",
    "retry": "storygen.resilience.decorators",
    "run_story": "storygen.library",
    "run_story_sync": "storygen.library",
    "session": "storygen.telemetry.sessions",
    "session_history": "storygen.telemetry.sessions",
    "submit_story": "storygen.library",
}

__all__ = [
    "breaker",
    "cache_hit",
    "cache_miss",
    "count",
    "current_session",
    "disable",
    "enable",
    "is_enabled",
    "observe",
    "record_call",
    "retry",
    "run_story",
    "run_story_sync",
    "session",
    "session_history",
    "submit_story",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)
