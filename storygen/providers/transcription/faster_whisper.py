"""faster-whisper listens, on this machine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storygen.errors import ProviderUnavailable
from storygen.providers.base import Answer
from storygen.providers.speech.languages import base
from storygen.providers.transcription.base import Transcript, TranscriptionRequest, heard
from storygen.providers.translate import translated
from storygen.settings import FasterWhisperSettings
from storygen.story import Usage


class FasterWhisper:
    """Listens in a thread; the model is loaded once, when it is first used, and listens to one sound at a time."""

    name = "faster_whisper"
    operation = "generate_content"
    output = "text"

    def __init__(self, settings: FasterWhisperSettings) -> None:
        self.model = settings.model
        self._loaded: Any = None
        self._busy = threading.Lock()

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """How it listens."""
        return {"format": 1}

    def expected(self, request: TranscriptionRequest) -> Usage:
        """The length of the sound."""
        return Usage(audio_seconds=request.seconds)

    async def answer(self, request: TranscriptionRequest, folder: Path) -> Answer[Transcript]:  # noqa: ARG002
        """Listen to the file. Raises `ProviderUnavailable` where the model cannot be loaded."""
        usage = Usage(audio_seconds=request.seconds)
        stop = threading.Event()
        with translated(self.name):
            try:
                told = await asyncio.to_thread(self._listen, request, stop)
            finally:
                stop.set()  # a thread cannot be cancelled: it looks at this between segments
        return Answer(value=Transcript(words=heard(told, request.seconds, self.name, usage)), usage=usage)

    def _listen(self, request: TranscriptionRequest, stop: threading.Event) -> list[tuple[str, float, float]]:
        with self._busy:
            segments, _ = self._opened().transcribe(
                str(request.path), language=base(request.language), word_timestamps=True, beam_size=5
            )
            told: list[tuple[str, float, float]] = []
            for segment in segments:  # it listens while this goes on
                if stop.is_set():
                    break
                told += [(word.word, word.start, word.end) for word in segment.words or ()]
            return told

    def _opened(self) -> Any:
        from faster_whisper import WhisperModel

        if self._loaded is None:
            try:
                self._loaded = WhisperModel(self.model, device="auto", compute_type="default")
            except (OSError, RuntimeError, ValueError) as error:
                raise ProviderUnavailable(
                    f"The model {self.model!r} cannot be loaded: {error}",
                    hint="Set `vendors.faster_whisper.model` to a known name, or to the folder of a downloaded model.",
                    provider=self.name,
                ) from error
        return self._loaded
