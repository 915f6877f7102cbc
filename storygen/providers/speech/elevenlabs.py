"""ElevenLabs: voices of its own, of its library and of the user's clones, with the time of every character."""

from __future__ import annotations

import asyncio
import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storygen.errors import InvalidOutput
from storygen.media.audio import envelope
from storygen.media.wav import pcm16
from storygen.providers.hints import note_headers
from storygen.providers.keys import KeyRing
from storygen.providers.speech import catalogue, languages
from storygen.providers.speech.base import SpeechRequest
from storygen.providers.speech.catalogue import Stock
from storygen.providers.speech.pieces import Piece
from storygen.providers.speech.vendor import Order, Said, VendorVoice, billed
from storygen.providers.speech.words import ends, fill, spans
from storygen.providers.translate import translated
from storygen.settings import ElevenLabsSettings, VoiceSettings
from storygen.story import Usage

_RATE = 24_000
_USUAL_PACE = 165
_SLOWEST, _FASTEST = 0.7, 1.2  # what the vendor takes as speed
_OFF = 0.2  # the share by which times and sound may differ
_LEAST_TOLD = 0.9  # of the characters


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """What a family of models takes: characters at once, languages (None: not known), a language's code."""

    limit: int = 5_000
    languages: frozenset[str] | None = None
    takes_code: bool = False


_MODELS = (
    ("eleven_multilingual_v2", _Model(limit=10_000, languages=languages.ELEVENLABS)),
    ("eleven_flash_v2_5", _Model(limit=10_000, languages=languages.ELEVENLABS_TURBO, takes_code=True)),
    ("eleven_turbo_v2_5", _Model(limit=10_000, languages=languages.ELEVENLABS_TURBO, takes_code=True)),
    ("eleven_flash_v2", _Model(limit=10_000, languages=frozenset({"en"}))),
    ("eleven_turbo_v2", _Model(limit=10_000, languages=frozenset({"en"}))),
    ("eleven_monolingual_v1", _Model(limit=10_000, languages=frozenset({"en"}))),
    ("eleven_v3", _Model(limit=3_000, takes_code=True)),
)


@dataclass(slots=True)
class _Times:
    """The characters that were told of, and when each is heard."""

    characters: list[str] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def add(self, alignment: Any, before: float) -> None:
        """Take in what a part of the stream tells; `before` are the seconds of sound that came before it.

        Times go on from part to part. Where they begin anew they are those of the part itself.
        """
        starts = [float(time) for time in alignment.character_start_times_seconds]
        shift = before if self.ends and starts and starts[0] + 0.05 < self.starts[-1] else 0.0
        self.characters += alignment.characters
        self.starts += [time + shift for time in starts]
        self.ends += [float(time) + shift for time in alignment.character_end_times_seconds]


class ElevenLabs(VendorVoice):
    """Speaks as a stream, so that the first sound is on the disk before the last is spoken."""

    name = "elevenlabs"

    def __init__(self, settings: ElevenLabsSettings, voice: VoiceSettings, keys: KeyRing) -> None:
        super().__init__(voice)
        self._settings = settings
        self._keys = keys
        self.model = settings.speech_model
        self._takes = next((takes for name, takes in _MODELS if self.model == name), _Model())
        self.limit = self._takes.limit

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What the sound depends on besides the request."""
        return {**super().fingerprint, "voice": self._settings.voice, "base_url": self._settings.base_url}

    def _order(self, request: SpeechRequest, pieces: tuple[Piece, ...]) -> Order:
        speakers = (*request.cast, *(line.speaker for line in request.lines))
        pool = [stock.id for stock in catalogue.ELEVENLABS]
        voices = catalogue.cast(self.name, speakers, self._settings.voice, self._voice.voices, pool)
        text = " ".join(piece.text for piece in pieces)
        language = languages.check(self.name, request.language, text, self._takes.languages)
        return Order(pieces=pieces, voices=voices, language=language if self._takes.takes_code else "")

    async def _say(self, piece: Piece, order: Order, out: Path) -> Said:
        async def send(key: str) -> Said:
            with translated(self.name):
                times = await self._streamed(key, piece, order, out.with_suffix(".pcm"))
                return await asyncio.to_thread(_finished, piece, times, out)

        return await self._keys.spend(send)

    async def _streamed(self, key: str, piece: Piece, order: Order, raw: Path) -> _Times:
        """Write the sound as it comes."""
        import httpx
        from elevenlabs.client import AsyncElevenLabs

        times = _Times()
        async with httpx.AsyncClient(timeout=self._settings.timeout) as http:
            client = AsyncElevenLabs(api_key=key, base_url=self._settings.base_url, httpx_client=http)
            speech = client.text_to_speech.with_raw_response
            async with speech.stream_with_timestamps(
                order.voices[piece.speakers[0]], **self._body(piece, order)
            ) as answer:
                note_headers(answer.headers)
                with raw.open("wb") as file:
                    async for part in answer.data:
                        _take_in(part, file, times, piece)
        return times

    def _body(self, piece: Piece, order: Order) -> dict[str, Any]:
        body: dict[str, Any] = {
            "text": piece.text,
            "model_id": self.model,
            "output_format": f"pcm_{_RATE}",
            "request_options": {"max_retries": 0, "timeout_in_seconds": math.ceil(self._settings.timeout)},
        }
        if order.language:
            body["language_code"] = order.language
        if self._voice.words_per_minute != _USUAL_PACE:
            from elevenlabs import VoiceSettings as Manner

            pace = self._voice.words_per_minute / _USUAL_PACE
            body["voice_settings"] = Manner(speed=min(_FASTEST, max(_SLOWEST, pace)))
        return body

    async def voices(self, language: str = "") -> tuple[Stock, ...]:
        """The voices of the account, clones and all; those of a language where one is named."""
        import httpx

        async def send(key: str) -> tuple[Stock, ...]:
            with translated(self.name):
                from elevenlabs.client import AsyncElevenLabs

                async with httpx.AsyncClient(timeout=self._settings.timeout) as http:
                    client = AsyncElevenLabs(api_key=key, base_url=self._settings.base_url, httpx_client=http)
                    return await _listed(client)

        found = await self._keys.spend(send)
        return tuple(voice for voice in found if not language or languages.find(language, voice.languages))


async def _listed(client: Any) -> tuple[Stock, ...]:
    """Every page of the account's voices."""
    found: list[Stock] = []
    token: str | None = None
    while True:
        page = await client.voices.search(page_size=100, next_page_token=token, request_options={"max_retries": 0})
        found += [_stock(voice) for voice in page.voices]
        if not page.has_more or not page.next_page_token:
            return tuple(found)
        token = page.next_page_token


def _stock(voice: Any) -> Stock:
    labels = voice.labels or {}
    about = [voice.category, *(labels[name] for name in ("gender", "age", "accent", "use_case") if labels.get(name))]
    spoken = [tag for each in voice.verified_languages or () if (tag := each.locale or each.language)]
    codes = [labels["language"]] if labels.get("language") else []
    return Stock(
        id=voice.voice_id,
        name=voice.name or "",
        about=", ".join(str(word) for word in about if word),
        languages=tuple(dict.fromkeys([*codes, *spoken])),
    )


def _take_in(part: Any, file: Any, times: _Times, piece: Piece) -> None:
    """Write the sound of a part of the stream and note its times; the SDK checks neither."""
    with billed("elevenlabs", _usage(piece, 0.0)):
        try:
            before = file.tell() / 2 / _RATE
            file.write(base64.b64decode(part.audio_base_64, validate=True))
            if part.alignment is not None:
                times.add(part.alignment, before)
        except (AttributeError, TypeError, ValueError) as error:
            raise InvalidOutput("A part of the stream has not the shape that was agreed on.") from error


def _finished(piece: Piece, times: _Times, out: Path) -> Said:
    """The sound as a WAV file, and the place of each word in it."""
    raw = out.with_suffix(".pcm")
    with billed("elevenlabs", _usage(piece, raw.stat().st_size / 2 / _RATE)):
        seconds = pcm16(raw, out, rate=_RATE)
        raw.unlink()
        _compare(times, seconds, piece.text)
        slots = _slots(times, out, seconds, piece.text)
    return Said(audio=out, rate=_RATE, seconds=seconds, usage=_usage(piece, seconds), slots=slots)


def _usage(piece: Piece, seconds: float) -> Usage:
    return Usage(characters=len(piece.text), audio_seconds=seconds)


def _compare(times: _Times, seconds: float, text: str) -> None:
    """Raise `InvalidOutput` where the times are not those of this text, or of this sound."""
    if len(times.characters) < _LEAST_TOLD * len(text) or len(times.starts) != len(times.ends):
        raise InvalidOutput(f"Times of {len(times.characters)} characters came for a text of {len(text)}.")
    told = max(times.ends)
    if not told * (1 - _OFF) - 0.3 <= seconds <= told * (1 + _OFF) + 2.0:
        raise InvalidOutput(
            f"{seconds:.2f} s of sound came for words of {told:.2f} s: it was cut off or has another rate."
        )


def _slots(times: _Times, audio: Path, seconds: float, text: str) -> tuple[tuple[float, float], ...] | None:
    """When each word is heard; None where the characters that were told of are not those of the text."""
    if "".join(times.characters) != text:
        return None
    starts = _starts([(times.starts[begin], times.ends[end - 1]) for begin, end in spans(text)], seconds)
    return tuple(fill(starts, ends(starts, envelope(audio), seconds), seconds))


def _starts(heard: Sequence[tuple[float, float]], seconds: float) -> list[float | None]:
    """Where words begin; None for those that take no time, or are not told in order."""
    starts: list[float | None] = []
    latest = -1.0
    for start, end in heard:
        good = latest < start < end and start < seconds
        starts.append(start if good else None)
        latest = start if good else latest
    return starts
