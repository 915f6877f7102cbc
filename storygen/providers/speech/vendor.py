"""What all voices of vendors share: a scene is cut into requests, each is spoken, and they are joined into one take."""

from __future__ import annotations

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

from storygen.errors import InvalidOutput, ProviderFailure
from storygen.media.audio import survey
from storygen.media.speech import spoken_seconds
from storygen.providers.base import Answer
from storygen.providers.speech.base import SpeechRequest, Take
from storygen.providers.speech.joining import Part, join
from storygen.providers.speech.pieces import Piece, cut
from storygen.providers.translate import translated
from storygen.settings import VoiceSettings
from storygen.story import Usage

_SLOWEST = 9.0  # characters a second: expectations must not lie below the bill of an answer that was lost
_SILENT = 0.995
_FASTEST = 1.6  # times the usual pace
_MOST_KEPT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One request as it was spoken: a mono 16-bit WAV file, when each of its words is heard, and what that used."""

    audio: Path
    rate: int
    seconds: float
    usage: Usage
    slots: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be spoken: the requests, the voice of each speaker, and the vendor's name of the language."""

    pieces: tuple[Piece, ...]
    voices: Mapping[str, str]
    language: str


class VendorVoice(ABC):
    """A voice that is asked piece by piece.

    When a piece fails, the pieces before it are kept: an attempt that follows pays only for the rest.
    """

    name: ClassVar[str]
    operation = "generate_content"
    output = "speech"
    model: str
    limit: int
    speakers: ClassVar[int] = 1

    def __init__(self, voice: VoiceSettings) -> None:
        self._voice = voice
        self._kept: dict[str, tuple[bytes, Said]] = {}
        # Names of files, and with them the keys under which vendors remember answers: a bad one must not come again.
        self._refused: Counter[str] = Counter()

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What the sound depends on besides the request."""
        return {
            "format": 1,
            "pause_seconds": self._voice.pause_seconds,
            "voices": dict(sorted(self._voice.voices.items())),
            "words_per_minute": self._voice.words_per_minute,
        }

    def expected(self, request: SpeechRequest) -> Usage:
        """Characters, and rather too many seconds than too few."""
        return _total(self._expected_of(piece) for piece in self._pieces(request))

    async def answer(self, request: SpeechRequest, folder: Path) -> Answer[Take]:
        """Speak the lines one after the other.

        Raises `ContentRejected` for a language that the vendor does not speak, `InvalidSettings` for an unknown voice,
        both before anything is paid, and what the vendor's refusals are translated to.
        """
        order = self._order(request, self._pieces(request))
        spent: list[Usage] = []
        said: list[Said] = []
        for number, piece in enumerate(order.pieces):
            key = _key(piece, order, request)
            out = folder / f"piece-{number}-{self._refused[key]}.wav"
            if key in self._kept:
                said.append(await self._again(key, out))
            else:
                try:
                    said.append(await self._paid(piece, order, out, spent))
                except InvalidOutput:
                    self._refused[key] += 1
                    raise
                await self._keep(key, said[-1])
        for piece in order.pieces:
            self._kept.pop(_key(piece, order, request), None)
            self._refused.pop(_key(piece, order, request), None)
        take = folder / "take.wav"
        words = await join([_part(piece, one) for piece, one in zip(order.pieces, said, strict=True)], take)
        return Answer(value=Take(audio=take, words=words), usage=_total(spent))

    @abstractmethod
    def _order(self, request: SpeechRequest, pieces: tuple[Piece, ...]) -> Order:
        """Voices and language; refuses what the vendor cannot speak."""

    @abstractmethod
    async def _say(self, piece: Piece, order: Order, out: Path) -> Said:
        """Speak a piece into `out`, with one request."""

    def _pieces(self, request: SpeechRequest) -> tuple[Piece, ...]:
        return cut(request.lines, limit=self.limit, pause_seconds=self._voice.pause_seconds, speakers=self.speakers)

    def _expected_of(self, piece: Piece) -> Usage:
        return Usage(characters=len(piece.text), audio_seconds=1.0 + len(piece.text) / _SLOWEST)

    async def _paid(self, piece: Piece, order: Order, out: Path, spent: list[Usage]) -> Said:
        """Speak a piece; an error that comes of it tells what the pieces before it have cost, too."""
        try:
            with translated(self.name):
                said = await self._say(piece, order, out)
            # The checks of a whole take would hear one bad piece among many too late: it would have been kept.
            if len(order.pieces) > 1:
                with billed(self.name, said.usage):
                    await asyncio.to_thread(_listen, said, piece, self._voice.words_per_minute)
        except ProviderFailure as error:
            own = error.usage or (self._expected_of(piece) if error.is_uncertain else Usage())
            error.usage = _total([*spent, own])
            raise
        spent.append(said.usage)
        return said

    async def _keep(self, key: str, said: Said) -> None:
        self._kept[key] = (await asyncio.to_thread(said.audio.read_bytes), said)
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    async def _again(self, key: str, out: Path) -> Said:
        sound, said = self._kept[key]
        await asyncio.to_thread(out.write_bytes, sound)
        return replace(said, audio=out)


@contextmanager
def billed(provider: str, usage: Usage) -> Iterator[None]:
    """Say of an answer that turns out to be bad that it was billed."""
    try:
        yield
    except InvalidOutput as error:
        error.locate(provider=provider)
        error.usage = error.usage or usage
        raise


def _listen(said: Said, piece: Piece, words_per_minute: int) -> None:
    """Raise `InvalidOutput` where a piece is silent, or far too short for its words."""
    if survey(said.audio).silence_share >= _SILENT:
        raise InvalidOutput("One of the parts is silent.")
    usual = spoken_seconds(piece.text, words_per_minute)
    if usual and said.seconds * _FASTEST < usual:
        raise InvalidOutput(f"{said.seconds:.1f} s came for words that take about {usual:.1f} s.")


def _part(piece: Piece, said: Said) -> Part:
    frames = round((said.seconds + piece.pause) * said.rate)
    return Part(audio=said.audio, rate=said.rate, frames=frames, written=piece.words, slots=said.slots)


def _key(piece: Piece, order: Order, request: SpeechRequest) -> str:
    voices = [(speaker, order.voices[speaker]) for speaker in piece.speakers]
    return hashlib.sha256(repr((piece.turns, voices, order.language, request.turn)).encode()).hexdigest()


def _total(usages: Iterable[Usage]) -> Usage:
    many = list(usages)
    return Usage(**{unit.name: sum(getattr(usage, unit.name) for usage in many) for unit in fields(Usage)})
