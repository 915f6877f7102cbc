"""Assembly: each scene's picture is rendered as soon as its parts are there; then all are joined with their sound."""

from storygen.stages.assembly.film import Part, join
from storygen.stages.assembly.notice import placeholder
from storygen.stages.assembly.scenes import render

__all__ = ["Part", "join", "placeholder", "render"]
