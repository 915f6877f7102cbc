"""Whole films by `storygen run` with the built-in providers: what they hold, what longer ones cost, how sound keeps up.

What a film costs is the seconds of CPU of all processes, because that is what the length of a film should govern.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import Figure, suite
from benchmarks.material import RATE, Part, event, head, made, noisy_parts, rendered, write_wav
from storygen.media import ffmpeg
from storygen.settings import FilmSettings
from storygen.story import Captions, Narration, Shot

ROOT = Path(__file__).parents[1]
TWELVE = 12
SCENE_SECONDS = 5
SHORT = (10, 35, 60)
LONG = (60, 600, 1800)
LOOK_SECONDS = 0.1
CLAPS = 60
CLAP_AT = 0.5
OWN: dict[str, str] = {}
EDITED = FilmSettings()
CLAPPED = FilmSettings(height=320, preset="ultrafast", transitions="cut")
_LENGTH = re.compile(r"Duration: (\d+):(\d\d):(\d\d\.\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run took: CPU seconds, most MB of memory, most bytes of disk; and its film."""

    film: Path
    seconds: float
    cpu: float
    memory_mb: float
    disk: int

    @property
    def disk_ratio(self) -> float:
        """The most disk that was in use at once, as a share of the film."""
        return self.disk / self.film.stat().st_size


@suite()
def films() -> Iterator[Figure]:
    """Films of ten seconds, of about half a minute and of a minute."""
    yield from _of_lengths(SHORT)


@suite(long=True)
def long_films() -> Iterator[Figure]:
    """Films of one, ten and thirty minutes."""
    yield from _of_lengths(LONG)


@suite()
def edit() -> Iterator[Figure]:
    """Twelve scenes with what lies between them; then one of them is edited."""
    ratios = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            parts = noisy_parts(folder, EDITED.frame, TWELVE, SCENE_SECONDS, 1.12)
            first = _wall(parts, folder / "store")
            middle = parts[TWELVE // 2]
            other = replace(middle, shot=replace(middle.shot, key="edited"))
            edited = (*parts[: TWELVE // 2], other, *parts[TWELVE // 2 + 1 :])
            ratios.append(_wall(edited, folder / "store") / first)
    yield Figure(name="edit_one_scene_ratio", values=tuple(ratios), unit="ratio", limit=0.15)


@suite()
def claps() -> Iterator[Figure]:
    """A flash in the subtitles and a click in the voice of each of sixty scenes of odd lengths."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = _clapping(folder)
        film = asyncio.run(rendered(parts, CLAPPED, folder / "store")).film.value.video
        offsets = [abs(seen - heard) for seen, heard in zip(_flashes(film), _clicks(film), strict=True)]
    yield Figure(name="clap_offset_ms", values=(1000 * max(offsets),), unit="ms", limit=40)


@suite()
def disk() -> Iterator[Figure]:
    """What rendering half a minute of grain writes, at its peak, over the film; pictures and voices are there before.

    `run_disk_ratio` is that of whole runs, with all that the cache keeps of voices and music: drawn cards make so small
    a film that these are most of it.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = noisy_parts(folder, EDITED.frame, 6, SCENE_SECONDS, 1.12)
        root = folder / "store"
        with ThreadPoolExecutor(1) as pool:
            making = pool.submit(lambda: asyncio.run(rendered(parts, EDITED, root)))
            peak = 0
            while not making.done():
                peak = max(peak, _disk(root))
                time.sleep(LOOK_SECONDS)
        film = making.result().film.value.video
        yield Figure(name="peak_disk_ratio", values=(peak / film.stat().st_size,), unit="ratio", limit=2.5)


def _of_lengths(lengths: Sequence[int]) -> Iterator[Figure]:
    runs = []
    offsets = []
    for length in lengths:
        with tempfile.TemporaryDirectory() as name:
            runs.append(_run(Path(name), length))
            offsets.append(_end_offset(runs[-1].film))
            ratio = runs[-1].disk_ratio
        yield Figure(name=f"peak_memory_mb[{length}s]", values=(runs[-1].memory_mb,), unit="MB", limit=900)
        yield Figure(name=f"run_disk_ratio[{length}s]", values=(ratio,), unit="ratio")
    first, middle, last = runs
    slopes = [(b.cpu - a.cpu) / (b.seconds - a.seconds) for a, b in ((first, middle), (middle, last))]
    yield Figure(name="cost_growth_ratio", values=(slopes[1] / slopes[0],), unit="ratio", limit=1.15)
    yield Figure(name="av_offset_ms", values=(1000 * max(offsets),), unit="ms", limit=40)


def _wall(parts: Sequence[Part], root: Path) -> float:
    started = time.perf_counter()
    asyncio.run(rendered(parts, EDITED, root))
    return time.perf_counter() - started


def _run(home: Path, length: int) -> Run:
    """Make a film of about `length` seconds, and look at its processes and its disk ten times a second."""
    source = home / "story.txt"
    source.write_text(_story(length))
    folders = {f"STORYGEN_FOLDERS__{kind.upper()}": str(home / kind) for kind in ("films", "cache", "state")}
    command = [sys.executable, "-m", "storygen", "run", str(source)]
    before = _spent()
    with (home / "said.txt").open("wb") as said:
        child = subprocess.Popen(
            command, env=os.environ | folders | OWN | {"PYTHONPATH": str(ROOT)}, stdout=said, stderr=said
        )
        memory = disk = 0
        while child.poll() is None:
            memory, disk = max(memory, _memory(child.pid)), max(disk, _disk(home))
            time.sleep(LOOK_SECONDS)
    if child.returncode:
        raise RuntimeError(f"the run failed: {(home / 'said.txt').read_text()[-2000:]}")
    film = next((home / "films").rglob("film.mp4"))
    return Run(film=film, seconds=_length(film), cpu=_spent() - before, memory_mb=memory / 1e6, disk=disk)


def _story(length: int) -> str:
    """Paragraphs of about ten spoken seconds each."""
    text = (
        "The keeper counted the {n} waves that came in from the west, and wrote their number into the book by the door."
    )
    paragraphs = (f"{text.format(n=3 * k + 2)} Nobody asked him why." for k in range(max(1, length // 10)))
    return "The long night\n\n" + "\n\n".join(paragraphs) + "\n"


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(pid: int) -> int:
    """Bytes of a process and all below it; what they share counts once."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += process.memory_full_info().pss
    return total


def _disk(folder: Path) -> int:
    """Bytes that lie below a folder; a file of several names counts once."""
    sizes: dict[tuple[int, int], int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                found = Path(parent, name).lstat()
                sizes[(found.st_dev, found.st_ino)] = found.st_size
    return sum(sizes.values())


def _end_offset(film: Path) -> float:
    """How far apart picture and sound end when both are decoded, in seconds."""
    from_there = str(max(0.0, _length(film) - 3))
    ends = []
    for stream in ("0:v:0", "0:a:0"):
        where = ("-ss", from_there, "-copyts", "-f", "mov", "-i", ffmpeg.local(film), "-map", stream)
        told = _ffmpeg(*where, "-f", "framecrc", "-")
        base = re.search(r"#tb 0: (\d+)/(\d+)", told)
        *_, last = told.splitlines()
        _, _, pts, length, *_ = last.split(",")
        assert base, "the times have a unit"
        ends.append((int(pts) + int(length)) * int(base[1]) / int(base[2]))
    return abs(ends[0] - ends[1])


def _length(film: Path) -> float:
    found = _LENGTH.search(_ffmpeg("-f", "mov", "-i", ffmpeg.local(film), "-t", "0", "-f", "null", "-"))
    assert found, "a film tells its length"
    hours, minutes, seconds = map(float, found.groups())
    return 3600 * hours + 60 * minutes + seconds


def _clapping(folder: Path) -> tuple[Part, ...]:
    """Scenes of odd lengths, grey and silent but for one moment."""
    from PIL import Image

    frame, picture = CLAPPED.frame, folder / "grey.png"
    Image.new("RGB", (frame.width, frame.height), (60, 60, 60)).save(picture)
    sheet = f"{{\\pos(0,0)\\an7\\bord0\\p1}}m 0 0 l {frame.width} 0 {frame.width} {frame.height} 0 {frame.height}"
    flash = folder / "flash.ass"
    flash.write_text(head(frame) + event(CLAP_AT, CLAP_AT + 0.2, sheet))
    parts = []
    for number in range(CLAPS):
        samples = round((1.1 + 0.0137 * number) * RATE)
        clap = range(round(CLAP_AT * RATE), round((CLAP_AT + 0.2) * RATE))
        sound = write_wav(
            folder / f"{number}.wav", ((12_000 if n // 24 % 2 else -12_000) * (n in clap) for n in range(samples))
        )
        narration = Narration(audio=sound, seconds=samples / RATE, words=())
        parts.append(
            Part(
                shot=made(Shot(image=picture, zoom=1.0), "grey"),
                narration=made(narration, f"clap{number}"),
                captions=made(Captions(cues=(), ass=flash), "flash"),
            )
        )
    return tuple(parts)


def _flashes(film: Path) -> list[float]:
    """When the picture becomes bright."""
    shown = "scale=16:16,format=gray,lutyuv=y='if(gt(val,150),255,16)',blackframe=amount=0:threshold=100"
    told = _ffmpeg("-f", "mov", "-i", ffmpeg.local(film), "-map", "0:v:0", "-vf", shown, "-f", "null", "-")
    frames = [(float(t), int(dark)) for dark, t in re.findall(r"pblack:(\d+) .*? t:([\d.]+)", told)]
    return [there for (_, before), (there, now) in pairwise(frames) if before > 50 >= now]


def _clicks(film: Path) -> list[float]:
    """When the sound becomes loud."""
    told = _ffmpeg(
        *("-f", "mov", "-i", ffmpeg.local(film), "-map", "0:a:0", "-af", "silencedetect=noise=-30dB:d=0.3"),
        *("-f", "null", "-"),
    )
    length = _length(film)
    ends = (float(end) for end in re.findall(r"silence_end: ([\d.]+)", told))
    return [end for end in ends if end < length - 0.1]


def _ffmpeg(*args: str) -> str:
    """What ffmpeg says and writes."""
    command: list[Any] = [str(ffmpeg.find_binary(None)), "-hide_banner", "-nostdin", *args]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout or done.stderr
