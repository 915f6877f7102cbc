"""What a run comes to: what became of each scene, and the film with all that it was made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from storygen.errors import StorygenError
from storygen.story import (
    Captions,
    Fidelity,
    Film,
    Frame,
    Made,
    Narration,
    Overlay,
    Revision,
    Scene,
    Segment,
    Shot,
    Stage,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneResult:
    """What became of one scene, numbered from 1: its parts, or why there are none."""

    number: int
    scene: Scene
    narration: Made[Narration] | None = None
    captions: Made[Captions] | None = None
    shot: Made[Shot] | None = None
    overlay: Made[Overlay] | None = None
    segment: Made[Segment] | None = None
    failure: StorygenError | None = None

    def spoken(self) -> Made[Narration]:
        """What is heard in the scene. Raises the failure of one that is left out."""
        if self.failure is not None:
            raise self.failure
        if self.narration is None:
            raise LookupError(f"scene {self.number} was not spoken")
        return self.narration

    def parts(self) -> dict[Stage, Made[Any]]:
        """What was made, by the stage that made it."""
        made = {
            Stage.VOICE: self.narration,
            Stage.SUBTITLES: self.captions,
            Stage.VISUALS: self.shot,
            Stage.TERMINAL: self.overlay,
            Stage.ASSEMBLY: self.segment,
        }
        return {stage: part for stage, part in made.items() if part is not None}

    def reasons(self) -> tuple[str, ...]:
        """Why this scene is not as asked."""
        if self.failure is not None:
            return (f"scene {self.number} is left out: {self.failure.stage}: {self.failure.message}",)
        return tuple(
            f"scene {self.number}: {stage} by {part.provider}, because {reason}"
            for stage, part in self.parts().items()
            for reason in part.missing
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The same film in another shape, and what its scenes look like there; `broken` as in `Production`."""

    aspect: str
    frame: Frame
    scenes: tuple[SceneResult, ...]
    film: Made[Film]
    broken: StorygenError | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why this version is not as asked."""
        broken = (why(self.broken),) if self.broken else ()
        return broken + tuple(reason for scene in self.scenes for reason in scene.reasons())


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """A finished film and all that it was made of; `broken` says why there is only a stand-in for it.

    `versions` are the same film in other shapes.
    """

    revision: Made[Revision]
    scenes: tuple[SceneResult, ...]
    film: Made[Film]
    writing: tuple[Made[Any], ...] = field(default=())
    broken: StorygenError | None = None
    versions: tuple[Version, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the film is not as asked, and what of its versions is not for another reason; empty where all is."""
        broken = (why(self.broken),) if self.broken else ()
        written = tuple(f"{made.provider} wrote, because {reason}" for made in self.writing for reason in made.missing)
        scenes = (scene for scene in self.scenes if self.broken is None or scene.failure is not self.broken)
        first = broken + written + tuple(reason for scene in scenes for reason in scene.reasons())
        others = ((version.aspect, reason) for version in self.versions for reason in version.reasons)
        return first + tuple(f"{aspect}: {reason}" for aspect, reason in others if reason not in first)

    @property
    def fidelity(self) -> Fidelity:
        """Full where there is no reason to say otherwise."""
        if self.broken:
            return Fidelity.PLACEHOLDER
        return Fidelity.DEGRADED if self.reasons else Fidelity.FULL


def why(failure: StorygenError) -> str:
    """A failure in a line: where, who, what, and after how many attempts."""
    scene = f" of scene {failure.scene}" if failure.scene else ""
    provider = f", {failure.provider}" if failure.provider else ""
    attempts = f" after {failure.attempt} attempts" if failure.attempt > 1 else ""
    return f"{failure.stage}{scene}{provider}: {failure.kind}{attempts}: {failure.message}"
