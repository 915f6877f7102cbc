"""What a maker of moving pictures is asked for, and what it delivers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storygen.story import Frame, Mood


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRequest:
    """Film one scene for a frame; `seconds` is about how long it will be seen.

    `still` is the content of a picture file that the clip should begin with; where it is empty there is none.
    """

    picture: str
    mood: Mood
    frame: Frame
    seconds: float
    still: bytes = b""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A piece of film without sound, `seconds` long."""

    video: Path
    seconds: float
