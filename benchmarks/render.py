"""How long rendering takes, against one ffmpeg command that makes an equal film, and against MoviePy.

The film: 30 s, six noisy stills, 1080x1920 at 30 pictures a second, x264 veryfast at crf 23, slow zoom, 18 burnt-in
cues, AAC. Ours is what a run does from six drawn and voiced scenes to the finished, measured film, cache and all; the
bare command does the same movement with the same filters in one process and lets ffmpeg choose its threads. They take
turns, so that a machine that slows down slows both. MoviePy would need minutes for it, so both make eight seconds.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness import Figure, suite
from benchmarks.material import Part, noisy_parts, rendered, subtitles, voice
from benchmarks.popular import environment, write_film
from storygen.media import ffmpeg
from storygen.media.fonts import FONT_DIR
from storygen.settings import FilmSettings

PAIRS = 4
SCENES = 6
SECONDS = 5
SHORT_SCENES = 2
SHORT_SECONDS = 4
ZOOM = 1.12
FILM = FilmSettings(transitions="cut")
FRAME = FILM.frame
ENCODE = ("-c:v", "libx264", "-profile:v", "high", "-preset", FILM.preset, "-crf", str(FILM.crf), "-pix_fmt", "yuv420p")
FINISH = ("-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart", "-f", "mp4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """The voiced and drawn scenes, and for the bare commands the same as one sound and one file of subtitles."""

    parts: tuple[Part, ...]
    captions: Path
    sound: Path


@suite()
def render() -> Iterator[Figure]:
    """The whole render, and what is left of it after the last asset, over the bare command."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        assets = _assets(folder)
        ours, after, bare, zoompan = [], [], [], []
        for turn in range(PAIRS):
            bare.append(_seconds_of(_bare(assets, folder / "bare.mp4")))
            ours.append(_ours(assets.parts, folder / f"store-{turn}"))
            after.append(_ours(_with_new_last(assets.parts), folder / f"store-{turn}"))
            zoompan.append(_seconds_of(_zoompan(assets, folder / "zoompan.mp4")))
    yield Figure(name="render_ratio_ffmpeg", values=_ratios(ours, bare), unit="ratio", limit=0.95)
    yield Figure(name="render_ratio_zoompan", values=_ratios(ours, zoompan), unit="ratio", limit=0.8)
    yield Figure(name="render_after_last_asset_ratio", values=_ratios(after, bare), unit="ratio", limit=0.25)
    speeds = tuple(SCENES * SECONDS / wall for wall in ours)
    yield Figure(name="realtime_factor", values=speeds, unit="times")


@suite()
def moviepy() -> Iterator[Figure]:
    """The same film, but eight seconds of it, as popular generators write it with MoviePy."""
    python = environment()
    with TemporaryDirectory() as name:
        folder = Path(name)
        parts = noisy_parts(folder, FRAME, SHORT_SCENES, SHORT_SECONDS, ZOOM)
        speedups = []
        for turn in range(2):
            theirs = write_film(python, parts, FILM, SHORT_SECONDS, ZOOM, folder / "moviepy.mp4")
            speedups.append(theirs / _ours(parts, folder / f"store-{turn}"))
    yield Figure(name="moviepy_speedup", values=tuple(speedups), unit="times", limit=15, sense="at least")


def _ratios(ours: list[float], theirs: list[float]) -> tuple[float, ...]:
    return tuple(a / b for a, b in zip(ours, theirs, strict=True))


def _seconds_of(args: tuple[str, ...]) -> float:
    started = time.perf_counter()
    binary = str(ffmpeg.find_binary(None))
    subprocess.run([binary, "-hide_banner", "-nostdin", "-y", "-v", "error", *args], check=True)
    return time.perf_counter() - started


def _ours(parts: tuple[Part, ...], root: Path) -> float:
    started = time.perf_counter()
    asyncio.run(rendered(parts, FILM, root))
    return time.perf_counter() - started


def _with_new_last(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The same scenes with another last one: all but that one is found where an earlier turn stored it."""
    *early, last = parts
    return (*early, replace(last, shot=replace(last.shot, key="late")))


def _bare(assets: Assets, out: Path) -> tuple[str, ...]:
    """The smooth zoom of ours in one command."""
    wide, high = round(FRAME.width * (ZOOM - 1) / 2), round(FRAME.height * (ZOOM - 1) / 2)
    frames = SECONDS * FRAME.fps
    chains = []
    for number, part in enumerate(assets.parts):
        done = f"(t*{FRAME.fps}-1)/{frames - 1}"
        share = f"if(lt(t*{FRAME.fps},0.5),1,{done if part.shot.value.inward else f'(1-{done})'})"
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
    for number, part in enumerate(assets.parts):
        grown = f"{ZOOM - 1}*on/{frames - 1}"
        zoom = f"1+{grown}" if part.shot.value.inward else f"{ZOOM}-{grown}"
        chains.append(
            f"[{number}:v]scale={2 * FRAME.width}:{2 * FRAME.height}:flags=lanczos,"
            f"zoompan=z='{zoom}':x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2'"
            f":d={frames}:s={FRAME.width}x{FRAME.height}:fps={FRAME.fps},format=yuv420p[v{number}]"
        )
    return _command(assets, chains, out)


def _command(assets: Assets, chains: list[str], out: Path) -> tuple[str, ...]:
    names = "".join(f"[v{number}]" for number in range(SCENES))
    burnt = f"ass={ffmpeg.escape(str(assets.captions))}:fontsdir={ffmpeg.escape(str(FONT_DIR))}"
    graph = ";".join([*chains, f"{names}concat=n={SCENES},{burnt}[out]"])
    pictures = [
        arg
        for part in assets.parts
        for arg in ("-framerate", str(FRAME.fps), "-f", "png_pipe", "-i", ffmpeg.local(part.shot.value.image))
    ]
    sound = ("-f", "wav", "-i", ffmpeg.local(assets.sound))
    maps = ("-filter_complex", graph, "-map", "[out]", "-map", f"{SCENES}:a")
    return (*pictures, *sound, *maps, *ENCODE, *FINISH, ffmpeg.local(out))


def _assets(folder: Path) -> Assets:
    captions = folder / "film.ass"
    captions.write_text(subtitles(FRAME, SCENES, SECONDS))
    return Assets(
        parts=noisy_parts(folder, FRAME, SCENES, SECONDS, ZOOM),
        captions=captions,
        sound=voice(folder / "film.wav", SCENES * SECONDS, 0),
    )
