"""Settings of the film and of what is seen and heard in it."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from storygen.settings.base import Group, split
from storygen.story import Frame, Strategy

SIZES = {"9:16": (1080, 1920), "16:9": (1920, 1080), "1:1": (1080, 1080)}
Aspect = Literal["9:16", "16:9", "1:1"]
PREVIEW = 3
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
    also: Annotated[tuple[Aspect, ...], NoDecode, BeforeValidator(split)] = ()
    """Other shapes that the film is made in, too, by the same run; nothing is paid twice for them."""
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
    transitions: Literal["auto", "cut", "fade", "wipe"] = "auto"
    """How one scene becomes the next: as their moods ask for, or always by a cut, a fade or a wipe."""
    end_card: bool = False
    """Whether the film ends with a card of two seconds that says its title and, in its language, the end."""
    preset: str = Field("veryfast", pattern=r"^(ultrafast|superfast|veryfast|faster|fast|medium|slow|slower)$")
    """x264's preset."""
    crf: int = Field(23, ge=10, le=40)
    """x264's quality: lower is better and larger."""
    encoder: Literal["software", "auto", "nvenc", "videotoolbox", "qsv", "amf", "vaapi"] = "software"
    """Who encodes the picture: x264, the first encoder of a graphics card that works here (auto), or one of these."""
    quality: Literal["final", "preview"] = "final"
    """The film, or a preview: a third as wide and high, quickly encoded, of the same voices, pictures and words."""
    quorum: float = Field(0.7, ge=0, le=1)
    """The share of scenes that must be real for the film to ship."""

    @cached_property
    def frame(self) -> Frame:
        """The pixels that the shape and the height ask for, both even."""
        width, height = SIZES[self.aspect]
        if self.height:
            width, height = 2 * round(width * self.height / height / 2), self.height
        return Frame(width=width, height=height, fps=self.fps)

    @property
    def coding_preset(self) -> str:
        """x264's preset, the fastest for a preview."""
        return self.preset if self.quality == "final" else "ultrafast"

    @property
    def coding(self) -> dict[str, str | int]:
        """All that an encoded picture depends on beside the picture itself."""
        return {"preset": self.coding_preset, "crf": self.crf, "encoder": self.encoder, "quality": self.quality}

    def encoded(self, frame: Frame) -> Frame:
        """The pixels of a frame that are encoded: all of it, or for a preview a third of its width and height."""
        if self.quality == "final":
            return frame
        width, height = (2 * round(size / PREVIEW / 2) for size in (frame.width, frame.height))
        return Frame(width=width, height=height, fps=frame.fps)

    @property
    def shapes(self) -> tuple[FilmSettings, ...]:
        """The same for each of the other shapes, as sharp as this one; none for sound alone."""
        if self.strategy is Strategy.AUDIO_ONLY:
            return ()
        values = self.model_dump(exclude={"aspect", "also", "height"})
        scale = self.frame.height / SIZES[self.aspect][1]
        others = (aspect for aspect in dict.fromkeys(self.also) if aspect != self.aspect)
        return tuple(
            FilmSettings(**values, aspect=aspect, height=max(144, 2 * round(SIZES[aspect][1] * scale / 2)))
            for aspect in others
        )
