"""Speech behind the simulated vendors: the built-in voice, in every format that they deliver."""

from __future__ import annotations

import asyncio
import hashlib
import io
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storygen.errors import RenderFailed
from storygen.media import ffmpeg
from storygen.providers.speech.base import SpeechRequest
from storygen.providers.speech.builtin import Builtin
from storygen.providers.speech.voices import CAST
from storygen.settings import VoiceSettings
from storygen.story import Line, Word
from storygen.vendors.faults import Fault
from storygen.vendors.hearing import Memory
from storygen.vendors.wire import Call

_ENCODED: Mapping[str, tuple[str, ...]] = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "64k", "-f", "mp3"),
    "opus": ("-c:a", "libopus", "-b:a", "32k", "-f", "ogg"),
    "aac": ("-c:a", "aac", "-b:a", "64k", "-f", "adts"),
    "flac": ("-c:a", "flac", "-f", "flac"),
}
TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Speech as 16-bit mono samples, and when each word is heard."""

    samples: bytes
    rate: int
    words: tuple[Word, ...]

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return len(self.samples) / 2 / self.rate


class Speaker:
    """Speaks with eSpeak NG; what was spoken once is kept."""

    def __init__(self, folder: Path, memory: Memory) -> None:
        self._folder = folder
        self._memory = memory
        self._spoken: dict[str, Spoken] = {}
        self._encoded: dict[str, bytes] = {}

    async def speak(self, lines: tuple[Line, ...], voices: Mapping[str, str], language: str = "en") -> Spoken:
        """Speak lines, each speaker with a voice that follows from the vendor's name of it."""
        key = _digest(repr((lines, sorted(voices.items()), language)))
        if key not in self._spoken:
            self._spoken[key] = await self._make(key, lines, voices, language)
        spoken = self._spoken[key]
        self._memory.keep(spoken.samples, spoken.rate, spoken.words)
        return spoken

    async def _make(self, key: str, lines: tuple[Line, ...], voices: Mapping[str, str], language: str) -> Spoken:
        folder = self._folder / f"speech-{key}"
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
        chosen = {speaker: _variant(voice) for speaker, voice in voices.items()}
        provider = Builtin(VoiceSettings(voices=chosen))
        cast = tuple(dict.fromkeys(line.speaker for line in lines))
        take = (await provider.answer(SpeechRequest(lines=lines, cast=cast, language=language), folder)).value
        with wave.open(str(take.audio), "rb") as wav:
            samples, rate = wav.readframes(wav.getnframes()), wav.getframerate()
        take.audio.unlink()
        return Spoken(samples=samples, rate=rate, words=take.words)

    async def encode(self, spoken: Spoken, form: str, rate: int, call: Call) -> tuple[bytes, float]:
        """The speech as a file of `form` at `rate`, or as the fault of a call leaves it, and the seconds delivered."""
        samples = await asyncio.to_thread(resample, spoken.samples, spoken.rate, rate)
        if call.meets(Fault.SILENT_AUDIO):
            samples = bytes(len(samples))
        if call.meets(Fault.WRONG_RATE_AUDIO):
            samples = await asyncio.to_thread(resample, samples, rate, rate * 2 // 3)
        data, seconds = await self._wrap(samples, form, rate), len(samples) / 2 / rate
        if call.meets(Fault.TRUNCATED_AUDIO) and call.hit:
            data, seconds = data[: 2 * round(len(data) * call.hit.rule.share / 2)], seconds * call.hit.rule.share
        return data, seconds

    async def _wrap(self, samples: bytes, form: str, rate: int) -> bytes:
        if form == "pcm":
            return samples
        if form == "wav":
            return as_wav(samples, rate)
        key = _digest(f"{form} {rate}", samples)
        if key not in self._encoded:
            source, out = self._folder / f"{key}.wav", self._folder / f"{key}.{form}"
            await asyncio.to_thread(source.write_bytes, as_wav(samples, rate))
            args = ("-f", "wav", "-i", ffmpeg.local(source), *_ENCODED[form], ffmpeg.local(out))
            await run_ffmpeg(ffmpeg.Command(step="encode", args=args))
            self._encoded[key] = await asyncio.to_thread(out.read_bytes)
            source.unlink()
            out.unlink()
        return self._encoded[key]

    async def decode(self, data: bytes) -> tuple[bytes, int]:
        """The samples of a sound file of any of the formats, mono at 16 kHz. Empty where it is none."""
        kind = _kind(data)
        if kind is None:
            return b"", 16_000
        source, out = self._folder / f"heard-{_digest('', data)}", self._folder / f"heard-{_digest('w', data)}.wav"
        await asyncio.to_thread(source.write_bytes, data)
        args = ("-f", kind, "-i", ffmpeg.local(source), "-ac", "1", "-ar", "16000", "-f", "s16le", ffmpeg.local(out))
        try:
            await run_ffmpeg(ffmpeg.Command(step="decode", args=args))
            return await asyncio.to_thread(out.read_bytes), 16_000
        except RenderFailed:
            return b"", 16_000
        finally:
            source.unlink()
            out.unlink(missing_ok=True)


def as_wav(samples: bytes, rate: int) -> bytes:
    """A WAV file of 16-bit mono samples."""
    out = io.BytesIO()
    with wave.open(out, "wb") as wav:
        wav.setparams((1, 2, rate, 0, "NONE", ""))
        wav.writeframes(samples)
    return out.getvalue()


def endless_wav(data: bytes) -> bytes:
    """A WAV file as it is streamed: its header cannot know the length, and says the largest."""
    return data[:4] + b"\xff\xff\xff\xff" + data[8:40] + b"\xff\xff\xff\xff" + data[44:]


def resample(samples: bytes, rate: int, wanted: int) -> bytes:
    """The same sound at another rate."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of audioop, and of an ffmpeg that it does not need for this
        from pydub import AudioSegment
    sound = AudioSegment(data=samples, sample_width=2, frame_rate=rate, channels=1)
    return bytes(sound.set_frame_rate(wanted).raw_data)


async def run_ffmpeg(command: ffmpeg.Command) -> None:
    """Run ffmpeg, with patience for a busy machine."""
    await ffmpeg.run(command, binary=ffmpeg.find_binary(None), timeout=120, stall_after=60)


def in_chunks(data: bytes, size: int = 16_384) -> list[bytes]:
    """The pieces in which a stream of sound comes; always at least one."""
    return [data[at : at + size] for at in range(0, len(data), size)] or [b""]


def _variant(voice: str) -> str:
    return CAST[int(_digest(voice)[:8], 16) % len(CAST)].variant


def _kind(data: bytes) -> str | None:
    """Ffmpeg's name for the format of a sound file, by its first bytes."""
    if data[:4] == b"RIFF":
        return "wav"
    if data[:3] == b"ID3" or (data[:1] == b"\xff" and len(data) > 1 and data[1] & 0xE6 == 0xE2):
        return "mp3"
    return {b"OggS": "ogg", b"fLaC": "flac"}.get(data[:4]) or ("mp4" if data[4:8] == b"ftyp" else None)


def _digest(text: str, data: bytes = b"") -> str:
    return hashlib.sha256(text.encode() + b"\0" + data).hexdigest()[:24]
