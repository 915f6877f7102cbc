"""Settings as small frozen values; `configuration.py` reads them, and `docs/settings.md` is made from this folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, ConfigDict, Field

from storygen.settings.base import Group
from storygen.settings.film import (
    FilmSettings,
    language_tag,
)
from storygen.settings.outputs import OutputSettings
from storygen.settings.quality import QualitySettings
from storygen.settings.run import (
    BudgetSettings,
    DegradeSettings,
    FolderSettings,
    ProviderSettings,
    RedisSettings,
    RunSettings,
    StageTimeouts,
)
from storygen.settings.service import DatabaseSettings, FilmStoreSettings, GuardSettings, QueueSettings, ServiceSettings
from storygen.settings.sound import MusicSettings, VoiceSettings
from storygen.settings.telemetry import LogSettings, ReportSettings, TelemetrySettings
from storygen.settings.vendors import (
    AnthropicSettings,
    BreakerSettings,
    ElevenLabsSettings,
    FasterWhisperSettings,
    GeminiSettings,
    OpenAISettings,
    PiperSettings,
    RunwaySettings,
    VendorSettings,
    VendorsSettings,
)
from storygen.settings.words import SubtitleSettings, SubtitleStyle, TerminalSettings

__all__ = [
    "AnthropicSettings",
    "BreakerSettings",
    "BudgetSettings",
    "DatabaseSettings",
    "DegradeSettings",
    "ElevenLabsSettings",
    "FasterWhisperSettings",
    "FilmSettings",
    "FilmStoreSettings",
    "FolderSettings",
    "GeminiSettings",
    "Group",
    "GuardSettings",
    "LogSettings",
    "MusicSettings",
    "OpenAISettings",
    "OutputSettings",
    "PiperSettings",
    "ProviderSettings",
    "QualitySettings",
    "QueueSettings",
    "RedisSettings",
    "ReportSettings",
    "RunSettings",
    "RunwaySettings",
    "ServiceSettings",
    "Settings",
    "StageTimeouts",
    "SubtitleSettings",
    "SubtitleStyle",
    "TelemetrySettings",
    "TerminalSettings",
    "VendorSettings",
    "VendorsSettings",
    "VoiceSettings",
    "language_tag",
]


class Settings(Group):
    """All settings of a run."""

    model_config = ConfigDict(populate_by_name=True)

    film: FilmSettings = FilmSettings()
    voice: VoiceSettings = VoiceSettings()
    music: MusicSettings = MusicSettings()
    subtitles: SubtitleSettings = SubtitleSettings()
    terminal: TerminalSettings = TerminalSettings()
    outputs: OutputSettings = OutputSettings()
    quality: QualitySettings = QualitySettings()
    run: RunSettings = RunSettings()
    providers: ProviderSettings = ProviderSettings()
    vendors: VendorsSettings = VendorsSettings()
    budget: BudgetSettings = BudgetSettings()
    degrade: DegradeSettings = DegradeSettings()
    redis: RedisSettings = RedisSettings()
    prices: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Prices of your own, by `provider/model`, in US dollars per unit: `"elevenlabs/*" = { characters = 0.0002 }`."""
    folders: FolderSettings = Field(default_factory=FolderSettings)
    database: DatabaseSettings = DatabaseSettings()
    queue: QueueSettings = QueueSettings()
    service: ServiceSettings = ServiceSettings()
    guard: GuardSettings = GuardSettings()
    film_store: FilmStoreSettings = FilmStoreSettings()
    logs: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    report: ReportSettings = ReportSettings()
    ffmpeg_path: Path | None = Field(None, validation_alias=AliasChoices("ffmpeg_path", "FFMPEG_PATH"))
    """The ffmpeg to use instead of the one that comes with storygen."""
    ffprobe_path: Path | None = Field(None, validation_alias=AliasChoices("ffprobe_path", "FFPROBE_PATH"))
    """An ffprobe. Media is measured with ffmpeg alone; it is only looked at by `storygen doctor`."""
