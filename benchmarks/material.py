"""Scenes that are drawn and voiced already, so that nothing but rendering is measured."""

from __future__ import annotations

import os
import wave
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storygen.media import ffmpeg
from storygen.pipeline import Pipeline, Steps
from storygen.resilience.cache import Cache
from storygen.results import Production
from storygen.settings import FilmSettings, MusicSettings, Settings
from storygen.store.artifacts import Store
from storygen.story import Captions, Frame, Line, Made, Narration, Review, Revision, Scene, Script, Shot
from storygen.workshop import Pulse, Workshop

WORDS = ("The", "lamp", "went", "out", "again", "tonight")
CUES = 3
RATE = 48_000
_HEAD = """[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, Bold, BorderStyle, Outline, Alignment, MarginV
Style: Default,Inter,56,&H00FFFFFF,&H00000000,-1,1,4,2,420

[Events]
Format: Layer, Start, End, Style, MarginL, MarginR, MarginV, Effect, Text
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One scene: its picture, its voice and its subtitles."""

    shot: Made[Shot]
    narration: Made[Narration]
    captions: Made[Captions]


def settings_of(film: FilmSettings) -> Settings:
    """The settings of a film without music, which other makers of films do not write either."""
    return Settings(film=film, music=MusicSettings(source="off"))


async def rendered(parts: Sequence[Part], film: FilmSettings, root: Path) -> Production:
    """Make the film of some parts as a run makes it, from the cache to the last check; what it makes lies in `root`."""

    async def revise(script: Script, *_: Any) -> Made[Revision]:
        review = Review(words=1, minutes=1, pace=1, hook="", has_hook=False, beats=())
        return made(Revision(script=script, changes=(), review=review), "revision")

    async def speak(scene: Scene, *_: Any, **__: Any) -> Made[Narration]:
        return parts[int(scene.title)].narration

    async def caption(narration: Narration, scene: Scene, *_: Any) -> Made[Captions]:  # noqa: ARG001 - a stage's shape
        return parts[int(scene.title)].captions

    async def draw(scene: Scene, number: int, *_: Any, **__: Any) -> Made[Shot]:  # noqa: ARG001 - a stage's shape
        return parts[number - 1].shot

    nobody: Any = None
    cores, pulse = os.cpu_count() or 1, Pulse()
    binary = ffmpeg.find_binary(None)
    tools = Workshop(nobody, Cache(Store(root)), binary=binary, cores=cores, stall_seconds=60, pulse=pulse)
    steps = Steps(revise=revise, speak=speak, caption=caption, draw=draw)
    scenes = tuple(Scene(title=str(number), lines=(Line(text="words"),)) for number in range(len(parts)))
    return await Pipeline(tools, settings_of(film), pulse, steps).run(Script(title="A film", scenes=scenes))


def noisy_parts(folder: Path, frame: Frame, scenes: int, seconds: int, zoom: float) -> tuple[Part, ...]:
    """Scenes of grain, which is what costs an encoder time, in and out in turns, with cues of highlighted words."""
    ass = folder / "scene.ass"
    ass.write_text(subtitles(frame, 1, seconds))
    return tuple(
        Part(
            shot=made(Shot(image=_still(folder, frame, n), zoom=zoom, inward=n % 2 == 0), f"shot{n}"),
            narration=made(
                Narration(audio=voice(folder / f"{n}.wav", seconds, n), seconds=seconds, words=()), f"voice{n}"
            ),
            captions=made(Captions(cues=(), ass=ass), "captions"),
        )
        for n in range(scenes)
    )


def made(value: Any, key: str) -> Made[Any]:
    """A result as a stage hands it on."""
    return Made(value=value, key=key, provider="benchmark")


def voice(path: Path, seconds: int, number: int) -> Path:
    """Something between a tone and noise, the same every time."""
    return write_wav(path, ((n * (3 + number) % 241 - 120) * 60 + (n * n // 7) % 3001 for n in range(seconds * RATE)))


def write_wav(path: Path, samples: Any) -> Path:
    """Write 48 kHz mono 16-bit samples."""
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", ""))
        wav.writeframes(array("h", samples).tobytes())
    return path


def subtitles(frame: Frame, scenes: int, seconds: float) -> str:
    """Three cues a scene, each word highlighted in turn."""
    length = seconds / CUES / len(WORDS)
    lines = []
    for number in range(scenes * CUES * len(WORDS)):
        shown = [f"{{\\c&H00D7FF&}}{w}{{\\r}}" if n == number % len(WORDS) else w for n, w in enumerate(WORDS)]
        lines.append(event(number * length, (number + 1) * length, f"{' '.join(shown[:3])}\\N{' '.join(shown[3:])}"))
    return head(frame) + "".join(lines)


def head(frame: Frame) -> str:
    """What an ASS file begins with."""
    return _HEAD.format(width=frame.width, height=frame.height)


def event(start: float, end: float, text: str) -> str:
    """One line of an ASS file."""
    at = (f"{int(time // 60) // 60}:{int(time // 60) % 60:02}:{time % 60:05.2f}" for time in (start, end))
    return f"Dialogue: 0,{','.join(at)},Default,0,0,0,,{text}\n"


def _still(folder: Path, frame: Frame, number: int) -> Path:
    from PIL import Image, ImageChops

    size = (frame.width, frame.height)
    colours = Image.radial_gradient("L").rotate(60 * number).resize(size)
    planes = [ImageChops.add(colours, Image.effect_noise(size, 36), scale=2.0, offset=16 * n) for n in range(3)]
    path = folder / f"{number}.png"
    Image.merge("RGB", planes).save(path, compress_level=1)
    return path
