"""Which languages the voices of vendors speak, and whether a text is written in one, asked before anything is paid."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection

from storygen.errors import ContentRejected

ELEVENLABS = frozenset(
    [
        "ar",
        "bg",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "fi",
        "fil",
        "fr",
        "hi",
        "hr",
        "id",
        "it",
        "ja",
        "ko",
        "ms",
        "nl",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sv",
        "ta",
        "tr",
        "uk",
        "zh",
    ]
)
ELEVENLABS_TURBO = ELEVENLABS | frozenset(["hu", "no", "vi"])
OPENAI = frozenset(
    [
        "af",
        "ar",
        "az",
        "be",
        "bg",
        "bs",
        "ca",
        "cs",
        "cy",
        "da",
        "de",
        "el",
        "en",
        "es",
        "et",
        "fa",
        "fi",
        "fr",
        "gl",
        "he",
        "hi",
        "hr",
        "hu",
        "hy",
        "id",
        "is",
        "it",
        "ja",
        "kk",
        "kn",
        "ko",
        "lt",
        "lv",
        "mi",
        "mk",
        "mr",
        "ms",
        "ne",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sr",
        "sv",
        "sw",
        "ta",
        "th",
        "tl",
        "tr",
        "uk",
        "ur",
        "vi",
        "zh",
    ]
)
GEMINI = (
    "ar-EG", "bn-BD", "de-DE", "en-IN", "en-US", "es-US", "fr-FR", "hi-IN", "id-ID", "it-IT", "ja-JP", "ko-KR",
    "mr-IN", "nl-NL", "pl-PL", "pt-BR", "ro-RO", "ru-RU", "ta-IN", "te-IN", "th-TH", "tr-TR", "uk-UA", "vi-VN",
)  # fmt: skip
_SAME = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "cmn": "zh", "yue": "zh", "tl": "fil", "fil": "tl"}

# The first word of the Unicode name of a letter, by language; all others are written in Latin letters.
_WRITINGS = {
    **dict.fromkeys(("ru", "uk", "bg", "mk", "be"), frozenset({"CYRILLIC"})),
    **dict.fromkeys(("sr", "kk", "bs", "az"), frozenset({"CYRILLIC", "LATIN"})),
    **dict.fromkeys(("ar", "fa", "ur"), frozenset({"ARABIC"})),
    **dict.fromkeys(("hi", "mr", "ne"), frozenset({"DEVANAGARI"})),
    **dict.fromkeys(("zh", "cmn", "yue"), frozenset({"CJK"})),
    "bn": {"BENGALI"},
    "ta": {"TAMIL"},
    "te": {"TELUGU"},
    "kn": {"KANNADA"},
    "th": {"THAI"},
    "he": {"HEBREW"},
    "el": {"GREEK"},
    "hy": {"ARMENIAN"},
    "ko": {"HANGUL", "CJK"},
    "ja": {"CJK", "HIRAGANA", "KATAKANA"},
}
_MOST_FOREIGN = 0.5


def base(tag: str) -> str:
    """The language of a tag without its region: "pt" of "pt-BR"."""
    return tag.replace("_", "-").split("-")[0].lower()


def find(language: str, known: Collection[str]) -> str | None:
    """The name under which a vendor knows a language: the same tag, else the same language; None where it does not."""
    wanted = base(language)
    exact = [name for name in known if name.lower() == language.lower()]
    near = [name for name in sorted(known) if base(name) in {wanted, _SAME.get(wanted)}]
    # American English before Indian English where the region is not asked for.
    near.sort(key=lambda name: not name.endswith("US"))
    return next(iter([*exact, *near]), None)


def check(provider: str, language: str, text: str, known: Collection[str] | None) -> str:
    """The vendor's name for the language of a text.

    `known` is None where the vendor's languages are not known. Raises `ContentRejected` where the vendor does not speak
    the language, or the text is written in letters of another: its voice would spell them out, and bill it.
    """
    name = base(language) if known is None else find(language, known)
    if name is None:
        raise ContentRejected(
            f"{provider} does not speak {language!r}.",
            hint=f"It speaks {', '.join(sorted(known or ()))}; set another provider behind it for other languages.",
            provider=provider,
        )
    foreign = _foreign(text, base(language))
    if foreign:
        raise ContentRejected(
            f"The text is said to be {language!r}, but most of it is in {foreign} letters.",
            hint="Set `film.language` to the language of the story.",
            provider=provider,
        )
    return name


def _foreign(text: str, language: str) -> str:
    """The writing that most of a text has, where that is not one of the language's; else empty."""
    writings = Counter(
        unicodedata.name(letter, "OTHER").split()[0].removesuffix("-UNIFIED") for letter in text if letter.isalpha()
    )
    expected = _WRITINGS.get(language, {"LATIN"})
    other = Counter({writing: count for writing, count in writings.items() if writing not in expected})
    if other.total() <= _MOST_FOREIGN * writings.total():
        return ""
    return other.most_common(1)[0][0].capitalize()
