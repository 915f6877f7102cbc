"""The closed words: what a stage, an end, a picture, a feeling or a verdict can be."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """The named steps of a run, in the order of the flow."""

    IDEA = "idea"
    SCRIPT = "script"
    REVISE = "revise"
    VOICE = "voice"
    SUBTITLES = "subtitles"
    VISUALS = "visuals"
    TERMINAL = "terminal"
    ASSEMBLY = "assembly"


class Outcome(StrEnum):
    """How a run or a stage ended; the last two are for stages only."""

    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    CACHED = "cached"
    SKIPPED = "skipped"


class Fidelity(StrEnum):
    """How real a result is: all as asked, with a fallback in it, or a stand-in."""

    FULL = "full"
    DEGRADED = "degraded"
    PLACEHOLDER = "placeholder"


class Strategy(StrEnum):
    """What the picture of a film is made of."""

    OVERLAY = "overlay"
    VISUAL_ONLY = "visual-only"
    UI_ONLY = "ui-only"
    AUDIO_ONLY = "audio-only"


class Mood(StrEnum):
    """The feeling of a scene; palettes, movement and music follow it."""

    NEUTRAL = "neutral"
    CALM = "calm"
    JOYFUL = "joyful"
    WONDER = "wonder"
    MYSTERIOUS = "mysterious"
    TENSE = "tense"
    DARK = "dark"
    MELANCHOLY = "melancholy"


class LineKind(StrEnum):
    """Who speaks a line: the voice over the picture, or somebody in it."""

    NARRATION = "narration"
    DIALOGUE = "dialogue"


class Verdict(StrEnum):
    """What a check says of an artifact."""

    PASS = "pass"  # noqa: S105 - a verdict
    WARN = "warn"
    FAIL = "fail"


NARRATOR = "narrator"
