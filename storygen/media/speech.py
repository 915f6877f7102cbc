"""What speech is like, so that what cannot be speech is noticed: how long words take, and how they end."""

from __future__ import annotations

import re
import wave
from array import array
from pathlib import Path

_LETTERS_PER_SECOND = 13.0  # at the pace below, in the languages that have capital letters; measured with eSpeak NG
_USUAL_PACE = 165  # words a minute
_DIGIT, _SENTENCE, _COMMA = 0.3, 0.25, 0.12  # seconds
_LEAST_LETTERS = 30
_CLOSING = "\"'\u201d\u2019\u00bb)]"
_PAUSES = (
    (("...", "\u2026", "\u2014", "\u2013"), 1.6),  # dots that trail off, dashes that break off
    (("?", "\uff1f", "\u061f"), 1.25),
    ((".", "!", "\u3002", "\uff01", "\u0964"), 1.0),
    ((",", ";", ":", "\u3001", "\uff0c", "\uff1b", "\uff1a"), 0.7),
)
_NO_END = 0.85
_END_SECONDS = 0.002


def spoken_seconds(text: str, words_per_minute: float = _USUAL_PACE) -> float | None:
    """About how long a text takes to be spoken; None where it is too short, or written without letters, to tell."""
    letters = sum(letter.isalpha() for letter in text)
    cased = sum(letter.upper() != letter.lower() for letter in text)
    if letters < _LEAST_LETTERS or cased < 0.7 * letters:
        return None
    pauses = _SENTENCE * len(re.findall(r"[.!?]\s", text)) + _COMMA * len(re.findall(r"[,;:]\s", text))
    digits = _DIGIT * sum(letter.isdigit() for letter in text)
    return (letters / _LETTERS_PER_SECOND + digits) * _USUAL_PACE / words_per_minute + pauses


def pause_share(text: str) -> float:
    """How long one pauses behind a text, against a full stop: by the way it ends."""
    ended = text.rstrip().rstrip(_CLOSING)
    return next((share for ends, share in _PAUSES if ended.endswith(ends)), _NO_END)


def end_level(path: Path) -> float:
    """The largest sample of the last two milliseconds of a 16-bit WAV file, as a share of full scale."""
    with wave.open(str(path), "rb") as wav:
        count = min(wav.getnframes(), max(1, round(_END_SECONDS * wav.getframerate())))
        wav.setpos(wav.getnframes() - count)
        samples = array("h", wav.readframes(count))
    return max(map(abs, samples), default=0) / 32_768
