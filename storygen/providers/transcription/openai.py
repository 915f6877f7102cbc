"""OpenAI listens, or what speaks its protocol: what was said, and when each word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storygen.errors import InvalidOutput
from storygen.providers.base import Answer
from storygen.providers.hints import idempotency_key, note_headers
from storygen.providers.keys import KeyRing
from storygen.providers.speech.languages import base
from storygen.providers.transcription.base import Transcript, TranscriptionRequest, heard
from storygen.providers.translate import translated
from storygen.settings import OpenAISettings
from storygen.story import Usage

_LARGEST = 25 * 1024 * 1024  # bytes that the service takes


class OpenAI:
    """Asks the transcription endpoint for words with their times."""

    name = "openai"
    operation = "generate_content"
    output = "text"

    def __init__(self, settings: OpenAISettings, keys: KeyRing) -> None:
        self._settings = settings
        self._keys = keys
        self.model = settings.transcription_model

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Where it is asked."""
        return {"format": 1, "base_url": self._settings.base_url}

    def expected(self, request: TranscriptionRequest) -> Usage:
        """The length of the sound."""
        return Usage(audio_seconds=request.seconds)

    async def answer(self, request: TranscriptionRequest, folder: Path) -> Answer[Transcript]:  # noqa: ARG002
        """Listen to the file. Raises `InvalidOutput` for one that is too large, or words without times."""
        if request.path.stat().st_size > _LARGEST:
            raise InvalidOutput(
                "The sound is too large to be listened to.",
                hint="Break the scene into shorter ones.",
                provider=self.name,
                usage=Usage(),
            )
        usage = Usage(audio_seconds=request.seconds)

        async def send(key: str) -> Any:
            with translated(self.name):
                return await self._asked(key, request)

        with translated(self.name):
            answer = await self._keys.spend(send)
        told = [(word.word, word.start, word.end) for word in _words(answer, usage)]
        return Answer(value=Transcript(words=heard(told, request.seconds, self.name, usage)), usage=usage)

    async def _asked(self, key: str, request: TranscriptionRequest) -> Any:
        from openai import AsyncOpenAI

        headers = {"Idempotency-Key": same} if (same := idempotency_key()) else {}
        async with AsyncOpenAI(
            api_key=key, base_url=self._settings.base_url, max_retries=0, timeout=self._settings.timeout
        ) as client:
            raw = await client.audio.transcriptions.with_raw_response.create(
                file=request.path,
                model=self.model,
                language=base(request.language),
                response_format="verbose_json",
                timestamp_granularities=["word"],
                extra_headers=headers,
            )
            note_headers(raw.headers)
            return raw.parse()


def _words(answer: Any, usage: Usage) -> Any:
    """The words with their times, which are not there where nothing was heard."""
    words = getattr(answer, "words", None)
    if words is None and not isinstance(getattr(answer, "text", None), str):
        raise InvalidOutput("The transcript has not the shape that was agreed on.", provider="openai", usage=usage)
    if words is None and answer.text.strip():
        raise InvalidOutput(
            "The transcript tells no times of words.",
            hint="Set `vendors.openai.transcription_model` to a model that does, such as whisper-1.",
            provider="openai",
            usage=usage,
        )
    return words or ()
