"""How long rendering takes, against one ffmpeg command that makes an equal film.

The film: 30 s, six noisy stills, 1080x1920 at 30 pictures a second, x264 veryfast at crf 23, slow zoom, 18 burnt-in
cues, AAC. Ours is what a run does from six drawn and voiced scenes to the finished, measured film, cache and all; the
bare command does the same movement with the same filters in one process and lets ffmpeg choose its threads. They take
turns, so that a machine that slows down slows both.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
import wave
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.harness import Figure, suite
from storygen.media import ffmpeg
from storygen.media.fonts import FONT_DIR
from storygen.resilience.cache import Cache
from storygen.settings import FilmSettings
from storygen.stages import assembly
from storygen.store.artifacts import Store
from storygen.story import Captions, Made, Narration, Segment, Shot
from storygen.workshop import Pulse, Workshop

PAIRS = 4
SCENES = 6
SECONDS = 5
CUES = 3
ZOOM = 1.12
FILM = FilmSettings()
FRAME = FILM.frame
ENCODE = ("-c:v", "libx264", "-profile:v", "high", "-preset", FILM.preset, "-crf", str(FILM.crf), "-pix_fmt", "yuv420p")
FINISH = ("-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart", "-f", "mp4")
ASS = f"""[Script Info]
ScriptType: v4.00+
PlayResX: {FRAME.width}
PlayResY: {FRAME.height}

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, Bold, BorderStyle, Outline, Alignment, MarginV
Style: Default,Inter,56,&H00FFFFFF,&H00000000,-1,1,4,2,420

[Events]
Format: Layer, Start, End, Style, MarginL, MarginR, MarginV, Effect, Text
"""


@dataclass(frozen=True, slots=True)
class Assets:
    """The voiced and drawn scenes, and for the bare commands the same as one sound and one file of subtitles."""

    shots: tuple[Made[Shot], ...]
    narrations: tuple[Made[Narration], ...]
    captions: Made[Captions]
    all_captions: Path
    sound: Path


@suite()
def render() -> Iterator[Figure]:
    """The whole render, and what is left of it after the last asset, over the bare command."""
    binary = ffmpeg.find_binary(None)
    with TemporaryDirectory() as name:
        folder = Path(name)
        assets = _assets(folder)
        ours, after, bare, zoompan = [], [], [], []
        for turn in range(PAIRS):
            bare.append(_seconds_of(binary, _bare(assets, folder / "bare.mp4")))
            ours.append(asyncio.run(_ours(assets, folder / f"store-{turn}", binary)))
            after.append(asyncio.run(_after_last(assets, folder / f"store-{turn}", binary)))
            if turn < 2:
                zoompan.append(_seconds_of(binary, _zoompan(assets, folder / "zoompan.mp4")))
    yield Figure(name="render_ratio_ffmpeg", values=_ratios(ours, bare), unit="ratio", limit=1.0)
    yield Figure(name="render_ratio_zoompan", values=_ratios(ours, zoompan), unit="ratio")
    yield Figure(name="render_after_last_asset_ratio", values=_ratios(after, bare), unit="ratio", limit=0.3)


def _ratios(ours: list[float], theirs: list[float]) -> tuple[float, ...]:
    return tuple(a / b for a, b in zip(ours, theirs, strict=False))


def _seconds_of(binary: Path, args: tuple[str, ...]) -> float:
    started = time.perf_counter()
    subprocess.run([str(binary), "-hide_banner", "-nostdin", "-y", "-v", "error", *args], check=True)
    return time.perf_counter() - started


async def _ours(assets: Assets, root: Path, binary: Path) -> float:
    started = time.perf_counter()
    tools = _workshop(root, binary)
    segments = await asyncio.gather(*(_render(assets, number, tools) for number in range(SCENES)))
    await _join(assets, segments, tools)
    return time.perf_counter() - started


async def _after_last(assets: Assets, root: Path, binary: Path) -> float:
    """Render a last scene that is new and join it with the others, which the store of an earlier turn holds."""
    tools = _workshop(root, binary)
    early = [await _render(assets, number, tools) for number in range(SCENES - 1)]
    shots = (*assets.shots[:-1], replace(assets.shots[-1], key="late"))
    started = time.perf_counter()
    last = await _render(replace(assets, shots=shots), SCENES - 1, tools)
    await _join(assets, [*early, last], tools)
    return time.perf_counter() - started


async def _render(assets: Assets, number: int, tools: Workshop) -> Made[Segment]:
    return await assembly.render(
        number + 1, assets.shots[number], assets.narrations[number], assets.captions, None, FRAME, tools, FILM
    )


async def _join(assets: Assets, segments: list[Made[Segment]], tools: Workshop) -> None:
    await assembly.join(list(zip(segments, assets.narrations, strict=True)), "A film", FRAME, tools, FILM)


def _workshop(root: Path, binary: Path) -> Workshop:
    nobody: Any = None
    cores = os.cpu_count() or 1
    return Workshop(nobody, Cache(Store(root)), binary=binary, cores=cores, stall_seconds=60, pulse=Pulse())


def _bare(assets: Assets, out: Path) -> tuple[str, ...]:
    """The smooth zoom of ours in one command."""
    wide, high = round(FRAME.width * (ZOOM - 1) / 2), round(FRAME.height * (ZOOM - 1) / 2)
    frames = SECONDS * FRAME.fps
    chains = []
    for number, shot in enumerate(assets.shots):
        done = f"(t*{FRAME.fps}-1)/{frames - 1}"
        share = f"if(lt(t*{FRAME.fps},0.5),1,{done if shot.value.inward else f'(1-{done})'})"
        chains.append(
            f"[{number}:v]scale={FRAME.width + 2 * wide}:{FRAME.height + 2 * high}:flags=lanczos"
            f":out_color_matrix=bt709:out_range=tv,format=yuv420p,loop=-1:1,settb=1/{FRAME.fps},setpts=N,"
            f"scale=eval=frame:flags=bicubic"
            f":w='{FRAME.width}+2*round({wide}*{share})':h='{FRAME.height}+2*round({high}*{share})',"
            f"crop={FRAME.width}:{FRAME.height}:x='round({wide}*{share})':y='round({high}*{share})':exact=1,"
            f"trim=start_frame=1:end_frame={frames + 1},setpts=PTS-1[v{number}]"
        )
    return _command(assets, chains, out)


def _zoompan(assets: Assets, out: Path) -> tuple[str, ...]:
    """The usual zoom, on a picture of twice the size so that it does not jump by whole pixels."""
    frames = SECONDS * FRAME.fps
    chains = []
    for number, shot in enumerate(assets.shots):
        grown = f"{ZOOM - 1}*on/{frames - 1}"
        zoom = f"1+{grown}" if shot.value.inward else f"{ZOOM}-{grown}"
        chains.append(
            f"[{number}:v]scale={2 * FRAME.width}:{2 * FRAME.height}:flags=lanczos,"
            f"zoompan=z='{zoom}':x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2'"
            f":d={frames}:s={FRAME.width}x{FRAME.height}:fps={FRAME.fps},format=yuv420p[v{number}]"
        )
    return _command(assets, chains, out)


def _command(assets: Assets, chains: list[str], out: Path) -> tuple[str, ...]:
    names = "".join(f"[v{number}]" for number in range(SCENES))
    burnt = f"ass={ffmpeg.escape(str(assets.all_captions))}:fontsdir={ffmpeg.escape(str(FONT_DIR))}"
    graph = ";".join([*chains, f"{names}concat=n={SCENES},{burnt}[out]"])
    pictures = [
        arg
        for shot in assets.shots
        for arg in ("-framerate", str(FRAME.fps), "-f", "png_pipe", "-i", ffmpeg.local(shot.value.image))
    ]
    sound = ("-f", "wav", "-i", ffmpeg.local(assets.sound))
    maps = ("-filter_complex", graph, "-map", "[out]", "-map", f"{SCENES}:a")
    return (*pictures, *sound, *maps, *ENCODE, *FINISH, ffmpeg.local(out))


def _assets(folder: Path) -> Assets:
    captions, all_captions = folder / "scene.ass", folder / "film.ass"
    captions.write_text(_ass(1))
    all_captions.write_text(_ass(SCENES))
    return Assets(
        shots=tuple(
            _made(Shot(image=_still(folder, n), zoom=ZOOM, inward=n % 2 == 0), f"shot{n}") for n in range(SCENES)
        ),
        narrations=tuple(
            _made(Narration(audio=_sound(folder / f"{n}.wav", SECONDS, n), seconds=SECONDS, words=()), f"voice{n}")
            for n in range(SCENES)
        ),
        captions=_made(Captions(cues=(), ass=captions), "captions"),
        all_captions=all_captions,
        sound=_sound(folder / "film.wav", SCENES * SECONDS, 0),
    )


def _made(value: Any, key: str) -> Made[Any]:
    return Made(value=value, key=key, provider="benchmark")


def _still(folder: Path, number: int) -> Path:
    """A coloured picture with grain, which is what costs an encoder time."""
    from PIL import Image, ImageChops

    size = (FRAME.width, FRAME.height)
    colours = Image.radial_gradient("L").rotate(60 * number).resize(size)
    planes = [ImageChops.add(colours, Image.effect_noise(size, 36), scale=2.0, offset=16 * n) for n in range(3)]
    path = folder / f"{number}.png"
    Image.merge("RGB", planes).save(path, compress_level=1)
    return path


def _sound(path: Path, seconds: int, number: int) -> Path:
    """Something between a tone and noise, the same every time."""
    samples = array("h", ((n * (3 + number) % 241 - 120) * 60 + (n * n // 7) % 3001 for n in range(seconds * 48_000)))
    with suppress(FileNotFoundError):
        path.unlink()
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, 48_000, 0, "NONE", ""))
        wav.writeframes(samples.tobytes())
    return path


def _ass(scenes: int) -> str:
    """Three cues a scene, each word highlighted in turn."""
    words = ["The", "lamp", "went", "out", "again", "tonight"]
    length = SECONDS / CUES / len(words)
    lines = []
    for number in range(scenes * CUES * len(words)):
        shown = [f"{{\\c&H00D7FF&}}{w}{{\\r}}" if n == number % len(words) else w for n, w in enumerate(words)]
        start, end = (f"0:00:{number * length + add:05.2f}" for add in (0.0, length))
        lines.append(f"Dialogue: 0,{start},{end},Default,0,0,0,,{' '.join(shown[:3])}\\N{' '.join(shown[3:])}")
    return ASS + "\n".join(lines) + "\n"
