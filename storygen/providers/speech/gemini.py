"""Gemini's voices: one or two speakers in a request, 30 voices, 24 languages; they tell no times of words."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storygen.errors import ContentRejected, InvalidOutput
from storygen.media.wav import RATES, pcm16
from storygen.providers.hints import note_headers
from storygen.providers.keys import KeyRing
from storygen.providers.speech import catalogue, languages
from storygen.providers.speech.base import SpeechRequest
from storygen.providers.speech.pieces import Piece
from storygen.providers.speech.vendor import Order, Said, VendorVoice, billed
from storygen.providers.translate import translated
from storygen.settings import GeminiSettings, VoiceSettings
from storygen.story import Usage

if TYPE_CHECKING:
    from google.genai import types

_TOKENS_A_SECOND = 25  # source: https://ai.google.dev/gemini-api/docs/tokens
_CHARACTERS_A_TOKEN = 3.0  # rather too few
_RATE = re.compile(r"rate=(\d+)")
_REFUSALS = frozenset({"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION", "SPII", "LANGUAGE"})


class Gemini(VendorVoice):
    """Speaks whole pieces: the service has no stream of sound."""

    name = "gemini"
    limit = 4_000  # of the 8,192 tokens that go in and the minutes that come out
    speakers = 2

    def __init__(self, settings: GeminiSettings, voice: VoiceSettings, keys: KeyRing) -> None:
        super().__init__(voice)
        self._settings = settings
        self._keys = keys
        self.model = settings.speech_model

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What the sound depends on besides the request."""
        return {**super().fingerprint, "voice": self._settings.voice, "base_url": self._settings.base_url}

    def _expected_of(self, piece: Piece) -> Usage:
        usage = super()._expected_of(piece)
        return replace(
            usage,
            input_tokens=math.ceil(len(_prompt(piece)) / _CHARACTERS_A_TOKEN),
            output_tokens=math.ceil(usage.audio_seconds * _TOKENS_A_SECOND),
        )

    def _order(self, request: SpeechRequest, pieces: tuple[Piece, ...]) -> Order:
        pool = [stock.id for stock in catalogue.GEMINI]
        catalogue.require(self.name, self._settings.voice, pool, "vendors.gemini.voice")
        speakers = (*request.cast, *(line.speaker for line in request.lines))
        voices = catalogue.cast(self.name, speakers, self._settings.voice, self._voice.voices, pool)
        text = " ".join(piece.text for piece in pieces)
        language = languages.check(self.name, request.language, text, languages.GEMINI)
        return Order(pieces=pieces, voices=voices, language=language)

    async def _say(self, piece: Piece, order: Order, out: Path) -> Said:
        async def send(key: str) -> Said:
            with translated(self.name):
                answer = await self._asked(key, piece, order)
            usage = _usage(answer, piece)
            with billed(self.name, usage):
                data, rate = _sound(answer, self.name, usage)
                raw = out.with_suffix(".pcm")
                await asyncio.to_thread(raw.write_bytes, data)
                seconds = await asyncio.to_thread(pcm16, raw, out, rate=rate)
                raw.unlink()
            return Said(audio=out, rate=rate, seconds=seconds, usage=replace(usage, audio_seconds=seconds))

        return await self._keys.spend(send)

    async def _asked(self, key: str, piece: Piece, order: Order) -> types.GenerateContentResponse:
        from google import genai
        from google.genai import types

        options = types.HttpOptions(
            base_url=self._settings.base_url,
            timeout=round(self._settings.timeout * 1000),
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        client = genai.Client(api_key=key, http_options=options).aio
        try:
            answer = await client.models.generate_content(
                model=self.model,
                contents=_prompt(piece),
                config=types.GenerateContentConfig(response_modalities=["AUDIO"], speech_config=_config(piece, order)),
            )
        finally:
            await client.aclose()
        if answer.sdk_http_response and answer.sdk_http_response.headers:
            note_headers(answer.sdk_http_response.headers)
        return answer


def _prompt(piece: Piece) -> str:
    """The words, and how they are to be said; the model reads aloud what stands below the first line."""
    if len(piece.speakers) == 1:
        manner = piece.turns[0].manner
        return f"Read this aloud{f', {manner}' if manner else ''}:\n{piece.text}"
    names = _names(piece)
    rows = [f"{names[turn.speaker]}: {' '.join(turn.text.split())}" for turn in piece.turns]
    return "\n".join([f"Read aloud this conversation between {' and '.join(names.values())}:", *rows])


def _names(piece: Piece) -> dict[str, str]:
    """Names that no story can make mean something else."""
    return {speaker: f"Speaker{number}" for number, speaker in enumerate(piece.speakers, 1)}


def _config(piece: Piece, order: Order) -> types.SpeechConfig:
    from google.genai import types

    def voiced(speaker: str) -> types.VoiceConfig:
        return types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name=order.voices[speaker]))

    if len(piece.speakers) == 1:
        return types.SpeechConfig(voice_config=voiced(piece.speakers[0]), language_code=order.language)
    configs = [
        types.SpeakerVoiceConfig(speaker=name, voice_config=voiced(speaker)) for speaker, name in _names(piece).items()
    ]
    several = types.MultiSpeakerVoiceConfig(speaker_voice_configs=configs)
    return types.SpeechConfig(multi_speaker_voice_config=several, language_code=order.language)


def _usage(answer: types.GenerateContentResponse, piece: Piece) -> Usage:
    counted = answer.usage_metadata
    return Usage(
        characters=len(piece.text),
        input_tokens=(counted.prompt_token_count or 0) if counted else 0,
        output_tokens=(counted.candidates_token_count or 0) if counted else 0,
    )


def _sound(answer: types.GenerateContentResponse, provider: str, usage: Usage) -> tuple[bytes, int]:
    """The samples and their rate. Raises `ContentRejected` or `InvalidOutput` where there are none."""
    candidate = next(iter(answer.candidates or ()), None)
    parts = (candidate.content.parts or ()) if candidate and candidate.content else ()
    blobs = [part.inline_data for part in parts if part.inline_data and part.inline_data.data]
    if not blobs:
        raise _nothing(answer, provider, usage)
    rate = _RATE.search(blobs[0].mime_type or "")
    if not rate or not RATES[0] <= int(rate[1]) <= RATES[1]:
        raise InvalidOutput(f"Sound of the kind {blobs[0].mime_type!r} cannot be read.", provider=provider)
    return b"".join(blob.data or b"" for blob in blobs), int(rate[1])


def _nothing(answer: types.GenerateContentResponse, provider: str, usage: Usage) -> InvalidOutput | ContentRejected:
    """Why there is no sound."""
    blocked = answer.prompt_feedback.block_reason if answer.prompt_feedback else None
    candidate = next(iter(answer.candidates or ()), None)
    reason = blocked or (candidate.finish_reason if candidate else None)
    word = str(getattr(reason, "value", reason or "none"))
    if blocked or word in _REFUSALS:
        return ContentRejected(
            f"{provider} will not speak this: {word}.",
            hint="Change the words that it will not say, or put another provider behind it.",
            provider=provider,
            usage=usage,
        )
    return InvalidOutput(f"{provider} delivered no sound; it ended with {word}.", provider=provider, usage=usage)
