"""What a film is made with: the functions of the stages, and all that they are called with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storygen.pipeline.staging import Staging
from storygen.resilience.slots import Slots
from storygen.results import SceneResult
from storygen.settings import Settings
from storygen.stages import (
    assembly,
    given,
    idea,
    revise,
    script,
    subtitles,
    terminal,
    translation,
    visuals,
    voice,
)
from storygen.stages.base import Tools
from storygen.story import Frame, Scene


@dataclass(frozen=True, slots=True)
class Steps:
    """The functions of the stages; a test or a benchmark may bring its own."""

    choose: Callable[..., Awaitable[Any]] = idea.choose
    write: Callable[..., Awaitable[Any]] = script.write
    inspect: Callable[..., Awaitable[Any]] = given.inspect
    revise: Callable[..., Awaitable[Any]] = revise.revise
    speak: Callable[..., Awaitable[Any]] = voice.speak
    caption: Callable[..., Awaitable[Any]] = subtitles.caption
    translate: Callable[..., Awaitable[Any]] = translation.translate
    draw: Callable[..., Awaitable[Any]] = visuals.draw
    reframe: Callable[..., Awaitable[Any]] = visuals.reframe
    close: Callable[..., Awaitable[Any]] = visuals.close
    stand_in: Callable[..., Awaitable[Any]] = visuals.stand_in
    type_out: Callable[..., Awaitable[Any]] = terminal.type_out
    render: Callable[..., Awaitable[Any]] = assembly.render
    seam: Callable[..., Awaitable[Any]] = assembly.seam
    join: Callable[..., Awaitable[Any]] = assembly.join
    placeholder: Callable[..., Awaitable[Any]] = assembly.placeholder


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What one film is made with; a copy with changes makes it in another shape or with other pictures.

    `stand_in` are tools that ask nobody but the built-in providers; `gate` is how many scenes are worked on side by
    side. `takes` says how often scenes, by their numbers, are to be made anew, `redrawn` how often their pictures
    alone. `end` is the scene that shows the closing card; `first` are the scenes, by their numbers, of the same film in
    its first shape.
    """

    tools: Tools
    settings: Settings
    steps: Steps
    staging: Staging
    stand_in: Tools | None
    gate: Slots
    takes: Mapping[int, int]
    redrawn: Mapping[int, int] = field(default_factory=dict)
    end: Scene | None = None
    first: Mapping[int, SceneResult] = field(default_factory=dict)

    @property
    def frame(self) -> Frame:
        """What the film's pictures measure."""
        return self.settings.film.frame

    def take_of(self, number: int) -> int:
        """Which picture of a scene is wanted: the first, or one after those that were not."""
        return self.takes.get(number, 0) + self.redrawn.get(number, 0)
