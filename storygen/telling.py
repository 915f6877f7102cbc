"""What is told of that which stages made: its checks, its figures, its size, and what a script holds."""

from __future__ import annotations

from typing import Any

from storygen import events
from storygen.story import (
    Captions,
    Film,
    LineKind,
    Made,
    Narration,
    Overlay,
    Revision,
    Script,
    Segment,
    Shot,
    Stage,
)


def tell_made(stage: Stage, made: Made[Any]) -> None:
    """Tell what was measured of something that a stage made, and how large it is where it is new."""
    for check in made.checks:
        events.emit(events.Checked(check=check, provider=made.provider))
        if check.name in events.FIGURES and isinstance(check.value, float):
            figure, scale = events.FIGURES[check.name]
            events.emit(events.Measured(figure=figure, value=check.value * scale, provider=made.provider))
    kind, path = _artifact(stage, made.value)
    if path is not None and not made.cached:
        events.emit(events.Stored(kind=kind, size_bytes=path.stat().st_size))


def _artifact(stage: Stage, value: Any) -> tuple[str, Any]:
    match value:
        case Narration():
            return "audio", value.audio
        case Captions():
            return "subtitles", value.ass
        case Shot():
            return "image", value.image
        case Overlay():
            return "image", value.panel
        case Segment() | Film():
            return "video", value.video
    return stage.value, None


def sizes(made: Made[Any]) -> dict[str, float]:
    """How much a stage made, for its span: words, characters, scenes, seconds of sound or film, bytes."""
    value = made.value
    script = value.script if isinstance(value, Revision) else value
    found: dict[str, float] = {}
    if isinstance(script, Script):
        spoken = [scene.spoken for scene in script.scenes]
        found = {
            "scenes": len(spoken),
            "words": sum(len(text.split()) for text in spoken),
            "characters": sum(map(len, spoken)),
        }
    elif isinstance(value, Narration):
        found = {"words": len(value.words), "seconds": value.seconds}
    elif isinstance(value, Captions):
        found = {"characters": sum(len(line) for cue in value.cues for line in cue.lines)}
    elif isinstance(value, Film):
        found = {"seconds": value.seconds}
    _, path = _artifact(Stage.ASSEMBLY, value)
    return found if path is None else {**found, "size_bytes": path.stat().st_size}


def tell_elements(revision: Revision) -> None:
    """Tell how many of each element the script has."""
    scenes = revision.script.scenes
    lines = [line for scene in scenes for line in scene.lines]
    counts = {
        "scene": len(scenes),
        "narration": sum(line.kind is LineKind.NARRATION for line in lines),
        "dialogue_line": sum(line.kind is LineKind.DIALOGUE for line in lines),
        "stage_direction": sum(len(scene.directions) for scene in scenes),
        "on_screen_text": sum(len(scene.on_screen) for scene in scenes),
        "joke": len(revision.review.beats),
    }
    for element, count in counts.items():
        events.emit(events.Counted(element=element, count=count))
