"""What the console says of events that were not as they should be."""

from __future__ import annotations

from typing import Any

from storygen.service.console.noticing import noticed, trouble


def detail(**found: Any) -> dict[str, Any]:
    return {"retries": [], "fallbacks": [], "warnings": [], "stages": [{"name": "voice", "running": 1}]} | found


def retry(provider: str, reason: str, stage: str = "voice") -> dict[str, Any]:
    return {"stage": stage, "scene": 2, "provider": provider, "reason": reason, "attempt": 1, "wait": 0.4}


def test_attempts_that_failed_alike_are_one_sentence_with_their_number() -> None:
    found = noticed(detail(retries=[retry("openai", "rate_limited")] * 3))
    assert found == ("openai asks for fewer requests: 3 attempts failed in voice.",)


def test_the_latest_trouble_of_a_stage_under_way_is_told_and_none_of_those_that_are_over() -> None:
    told = [retry("gemini", "timeout"), retry("openai", "unavailable"), retry("runway", "timeout", "visuals")]
    assert trouble(detail(retries=told)) == "openai is not available: 1 attempt failed in voice."
    assert trouble(detail(retries=told[2:])) == ""


def test_every_other_event_has_a_sentence_too() -> None:
    fallback = {"stage": "voice", "scene": 2, "from_provider": "openai", "to_provider": "builtin", "reason": "new_kind"}
    place = {"stage": "script", "scene": None}
    warnings = [
        {"kind": "stalled", **place, "seconds": 60.0},
        {"kind": "call.gave_up", **place, "provider": "openai", "reason": "quota_exceeded"},
        {"kind": "budget.refused", **place, "provider": "openai", "window": "24h"},
        {"kind": "check.warn", **place, "artifact": "text", "check": "scene_length", "provider": ""},
        {"kind": "check.fail", **place, "artifact": "audio", "check": "silence", "provider": "openai"},
    ]
    assert noticed(detail(fallbacks=[fallback], warnings=warnings)) == (
        "builtin stands in for openai in voice, scene 2, which failed (new kind).",
        "Nothing moved for 60.0 s in script.",
        "openai was given up in script: it says that its quota is used up.",
        "openai was not asked in script: the budget for 24 hours is used up.",
        "Text in script: its scene length is doubtful.",
        "Audio in script: its silence failed its check.",
    )
