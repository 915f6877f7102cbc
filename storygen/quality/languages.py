"""Which language a text is written in, by its letters and its smallest words; a heuristic that says why."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass

# The first word of the Unicode name of a letter: its writing.
_WRITINGS = {
    "ru": {"CYRILLIC"}, "uk": {"CYRILLIC"}, "bg": {"CYRILLIC"}, "sr": {"CYRILLIC", "LATIN"}, "mk": {"CYRILLIC"},
    "be": {"CYRILLIC"}, "kk": {"CYRILLIC", "LATIN"}, "ar": {"ARABIC"}, "fa": {"ARABIC"}, "ur": {"ARABIC"},
    "he": {"HEBREW"}, "yi": {"HEBREW"}, "el": {"GREEK"}, "hi": {"DEVANAGARI"}, "mr": {"DEVANAGARI"},
    "ne": {"DEVANAGARI"}, "bn": {"BENGALI"}, "ta": {"TAMIL"}, "te": {"TELUGU"}, "th": {"THAI"}, "ka": {"GEORGIAN"},
    "hy": {"ARMENIAN"}, "am": {"ETHIOPIC"}, "zh": {"CJK"}, "cmn": {"CJK"}, "yue": {"CJK"},
    "ja": {"CJK", "HIRAGANA", "KATAKANA"}, "ko": {"HANGUL", "CJK"},
}  # fmt: skip

_SMALL = {
    "en": "the and of to is that it was with his her they not you have this are for but from",
    "es": "el los las que y en una del por con para es no se su lo como pero más está",
    "fr": "le les des et est une dans que qui pas pour il elle sur avec ce au du plus mais",
    "de": "der die das und ist nicht ein eine den mit von zu sich auf dem es auch wird sie war",
    "it": "il gli che e di una non per con del della sono è si nel ma come più era alla",
    "pt": "o os as que e não uma do da em para com por mais mas como foi ao seu ele",
    "nl": "de het een en van is niet dat op te met zijn voor aan er maar ze naar hij was",
    "sv": "och att det som en på är av för med den till inte om var ett han hon sig men",
    "pl": "i w na nie się że to z jest do jak ale o co po był była już tak przez",
    "tr": "ve bir bu da de için ile çok ne gibi daha ama olan var değil o en kadar sonra mi",
}
_SMALLS = {language: frozenset(words.split()) for language, words in _SMALL.items()}
_LEAST_WORDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a text looks like and why; `fits` says whether a voice of the asked language can read it.

    `foreign` is set where the letters themselves are of another writing, which a voice spells out or leaves out.
    """

    fits: bool
    foreign: bool
    reason: str


def compare(text: str, language: str) -> Guess:
    """Hold a text against the language of a voice ("en", "pt-BR")."""
    base = language.lower().split("-")[0]
    writings = Counter(_writing(mark) for mark in text[:20_000] if mark.isalpha())
    letters = sum(writings.values())
    if not letters:
        return Guess(fits=True, foreign=False, reason="no letters")
    expected = _WRITINGS.get(base, {"LATIN"})
    other = max(writings, key=lambda writing: (writing not in expected, writings[writing]))
    foreign = sum(number for writing, number in writings.items() if writing not in expected)
    if foreign > 0.4 * letters:
        return Guess(fits=False, foreign=True, reason=f"{other.lower()} letters: {foreign} of {letters} are not {base}")
    if expected != {"LATIN"} or base not in _SMALLS:
        return Guess(fits=True, foreign=False, reason=f"{letters - foreign} of {letters} letters are of {base}")
    return _by_words(text, base)


def _writing(mark: str) -> str:
    return unicodedata.name(mark, "OTHER").split(" ", 1)[0].removesuffix("-UNIFIED")


def _by_words(text: str, base: str) -> Guess:
    words = [word.strip(".,;:!?¡¿\"'“”«»()…").lower() for word in text.split()[:5000]]
    if len(words) < _LEAST_WORDS:
        return Guess(fits=True, foreign=False, reason="too few words to tell: " + str(len(words)))
    shares = {language: sum(word in smalls for word in words) for language, smalls in _SMALLS.items()}
    likely = max(shares, key=lambda language: (shares[language], language == base))
    strange = likely != base and shares[likely] >= 3 and shares[likely] >= 2 * shares[base] + 2
    reason = f"looks like {likely}: {shares[likely]} of {len(words)} are its small words, {shares[base]} of {base}"
    return Guess(fits=not strange, foreign=False, reason=reason if strange else f"looks like {base}")
