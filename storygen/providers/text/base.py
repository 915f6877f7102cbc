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


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationRequest:
    """Translate the sentences of one scene, by their BCP 47 tags. The answer is a `Translation` of as many lines."""

    lines: tuple[str, ...]
    source: str
    target: str


WritingRequest = IdeasRequest | ScriptRequest | TranslationRequest
