"""The labels of scripts (`Visual:`, `**Narration (Ada, whispering):**`, `MARA:`) and what each stands for."""

from __future__ import annotations

import difflib
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from storygen.scripts.base import Row
from storygen.story import NARRATOR


class Role(Enum):
    """What the text behind a label is for."""

    PICTURE = auto()
    NARRATION = auto()
    AUDIO = auto()
    DIALOGUE = auto()
    SCREEN = auto()
    SOUND = auto()
    FILE = auto()
    DIRECTION = auto()
    MOOD = auto()
    SECONDS = auto()
    TITLE = auto()
    SUBTITLE = auto()
    LOGLINE = auto()
    TONE = auto()
    LANGUAGE = auto()
    IGNORED = auto()


_NAMES: dict[Role, str] = {
    Role.PICTURE: "visual, visuals, visual description, picture, image, shot, video, b roll, on screen visual",
    Role.NARRATION: "narration, narrator, voiceover, voice over, voice, vo, v o, spoken",
    Role.AUDIO: "audio",
    Role.DIALOGUE: "dialogue, dialog",
    Role.SCREEN: "on screen, onscreen, on screen text, onscreen text, text on screen, screen text, screen, terminal,"
    "on screen terminal, terminal text, caption, super",
    Role.SOUND: "sound, sounds, sfx, sound effect, sound effects, music, ambience",
    Role.DIRECTION: "direction, directions, stage direction, stage directions, action, note, notes, camera, transition,"
    "lighting, setting, location, effect, effects, fx, vfx, props, characters, cut, fade",
    Role.FILE: "file, files",
    Role.MOOD: "mood, feeling, atmosphere",
    Role.SECONDS: "duration, seconds, length",
    Role.TITLE: "script, title, story title",
    Role.SUBTITLE: "subtitle",
    Role.LOGLINE: "logline, summary, synopsis, premise",
    Role.TONE: "tone, genre",
    Role.LANGUAGE: "language, lang",
    Role.IGNORED: "author, date, version, draft, by, written by, format, runtime, total runtime, status, tags, target",
}
ROLES = {name.strip(): role for role, names in _NAMES.items() for name in names.split(",")}
HEADER = frozenset({Role.TITLE, Role.SUBTITLE, Role.LOGLINE, Role.TONE, Role.LANGUAGE, Role.IGNORED, Role.SECONDS})
STRUCTURE = frozenset({Role.PICTURE, Role.NARRATION, Role.AUDIO, Role.DIALOGUE, Role.SCREEN, Role.SOUND, Role.MOOD})

_HEAD = re.compile(r"([^\W\d_](?:[\w .'’&/#-]{0,38}[\w.])?)\s*(?:[(\[]([^()\[\]]{0,120})[)\]])?\s*[*_]{0,3}")
_BULLET = re.compile(r"[-+•]\s+|\*\s+|>\s*")
_LONGEST_HEAD = 180
_MANNERS = frozenset(
    re.findall(
        r"\w+",
        """calm soft warm sad angry excited urgent quiet loud slow fast cheerful tired serious
    playful deadpan dramatic flat male female robotic hushed breathless""",
    )
)
_ROLES_OF_VOICES = frozenset({"narrator", "narration", "voice", "voiceover", "voice-over", "vo", "v.o.", "speaker"})
_CONTINUED = frozenset({"cont'd", "cont’d", "contd", "continued", "o.s.", "v.o.", "o.c.", "vo", "os"})

_CLOCK = re.compile(
    r"(?:(\d{1,3}):)?(\d{1,3}):(\d{2})|(\d{1,5}(?:[.,]\d{1,3})?)\s*(?:s|secs?|seconds?)?\.?", re.IGNORECASE
)
# Words in capitals before a colon that programs print; they begin lines of on-screen text, not of dialogue.
PRINTED = frozenset(
    [
        "ERROR",
        "WARNING",
        "WARN",
        "INFO",
        "DEBUG",
        "FATAL",
        "STATUS",
        "FAIL",
        "FAILED",
        "PASS",
        "OK",
        "TODO",
        "NOTE",
        "URL",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The head of a line: the name before the colon, what stands in brackets, and the text behind it.

    `role` is None for a name that is not a label; it is then perhaps somebody who speaks. `guessed` is the label that a
    misspelt one was taken for.
    """

    name: str
    arguments: str
    rest: str
    bold: bool
    role: Role | None
    guessed: str = ""

    @property
    def is_name(self) -> bool:
        """Whether it could be the name of somebody: up to three words, each with a capital."""
        words = self.name.split()
        return self.role is None and len(words) <= 3 and all(word[0].isupper() or word[0].isdigit() for word in words)

    @property
    def is_capitals(self) -> bool:
        """Whether it is written in capitals, as scripts write who speaks."""
        return self.name == self.name.upper()


def parse_label(text: str) -> Label | None:
    """The label that a line begins with, or None."""
    colon = _colon(text)
    if colon < 0:
        return None
    bare = text[:colon].strip()
    if bullet := _BULLET.match(bare):
        bare = bare[bullet.end() :]
    unmarked = bare.lstrip("*_")
    head = _HEAD.fullmatch(unmarked)
    if head is None:
        return None
    bold = len(unmarked) < len(bare)
    rest = _without_marks(text[colon + 1 :], closed=not bold or unmarked.endswith(("*", "_")))
    name = " ".join(head[1].split())
    role, guessed = _role(_key(name))
    if role is None and rest and not text[colon + 1 :].startswith((" ", "*", "_", '"', "“", "«")):
        return None
    return Label(name=name, arguments=(head[2] or "").strip(), rest=rest, bold=bold, role=role, guessed=guessed)


def speaker_and_manner(arguments: str) -> tuple[str, str]:
    """`Ada, whispering` as speaker and manner; a lone lower-case word is the manner of the narrator."""
    first, *others = (part.strip() for part in re.split(r"[,;/|]|\s[-–—]\s", arguments))
    others = [part for part in others if part and part.lower() not in _CONTINUED]
    if not first or first.lower() in _CONTINUED or first.lower() in _ROLES_OF_VOICES:
        return NARRATOR, ", ".join(others)
    if first[0].islower() or first.lower() in _MANNERS:
        return NARRATOR, ", ".join([first, *others])
    return person(first), ", ".join(others)


def manner_of(arguments: str) -> str:
    """What the brackets behind the name of a speaker say of how it is spoken."""
    parts = (part.strip() for part in arguments.split(","))
    return ", ".join(part for part in parts if part and part.lower() not in _CONTINUED)


def person(name: str) -> str:
    """A name as one would write it, so that ADA and Ada are one voice; what stands for the narrator is the narrator."""
    if name.lower() in _ROLES_OF_VOICES:
        return NARRATOR
    return string.capwords(name) if name.isupper() and not any(map(str.isdigit, name)) else name


def clock(text: str) -> float | None:
    """Seconds of `1:02:03`, `0:08`, `8 s` or `8.5`; None where it is none of these."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    if found[4]:
        return float(found[4].replace(",", "."))
    return 3600.0 * int(found[1] or 0) + 60.0 * int(found[2]) + int(found[3])


def cast(text: Sequence[Row]) -> Counter[str]:
    """How often each name stands before a colon; one that follows an empty row counts twice, for it surely speaks."""
    found: Counter[str] = Counter()
    after_blank = True
    for row in text:
        label = parse_label(row.text)
        if label and label.is_name and label.name not in PRINTED:
            found[label.name] += 2 if after_blank and label.is_capitals else 1
        after_blank = not row.text.strip()
    return Counter({name: count for name, count in found.items() if count > 1})


def _colon(text: str) -> int:
    """Where the first colon outside brackets is, or -1; a colon that begins an address is none."""
    depth = 0
    for place, character in enumerate(text[:_LONGEST_HEAD]):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character in ":\uff1a" and depth <= 0:
            return -1 if text.startswith("//", place + 1) else place
    return -1


def _without_marks(rest: str, *, closed: bool) -> str:
    """The text behind a colon without the emphasis that belongs to the label, as in `**Visual:** a door`."""
    rest = rest.strip()
    if closed:
        return rest
    if rest.startswith(("*", "_")):
        return rest.lstrip("*_").lstrip()
    return rest.rstrip("*_").rstrip()


def _key(name: str) -> str:
    return " ".join(re.sub(r"[-–._/]", " ", name).casefold().split())


@cache
def _role(key: str) -> tuple[Role | None, str]:
    if role := ROLES.get(key) or ROLES.get(key.rstrip(" 0123456789#")):
        return role, ""
    if len(key) < 5:
        return None, ""
    # Slips keep the first or last letter; comparing with these alone keeps a text of nothing but labels quick.
    likely = [name for name in _SPELT if abs(len(name) - len(key)) <= 2 and (name[0] == key[0] or name[-1] == key[-1])]
    near = difflib.get_close_matches(key, likely, n=1, cutoff=0.8)
    return (ROLES[near[0]], near[0]) if near else (None, "")


_SPELT = [name for name, role in ROLES.items() if len(name) > 4 and role in STRUCTURE]
