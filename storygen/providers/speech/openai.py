"""Voices by OpenAI, and by what speaks its protocol; they tell no times of words."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storygen.errors import InvalidOutput
from storygen.media.wav import mono16, pcm16
from storygen.providers.hints import idempotency_key, note_headers
from storygen.providers.keys import KeyRing
from storygen.providers.speech import catalogue, languages
from storygen.providers.speech.base import SpeechRequest
from storygen.providers.speech.pieces import Piece
from storygen.providers.speech.vendor import Order, Said, VendorVoice, billed
from storygen.providers.translate import translated
from storygen.settings import OpenAISettings, VoiceSettings
from storygen.story import Usage

_RATE = 24_000
_USUAL_PACE = 165
_TOKENS_A_SECOND = 20.0  # of sound; source: the price a token against the price a minute in OpenAI's own list
_CHARACTERS_A_TOKEN = 3.0  # rather too few


class OpenAI(VendorVoice):
    """Speaks as a stream, so that the first sound is on the disk before the last is spoken."""

    name = "openai"
    limit = 4_096

    def __init__(self, settings: OpenAISettings, voice: VoiceSettings, keys: KeyRing) -> None:
        super().__init__(voice)
        self._settings = settings
        self._keys = keys
        self.model = settings.speech_model
        # These are billed by tokens, which only their event stream tells, and take words on how to speak.
        self._has_events = self.model.startswith("gpt-4o")

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What the sound depends on besides the request."""
        return {**super().fingerprint, "voice": self._settings.voice, "base_url": self._settings.base_url}

    def _expected_of(self, piece: Piece) -> Usage:
        usage = super()._expected_of(piece)
        if not self._has_events:
            return usage
        return Usage(
            characters=usage.characters,
            audio_seconds=usage.audio_seconds,
            input_tokens=round(usage.characters / _CHARACTERS_A_TOKEN) + 20,
            output_tokens=round(usage.audio_seconds * _TOKENS_A_SECOND),
        )

    def _order(self, request: SpeechRequest, pieces: tuple[Piece, ...]) -> Order:
        pool = [stock.id for stock in catalogue.OPENAI]
        if self.model.startswith("tts-1"):
            pool = [voice for voice in pool if voice in catalogue.OPENAI_FIRST]
        own = self._settings.base_url is not None  # other servers have other voices and languages
        if not own:
            catalogue.require(self.name, self._settings.voice, pool, "vendors.openai.voice")
        speakers = (*request.cast, *(line.speaker for line in request.lines))
        voices = catalogue.cast(self.name, speakers, self._settings.voice, self._voice.voices, pool)
        text = " ".join(piece.text for piece in pieces)
        language = languages.check(self.name, request.language, text, None if own else languages.OPENAI)
        return Order(pieces=pieces, voices=voices, language=language)

    async def _say(self, piece: Piece, order: Order, out: Path) -> Said:
        async def send(key: str) -> Said:
            with translated(self.name):
                if self._has_events:
                    return await self._by_events(key, piece, order, out)
                return await self._by_bytes(key, piece, order, out)

        return await self._keys.spend(send)

    async def _by_bytes(self, key: str, piece: Piece, order: Order, out: Path) -> Said:
        raw = out.with_suffix(".raw")
        async with self._client(key) as client:
            asked = {**self._body(piece, order, out), "response_format": "wav"}
            async with client.audio.speech.with_streaming_response.create(**asked) as answer:
                note_headers(answer.headers)
                with raw.open("wb") as file:
                    async for data in answer.iter_bytes():
                        file.write(data)
        with billed(self.name, Usage(characters=len(piece.text))):
            seconds = await asyncio.to_thread(mono16, raw, out)
        raw.unlink()
        return _said(out, seconds, Usage(characters=len(piece.text), audio_seconds=seconds))

    async def _by_events(self, key: str, piece: Piece, order: Order, out: Path) -> Said:
        raw = out.with_suffix(".pcm")
        told: Mapping[str, Any] | None = None
        async with self._client(key) as client:
            asked = {**self._body(piece, order, out), "response_format": "pcm", "stream_format": "sse"}
            async with client.audio.speech.with_streaming_response.create(**asked) as answer:
                note_headers(answer.headers)
                with raw.open("wb") as file:
                    async for line in answer.iter_lines():
                        told = _take_in(line, file) or told
        if told is None:
            raise InvalidOutput("The stream ended before it was done.", provider=self.name, is_uncertain=True)
        usage = Usage(
            characters=len(piece.text),
            audio_seconds=raw.stat().st_size / 2 / _RATE,
            input_tokens=int(told.get("input_tokens") or 0),
            output_tokens=int(told.get("output_tokens") or 0),
        )
        with billed(self.name, usage):
            seconds = await asyncio.to_thread(pcm16, raw, out, rate=_RATE)
        raw.unlink()
        return _said(out, seconds, usage)

    def _client(self, key: str) -> Any:
        from openai import AsyncOpenAI

        return AsyncOpenAI(api_key=key, base_url=self._settings.base_url, max_retries=0, timeout=self._settings.timeout)

    def _body(self, piece: Piece, order: Order, out: Path) -> dict[str, Any]:
        turn = piece.turns[0]
        voice = order.voices[turn.speaker]
        own = voice.startswith("voice_")
        body: dict[str, Any] = {"model": self.model, "input": piece.text, "voice": {"id": voice} if own else voice}
        if self._has_events and turn.manner:
            body["instructions"] = f"Say it {turn.manner}."
        if self._voice.words_per_minute != _USUAL_PACE:
            body["speed"] = round(self._voice.words_per_minute / _USUAL_PACE, 3)
        if key := idempotency_key():
            body["extra_headers"] = {"Idempotency-Key": f"{key}-{out.stem}"}
        return body


def _said(out: Path, seconds: float, usage: Usage) -> Said:
    import wave

    with wave.open(str(out), "rb") as wav:
        return Said(audio=out, rate=wav.getframerate(), seconds=seconds, usage=usage)


def _take_in(line: str, file: Any) -> Mapping[str, Any] | None:
    """Write the sound of a server-sent event; what was used where it is the last one."""
    if not line.startswith("data:"):
        return None
    try:
        event = json.loads(line.removeprefix("data:"))
        match event["type"]:
            case "speech.audio.delta":
                file.write(base64.b64decode(event["audio"], validate=True))
            case "speech.audio.done":
                return dict(event.get("usage") or {})
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidOutput(
            "An event of the stream has not the shape that was agreed on.", is_uncertain=True
        ) from error
    return None
