"""Piper: a voice from a file, on this machine, with the time of each word where the file tells of phonemes."""

from __future__ import annotations

import asyncio
import json
import threading
import wave
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from storygen.errors import ContentRejected, InvalidOutput, InvalidSettings
from storygen.providers.speech import languages
from storygen.providers.speech.base import SpeechRequest
from storygen.providers.speech.catalogue import Stock
from storygen.providers.speech.pieces import Piece
from storygen.providers.speech.vendor import Order, Said, VendorVoice, billed
from storygen.providers.translate import translated
from storygen.settings import PiperSettings, VoiceSettings
from storygen.story import NARRATOR, Usage

_USUAL_PACE = 165
_HINT = "Download one from https://huggingface.co/rhasspy/piper-voices and set `vendors.piper.voice_file` to its .onnx."


class Piper(VendorVoice):
    """Speaks in a thread; a file with several speakers gives each of a cast one."""

    name = "piper"
    limit = 20_000

    def __init__(self, settings: PiperSettings, voice: VoiceSettings) -> None:
        super().__init__(voice)
        self._file = settings.voice_file
        self.model = settings.voice_file.stem if settings.voice_file else ""
        self._loaded: Any = None
        self._loading = threading.Lock()

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What the sound depends on besides the request; the voice's file by its name and size."""
        size = self._file.stat().st_size if self._file and self._file.is_file() else 0
        return {**super().fingerprint, "file_size": size}

    def expected(self, request: SpeechRequest) -> Usage:
        """Nothing is billed."""
        return Usage(characters=sum(len(line.text) for line in request.lines))

    def _order(self, request: SpeechRequest, pieces: tuple[Piece, ...]) -> Order:
        about = described(self._file)
        spoken = str(about["espeak"]["voice"])
        text = " ".join(piece.text for piece in pieces)
        if languages.base(spoken) != languages.base(request.language):
            raise ContentRejected(
                f"The voice {self.model} speaks {spoken!r}, not {request.language!r}.",
                hint="Choose a voice file of the story's language.",
                provider=self.name,
            )
        language = languages.check(self.name, request.language, text, None)
        names = dict.fromkeys(name.casefold() for name in (*request.cast, *(line.speaker for line in request.lines)))
        others = [name for name in names if name != NARRATOR]
        return Order(pieces=pieces, voices=self._voices(about, others), language=language)

    def _voices(self, about: Mapping[str, Any], others: Sequence[str]) -> dict[str, str]:
        """Numbers of speakers in the file: the chosen ones by name or number, the others in turn."""
        count, named = int(about.get("num_speakers") or 1), about.get("speaker_id_map") or {}
        known = {**{str(number): str(number) for number in range(count)}, **{k: str(v) for k, v in named.items()}}
        wishes = {name.casefold(): known[voice] for name, voice in self._voice.voices.items() if voice in known}
        taken = {"0", *wishes.values()}
        free = [str(number) for number in range(count) if str(number) not in taken] or ["0"]
        unchosen = [name for name in others if name not in wishes]
        voices = {name: free[index % len(free)] for index, name in enumerate(unchosen)}
        return {NARRATOR: "0", **voices, **wishes}

    async def _say(self, piece: Piece, order: Order, out: Path) -> Said:
        stop = threading.Event()
        usage = Usage(characters=len(piece.text))
        with translated(self.name), billed(self.name, usage):
            try:
                rate, frames, times = await asyncio.to_thread(self._synthesize, piece, order, out, stop)
            finally:
                stop.set()  # a thread cannot be cancelled: it looks at this between sentences
        slots = _slots(times, len(piece.words), frames / rate)
        usage = Usage(characters=len(piece.text), audio_seconds=frames / rate)
        return Said(audio=out, rate=rate, seconds=frames / rate, usage=usage, slots=slots)

    def _synthesize(
        self, piece: Piece, order: Order, out: Path, stop: threading.Event
    ) -> tuple[int, int, list[tuple[float, float]] | None]:
        from piper import SynthesisConfig

        voice = self._opened()
        config = SynthesisConfig(
            speaker_id=int(order.voices[piece.speakers[0]]) if voice.config.num_speakers > 1 else None,
            length_scale=voice.config.length_scale * _USUAL_PACE / self._voice.words_per_minute,
        )
        times: list[tuple[float, float]] | None = []
        frames, rate = 0, int(voice.config.sample_rate)
        with wave.open(str(out), "wb") as wav:
            wav.setparams((1, 2, rate, 0, "NONE", ""))
            for chunk in voice.synthesize(piece.text, config, include_alignments=True):
                if stop.is_set():
                    break
                wav.writeframes(chunk.audio_int16_bytes)
                told = chunk.phoneme_alignments
                times = [*times, *_heard(told, frames / rate, rate)] if times is not None and told else None
                frames = wav.getnframes()
        if not frames:
            raise InvalidOutput("Piper made no sound.")
        return rate, frames, times

    def _opened(self) -> Any:
        """The voice, loaded once."""
        from piper import PiperVoice

        with self._loading:
            if self._loaded is None:
                self._loaded = PiperVoice.load(str(self._file))
            return self._loaded

    def voices(self) -> tuple[Stock, ...]:
        """The speakers of the file."""
        about = described(self._file)
        named = about.get("speaker_id_map") or {self.model: 0}
        spoken = str(about["espeak"]["voice"])
        return tuple(Stock(id=str(number), name=name, languages=(spoken,)) for name, number in named.items())


def described(file: Path | None) -> Mapping[str, Any]:
    """What the .onnx.json beside a voice says. Raises `InvalidSettings` where either file is missing or broken."""
    if file is None:
        raise InvalidSettings("vendors.piper.voice_file: no voice is set.", hint=_HINT)
    beside = Path(f"{file}.json")
    for path in (file, beside):
        if not path.is_file():
            raise InvalidSettings(f"vendors.piper.voice_file: there is no {path}.", hint=_HINT)
    try:
        about = json.loads(beside.read_text("utf-8"))
        if not isinstance(about["espeak"]["voice"], str):
            raise TypeError("espeak.voice is no text")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidSettings(f"{beside} does not describe a voice: {error!r}.", hint=_HINT) from error
    return dict(about)


def _heard(alignments: Sequence[Any], before: float, rate: int) -> Iterator[tuple[float, float]]:
    """Start and end of each group of phonemes between spaces, for a sentence that begins at `before` seconds."""
    now = before
    begun: float | None = None
    for each in alignments:
        seconds = int(each.num_samples) / rate
        is_sound = each.phoneme.strip() and each.phoneme not in "^$_.,;:!?"
        if is_sound and begun is None:
            begun = now
        if each.phoneme.isspace() and begun is not None:
            yield begun, now
            begun = None
        now += seconds
    if begun is not None:
        yield begun, now


def _slots(
    times: list[tuple[float, float]] | None, words: int, seconds: float
) -> tuple[tuple[float, float], ...] | None:
    """The times, where as many words were spoken as written ("1984" is spoken as three)."""
    if times is None or len(times) != words:
        return None
    good = all(start < end for start, end in times) and all(a[1] <= b[0] for a, b in pairwise(times))
    return tuple((start, min(end, seconds)) for start, end in times) if good else None
