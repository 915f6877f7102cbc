"""Settings of the vendors, one group each."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from storygen.settings.base import Group, Secrets


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
