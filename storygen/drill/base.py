"""What a fault is, and the words that it is written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Mix = Literal["usual", "tales", "many tales", "again", "topics", "films", "few", "flood", "none"]
Act = Literal[
    "",
    "flap",
    "damage cache",
    "fill disk",
    "hang ffmpeg",
    "kill ffmpeg",
    "stop collector",
    "stop one",
    "stop all",
    "kill worker",
    "flood queue",
    "hold job",
    "stop redis",
]
SPEAKER, WRITER, FILMER = "elevenlabs", "anthropic", "runway"
MOST_CONSEQUENCES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that breaks.

    `rules` go to the simulated vendors, `settings` on top of those of the pipeline, `act` is what else is done.
    `labels` are some that the alert carries. `onset` is how many seconds pass before the first effect can be counted:
    limits of time that are too short to be scaled. `slowness` is a wait in front of each call, in times of what the
    voice stage took in the healthy measurement. `mix` is what is fed, so that there is enough of what breaks. A fault
    `on_queue` needs a service, its workers and their Redis instead of processes that watch folders.
    """

    name: str
    says: str
    expected: str
    allowed: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    act: Act = ""
    onset: float = 0.0
    slowness: float = 0.0
    mix: Mix = "usual"
    on_queue: bool = False
    is_quick: bool = False
