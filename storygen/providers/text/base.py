"""What a writer is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from storygen.story import Brief, Idea


@dataclass(frozen=True, slots=True, kw_only=True)
class IdeasRequest:
    """Find `count` ways to tell the brief's topic, best first. The answer is an `Ideas`."""

    brief: Brief
    count: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRequest:
    """Tell `idea` in scenes that take about the brief's seconds to speak. The answer is a `Script`."""

    brief: Brief
    idea: Idea
