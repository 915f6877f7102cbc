"""What a run comes to: what became of each scene, and the film with all that it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from storygen.errors import StorygenError
from storygen.story import (
    Captions,
    Check,
    Cue,
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
    Translated,
    Verdict,
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
    translations: tuple[Made[Translated], ...] = ()
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
        replaced = tuple(
            f"scene {self.number}: {stage} by {part.provider}, because {reason}"
            for stage, part in self.parts().items()
            for reason in part.missing
        )
        return replaced + self.below()

    def below(self) -> tuple[str, ...]:
        """What of this scene is beyond a limit, and was used nevertheless."""
        parts = self.parts().items()
        return tuple(f"scene {self.number}: {stage}: {said}" for stage, part in parts for said in beyond(part.checks))


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
        return broken + _of_film(self.film) + tuple(reason for scene in self.scenes for reason in scene.reasons())


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
        first = broken + written + _of_film(self.film) + tuple(reason for scene in scenes for reason in scene.reasons())
        first += _untranslated(self.scenes)
        others = ((version.aspect, reason) for version in self.versions for reason in version.reasons)
        return first + tuple(f"{aspect}: {reason}" for aspect, reason in others if reason not in first)

    @property
    def below(self) -> tuple[str, ...]:
        """What of the film and its versions is beyond limits of the settings."""
        films = (self.film, *(version.film for version in self.versions))
        scenes = (*self.scenes, *(scene for version in self.versions for scene in version.scenes))
        said = [text for film in films for text in _of_film(film)]
        return tuple(dict.fromkeys((*said, *(text for scene in scenes for text in scene.below()))))

    @property
    def fidelity(self) -> Fidelity:
        """Full where there is no reason to say otherwise."""
        if self.broken:
            return Fidelity.PLACEHOLDER
        return Fidelity.DEGRADED if self.reasons else Fidelity.FULL


def translated(scenes: Sequence[SceneResult]) -> dict[str, tuple[tuple[Cue, ...], ...]]:
    """The subtitles of scenes by language, for each that all of them could be translated into."""
    found: dict[str, list[tuple[Cue, ...]]] = {}
    for scene in scenes:
        for made in scene.translations:
            if not made.missing:
                found.setdefault(made.value.language, []).append(made.value.cues)
    return {language: tuple(cues) for language, cues in found.items() if len(cues) == len(scenes)}


def _untranslated(scenes: Sequence[SceneResult]) -> tuple[str, ...]:
    """Why the film has no subtitles in a language that was asked for, once for all its scenes."""
    said = (
        f"there are no subtitles in {made.value.language}, because {reason}"
        for scene in scenes
        for made in scene.translations
        for reason in made.missing
    )
    return tuple(dict.fromkeys(said))


def beyond(checks: Sequence[Check]) -> tuple[str, ...]:
    """Checks that failed, in words: which, what was found, what is wanted."""
    return tuple(
        f"{one.name.replace('_', ' ')} is {one.value} {one.unit}".rstrip()
        + (f" from {one.at:g} s on" if one.at is not None else "")
        + f", wanted is {one.limit}"
        for one in checks
        if one.verdict is Verdict.FAIL
    )


def _of_film(film: Made[Film]) -> tuple[str, ...]:
    return tuple(f"film: {said}" for said in beyond(film.checks))


def why(failure: StorygenError) -> str:
    """A failure in a line: where, who, what, and after how many attempts."""
    scene = f" of scene {failure.scene}" if failure.scene else ""
    provider = f", {failure.provider}" if failure.provider else ""
    attempts = f" after {failure.attempt} attempts" if failure.attempt > 1 else ""
    return f"{failure.stage}{scene}{provider}: {failure.kind}{attempts}: {failure.message}"
