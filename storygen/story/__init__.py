"""The records that the stages hand on: a brief becomes ideas, a script, scenes, a film.

Every record is frozen; a copy with changes is made with `dataclasses.replace`. Times are seconds, sizes are pixels or
bytes, money is US dollars. A `Path` in a record that was stored points into the store.
"""

from __future__ import annotations

from storygen.story.checks import Check
from storygen.story.costs import Cost, CostLine, Usage
from storygen.story.films import Film, Manifest, Rendition, ScenePart, Soundtrack, Source
from storygen.story.made import Made
from storygen.story.scenes import (
    Captions,
    Cue,
    Frame,
    Narration,
    Overlay,
    Placed,
    Segment,
    Shot,
    Translated,
    Translation,
    Word,
)
from storygen.story.words import NARRATOR, Fidelity, LineKind, Mood, Outcome, Stage, Strategy, Verdict
from storygen.story.writing import Brief, Change, Given, GivenFile, Idea, Ideas, Line, Review, Revision, Scene, Script

__all__ = [
    "NARRATOR",
    "Brief",
    "Captions",
    "Change",
    "Check",
    "Cost",
    "CostLine",
    "Cue",
    "Fidelity",
    "Film",
    "Frame",
    "Given",
    "GivenFile",
    "Idea",
    "Ideas",
    "Line",
    "LineKind",
    "Made",
    "Manifest",
    "Mood",
    "Narration",
    "Outcome",
    "Overlay",
    "Placed",
    "Rendition",
    "Review",
    "Revision",
    "Scene",
    "ScenePart",
    "Script",
    "Segment",
    "Shot",
    "Soundtrack",
    "Source",
    "Stage",
    "Strategy",
    "Translated",
    "Translation",
    "Usage",
    "Verdict",
    "Word",
]
