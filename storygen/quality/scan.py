"""One reading of a film: its streams, its packets, what is seen and heard in it.

Every packet is read and the sound is decoded from start to end; of the pictures all are decoded where that is asked
for, else those that stand alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from storygen.media import glances
from storygen.media.audio import Loudness, parse_loudness
from storygen.media.ffmpeg import Command, Finished, local
from storygen.media.glances import Glance, read_glances
from storygen.media.probe import Media, read_probe, source
from storygen.quality.sync import RATE, WINDOW_SECONDS, late

_METER = "silencedetect=noise=-50dB:d=0.5,ebur128=peak=true:framelog=quiet"
_COUNT = (
    "aformat=sample_fmts=s16,astats=measure_perchannel=none:measure_overall=Peak_level+Peak_count+Number_of_samples"
)
_KEYS = "scale=160:-2:flags=fast_bilinear,blackdetect=d=0:pix_th=0.1,freezedetect=n=0.0003:d=1"
_FULL_SCALE_DB = -0.001
_BLACK = re.compile(r"black_start:([\d.]+) black_end:([\d.]+)")
_FROZEN = re.compile(r"freeze_(start|end):\s*([\d.]+)")
_SILENT = re.compile(r"silence_(start|end):\s*(-?[\d.]+)")
_COUNTED = re.compile(r"Peak level dB: (\S+)\n.*?Peak count: (\S+)\n.*?Number of samples: (\d+)")
_LEVEL = re.compile(r"^\[info\] ", re.MULTILINE)
_ERROR = re.compile(r"^(?:\[[^\]]*\] )*\[(?:error|fatal|panic)\]", re.MULTILINE)

Hands = Callable[[Command], Awaitable[Finished]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The packets of a stream: how many, how many are of uncommon length, the last key frame, start and end in s."""

    packets: int
    odd: int
    last_key: float
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What one reading found; times are in seconds.

    `black` and `frozen` are stretches between key frames, and `glances` are of a film that was decoded. `delays` are
    how late the sound is at the beginning and at the end, where that can be told. `changed` counts packets that are not
    as they were encoded, None where that is not known.
    """

    media: Media
    picture: Track | None
    sound: Track | None
    errors: int
    black: tuple[tuple[float, float], ...]
    frozen: tuple[tuple[float, float], ...]
    silent: tuple[tuple[float, float], ...]
    glances: tuple[Glance, ...]
    loudness: Loudness | None
    clipped_share: float
    delays: tuple[float, ...]
    changed: int | None

    @property
    def seconds(self) -> float:
        """The length of the longer stream."""
        return max((track.end for track in (self.picture, self.sound) if track), default=self.media.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is read of a film: which streams, whether all of the picture is decoded, and what it was made from.

    `sound` is what its sound was encoded from, and `parts` ffmpeg's list of the files that its picture was joined from.
    `seconds` is its length, where known, from which the beginning of its end is counted.
    """

    film: Path
    seen: bool
    heard: bool
    thorough: bool = False
    sound: Path | None = None
    parts: Path | None = None
    seconds: float | None = None

    @property
    def edges(self) -> tuple[tuple[str, float], ...]:
        """Where the sound is compared with what it was made from: a name, and where that begins."""
        if not self.sound or not self.heard or self.seconds is None:
            return ()
        return ("begin", 0.0), ("end", max(0.0, self.seconds - WINDOW_SECONDS))


async def scan(reading: Reading, ffmpeg: Hands, scratch: Path) -> Scan:
    """Read a film once; `scratch` is a folder for passing files, which are removed."""
    folder = scratch / "scan"
    folder.mkdir(exist_ok=True)
    said = (await ffmpeg(replace(scan_command(reading, folder), seconds=reading.seconds))).said
    media = read_probe(reading.film, _LEVEL.sub("", said))
    picture, sound = _tracks(folder / "packets.txt", media)
    seconds = max((track.end for track in (picture, sound) if track), default=0.0)
    changed = _changed(folder) if reading.parts and picture else None
    seen = (folder / "glances.gray").read_bytes() if reading.thorough and reading.seen else b""
    delays = [_delay(folder, name) for name, _ in reading.edges]
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    return Scan(
        media=media,
        picture=picture,
        sound=sound,
        errors=len(_ERROR.findall(said)),
        black=tuple((float(start), float(end)) for start, end in _BLACK.findall(said)),
        frozen=_stretches(_FROZEN, said, seconds),
        silent=_stretches(_SILENT, said, seconds),
        glances=read_glances(seen, 0.0, picture.end if picture else 0.0),
        loudness=parse_loudness(said) if reading.heard else None,
        clipped_share=_clipped(said),
        delays=tuple(delay for delay in delays if delay is not None),
        changed=changed,
    )


def scan_command(reading: Reading, folder: Path) -> Command:
    """Decode, measure, and write down the times of all packets, in one reading."""
    outputs: list[str] = []
    if reading.seen and reading.thorough:
        outputs += ["-map", "0:v:0", "-vf", glances.FILTER, "-f", "rawvideo", local(folder / "glances.gray")]
    elif reading.seen:
        outputs += ["-map", "0:v:0", "-vf", _KEYS, "-f", "null", "-"]
    if reading.heard:
        outputs += ["-map", "0:a:0", "-af", f"{_METER},{_COUNT}", "-f", "null", "-"]
    for name, start in reading.edges:
        for number, kind in enumerate(("heard", "meant")):
            cut = f"atrim=start={start:.6f}:end={start + WINDOW_SECONDS:.6f},aresample={RATE}"
            outputs += ["-map", f"{number}:a:0", "-af", cut, "-ac", "1", "-c:a", "pcm_s16le"]
            outputs += ["-f", "s16le", local(folder / f"{name}-{kind}.pcm")]
    maps = [arg for kind, has in (("v", reading.seen), ("a", reading.heard)) if has for arg in ("-map", f"0:{kind}:0")]
    options = ("-skip_frame", "nokey") if reading.seen and not reading.thorough else ()
    inputs = [*source(reading.film, *options), *(source(reading.sound) if reading.edges and reading.sound else ())]
    if reading.parts:
        outputs += ["-map", f"{inputs.count('-i')}:v:0", "-c", "copy", "-f", "framecrc", local(folder / "parts.txt")]
        inputs += ["-f", "concat", "-auto_convert", "0", "-i", local(reading.parts)]
    return Command(
        step="measure",
        args=(
            *("-loglevel", "level+info", *inputs, *outputs),
            *(*maps, "-c", "copy", "-f", "framecrc", local(folder / "packets.txt")),
        ),
    )


def _delay(folder: Path, name: str) -> float | None:
    return late((folder / f"{name}-heard.pcm").read_bytes(), (folder / f"{name}-meant.pcm").read_bytes())


def _changed(folder: Path) -> int:
    """How many packets of the picture are others than those of its parts.

    Key frames are passed over, because joining writes parameters into them; they are decoded anyway.
    """
    made, meant = (list(_sums(folder / name)) for name in ("packets.txt", "parts.txt"))
    differing = sum(1 for one, other in zip(made, meant, strict=False) if one != other)
    return differing + abs(len(made) - len(meant))


def _sums(packets: Path) -> Iterator[tuple[str, str] | None]:
    """Size and checksum of each packet of the first stream; None for a key frame."""
    with packets.open() as lines:
        for line in lines:
            if line.startswith("0,"):
                _, _, _, _, size, crc, *flags = line.split(",")
                yield (size, crc.strip()) if any("F=0x0" in flag for flag in flags) else None


def _clipped(said: str) -> float:
    """The share of samples at full scale, of what a player of 16 bits would play."""
    found = _COUNTED.search(_LEVEL.sub("", said).replace("[info] ", ""))
    if not found or found[1] in {"-inf", "nan"} or float(found[1]) < _FULL_SCALE_DB:
        return 0.0
    return float(found[2]) / max(1, int(found[3]))


def _tracks(packets: Path, media: Media) -> tuple[Track | None, Track | None]:
    """Read the packets of the picture and the sound."""
    bases: dict[str, float] = {}
    starts: dict[str, int] = {}
    ends: dict[str, int] = {}
    keys: dict[str, int] = {}
    lengths: dict[str, Counter[int]] = {}
    with packets.open() as lines:
        for line in lines:
            if line.startswith("#tb "):
                stream, _, base = line[4:].partition(": ")
                ticks, _, rate = base.partition("/")
                bases[stream] = int(ticks) / int(rate)
            elif not line.startswith("#"):
                stream, _, pts, length, _, _, *flags = line.split(",")
                lengths.setdefault(stream, Counter())[int(length)] += 1
                if not any("F=0x0" in flag for flag in flags):
                    keys[stream] = int(pts)
                starts[stream] = min(starts.get(stream, int(pts)), int(pts))
                ends[stream] = max(ends.get(stream, 0), int(pts) + int(length))
    found = [
        Track(
            packets=kinds.total(),
            odd=kinds.total() - max(kinds.values()),
            last_key=keys.get(stream, 0) * bases[stream],
            start=starts[stream] * bases[stream],
            end=ends[stream] * bases[stream],
        )
        for stream, kinds in sorted(lengths.items())
    ]
    picture = found.pop(0) if media.video and found else None
    return picture, found.pop(0) if media.audio and found else None


def _stretches(pattern: re.Pattern[str], said: str, seconds: float) -> tuple[tuple[float, float], ...]:
    """The stretches between a start and an end; the last one may go on to the end."""
    found: list[tuple[float, float]] = []
    start: float | None = None
    for which, time in pattern.findall(said):
        if which == "start":
            start = max(0.0, float(time))
        elif start is not None:
            found.append((start, float(time)))
            start = None
    if start is not None:
        found.append((start, max(start, seconds)))
    return tuple(found)
