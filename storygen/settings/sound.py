"""Settings of all that is heard: voices and music."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from storygen.settings.base import Group


class VoiceSettings(Group):
    """How the voices sound; loudness after EBU R 128 and ITU-R BS.1770."""

    loudness_lufs: float = Field(-16.0, ge=-40, le=-5)
    """Integrated loudness of the narration, in each scene and over the whole film, in LUFS."""
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


class MusicSettings(Group):
    """The music under the voices."""

    source: Literal["builtin", "off"] | Path = "builtin"
    """Chords that follow the moods of the scenes (builtin), no music (off), or the path of a sound file of yours."""
    below_voice_lu: float = Field(12.0, ge=0, le=40)
    """How far below the narration the music lies where nobody speaks, in LU."""
    duck_db: float = Field(10.0, ge=0, le=40)
    """How much further it goes down while somebody speaks, in dB."""
    fade_in_seconds: float = Field(2.0, ge=0, le=30)
    """How long it takes to come in, at most a quarter of the film."""
    fade_out_seconds: float = Field(3.0, ge=0, le=30)
    """How long it takes to die away at the end, at most a quarter of the film."""
