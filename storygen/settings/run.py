"""Settings of how a run is carried out: its limits, who is asked, what may be spent, where things are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, SecretStr

from storygen.settings.base import Group, Names
from storygen.story import Stage


class StageTimeouts(Group):
    """The longest that a stage may take, of one scene where it is made per scene, in seconds."""

    idea: float = Field(120.0, gt=0)
    """Finding ideas."""
    script: float = Field(300.0, gt=0)
    """Writing the script."""
    revise: float = Field(120.0, gt=0)
    """Making the text fit to be spoken."""
    voice: float = Field(600.0, gt=0)
    """Speaking a scene."""
    subtitles: float = Field(120.0, gt=0)
    """Cutting a scene's subtitles."""
    visuals: float = Field(600.0, gt=0)
    """Drawing a scene."""
    terminal: float = Field(120.0, gt=0)
    """Typing a scene's text."""
    assembly: float = Field(1800.0, gt=0)
    """Rendering a scene, and joining the film."""

    def of(self, stage: Stage) -> float:
        """The limit of a stage."""
        return float(getattr(self, stage.value))


class RunSettings(Group):
    """How a run is carried out."""

    scenes_at_once: int = Field(16, ge=1, le=256)
    """How many scenes are worked on side by side."""
    cores: int | None = Field(None, ge=1, le=256)
    """How many cores ffmpeg and drawing may use; all that the process has, if not set."""
    stage_timeout: StageTimeouts = StageTimeouts()
    """Limits per stage."""
    call_timeout: float = Field(60.0, gt=0, le=3600)
    """The longest that one attempt at a provider may take, in seconds."""
    attempts: int = Field(3, ge=1, le=10)
    """How often a provider is asked before the next one is."""
    retry_wait: float = Field(1.0, ge=0, le=60)
    """The first wait between two attempts, in seconds; it doubles, with full jitter."""
    stall_seconds: float = Field(60.0, gt=0)
    """How long nothing may move before it counts as a stall."""


class ProviderSettings(Group):
    """Who does what: a chain of providers per capability, asked in this order."""

    text: Names = ("builtin",)
    """Writers: openai, anthropic, gemini, builtin."""
    speech: Names = ("builtin",)
    """Voices: elevenlabs, openai, gemini, piper, builtin."""
    images: Names = ("builtin",)
    """Painters: openai, gemini, builtin."""
    video: Names = ()
    """Makers of moving pictures, asked before the painters: runway."""
    transcription: Names = ()
    """Listeners, for voices that give no word times and to check what was spoken: faster_whisper, openai."""


class BudgetSettings(Group):
    """What may be spent; a call that would break a budget is not made."""

    run_usd: float | None = Field(None, ge=0)
    """Most that one run may cost."""
    day_usd: float | None = Field(None, ge=0)
    """Most that all runs may cost in 24 hours."""
    dearer_fallback: bool = False
    """Whether a fallback may cost more than the provider it stands in for."""


class DegradeSettings(Group):
    """What a stage does when every provider of its chain has failed."""

    voice: Literal["builtin", "leave_out", "fail"] = "builtin"
    """The built-in voice, a scene left out, or a failed run."""
    visuals: Literal["card", "leave_out", "fail"] = "card"
    """A drawn card, a scene left out, or a failed run."""
    text: Literal["builtin", "fail"] = "fail"
    """The built-in writer, or a failed run."""
    assembly: Literal["placeholder", "fail"] = "fail"
    """A short film that says what broke, or a failed run."""


class RedisSettings(Group):
    """A Redis that workers share; without it each goes on with its own."""

    url: SecretStr | None = None
    """Address, such as redis://localhost:6379/0."""
    share_breakers: bool = True
    """Whether breakers are shared."""
    share_cache: bool = False
    """Whether small results are kept there, too, beside the disk."""
    connections: int = Field(10, ge=1)
    """Largest pool of connections."""


class FolderSettings(Group):
    """Where things are kept."""

    films: Path = Path("films")
    """Films, a folder each."""
    cache: Path = Field(default_factory=lambda: platformdirs.user_cache_path("storygen"))
    """What was made, so that it is not made or paid again. The default is the user's cache folder."""
    state: Path = Field(default_factory=lambda: platformdirs.user_state_path("storygen"))
    """The history of runs. The default is the user's state folder."""
    cache_limit_gb: float = Field(20.0, gt=0)
    """Beyond this the cache forgets what was unused longest."""
