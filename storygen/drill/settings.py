"""What storygen's processes are told in the drill: vendors that are not real, small films, and no long waits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VENDORS = ("openai", "anthropic", "gemini", "elevenlabs", "runway")
KEPT = ("films", "cache", "state")
# Floors for what is too short when it is scaled: this machine needs some time for each thing.
_ATTEMPT_SECONDS, _STAGE_SECONDS, _STALL_SECONDS = 3.0, 20.0, 8.0
_BREAKER_SECONDS, _RETRY_SECONDS = 0.3, 0.02
# A voice of one's own, dear enough that a minute of the drill costs dollars.
_PRICES = {"elevenlabs/*": {"characters": 0.005}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """The settings of a process that nothing is broken for: where its vendors and its ffmpeg are, and time's pace."""

    vendors: str
    ffmpeg: Path
    scale: float

    def of(self, folder: Path, *, films: bool = False) -> dict[str, Any]:
        """Settings of a process that keeps its things below a folder, and films its stories or only speaks them."""
        run = {
            "call_timeout": self._scaled(60, _ATTEMPT_SECONDS),
            "retry_wait": self._scaled(1, _RETRY_SECONDS),
            "stall_seconds": self._scaled(60, _STALL_SECONDS),
            "stage_timeout": dict.fromkeys(
                ("idea", "script", "revise", "voice", "subtitles", "visuals", "terminal", "assembly"),
                self._scaled(600, _STAGE_SECONDS),
            ),
        }
        return {
            "ffmpeg_path": str(self.ffmpeg),
            "film": {
                "height": 144,
                "fps": 10,
                "seconds": 5,
                "preset": "ultrafast",
                "strategy": "visual-only" if films else "audio-only",
            },
            "voice": {"loudness_lufs": -24.0},
            "music": {"source": "off"},
            "run": run,
            "providers": {
                "text": ["anthropic", "openai", "builtin"],
                # Who works little hears late that a vendor is back, so the films speak with another voice.
                "speech": ["openai", "builtin"] if films else ["elevenlabs", "openai", "builtin"],
                "images": ["gemini", "openai", "builtin"],
                "video": ["runway"] if films else [],
            },
            "vendors": {name: self._vendor(name) for name in VENDORS},
            "prices": _PRICES,
            "budget": {"run_usd": 1_000.0, "day_usd": 100_000.0},
            "folders": {kept: str(folder / kept) for kept in KEPT},
        }

    def _vendor(self, name: str) -> dict[str, Any]:
        breaker = {"failures": 5, "seconds": self._scaled(60, _BREAKER_SECONDS)}
        said: dict[str, Any] = {
            "base_url": f"{self.vendors}/{name}{'/v1' if name == 'openai' else ''}",
            "api_keys": ["of the drill"],
            "timeout": self._scaled(60, _ATTEMPT_SECONDS),
            "attempts": 5,
            "retry_wait": self._scaled(1, _RETRY_SECONDS),
            "at_once": 16,
            "breaker": breaker,
        }
        if name == "runway":
            # Without a picture to begin with, which would have to be painted first.
            said |= {"video_model": "gen4.5", "from_picture": False, "poll_seconds": 0.05, "timeout": 10}
            said["breaker"] = {**breaker, "failures": 12}
        return said

    def _scaled(self, seconds: float, least: float) -> float:
        return max(seconds / self.scale, least)


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Put settings into a file, at once: whoever reads it meanwhile reads those of before."""
    fresh = path.with_suffix(".fresh")
    fresh.write_text(as_toml(values), "utf-8")
    fresh.replace(path)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two levels of settings as one; None takes a key away."""
    both = {**below, **above}
    return {
        key: merged(below[key], value) if isinstance(value, Mapping) and isinstance(below.get(key), Mapping) else value
        for key, value in both.items()
        if value is not None
    }


def as_toml(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Tables of plain values as TOML; a JSON string is a TOML string as well."""
    plain = [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items() if not _is_table(value)]
    head = [f"[{'.'.join(json.dumps(part) for part in path)}]"] if path and plain else []
    tables = [as_toml(value, (*path, key)) for key, value in values.items() if _is_table(value)]
    return "\n".join([*head, *plain, *tables]) + ("\n" if plain else "")


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)
