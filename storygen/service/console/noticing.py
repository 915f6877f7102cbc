"""What went not as it should while a film was made, in words; the names of events stay in the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from storygen.telemetry.report_words import seconds, times

_REASONS: Mapping[str, str] = {
    "authentication_failed": "refuses the key",
    "budget_exceeded": "would cost more than the budget has left",
    "circuit_open": "failed too often and is left alone for a while",
    "content_rejected": "refuses the content",
    "invalid_output": "gave an answer that cannot be used",
    "provider_failure": "failed",
    "quota_exceeded": "says that its quota is used up",
    "rate_limited": "asks for fewer requests",
    "timeout": "did not answer in time",
    "unavailable": "is not available",
}
_WINDOWS: Mapping[str, str] = {"run": "one film", "24h": "24 hours"}


def noticed(detail: Mapping[str, Any]) -> tuple[str, ...]:
    """One sentence for everything that failed, was doubtful or had to be replaced."""
    return (*_retried(detail), *(_fallen(one) for one in detail["fallbacks"]), *map(_warned, detail["warnings"]))


def trouble(detail: Mapping[str, Any], stage: str = "") -> str:
    """Whom `stage`, or else a stage that is under way, waits for in vain; empty where all is well."""
    stuck = {stage} if stage else {one["name"] for one in detail["stages"] if one["running"]}
    return next((words for words, where in _waits(detail) if where in stuck), "")


def _retried(detail: Mapping[str, Any]) -> Iterator[str]:
    yield from (words for words, _ in _waits(detail))


def _waits(detail: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Those who were asked again and why, with the stage, the latest first."""
    kinds = Counter((one["provider"], one["reason"], one["stage"]) for one in reversed(detail["retries"]))
    for (provider, reason, stage), count in kinds.items():
        yield f"{provider} {_why(reason)}: {times(count, 'attempt')} failed in {stage}.", stage


def _fallen(one: Mapping[str, Any]) -> str:
    return f"{one['to_provider']} stands in for {one['from_provider']}{_place(one)}, which {_why(one['reason'])}."


def _warned(one: Mapping[str, Any]) -> str:
    match one["kind"]:
        case "stalled":
            return f"Nothing moved for {seconds(one['seconds'])}{_place(one)}."
        case "call.gave_up":
            return f"{one['provider']} was given up{_place(one)}: it {_why(one['reason'])}."
        case "budget.refused":
            return f"{one['provider']} was not asked{_place(one)}: the budget for {_WINDOWS[one['window']]} is used up."
        case _:
            check = str(one["check"]).replace("_", " ")
            verdict = "is doubtful" if one["kind"] == "check.warn" else "failed its check"
            return f"{str(one['artifact']).capitalize()}{_place(one)}: its {check} {verdict}."


def _place(one: Mapping[str, Any]) -> str:
    scene = f", scene {one['scene']}" if one.get("scene") else ""
    return f" in {one['stage']}{scene}" if one.get("stage") else ""


def _why(reason: str) -> str:
    return _REASONS.get(reason, f"failed ({reason.replace('_', ' ')})")
