"""What is written: a brief, ideas for it, a script of scenes, and its revision."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from storygen.story.words import NARRATOR, LineKind, Mood


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What somebody asked for: a topic, and how long and in which language the film should be."""

    topic: str
    language: str = "en"
    seconds: float = 60.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """One way to tell a topic; `score` is between 0 and 1."""

    title: str
    logline: str
    hook: str
    tone: str
    audience: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ideas:
    """The candidates for one brief, best first."""

    candidates: tuple[Idea, ...]

    @property
    def best(self) -> Idea:
        """The candidate that goes on."""
        return self.candidates[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Words that are spoken, by whom and in what manner ("whispering")."""

    text: str
    speaker: str = NARRATOR
    manner: str = ""
    kind: LineKind = LineKind.NARRATION


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFile:
    """A file of the user's: its name as the script has it, where it is, and the SHA-256 of its content.

    What is made of it depends on the content alone; until it was looked for there is no hash.
    """

    name: str
    sha256: str = ""
    path: Path = field(default=Path(), metadata={"keyed": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a scene shows and plays instead of what would be made for it: a picture or a clip, and recorded speech."""

    image: GivenFile | None = None
    clip: GivenFile | None = None
    sound: GivenFile | None = None

    @property
    def files(self) -> tuple[GivenFile, ...]:
        """Those that there are."""
        return tuple(file for file in (self.image, self.clip, self.sound) if file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The unit that is narrated, drawn and rendered on its own.

    `on_screen` holds the lines of text that are typed on a terminal; `seconds` is a wish for the length, used where
    nothing is spoken; `joke` marks a scene that holds a comedy beat; `given` are files of the user's.
    """

    title: str = ""
    subtitle: str = ""
    lines: tuple[Line, ...] = ()
    picture: str = ""
    on_screen: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    mood: Mood = Mood.NEUTRAL
    seconds: float | None = None
    given: Given | None = None

    @property
    def spoken(self) -> str:
        """All that is spoken in the scene, as one text."""
        return " ".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A story as scenes."""

    title: str
    scenes: tuple[Scene, ...]
    language: str = "en"
    tone: str = ""
    logline: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference that the revision made: where, what it was, what it became, by which rule."""

    scene: int
    line: int
    rule: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What an editor would say of a script in figures; `pace` is words a minute, `beats` are quoted comedy beats."""

    words: int
    minutes: float
    pace: float
    hook: str
    has_hook: bool
    beats: tuple[str, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A script fit to be spoken, what was changed in it, and its review."""

    script: Script
    changes: tuple[Change, ...]
    review: Review
