"""Who speaks how with eSpeak NG: languages, a voice for each of a cast, and manners.

Variants are tuned formants that come with eSpeak NG. Pitch and range go from 0 to 99 with 50 as the variant's own, the
volume to 200; the volumes below bring every variant to the same level (about -21 dBFS RMS while speaking).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from storygen.story import NARRATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A variant and how it is set; `rate` multiplies the pace."""

    variant: str
    volume: int
    pitch: int = 50
    range: int = 50
    rate: float = 1.0
    language: str = ""


NARRATOR_VOICE = Voice(variant="Michael", volume=71, pitch=45, rate=0.98)

CAST = (
    Voice(variant="f3", volume=84),
    Voice(variant="m8", volume=142),
    Voice(variant="steph2", volume=51, pitch=45),
    Voice(variant="Nguyen", volume=93),
    Voice(variant="belinda", volume=59, pitch=60),
    Voice(variant="david", volume=99),
    Voice(variant="shelby", volume=84),
    Voice(variant="ed", volume=35),
)

_ALIASES = {
    "en": "en-us",
    "en-gb": "en",
    "en-uk": "en",
    "zh": "cmn",
    "zh-cn": "cmn",
    "zh-tw": "cmn",
    "zh-hk": "yue",
    "no": "nb",
    "nn": "nb",
    "fr": "fr-fr",
    "iw": "he",
    "in": "id",
    "sr-latn": "sr",
}

_SAFE_VOICE = re.compile(r"(?:(?P<language>[A-Za-z0-9-]{2,40})\+|\+)?(?P<variant>[A-Za-z0-9 ]{1,40})")

# rate and volume multiply, pitch and range add
_MANNERS: tuple[tuple[str, float, float, int, int], ...] = (
    ("whisper|hush|murmur|under (?:his|her|their) breath", 0.90, 0.60, -6, -12),
    ("quiet|soft|gentl|tender|low voice", 0.95, 0.75, -3, -5),
    ("slow|solemn|grave|weary|tired|sleepy|old", 0.86, 1.0, -4, -5),
    ("calm|warm|steady|thoughtful|matter-of-fact", 0.95, 1.0, -2, -5),
    ("sad|griev|mourn|melanchol|crying|sob", 0.90, 0.90, -6, -10),
    ("fast|quick|hurr|rush|urgent|breathless|panick", 1.14, 1.05, 4, 5),
    ("excit|joy|happ|cheer|laugh|delight|eager|amaze|surpris", 1.07, 1.15, 8, 15),
    ("shout|yell|scream|loud|angr|furious|roar", 1.04, 1.35, 7, 12),
    ("scar|nervous|afraid|fear|anxious|trembl|tense", 1.06, 0.95, 5, 8),
    ("deep|dark|menac|sinister|ominous", 0.93, 1.0, -10, -5),
    ("flat|deadpan|monoton|robot|dry", 0.98, 1.0, 0, -35),
)


def languages_for(language: str) -> tuple[str, ...]:
    """The names under which eSpeak NG may know a language, best first."""
    wanted = language.strip().lower().replace("_", "-")
    base = wanted.split("-")[0]
    names = (_ALIASES.get(wanted, wanted), _ALIASES.get(base, base), base)
    return tuple(dict.fromkeys(name for name in names if name))


def cast_voices(cast: tuple[str, ...], speakers: tuple[str, ...], chosen: Mapping[str, str]) -> dict[str, Voice]:
    """A voice for every speaker: the chosen one, the narrator's, or the next of the pool in the order of the cast.

    Nobody gets from the pool what was chosen for another; beyond the pool the voices repeat with another pitch.
    `chosen` maps names to a variant ("f3") or a language and a variant ("de+f3"). Raises `ValueError` with the
    offending id.
    """
    wishes = {name.casefold(): voice for name, voice in chosen.items()}
    taken = {match["variant"] for voice in wishes.values() if (match := _SAFE_VOICE.fullmatch(voice.strip()))}
    free = [voice for voice in CAST if voice.variant not in taken] or list(CAST)
    names = dict.fromkeys(name.casefold() for name in (*cast, *speakers))
    others = [name for name in names if name != NARRATOR and name not in wishes]
    voices = {name: _from_pool(free, index) for index, name in enumerate(others)}
    voices[NARRATOR] = NARRATOR_VOICE
    return voices | {name: _from_id(voice) for name, voice in wishes.items() if name in {*names, NARRATOR}}


def in_manner(voice: Voice, manner: str) -> Voice:
    """The same voice, speaking slowly, whispering, excited: every known word of the manner counts once."""
    for words, rate, volume, pitch, span in _MANNERS:
        if re.search(rf"\b(?:{words})", manner, re.IGNORECASE):
            voice = replace(
                voice,
                rate=voice.rate * rate,
                volume=round(voice.volume * volume),
                pitch=voice.pitch + pitch,
                range=voice.range + span,
            )
    return replace(
        voice,
        rate=min(1.3, max(0.75, voice.rate)),
        volume=min(200, max(10, voice.volume)),
        pitch=min(99, max(0, voice.pitch)),
        range=min(99, max(0, voice.range)),
    )


def _from_pool(pool: Sequence[Voice], index: int) -> Voice:
    turn, place = divmod(index, len(pool))
    step = (turn + 1) // 2 * (14 if turn % 2 else -14)
    voice = pool[place]
    return replace(voice, pitch=min(95, max(5, voice.pitch + step)))


def _from_id(name: str) -> Voice:
    match = _SAFE_VOICE.fullmatch(name.strip())
    if not match:
        raise ValueError(name)
    known = {voice.variant: voice for voice in (NARRATOR_VOICE, *CAST)}
    voice = known.get(match["variant"], Voice(variant=match["variant"], volume=70))
    return replace(voice, language=match["language"] or "")
