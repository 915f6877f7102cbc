"""Settings of the film and of what is seen and heard in it."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from storygen.settings.base import Group
from storygen.story import Frame, Strategy

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
