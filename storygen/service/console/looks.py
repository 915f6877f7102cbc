"""The word and the shape of every state, so that nobody has to tell colours apart."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "queued": "waiting",
    "running": "being made",
    "success": "ready",
    "failed": "failed",
    "timeout": "out of time",
    "cancelled": "cancelled",
    "cached": "from the cache",
    "skipped": "left out",
    "full": "full",
    "degraded": "degraded",
    "placeholder": "stand-in",
    "pass": "passed",
    "warn": "doubtful",
    "fail": "failed",
    "open": "open",
    "closed": "closed",
    "half_open": "trying",
}
_SHAPES: Mapping[str, str] = {
    "queued": '<circle cx="12" cy="12" r="9"/>',
    "running": '<path d="M21 12a9 9 0 1 1-6.2-8.6"/>',
    "success": '<path d="m4 12.5 5.5 5.5L20 6.5"/>',
    "failed": '<path d="m6 6 12 12M18 6 6 18"/>',
    "timeout": '<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3.5 2"/>',
    "cancelled": '<circle cx="12" cy="12" r="9"/><path d="m5.8 5.8 12.4 12.4"/>',
    "degraded": '<path d="M12 4 2.8 20h18.4zM12 10v4m0 3v.1"/>',
    "skipped": '<path d="M5 12h14"/>',
    "film": '<rect x="3" y="5" width="18" height="14" rx="2.5"/><path d="m10 9 5 3-5 3z"/>',
    "film-off": '<rect x="3" y="5" width="18" height="14" rx="2.5"/><path d="M8 12h8"/>',
    "download": '<path d="M12 4v11m-5-4.5 5 5 5-5M5 20h14"/>',
    "again": '<path d="M20 11a8 8 0 1 0-2.3 6.6M20 5v6h-6"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
}
_SAME: Mapping[str, str] = {
    **dict.fromkeys(("full", "pass", "closed", "cached"), "success"),
    **dict.fromkeys(("placeholder", "warn", "half_open"), "degraded"),
    **dict.fromkeys(("fail", "open"), "failed"),
}
ASPECTS: Mapping[str, str] = {"9:16": "r9x16", "16:9": "r16x9", "1:1": "r1x1"}


def word(state: str) -> str:
    """What a state is called."""
    return WORDS.get(state, state)


def shape(name: str) -> str:
    """The lines of an icon, on 24 by 24; a circle for what is not known."""
    return _SHAPES[_SAME.get(name, name if name in _SHAPES else "queued")]
