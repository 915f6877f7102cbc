"""What is made of a scene: its sound, its subtitles, its picture, its terminal, its rendered part of the film."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
