"""Assembly: each scene's picture is rendered as soon as its parts are there; then all are joined with their sound."""

from storygen.media.outputs import Label, Track
from storygen.stages.assembly.extras import Wanted
from storygen.stages.assembly.film import Part, join
from storygen.stages.assembly.measuring import to_redraw
from storygen.stages.assembly.notice import placeholder
from storygen.stages.assembly.scenes import plan_of, render
from storygen.stages.assembly.seams import Side, seam
from storygen.stages.assembly.sound import Score, check_music

__all__ = [
    "Label",
    "Part",
    "Score",
    "Side",
    "Track",
    "Wanted",
    "check_music",
    "join",
    "placeholder",
    "plan_of",
    "render",
    "seam",
    "to_redraw",
]
