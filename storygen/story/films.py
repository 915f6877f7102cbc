"""The finished film, and the manifest that stands beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from storygen.story.checks import Check
from storygen.story.costs import Cost
from storygen.story.words import Fidelity, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Soundtrack:
    """The sound of a whole film: 48 kHz stereo 16-bit FLAC of exactly `seconds`, and how loud it is.

    `voice_lufs` is the integrated loudness of what is spoken, without music; both are None where there is none to hear.
    """

    audio: Path
    seconds: float
    voice_lufs: float | None
    lufs: float | None
    true_peak_dbtp: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """The finished film, and what was measured of it; width and height are 0 where it has no picture.

    `thumbnail` is a JPEG that stands for it; `others` are the same film as files of other kinds (WebM, M4A). `sound` is
    its whole sound before it was encoded, and `music` what was composed for it, as long as the film.
    """

    video: Path
    seconds: float
    width: int
    height: int
    checks: tuple[Check, ...] = ()
    thumbnail: Path | None = None
    others: tuple[Path, ...] = ()
    sound: Path | None = None
    music: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a story came from: a name to show, the format it was found in, and the SHA-256 of its content.

    `origin` stays the same when a file is edited: a hash of its place; of the content where there is no file.
    """

    name: str
    format: str
    sha256: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenePart:
    """What one scene of a finished film was made of: who made what, under which key, from when to when it is seen."""

    number: int
    title: str
    start: float
    end: float
    fidelity: Fidelity
    made_by: dict[str, str]
    keys: dict[str, str]
    cached: tuple[str, ...]
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One file that is the film: its name, its shape ("9:16", empty for sound alone), and its size in pixels."""

    name: str
    aspect: str
    width: int
    height: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a run made, of what, with what and at what price; it stands beside the film.

    `files` maps each file of the folder to its SHA-256; `settings` are those that shape the film; `cost_usd` is what
    this run paid, None where a price is unknown, and `spent` says for what; `traceparent` is the W3C trace context of
    the run; `films` describes each file that is the film, the main one first; `encoder` is who encoded their picture,
    and `encoders_left` says why others did not.
    """

    run_id: str
    title: str
    source: Source
    outcome: Outcome
    fidelity: Fidelity
    reasons: tuple[str, ...]
    started: str
    seconds: float
    film_seconds: float
    cost_usd: float | None
    scenes: tuple[ScenePart, ...]
    checks: tuple[Check, ...]
    settings: dict[str, object]
    seed: int
    files: dict[str, str]
    versions: dict[str, str]
    traceparent: str = ""
    spent: Cost = field(default_factory=Cost)
    films: tuple[Rendition, ...] = ()
    encoder: str = ""
    encoders_left: tuple[str, ...] = ()
