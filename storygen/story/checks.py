"""What was measured of an artifact against its limit."""

from __future__ import annotations

from dataclasses import dataclass

from storygen.story.words import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One measured property of an artifact against its limit.

    `artifact` is one of text, audio, subtitles, image, video; `name` is a fixed word ("silence_share"); `value` and
    `limit` are written for people ("0.12", "at most 0.60") where they are not plain numbers. `at` is where in its film
    a stretch begins, in seconds.
    """

    artifact: str
    name: str
    verdict: Verdict
    value: float | str | None = None
    limit: float | str | None = None
    unit: str = ""
    at: float | None = None
