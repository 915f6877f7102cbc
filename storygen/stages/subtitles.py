"""Subtitles: the words of a narration become cues, and the files that burn them in, wherever they may stand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from storygen.media.captions import Limits, cut
from storygen.media.layout import subtitle_places
from storygen.media.subtitles import columns_that_fit, write_ass
from storygen.quality.subtitles import check_cues
from storygen.settings import QualitySettings, SubtitleSettings
from storygen.stages.base import Tools
from storygen.story import Captions, Frame, Made, Narration, Placed, Scene

_FORMAT = 2
_QUALITY = QualitySettings()


async def caption(
    narration: Narration,
    scene: Scene,
    frame: Frame,
    tools: Tools,
    settings: SubtitleSettings,
    quality: QualitySettings = _QUALITY,
) -> Made[Captions]:
    """Cut what is spoken in a scene into cues that fit the frame, and hold them to limits; no words, no cues."""
    limits = Limits.from_settings(settings, columns_that_fit(frame, settings))

    def write(folder: Path) -> Captions:
        cues = cut(narration.words, scene.lines, narration.seconds, limits)
        placed = tuple(Placed(place=place, ass=folder / f"{place}.ass") for place in subtitle_places(frame))
        for one in placed:
            write_ass(cues, frame, one.ass, settings, one.place)
        return Captions(cues=cues, ass=placed[0].ass, placed=placed)

    async def work(folder: Path) -> Captions:
        return await tools.compute(write, folder)

    inputs = {
        "format": _FORMAT,
        "words": narration.words,
        "seconds": narration.seconds,
        "speakers": tuple(line.speaker for line in scene.lines),
        "frame": frame,
        "settings": settings.model_dump(exclude={"mode", "languages"}),
    }
    made = await tools.make("subtitles", inputs, Captions, work)
    speech = tuple((word.start, word.end) for word in narration.words)
    checks = check_cues(
        made.value.cues, audio_seconds=narration.seconds, speech=speech, settings=settings, limits=quality
    )
    return replace(made, checks=(*made.checks, *checks))
