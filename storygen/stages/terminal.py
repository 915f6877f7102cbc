"""Terminal: on-screen text is typed on a terminal, over the picture or instead of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from storygen.media.terminal import FORMAT, type_text
from storygen.settings import TerminalSettings
from storygen.stages.base import Tools
from storygen.story import Frame, Made, Overlay, Scene


async def type_out(
    scene: Scene, frame: Frame, tools: Tools, settings: TerminalSettings, *, alone: bool
) -> Made[Overlay] | None:
    """Type the on-screen text of a scene; None where it has none.

    Where the terminal is `alone` in the picture something is always typed: the title, or else the first words spoken.
    """
    lines = scene.on_screen or (_stand_in(scene) if alone else ())
    if not lines:
        return None
    inputs = {
        "format": FORMAT,
        "lines": list(lines),
        "title": scene.title,
        "settings": settings.model_dump(),
        "frame": asdict(frame),
        "alone": alone,
    }

    async def work(folder: Path) -> Overlay:
        return await tools.compute(type_text, lines, scene.title, frame, settings, folder, alone=alone)

    return await tools.make("terminal", inputs, Overlay, work)


def _stand_in(scene: Scene) -> Sequence[str]:
    if scene.title:
        return [text for text in (scene.title, scene.subtitle) if text]
    return [scene.lines[0].text] if scene.lines else [""]
