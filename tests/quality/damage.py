"""A healthy little film, and what can be done to it."""

from __future__ import annotations

import asyncio
import wave
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from storygen.media import ffmpeg
from storygen.media.ffmpeg import Command
from storygen.media.render import concat_list
from storygen.quality.video import FilmPlan, check_film
from storygen.settings import QualitySettings
from storygen.story import Check, Frame, Verdict
from tests.media.films import BINARY, run

RATE, FPS, SECONDS = 48_000, 10, 12
FRAME = Frame(width=90, height=160, fps=FPS)
LIMITS = QualitySettings(frozen_seconds=3, repeated_seconds=3)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "high", "-8x8dct", "1", "-pix_fmt", "yuv420p")


@lru_cache
def clouds_of(seed: int = 1) -> np.ndarray:
    """Soft clouds that melt into others once a second and never come back: frames, rows, columns."""
    random = np.random.default_rng(seed)
    clouds = random.uniform(30, 220, (SECONDS + 2, 5, 4))
    times = np.arange(SECONDS * FPS) / FPS
    whole = times.astype(int)
    share = (times - whole)[:, None, None]
    mixed = clouds[whole] * (1 - share) + clouds[whole + 1] * share
    return np.kron(mixed, np.ones((1, 32, 23)))[:, :160, :90].astype("uint8")


@lru_cache
def speech_of(seed: int = 1) -> np.ndarray:
    """A hum whose loudness changes as that of speech does, at about -16 LUFS."""
    import pyloudnorm

    random = np.random.default_rng(seed)
    count = SECONDS * RATE
    time = np.arange(count) / RATE
    steps = random.uniform(0.1, 1.0, SECONDS * 8) * (random.random(SECONDS * 8) > 0.2)
    envelope = np.interp(time * 8, np.arange(len(steps)), steps)
    hum = envelope * np.sin(2 * np.pi * 220 * time) * 0.3
    return hum * 10 ** ((-16 - pyloudnorm.Meter(RATE).integrated_loudness(hum)) / 20)


def pictures() -> np.ndarray:
    """A copy of the healthy pictures."""
    return clouds_of().copy()


def speech() -> np.ndarray:
    """A copy of the healthy sound."""
    return speech_of().copy()


def write_sound(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", ""))
        wav.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@dataclass(frozen=True)
class Little:
    """A film, what it was meant to be, and the folder that holds it."""

    path: Path
    plan: FilmPlan

    def checks(self, limits: QualitySettings = LIMITS, **how: Any) -> dict[str, Check]:
        hands = partial(ffmpeg.run, binary=BINARY, timeout=60, stall_after=30)
        found = asyncio.run(check_film(self.path, self.plan, hands, self.path.parent, limits=limits, **how))
        return {check.name: check for check in found}

    def failing(self, **how: Any) -> set[str]:
        return {name for name, check in self.checks(**how).items() if check.verdict is not Verdict.PASS}


def little(folder: Path, seen: np.ndarray | None = None, heard: np.ndarray | None = None) -> Little:
    """Make the film; with other pictures or other sound than it was meant to have, where they are given."""
    seen = pictures() if seen is None else seen
    meant = speech()
    raw, part, film = folder / "seen.raw", folder / "part.mp4", folder / "film.mp4"
    raw.write_bytes(seen.tobytes())
    sound = write_sound(folder / "meant.wav", meant)
    played = sound if heard is None else write_sound(folder / "heard.wav", heard)
    form = ("-f", "rawvideo", "-pixel_format", "gray", "-video_size", "90x160", "-framerate", str(FPS))
    run(Command(step="make", args=(*form, "-i", f"file:{raw}", *X264, "-f", "mp4", f"file:{part}")))
    listed = folder / "parts.txt"
    listed.write_text(concat_list([part.name], [SECONDS]))
    both = ("-f", "concat", "-i", f"file:{listed}", "-f", "wav", "-i", f"file:{played}")
    join = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart")
    run(Command(step="make", args=(*both, *join, "-f", "mp4", f"file:{film}")))
    plan = FilmPlan(
        frame=FRAME, frames=len(pictures()), seconds=SECONDS, sound=sound, loudness_lufs=-16.0, parts=listed
    )
    return Little(path=film, plan=plan)


def without_parts(film: Little) -> Little:
    """The same film, of which it is not known what it was joined from."""
    return replace(film, plan=replace(film.plan, parts=None))
