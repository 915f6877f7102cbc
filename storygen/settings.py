"""Settings as small frozen values; `configuration.py` reads them, and `docs/settings.md` is made from this file."""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import NoDecode

from storygen.story import Frame, Stage, Strategy

SIZES = {"9:16": (1080, 1920), "16:9": (1920, 1080), "1:1": (1080, 1080)}
Aspect = Literal["9:16", "16:9", "1:1"]
_TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", re.IGNORECASE)


def language_tag(text: str) -> str:
    """A BCP 47 tag as it is usually written (`en`, `pt-BR`, `zh-Hans-CN`), of any case, with hyphens or underscores.

    Raises `ValueError` that says what would be right.
    """
    tag = text.strip().replace("_", "-")
    if not _TAG.fullmatch(tag):
        raise ValueError("a language is written as a code of two or three letters, such as en, de, pt-BR or zh-Hans-CN")
    base, *rest = tag.lower().split("-")
    return "-".join([base, *({2: str.upper, 4: str.title}.get(len(part), str)(part) for part in rest)])


class Group(BaseModel):
    """A group of settings; an error of it never shows a value, which could be a key."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


def _split(value: Any) -> Any:
    """A variable can hold one list: with commas between its items, or as JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("a list is written as JSON, or with commas and no brackets") from None
    return tuple(part.strip() for part in value.split(",") if part.strip())


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]


class FilmSettings(Group):
    """What the film is."""

    aspect: Aspect = "9:16"
    """Shape of the picture: 1080x1920, 1920x1080 or 1080x1080 pixels."""
    height: int | None = Field(None, ge=144, le=4320, multiple_of=2)
    """Another height in pixels; the width follows the shape."""
    fps: int = Field(30, ge=10, le=60)
    """Pictures a second."""
    strategy: Strategy = Strategy.OVERLAY
    """What is seen: cards with a terminal over them, cards alone, a terminal alone, or nothing."""
    seconds: float = Field(60.0, gt=4, le=7200)
    """How long a film that is written from a topic should be, in seconds."""
    language: Annotated[str, AfterValidator(language_tag)] = "en"
    """Language of the story, as a BCP 47 tag."""
    burn_subtitles: bool = True
    """Whether the subtitles are part of the picture; they also stand beside the film."""
    preset: str = Field("veryfast", pattern=r"^(ultrafast|superfast|veryfast|faster|fast|medium|slow|slower)$")
    """x264's preset."""
    crf: int = Field(23, ge=10, le=40)
    """x264's quality: lower is better and larger."""
    quorum: float = Field(0.7, ge=0, le=1)
    """The share of scenes that must be real for the film to ship."""

    @cached_property
    def frame(self) -> Frame:
        """The pixels that the shape and the height ask for, both even."""
        width, height = SIZES[self.aspect]
        if self.height:
            width, height = 2 * round(width * self.height / height / 2), self.height
        return Frame(width=width, height=height, fps=self.fps)


class VoiceSettings(Group):
    """How the voices sound; loudness after EBU R 128 and ITU-R BS.1770."""

    loudness_lufs: float = Field(-16.0, ge=-40, le=-5)
    """Integrated loudness of each scene's narration, in LUFS."""
    true_peak_dbtp: float = Field(-1.5, ge=-20, le=-1)
    """The highest true peak, in dBTP."""
    pause_seconds: float = Field(0.35, ge=0, le=5)
    """Pause between two speakers, and at the end of a scene."""
    silent_scene_seconds: float = Field(4.0, ge=1, le=60)
    """Length of a scene in which nothing is spoken and which names no length."""
    voices: dict[str, str] = Field(default_factory=dict)
    """Voice of a speaker, by the speaker's name: `voices = { Ada = "en-us+f3" }`."""
    words_per_minute: int = Field(165, ge=80, le=400)
    """How fast is spoken."""


class SubtitleSettings(Group):
    """How subtitles are cut."""

    max_characters: int = Field(42, ge=10, le=80)
    """Longest line, in characters."""
    max_lines: int = Field(2, ge=1, le=3)
    """Most lines at once."""
    max_characters_per_second: float = Field(20.0, ge=5, le=40)
    """Fastest reading speed."""
    highlight: bool = True
    """Whether the word that is spoken stands out."""


class TerminalSettings(Group):
    """How on-screen text is typed."""

    theme: Literal["dark", "light", "matrix", "hacker", "vscode"] = "dark"
    """Colours of the terminal."""
    characters_per_second: float = Field(22.0, ge=2, le=200)
    """Typing speed."""


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


class BreakerSettings(Group):
    """When a provider is left alone for a while: after failures in a row, or above a share of failures."""

    failures: int = Field(5, ge=1)
    """Failures in a row that open the breaker."""
    seconds: float = Field(60.0, gt=0)
    """How long it stays open before one call may probe."""
    ratio: float | None = Field(None, gt=0, le=1)
    """The share of failed calls that opens it, too."""
    window_seconds: float = Field(60.0, gt=0)
    """Over how long the share is taken."""
    minimum_calls: int = Field(10, ge=1)
    """The fewest calls that a share is taken of."""


class VendorSettings(Group):
    """How one vendor is used."""

    enabled: bool = True
    """Whether it may be used at all."""
    api_keys: Secrets = ()
    """Keys, used in turn; the vendor's own environment variable adds to them."""
    base_url: str | None = None
    """Another address that speaks the same protocol."""
    timeout: float = Field(60.0, gt=0, le=3600)
    """The longest that one attempt may take, in seconds."""
    attempts: int = Field(10, ge=1, le=20)
    """How often it is asked, within five minutes, before the next provider is; its breaker ends that sooner."""
    retry_wait: float = Field(1.0, ge=0, le=60)
    """The first wait between two attempts, in seconds; it doubles, with full jitter."""
    breaker: BreakerSettings = BreakerSettings()
    """When it is left alone."""
    per_minute: int | None = Field(None, ge=1)
    """Most requests a minute."""
    at_once: int = Field(8, ge=1)
    """Most requests at once."""
    budget_usd: float | None = Field(None, ge=0)
    """Most that it may cost in 24 hours."""


class OpenAISettings(VendorSettings):
    """OpenAI, and everything that speaks its protocol."""

    text_model: str = "gpt-5.4-mini"
    """Model that writes."""
    text_output: Literal["auto", "schema", "tool", "prompt"] = "auto"
    """How the model is held to the form of its answer: by a JSON schema, as a tool's input, or by words alone."""
    speech_model: str = "gpt-4o-mini-tts"
    """Model that speaks."""
    voice: str = "alloy"
    """The narrator's voice."""
    image_model: str = "gpt-image-1"
    """Model that paints."""
    image_quality: Literal["low", "medium", "high"] = "medium"
    """Quality of pictures, which decides their price."""
    transcription_model: str = "whisper-1"
    """Model that listens; it has to give word times."""


class AnthropicSettings(VendorSettings):
    """Anthropic."""

    text_model: str = "claude-sonnet-5"
    """Model that writes."""


class GeminiSettings(VendorSettings):
    """Google Gemini."""

    text_model: str = "gemini-3.5-flash-lite"
    """Model that writes."""
    speech_model: str = "gemini-2.5-flash-preview-tts"
    """Model that speaks."""
    voice: str = "Kore"
    """The narrator's voice."""
    image_model: str = "gemini-2.5-flash-image"
    """Model that paints."""


class ElevenLabsSettings(VendorSettings):
    """ElevenLabs."""

    speech_model: str = "eleven_multilingual_v2"
    """Model that speaks."""
    voice: str = "JBFqnCBsd6RMkjVDRZzb"
    """The narrator's voice id; one of your own clones is an id like any other."""


class RunwaySettings(VendorSettings):
    """Runway."""

    breaker: BreakerSettings = BreakerSettings(failures=3, seconds=120.0)
    """When it is left alone."""
    timeout: float = Field(240.0, gt=0, le=3600)
    """The longest that a clip may take from submission to download, in seconds; one that takes longer is not lost."""
    video_model: str = "gen4_turbo"
    """Model that makes clips."""
    seconds: Literal[5, 10] = 5
    """Longest clip; a scene that is shorter than five seconds gets five."""
    from_picture: bool = True
    """Whether a clip begins with the scene's picture; without one, only some models can make clips."""
    poll_seconds: float = Field(5.0, gt=0)
    """How often a clip is asked for."""


class PiperSettings(VendorSettings):
    """Piper, on this machine."""

    voice_file: Path | None = None
    """The .onnx file of a voice, with its .onnx.json beside it."""


class FasterWhisperSettings(VendorSettings):
    """faster-whisper, on this machine."""

    model: str = "base"
    """Name or folder of the model."""


class VendorsSettings(Group):
    """The vendors."""

    openai: OpenAISettings = OpenAISettings()
    anthropic: AnthropicSettings = AnthropicSettings()
    gemini: GeminiSettings = GeminiSettings()
    elevenlabs: ElevenLabsSettings = ElevenLabsSettings()
    runway: RunwaySettings = RunwaySettings()
    piper: PiperSettings = PiperSettings()
    faster_whisper: FasterWhisperSettings = FasterWhisperSettings()


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


class DatabaseSettings(Group):
    """Where the queue and the history of runs are kept."""

    url: SecretStr | None = None
    """An SQLAlchemy address (postgresql+psycopg://storygen@localhost/storygen); a file of SQLite, if not set."""
    pool: int = Field(10, ge=1, le=200)
    """Most connections to a database server."""


class QueueSettings(Group):
    """How submitted stories are worked on."""

    engine: Literal["embedded", "celery"] = "embedded"
    """Inside the service, or by Celery workers on many machines."""
    broker: SecretStr | None = None
    """Address of Celery's broker, such as redis://localhost:6379/0 or amqp://localhost."""
    runs_at_once: int = Field(3, ge=0, le=64)
    """Most runs at once in one process; 0 only accepts and leaves the work to others."""
    lease_seconds: float = Field(30.0, gt=1, le=3600)
    """How long a worker that does not beat keeps a run."""
    claims: int = Field(5, ge=1, le=100)
    """How often a run is begun again after its worker died, before it counts as failed."""
    run_timeout: float = Field(7200.0, gt=0)
    """The longest that a run may take, in seconds."""
    renders_apart: bool = False
    """Whether a Celery worker that makes films whole still leaves rendering to whoever is free for it first."""
    grace_seconds: float = Field(30.0, ge=0, le=600)
    """How long a process that is told to end goes on with what it has begun."""


class ServiceSettings(Group):
    """The HTTP API and the console."""

    host: str = "127.0.0.1"
    """Address to listen on; anything but loopback needs tokens."""
    port: int = Field(8080, ge=0, le=65535)
    """Port to listen on."""
    allowed_hosts: Names = ()
    """Names under which the service may be asked for, beside loopback's own."""
    tokens_file: Path | None = None
    """A TOML file of callers: `[callers.anna] token = "...", scopes = ["submit", "read"]`."""
    public_url: str = ""
    """How people reach the service from outside; links in webhooks and summaries begin with it."""
    max_body_mb: float = Field(10.0, gt=0, le=1000)
    """Largest request."""
    max_script_characters: int = Field(200_000, ge=100)
    """Longest story."""
    open_runs_per_caller: int = Field(20_000, ge=1)
    """Most runs of one caller that are not over."""
    requests_per_minute: int = Field(100_000, ge=1)
    """Most requests of one caller a minute."""
    per_run: Names = ("film", "voice", "subtitles", "terminal", "providers", "budget.run_usd")
    """Settings that a caller may choose for one run; keys, addresses and paths never are."""
    private_webhooks: bool = False
    """Whether webhooks may go to private addresses."""
    webhook_secret: SecretStr | None = None
    """Signs webhooks (HMAC-SHA256)."""
    summary: Literal["off", "daily", "weekly"] = "off"
    """How often a summary of the runs is sent: of each day, or of each week from Monday, in UTC."""
    summary_webhook: SecretStr | None = None
    """Address that summaries are sent to."""
    grafana_url: str = ""
    """Where Grafana is, for the console's links."""
    jaeger_url: str = ""
    """Where Jaeger is, for the console's links."""
    keep_days: float = Field(30.0, gt=0)
    """How long runs and their films are kept."""
    keep_gb: float = Field(50.0, gt=0)
    """Beyond this the oldest films are removed."""


class GuardSettings(Group):
    """What of this machine the service may take; a run that would not fit waits."""

    memory_gb: float = Field(2.0, gt=0)
    """Memory of the process and its children."""
    free_memory_gb: float = Field(0.5, ge=0)
    """Memory that stays free for others."""
    free_disk_gb: float = Field(1.0, ge=0)
    """Disk that stays free."""
    load_per_core: float = Field(8.0, gt=0)
    """Load of the machine by core above which no run is begun."""


class FilmStoreSettings(Group):
    """Where films are kept for those who fetch them."""

    url: str = ""
    """An fsspec address, such as s3://bucket/films or file:///mnt/films; the films folder, if not set."""
    cache_url: str = ""
    """An fsspec address through which workers on many machines share the cache; their own folders, if not set."""


class LogSettings(Group):
    """What is logged, and where."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe that is logged."""
    format: Literal["off", "console", "json"] = "off"
    """How a line on standard error looks, where lines are wanted beside the progress."""
    folder: Path | None = None
    """A folder for a log file a day."""
    keep_days: int = Field(14, ge=1)
    """How long log files are kept."""


class TelemetrySettings(Group):
    """What is observed; traces also follow the standard `OTEL_*` variables."""

    enabled: bool = True
    """Whether metrics, spans and logs are made."""
    metrics_port: int | None = Field(None, ge=0, le=65535)
    """Port of the metrics endpoint; 0 picks a free one."""
    metrics_host: str = Field("127.0.0.1", min_length=1)
    """Address that the metrics endpoint listens on; 0.0.0.0 lets other machines read them, as in a container."""
    metrics_linger_seconds: float = Field(30.0, ge=0, le=600)
    """How long the endpoint waits, at the end of a run, to be scraped once more."""
    pushgateway: str | None = None
    """Address of a Pushgateway that is told of the last run."""
    trace_url: str = Field("http://localhost:16686/trace/{trace_id}", pattern=r"^https?://\S*\{trace_id\}\S*$")
    """Address at which a trace is looked at; `{trace_id}` stands for its id."""
    operations: Names = ()
    """Names of your own operations that may be labels of metrics."""
    pipelines: Names = ()
    """Names of your own sessions that may be labels of metrics."""
    models: Names = ()
    """Names of models, beyond those of the configured providers, that may be labels of metrics."""


class ReportSettings(Group):
    """What is remembered of runs."""

    keep_days: int = Field(90, ge=1)
    """How long the history of runs is kept."""


class Settings(Group):
    """All settings of a run."""

    model_config = ConfigDict(populate_by_name=True)

    film: FilmSettings = FilmSettings()
    voice: VoiceSettings = VoiceSettings()
    subtitles: SubtitleSettings = SubtitleSettings()
    terminal: TerminalSettings = TerminalSettings()
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
