"""A workbench with real eSpeak NG and real ffmpeg, and eyes and ears for WAV files."""

from __future__ import annotations

import asyncio
import math
import wave
from array import array
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from storygen.media.ffmpeg import Command, Finished, find_binary, run
from storygen.providers.base import Capability
from storygen.providers.speech.base import SpeechRequest
from storygen.providers.speech.builtin import Builtin
from storygen.settings import VoiceSettings
from storygen.story import Check, Made


class Bench:
    """Tools that keep nothing: every call is made, every file is written anew."""

    cores = 2

    def __init__(self, folder: Path, settings: VoiceSettings | None = None, **take: Any) -> None:
        self.folder = folder
        self.voice = Builtin(settings or VoiceSettings())
        self.take = take
        self.inputs: list[Mapping[str, Any]] = []
        self.steps: list[str] = []
        self._count = 0

    def _new(self) -> Path:
        self._count += 1
        folder = self.folder / f"made-{self._count}"
        folder.mkdir(parents=True)
        return folder

    async def call(
        self,
        capability: Capability,
        request: Any,
        expect: type[Any],
        check: Callable[[Any], Awaitable[tuple[Check, ...]]],
        *,
        otherwise: str = "",
    ) -> Made[Any]:
        answer = await self.voice.answer(request, self._new())
        checks = await check(answer.value)
        facts = {"key": "take", "provider": "builtin", "model": "espeak-ng", "attempts": 1, "checks": checks}
        return Made(**{"value": answer.value, **facts, **self.take})

    async def make(
        self, step: str, inputs: Mapping[str, Any], expect: type[Any], work: Callable[[Path], Awaitable[Any]]
    ) -> Made[Any]:
        self.inputs.append(inputs)
        return Made(value=await work(self._new()), key=step, provider="local")

    async def ffmpeg(self, command: Command) -> Finished:
        self.steps.append(command.step)
        return await run(command, binary=find_binary(None), timeout=60, stall_after=30)

    async def compute(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(function, *args, **kwargs)

    def part(self, name: str) -> AbstractContextManager[object]:
        return nullcontext()


def spoken(request: SpeechRequest, folder: Path, settings: VoiceSettings | None = None) -> Any:
    """What the built-in voice delivers."""
    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(Builtin(settings or VoiceSettings()).answer(request, folder)).value


def read_wav(path: Path) -> tuple[array[int], int]:
    """The samples of a mono 16-bit WAV file, and its rate."""
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getsampwidth()) == (1, 2)
        return array("h", wav.readframes(wav.getnframes())), wav.getframerate()


def write_wav(path: Path, samples: Any, rate: int = 48_000, channels: int = 1) -> Path:
    """Write samples between -1 and 1, clipped as a recorder would."""
    data = array("h", (round(32_767 * min(1.0, max(-1.0, value))) for value in samples))
    with wave.open(str(path), "wb") as wav:
        wav.setparams((channels, 2, rate, 0, "NONE", ""))
        wav.writeframes(data.tobytes())
    return path


def rms(samples: array[int], rate: int, start: float, end: float) -> float:
    """The level between two times, as a share of full scale."""
    part = samples[int(start * rate) : int(end * rate)]
    return math.sqrt(sum(value * value for value in part) / max(1, len(part))) / 32_768


def tone(seconds: float, level: float = 0.3, rate: int = 48_000, pitch: float = 220.0) -> list[float]:
    """A sine wave."""
    return [level * math.sin(2 * math.pi * pitch * at / rate) for at in range(int(seconds * rate))]
