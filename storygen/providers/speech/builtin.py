"""The voice that needs no key and no network: eSpeak NG, with the true time of each word."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from storygen.errors import InvalidScript, InvalidSettings
from storygen.media.audio import envelope
from storygen.providers.base import Answer
from storygen.providers.speech import engine
from storygen.providers.speech.base import SpeechRequest, Take
from storygen.providers.speech.catalogue import is_foreign
from storygen.providers.speech.joining import Part, join, pause_behind
from storygen.providers.speech.voices import Voice, cast_voices, in_manner, languages_for
from storygen.providers.speech.words import SLOT, anchors, ends, fill
from storygen.settings import VoiceSettings
from storygen.story import Line, Usage

LONGEST_LINE = 50_000  # characters, about an hour
_PACE = 0.94  # what eSpeak NG calls a word a minute, against those counted in stories


class Builtin:
    """Speaks with eSpeak NG; the same request gives the same bytes."""

    name = "builtin"
    model = "espeak-ng"
    operation = "generate_content"
    output = "speech"

    def __init__(self, settings: VoiceSettings) -> None:
        self._settings = settings

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What the sound depends on besides the request."""
        return {
            "format": 2,
            "engine": engine.version(),
            "pause_seconds": self._settings.pause_seconds,
            "voices": dict(sorted(self._settings.voices.items())),
            "words_per_minute": self._settings.words_per_minute,
        }

    def expected(self, request: SpeechRequest) -> Usage:
        """The characters of the lines."""
        return Usage(characters=sum(len(line.text) for line in request.lines))

    async def answer(self, request: SpeechRequest, folder: Path) -> Answer[Take]:
        """Speak the lines one after the other.

        Raises `InvalidSettings` for an unknown language or voice, `InvalidScript` for a line that is too long,
        `ProviderUnavailable` where eSpeak NG cannot be loaded, `InvalidOutput` where it broke.
        """
        voices = self._voices(request)
        spoken: list[Part] = []
        with ExitStack() as stack:
            where = engine.locate(stack)
            for index, line in enumerate(request.lines):
                if not line.text.split():
                    continue
                voice = in_manner(voices[line.speaker.casefold()], line.manner)
                job = self._job(line, voice, request.language, where, folder / f"line-{index}.wav")
                pause = pause_behind(request.lines, index, self._settings.pause_seconds)
                spoken.append(await self._speak(job, index, line.text, pause))
        if not spoken:
            raise InvalidScript("There is nothing to speak in this scene.", hint="Give it narration or dialogue.")
        take = folder / "take.wav"
        words = await join(spoken, take)
        seconds = sum(part.seconds for part in spoken)
        usage = Usage(characters=sum(len(line.text) for line in request.lines), audio_seconds=seconds)
        return Answer(value=Take(audio=take, words=words), usage=usage)

    def _voices(self, request: SpeechRequest) -> dict[str, Voice]:
        try:
            speakers = tuple(line.speaker for line in request.lines)
            own = {name: voice for name, voice in self._settings.voices.items() if not is_foreign("builtin", voice)}
            return cast_voices(request.cast, speakers, own)
        except ValueError as error:
            raise InvalidSettings(
                f"voice.voices: {str(error)!r} is not the name of a voice.",
                hint='Write a variant ("f3") or a language and a variant ("de+f3").',
            ) from error

    def _job(self, line: Line, voice: Voice, language: str, where: tuple[str, str], out: Path) -> dict[str, Any]:
        if len(line.text) > LONGEST_LINE:
            raise InvalidScript(
                f"A line of {len(line.text):,} characters is too long to be spoken.",
                hint=f"Break it into lines of at most {LONGEST_LINE:,} characters.",
            )
        return {
            "library": where[0],
            "data": where[1],
            "out": str(out),
            "languages": languages_for(voice.language or language),
            "variant": voice.variant,
            "rate": round(self._settings.words_per_minute * _PACE * voice.rate),
            "pitch": voice.pitch,
            "range": voice.range,
            "volume": voice.volume,
            "text": _speakable(line.text),
        }

    async def _speak(self, job: Mapping[str, Any], index: int, text: str, pause: float) -> Part:
        """One line; it lasts at least a moment for every word, also where nothing of it can be heard."""
        report = await engine.speak(job)
        rate = report["rate"]
        frames = max(report["samples"], round(SLOT * 2 * len(text.split()) * rate))
        seconds = frames / rate
        loud = await asyncio.to_thread(envelope, Path(job["out"]))
        starts = anchors(text, [(character, sample / rate) for character, sample in report["words"]], seconds)
        slots = fill(starts, ends(starts, loud, seconds), seconds)
        return Part(
            audio=Path(job["out"]),
            rate=rate,
            frames=frames + round(pause * rate),
            written=tuple((index, word) for word in text.split()),
            slots=tuple(slots),
        )


def _speakable(text: str) -> str:
    """The text with what would end or break it in C replaced by spaces, so that positions stay."""
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text)
