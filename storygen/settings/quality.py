"""Settings of what a finished film is held to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from storygen.settings.base import Group


class QualitySettings(Group):
    """What a finished film is held to. Its loudness is `voice.loudness_lufs`; subtitles are cut to `subtitles`."""

    below: Literal["ship", "refuse"] = "ship"
    """A film beyond one of its limits is shipped as degraded, with the reason in its manifest, or refused."""
    remake: bool = True
    """Whether scenes that are black, stand still or repeat are drawn once more, and the film joined again."""
    decode: Literal["key", "all"] = "key"
    """Which pictures of a finished film are decoded, to see that they can be; `all` takes a fifth of rendering."""
    loudness_tolerance_lu: float = Field(1.0, ge=0.1, le=20)
    """How far from its loudness a film may be, in LU (EBU R 128 allows 1 where a level is not known in advance)."""
    true_peak_dbtp: float = Field(-1.0, ge=-20, le=3)
    """Highest true peak of the encoded film, in dBTP (EBU R 128)."""
    clipping_share: float = Field(0.0001, ge=0, le=1)
    """Largest share of samples at full scale."""
    silence_share: float = Field(0.8, ge=0, le=1)
    """Largest share of the film that is silent, below -50 dBFS for half a second or more; more is a warning."""
    black_seconds: float = Field(3.0, gt=0)
    """Longest time in which nothing but black is seen, in seconds; a third of it is a warning."""
    frozen_seconds: float = Field(20.0, gt=0)
    """Longest time in which nothing moves, in seconds."""
    repeated_seconds: float = Field(10.0, gt=0)
    """Longest time in which pictures are seen that were seen before, in seconds."""
    offset_seconds: float = Field(0.04, gt=0, le=1)
    """Farthest that sound and picture may be apart, in seconds (EBU R 37 allows 0.04 early and 0.06 late)."""
    subtitle_coverage: float = Field(95.0, ge=0, le=100)
    """Least share of what is spoken that has subtitles, in percent; below half of it the film is below its limits."""
    subtitle_drift_seconds: float = Field(1.5, gt=0)
    """Farthest that a subtitle may be from the words that it shows, in seconds; half of it is a warning."""
    bitrate_kbps: float = Field(50_000.0, gt=0)
    """Highest mean bitrate of the film, in kbit/s, which platforms take; more is a warning."""
    first_frame_spread: float = Field(6.0, ge=0, le=128)
    """Least spread of light in the first picture, of 255, because some platforms show it; less is a warning."""
