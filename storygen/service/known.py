"""The shapes of what the API knows before anything is made: estimates, readings, voices, providers, problems."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class StageGuess(BaseModel):
    """What one stage is expected to take; seconds are null where nothing is known."""

    stage: str
    calls: int
    cached: int
    unpriced: int
    low_usd: float
    high_usd: float
    low_seconds: float | None
    high_seconds: float | None
    providers: list[str]


class Guess(BaseModel):
    """What a run is expected to cost and take; `runs` is how many earlier ones its times were taken from."""

    title: str
    scenes: int
    stages: list[StageGuess]
    low_usd: float
    high_usd: float
    low_seconds: float | None
    high_seconds: float | None
    unpriced: list[str]
    runs: int
    is_written: bool = Field(description="Whether the script is known; if not, a built-in one stood in for it.")


class Doubt(BaseModel):
    """Something that was guessed, left out or wrong; line 0 where none can be named."""

    line: int
    severity: Literal["warning", "error"]
    message: str
    hint: str


class SceneRead(BaseModel):
    """A scene as it was understood."""

    number: int
    title: str
    subtitle: str
    speakers: list[str]
    words: int
    picture: str
    mood: str
    spoken: str
    on_screen: list[str]
    directions: list[str]


class Understood(BaseModel):
    """How a story is understood; a topic has no scenes yet."""

    format: str
    title: str
    language: str
    is_usable: bool
    scenes: list[SceneRead]
    issues: list[Doubt]


class Voice(BaseModel):
    """A voice, by the id that settings use."""

    id: str
    name: str
    about: str
    languages: list[str]


class Voices(BaseModel):
    """The voices of a provider."""

    provider: str
    voices: list[Voice]


class ProviderEntry(BaseModel):
    """Who can do something, and what is missing before it can be asked, empty where nothing is."""

    name: str
    model: str
    is_chosen: bool = Field(description="Whether it stands in the operator's chain.")
    missing: str


class Providers(BaseModel):
    """Providers by capability."""

    text: list[ProviderEntry]
    speech: list[ProviderEntry]
    images: list[ProviderEntry]
    video: list[ProviderEntry]
    transcription: list[ProviderEntry]
    per_run: list[str] = Field(description="The settings that may be chosen for one run.")


class Meaning(BaseModel):
    """What a kind of problem means."""

    type: str
    title: str
    status: int
    means: str
