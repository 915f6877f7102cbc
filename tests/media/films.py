"""Small stills, captions, sounds and terminals to render, and the hands to do it with."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from storygen.media import ffmpeg
from storygen.media.ffmpeg import Command, Finished
from storygen.resilience.cache import Cache
from storygen.settings import FilmSettings
from storygen.store.artifacts import Store
from storygen.story import Captions, Frame, Made, Narration, Overlay, Shot
from storygen.workshop import Pulse, Workshop

FRAME = Frame(width=180, height=320, fps=30)
FILM = FilmSettings(preset="ultrafast")
BINARY = ffmpeg.find_binary(None)

ASS = """[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, Bold, BorderStyle, Outline, Alignment, MarginV
Style: Default,Inter,{size},&H00FFFFFF,&H00000000,-1,1,2,{place},{margin}

[Events]
Format: Layer, Start, End, Style, MarginL, MarginR, MarginV, Effect, Text
"""


def run(command: Command, **limits: float) -> Finished:
    """Run one command to its end."""
    limits = {"timeout": 60, "stall_after": 30} | limits
    return asyncio.run(ffmpeg.run(command, binary=BINARY, **limits))


def workshop(root: Path) -> Workshop:
    """The real hands of a stage, with a cache under `root`; they have nobody to call."""
    cache = Cache(Store(root))
    caller: Any = None
    return Workshop(caller, cache, binary=BINARY, cores=2, stall_seconds=30, pulse=Pulse())


def still(path: Path, *, size: tuple[int, int] = (180, 320), grey: int | None = None) -> Path:
    """A smooth picture with a bright disc in its middle, or a plain grey one."""
    width, height = size
    if grey is not None:
        Image.new("RGB", size, (grey, grey, grey)).save(path)
        return path
    y, x = np.mgrid[0:height, 0:width]
    waves = 90 + 50 * np.sin(x / 9) * np.cos(y / 11)
    disc = 120 * np.exp(-((x - (width - 1) / 2) ** 2 + (y - (height - 1) / 2) ** 2) / (2 * (width / 20) ** 2))
    Image.fromarray(np.clip(waves * 0.5 + disc, 0, 255).astype("uint8")).convert("RGB").save(path)
    return path


def sound(path: Path, seconds: float, *, level: float = 0.3) -> Path:
    """A tone of 48 kHz mono."""
    samples = level * 32767 * np.sin(np.arange(round(seconds * 48_000)) * 2 * np.pi * 440 / 48_000)
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, 48_000, 0, "NONE", ""))
        wav.writeframes(samples.astype("<i2").tobytes())
    return path


def ass(path: Path, *events: tuple[float, float, str], place: int = 2, frame: Frame = FRAME) -> Path:
    """Captions at the bottom (2), middle (5) or top (8)."""
    head = ASS.format(width=frame.width, height=frame.height, size=frame.height // 14, place=place, margin=20)
    lines = [f"Dialogue: 0,0:00:{a:05.2f},0:00:{b:05.2f},Default,0,0,0,,{text}" for a, b, text in events]
    path.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def panel(path: Path, *, frame: Frame = FRAME, opaque: bool = False) -> Path:
    """A blue window over the upper half, on nothing or on blue."""
    image = Image.new("RGBA", (frame.width, frame.height), (0, 0, 160, 255) if opaque else (0, 0, 0, 0))
    box = (11, 33, frame.width - 12, frame.height // 2)
    ImageDraw.Draw(image).rectangle(box, fill=(0, 0, 200, 255))
    image.save(path)
    return path


def shot(folder: Path, name: str = "still.png", **movement: Any) -> Shot:
    """A picture and its movement."""
    return Shot(image=still(folder / name), **movement)


def made(value: Any, key: str) -> Made[Any]:
    """A result as a stage hands it on."""
    return Made(value=value, key=key, provider="test")


def narration(folder: Path, seconds: float, name: str = "voice.wav", level: float = 0.3) -> Made[Narration]:
    """A voice that hums."""
    spoken = Narration(audio=sound(folder / name, seconds, level=level), seconds=seconds, words=())
    return made(spoken, f"voice-{name}-{seconds}-{level}")


def captions(folder: Path, *events: tuple[float, float, str]) -> Made[Captions]:
    """Subtitles at the bottom."""
    return made(Captions(cues=(), ass=ass(folder / "captions.ass", *events)), f"captions-{events}")


def overlay(folder: Path, seconds: float, *, opaque: bool = False) -> Made[Overlay]:
    """A terminal on which a word stands."""
    text = ass(folder / "typing.ass", (0.0, seconds, "typed"), place=8)
    typed = Overlay(panel=panel(folder / "panel.png", opaque=opaque), ass=text, seconds=seconds)
    return made(typed, f"overlay-{seconds}-{opaque}")


def frames(video: Path, scratch: Path, frame: Frame = FRAME) -> np.ndarray:
    """Every picture of a film as grey, decoded: an array of frames, rows, columns."""
    raw = scratch / "frames.raw"
    grey = ("-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", f"file:{raw}")
    run(Command(step="decode", args=("-f", "mov", "-i", f"file:{video}", *grey)))
    return np.fromfile(raw, dtype="uint8").reshape(-1, frame.height, frame.width)


def samples(video: Path, scratch: Path) -> np.ndarray:
    """The sound of a film, between -1 and 1; what is in the middle is as loud as the voice that it was made of."""
    raw = scratch / "sound.raw"
    middle = "pan=mono|c0=0.70711*c0+0.70711*c1"
    pcm = ("-map", "0:a:0", "-af", middle, "-f", "s16le", "-c:a", "pcm_s16le", f"file:{raw}")
    run(Command(step="decode", args=("-f", "mov", "-i", f"file:{video}", *pcm)))
    return np.fromfile(raw, dtype="<i2") / 32768
