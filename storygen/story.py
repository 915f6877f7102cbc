"""The records that the stages hand on: a brief becomes ideas, a script, scenes, a film.

Every record is frozen; a copy with changes is made with `dataclasses.replace`. Times are seconds, sizes are pixels or
bytes, money is US dollars. A `Path` in a record that was stored points into the store.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


class Stage(StrEnum):
    """The named steps of a run, in the order of the flow."""

    IDEA = "idea"
    SCRIPT = "script"
    REVISE = "revise"
    VOICE = "voice"
    SUBTITLES = "subtitles"
    VISUALS = "visuals"
    TERMINAL = "terminal"
    ASSEMBLY = "assembly"


class Outcome(StrEnum):
    """How a run or a stage ended; the last two are for stages only."""

    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    CACHED = "cached"
    SKIPPED = "skipped"


class Fidelity(StrEnum):
    """How real a result is: all as asked, with a fallback in it, or a stand-in."""

    FULL = "full"
    DEGRADED = "degraded"
    PLACEHOLDER = "placeholder"


class Strategy(StrEnum):
    """What the picture of a film is made of."""

    OVERLAY = "overlay"
    VISUAL_ONLY = "visual-only"
    UI_ONLY = "ui-only"
    AUDIO_ONLY = "audio-only"


class Mood(StrEnum):
    """The feeling of a scene; palettes, movement and music follow it."""

    NEUTRAL = "neutral"
    CALM = "calm"
    JOYFUL = "joyful"
    WONDER = "wonder"
    MYSTERIOUS = "mysterious"
    TENSE = "tense"
    DARK = "dark"
    MELANCHOLY = "melancholy"


class LineKind(StrEnum):
    """Who speaks a line: the voice over the picture, or somebody in it."""

    NARRATION = "narration"
    DIALOGUE = "dialogue"


NARRATOR = "narrator"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One written word and when it is heard, in seconds from the start of its scene; `line` indexes `Scene.lines`."""

    text: str
    start: float
    end: float
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Narration:
    """The sound of one scene: 48 kHz mono 16-bit WAV, trimmed and brought to the wanted loudness.

    `seconds` is the exact length of `audio`. Where nothing is spoken it is silence, with no words and no loudness.
    """

    audio: Path
    seconds: float
    words: tuple[Word, ...]
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One subtitle: at most a few lines of text between two times of its scene, with the words that are highlighted."""

    start: float
    end: float
    lines: tuple[str, ...]
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What is read in one place of the picture: ASS events, and the window they stand in where they have one.

    A window is a transparent PNG of the frame's size.
    """

    place: str
    ass: Path
    panel: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Captions:
    """The subtitles of one scene, and the ASS file that burns them in; `placed` holds one for each place of theirs."""

    cues: tuple[Cue, ...]
    ass: Path
    placed: tuple[Placed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """Lines of text in another language, as many as were given, in their order."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """The subtitles of one scene in another language; none where nobody could translate them."""

    language: str
    cues: tuple[Cue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The shape of the picture: pixels and pictures a second."""

    width: int
    height: int
    fps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """The picture of one scene and how the eye moves over it.

    `zoom` is the largest magnification that is reached (1.0 is no movement); `focus` is the point that the movement
    goes towards or comes from, as shares of width and height; `inward` says which. With a `glide` (x, y, x, y) the
    picture is magnified all the time, and the eye travels from one place to another in the room that this leaves:
    (0, 0) is its top left, (1, 1) its bottom right. Where there is a `clip` of `clip_seconds`, it is seen instead, with
    `heading` over it: a transparent PNG of the frame's size whose colours are multiplied by their alpha. `original` is
    the picture as it was delivered, without words and of any size, where others delivered it.
    """

    image: Path
    zoom: float = 1.12
    focus: tuple[float, float] = (0.5, 0.5)
    inward: bool = True
    glide: tuple[float, float, float, float] | None = None
    clip: Path | None = None
    clip_seconds: float = 0.0
    heading: Path | None = None
    original: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Text typed on a terminal: the window as a transparent PNG of the frame's size, and the typing as ASS events.

    After `seconds` all is typed and has stood long enough to be read; the scene lasts at least that long. `keys` are
    the times at which something is typed. `placed` holds the same for each place where the window may stand.
    """

    panel: Path
    ass: Path
    seconds: float
    placed: tuple[Placed, ...] = ()
    keys: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The rendered picture of one scene, without sound, of `frames` at the film's rate.

    `before` and `after` are frames of the scene that lie in the seams to its neighbours instead of in `video`. The
    whole `length` is what sound and subtitles go by. `glances` are tiny grey pictures of `video`, as raw bytes.
    """

    video: Path
    frames: int
    before: int = 0
    after: int = 0
    glances: Path | None = None

    @property
    def length(self) -> int:
        """The frames of the whole scene."""
        return self.before + self.frames + self.after


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


class Verdict(StrEnum):
    """What a check says of an artifact."""

    PASS = "pass"  # noqa: S105 - a verdict
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One measured property of an artifact against its limit.

    `artifact` is one of text, audio, subtitles, image, video; `name` is a fixed word ("silence_share"); `value` and
    `limit` are written for people ("0.12", "at most 0.60") where they are not plain numbers. `at` is where in its film
    a stretch begins, in seconds.
    """

    artifact: str
    name: str
    verdict: Verdict
    value: float | str | None = None
    limit: float | str | None = None
    unit: str = ""
    at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one attempt consumed, in the units that are billed."""

    input_tokens: int = 0
    output_tokens: int = 0
    characters: int = 0
    images: int = 0
    audio_seconds: float = 0.0
    video_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Made(Generic[T]):
    """A result and where it came from, so that nobody has to look back.

    `key` is the content hash under which it is stored; `seconds` and `cost_usd` are what making it took when it was
    made (also when it now came from the cache); `cost_usd` is None where the price is unknown. `missing` names
    providers that were asked before and failed, with the reason: a result with any is degraded.
    """

    value: T
    key: str
    provider: str
    model: str = ""
    attempts: int = 0
    cached: bool = False
    seconds: float = 0.0
    cost_usd: float | None = 0.0
    usage: Usage = field(default_factory=Usage)
    missing: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def fidelity(self) -> Fidelity:
        """Degraded when a fallback made it."""
        return Fidelity.DEGRADED if self.missing else Fidelity.FULL


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
class CostLine:
    """What one stage used of one model, in the units that are billed, and what that cost in US dollars.

    `known_usd` was billed for certain, also where it was for nothing (`wasted_usd`, a part of it); `uncertain_usd` is
    the price of answers that were lost on the way, if they were billed; `saved_usd` is what the cache kept from being
    paid again; `unpriced` counts uses whose price nobody knows.
    """

    stage: str = ""
    provider: str = ""
    model: str = ""
    uses: int = 0
    usage: Usage = field(default_factory=Usage)
    known_usd: float = 0.0
    wasted_usd: float = 0.0
    uncertain_usd: float = 0.0
    saved_usd: float = 0.0
    unpriced: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run cost: the sums of its lines."""

    known_usd: float = 0.0
    wasted_usd: float = 0.0
    uncertain_usd: float = 0.0
    saved_usd: float = 0.0
    unpriced: int = 0
    lines: tuple[CostLine, ...] = ()


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
