"""Settings as small frozen values; `configuration.py` reads them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from storygen.story import Frame, Stage, Strategy

SIZES = {"9:16": (1080, 1920), "16:9": (1920, 1080), "1:1": (1080, 1080)}


class Group(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FilmSettings(Group):
    """What the film looks like."""

    aspect: Literal["9:16", "16:9", "1:1"] = "9:16"
    height: int | None = Field(None, ge=144, le=4320, multiple_of=2)
    fps: int = Field(30, ge=10, le=60)
    strategy: Strategy = Strategy.OVERLAY
    seconds: float = Field(60.0, gt=4, le=7200)
    language: str = Field("en", pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$")
    burn_subtitles: bool = True
    preset: str = Field("veryfast", pattern=r"^(ultrafast|superfast|veryfast|faster|fast|medium|slow|slower)$")
    crf: int = Field(23, ge=10, le=40)
    quorum: float = Field(0.7, ge=0, le=1)

    @cached_property
    def frame(self) -> Frame:
        """The pixels that the aspect and the height ask for, both even."""
        width, height = SIZES[self.aspect]
        if self.height:
            width, height = 2 * round(width * self.height / height / 2), self.height
        return Frame(width=width, height=height, fps=self.fps)


class VoiceSettings(Group):
    """How the voices sound; loudness after EBU R 128 / ITU-R BS.1770."""

    loudness_lufs: float = Field(-16.0, ge=-40, le=-5)
    true_peak_dbtp: float = Field(-1.5, ge=-20, le=-1)
    pause_seconds: float = Field(0.35, ge=0, le=5)
    silent_scene_seconds: float = Field(4.0, ge=1, le=60)
    voices: dict[str, str] = Field(default_factory=dict)
    words_per_minute: int = Field(165, ge=80, le=400)


class SubtitleSettings(Group):
    """How subtitles are cut."""

    max_characters: int = Field(42, ge=10, le=80)
    max_lines: int = Field(2, ge=1, le=3)
    max_characters_per_second: float = Field(20.0, ge=5, le=40)
    highlight: bool = True


class TerminalSettings(Group):
    """How on-screen text is typed."""

    theme: Literal["dark", "light", "matrix", "hacker", "vscode"] = "dark"
    characters_per_second: float = Field(22.0, ge=2, le=200)


class StageTimeouts(Group):
    """The longest that one stage (of one scene, where it is made per scene) may take, in seconds."""

    idea: float = Field(120.0, gt=0)
    script: float = Field(300.0, gt=0)
    revise: float = Field(120.0, gt=0)
    voice: float = Field(600.0, gt=0)
    subtitles: float = Field(120.0, gt=0)
    visuals: float = Field(600.0, gt=0)
    terminal: float = Field(120.0, gt=0)
    assembly: float = Field(1800.0, gt=0)

    def of(self, stage: Stage) -> float:
        """The limit of a stage."""
        return float(getattr(self, stage.value))


class RunSettings(Group):
    """How a run is carried out; times in seconds."""

    scenes_at_once: int = Field(16, ge=1, le=256)
    cores: int | None = Field(None, ge=1, le=256)
    stage_timeout: StageTimeouts = StageTimeouts()
    call_timeout: float = Field(60.0, gt=0, le=3600)
    attempts: int = Field(3, ge=1, le=10)
    retry_wait: float = Field(1.0, ge=0, le=60)
    stall_seconds: float = Field(60.0, gt=0)


class ProviderSettings(Group):
    """The chain of providers per capability, asked in this order."""

    text: tuple[str, ...] = ("builtin",)
    speech: tuple[str, ...] = ("builtin",)
    images: tuple[str, ...] = ("builtin",)


class FolderSettings(Group):
    """Where things are kept."""

    films: Path = Path("films")
    cache: Path = Field(default_factory=lambda: platformdirs.user_cache_path("storygen"))
    state: Path = Field(default_factory=lambda: platformdirs.user_state_path("storygen"))
    cache_limit_gb: float = Field(20.0, gt=0)


class LogSettings(Group):
    """What is logged and where; `folder` asks for a file a day, kept for `keep_days`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"
    folder: Path | None = None
    keep_days: int = Field(14, ge=1)


class TelemetrySettings(Group):
    """What is observed; traces also follow the standard `OTEL_*` variables."""

    enabled: bool = True
    metrics_port: int | None = Field(None, ge=0, le=65535)
    metrics_linger_seconds: float = Field(30.0, ge=0, le=600)
    pushgateway: str | None = None
    operations: tuple[str, ...] = ()


class ReportSettings(Group):
    """How long the history of runs is kept."""

    keep_days: int = Field(90, ge=1)


class Settings(Group):
    """All settings of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    film: FilmSettings = FilmSettings()
    voice: VoiceSettings = VoiceSettings()
    subtitles: SubtitleSettings = SubtitleSettings()
    terminal: TerminalSettings = TerminalSettings()
    run: RunSettings = RunSettings()
    providers: ProviderSettings = ProviderSettings()
    folders: FolderSettings = Field(default_factory=FolderSettings)
    logs: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    report: ReportSettings = ReportSettings()
    ffmpeg_path: Path | None = Field(None, validation_alias=AliasChoices("ffmpeg_path", "FFMPEG_PATH"))
