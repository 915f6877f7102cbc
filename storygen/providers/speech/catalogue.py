"""The voices of vendors: those that everybody has, whose an id is, and a voice for each of a cast."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from storygen.errors import InvalidSettings
from storygen.story import NARRATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """A voice that a vendor has: what it is called in settings, its name for people, what it is like."""

    id: str
    name: str = ""
    about: str = ""
    languages: tuple[str, ...] = ()


def _stock(*rows: str) -> tuple[Stock, ...]:
    """Voices from lines of "id name about"."""
    split = (row.split(" ", 2) for row in rows)
    return tuple(Stock(id=row[0], name=row[1], about=row[2]) for row in split)


# Every account has these; they take turns, so that neighbours differ.
ELEVENLABS = _stock(
    "JBFqnCBsd6RMkjVDRZzb George warm British man",
    "EXAVITQu4vr4xnSDxMaL Sarah soft American woman",
    "nPczCjzI2devNBz1zQrb Brian deep American man",
    "XB0fDUnXU5powFXDhCwa Charlotte Swedish-English woman",
    "IKne3meq5aSn9XLyUdCD Charlie natural Australian man",
    "pFZP5JQG7iQjIQuC4Bku Lily warm British woman",
    "TX3LPaxmHKxFdv7VOQHJ Liam articulate young American man",
    "Xb7hH8MSUJpSbSDYk0k2 Alice confident British woman",
    "pqHfZKP75CvOlQylNhV4 Bill trustworthy old American man",
    "cgSgspJ2msm6clMCkdW9 Jessica expressive American woman",
    "N2lVS1w4EtoT3dr4eOWO Callum hoarse intense man",
    "FGY2WhTYpPnrIDTdsKH5 Laura upbeat American woman",
    "onwK4e9ZLuTAKqWW03F9 Daniel authoritative British man",
    "XrExE9yKIg1WjnnlVkGX Matilda friendly American woman",
    "cjVigY5qzO86Huf0OWal Eric friendly American man",
    "9BWtsMINqrJLrRacOk9x Aria expressive American woman",
)
OPENAI = _stock(
    "alloy Alloy neutral, balanced",
    "nova Nova bright woman",
    "onyx Onyx deep man",
    "shimmer Shimmer soft woman",
    "echo Echo calm man",
    "coral Coral warm woman",
    "ash Ash clear man",
    "sage Sage gentle woman",
    "fable Fable storyteller, British",
    "ballad Ballad melodious man",
    "verse Verse expressive man",
    "marin Marin natural woman",
    "cedar Cedar natural man",
)
OPENAI_FIRST = frozenset(
    ["alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer"]
)  # those of tts-1 and tts-1-hd
GEMINI = _stock(
    "Kore Kore firm", "Puck Puck upbeat", "Leda Leda youthful", "Charon Charon informative", "Zephyr Zephyr bright",
    "Fenrir Fenrir excitable", "Aoede Aoede breezy", "Orus Orus firm", "Callirrhoe Callirrhoe easy-going",
    "Enceladus Enceladus breathy", "Autonoe Autonoe bright", "Iapetus Iapetus clear", "Despina Despina smooth",
    "Umbriel Umbriel easy-going", "Erinome Erinome clear", "Algieba Algieba smooth", "Laomedeia Laomedeia upbeat",
    "Algenib Algenib gravelly", "Achernar Achernar soft", "Rasalgethi Rasalgethi informative",
    "Pulcherrima Pulcherrima forward", "Alnilam Alnilam firm", "Vindemiatrix Vindemiatrix gentle",
    "Schedar Schedar even", "Sulafat Sulafat warm", "Gacrux Gacrux mature", "Achird Achird friendly",
    "Zubenelgenubi Zubenelgenubi casual", "Sadachbia Sadachbia lively", "Sadaltager Sadaltager knowledgeable",
)  # fmt: skip
TABLES: Mapping[str, tuple[Stock, ...]] = {"elevenlabs": ELEVENLABS, "openai": OPENAI, "gemini": GEMINI}
_OWN = {
    "elevenlabs": re.compile(r"(?=.*\d)(?=.*[A-Z])[A-Za-z0-9]{18,40}"),  # an id, of a clone too
    "openai": re.compile(r"voice_[A-Za-z0-9_-]+"),  # a voice of one's own
}


def is_voice_of(vendor: str, voice: str) -> bool:
    """Whether an id looks like one of a vendor."""
    own = _OWN.get(vendor)
    return any(voice == stock.id for stock in TABLES.get(vendor, ())) or bool(own and own.fullmatch(voice))


def is_foreign(vendor: str, voice: str) -> bool:
    """Whether an id is a voice of another vendor, and none of this one: it speaks for the chain's other providers."""
    return not is_voice_of(vendor, voice) and any(is_voice_of(other, voice) for other in TABLES if other != vendor)


def cast(
    vendor: str, speakers: Sequence[str], narrator: str, chosen: Mapping[str, str], pool: Sequence[str]
) -> dict[str, str]:
    """A voice id for every speaker, by name without case: the chosen one, the narrator's, or the next of the pool.

    A chosen voice of another vendor, or of the built-in voice, leaves its speaker to the pool.
    """
    wishes = {name.casefold(): voice for name, voice in chosen.items() if _is_usable(vendor, voice)}
    names = list(dict.fromkeys(name.casefold() for name in speakers))
    others = [name for name in names if name not in wishes and name != NARRATOR]
    free = [voice for voice in pool if voice != narrator and voice not in wishes.values()] or list(pool)
    voices = {name: free[index % len(free)] for index, name in enumerate(others)}
    return {**voices, NARRATOR: narrator, **wishes}


def _is_usable(vendor: str, voice: str) -> bool:
    """Whether a chosen voice can be sent to a vendor; what is not its own shape is another provider's."""
    return is_voice_of(vendor, voice) if vendor in TABLES else not is_foreign(vendor, voice)


def require(vendor: str, voice: str, known: Sequence[str], setting: str) -> None:
    """Raise `InvalidSettings` where a vendor has no such voice, before anything is paid."""
    own = _OWN.get(vendor)
    if voice not in known and not (own and own.fullmatch(voice)):
        raise InvalidSettings(
            f"{setting}: {vendor} has no voice {voice!r}.", hint=f"It has {', '.join(known)}; see `storygen voices`."
        )


def speaking(stock: Stock, spoken: Sequence[str]) -> Stock:
    """A voice that speaks all languages of its vendor."""
    return replace(stock, languages=tuple(spoken))


def builtin() -> tuple[Stock, ...]:
    """The variants of eSpeak NG, which speak every language of it; the narrator's and those of the cast first."""
    from pathlib import Path

    import espeakng_loader

    from storygen.providers.speech.voices import CAST, NARRATOR_VOICE

    folder = Path(espeakng_loader.get_data_path(), "voices", "!v")
    first = [voice.variant for voice in (NARRATOR_VOICE, *CAST)]
    others = sorted((file.name for file in folder.iterdir() if file.name not in first), key=str.casefold)
    about = {first[0]: "narrator", **dict.fromkeys(first[1:], "cast")}
    return tuple(Stock(id=name, about=about.get(name, "")) for name in [*first, *others])
