"""What a media file is, found without trusting its name or what it says of itself.

A file is opened only as one of a few kinds, known by its first bytes, with that kind's demuxer forced: a playlist, a
drawing or a script that poses as a clip is refused before ffmpeg sees it, and what is inside cannot name other files.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from storygen.errors import InvalidOutput, RenderFailed
from storygen.media.ffmpeg import Command, Finished, local

MAX_PIXELS = 40_000_000
MAX_SECONDS = 4 * 3600.0
MAX_STREAMS = 16  # telephones put notes of their own into eight and more
_HEAD_BYTES = 256
_PICTURES_IN_MP4 = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1")
_CONTAINERS = {"mov": "mp4", "matroska": "webm"}  # the others are called as their demuxers are
_DURATION = re.compile(r"^  Duration: (?:(\d+):(\d\d):(\d\d\.\d+)|N/A)(?:.*bitrate: (\d+) kb/s)?", re.MULTILINE)
_STREAM = re.compile(r"^  Stream #0:\d+[^\n]*?: (Video|Audio): ([^\n]+)$((?:\n {4}[^\n]*)*)", re.MULTILINE)
_TURNED = re.compile(r"^ {6}display ?matrix: rotation of (-?[\d.]+) degrees", re.MULTILINE | re.IGNORECASE)
_COVER = "(attached pic)"
_ALPHA = re.compile(r"yuva|rgba|bgra|argb|abgr|gbrap|^ya\d|pal8")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStream:
    """Moving pictures in a file; `fps` is 0 where it is not known.

    Players turn the picture by `rotation` degrees and make each pixel `pixel_aspect` times as wide as high. `colours`
    are ffmpeg's words for matrix, primaries and transfer, empty where the file tells none.
    """

    codec: str
    profile: str
    pixel_format: str
    width: int
    height: int
    fps: float
    rotation: float = 0.0
    pixel_aspect: float = 1.0
    colours: tuple[str, ...] = ()
    has_alpha: bool = False

    @property
    def shown(self) -> tuple[float, float]:
        """Width and height of the picture as players show it."""
        width, height = self.width * self.pixel_aspect, float(self.height)
        return (height, width) if round(self.rotation / 90) % 2 else (width, height)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStream:
    """Sound in a file; `channels` is ffmpeg's word for them (mono, stereo, 5.1)."""

    codec: str
    rate: int
    channels: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A media file: `seconds` to the hundredth, `size` in bytes, `bitrate` in kbit/s; covers are left out."""

    container: str
    seconds: float
    size: int
    bitrate: int
    video: tuple[VideoStream, ...]
    audio: tuple[AudioStream, ...]


def source(path: Path, *options: str) -> tuple[str, ...]:
    """The arguments that open media of others, with the demuxer forced and limits on pixels and streams.

    `options` go before the input. Raises `InvalidOutput` for a file that is none of the known kinds.
    """
    limits = ("-max_streams", str(MAX_STREAMS), "-max_pixels", str(MAX_PIXELS))
    return (*options, *limits, "-f", media_demuxer(path), "-i", local(path))


def media_demuxer(path: Path) -> str:
    """The demuxer for a sound or clip, by its first bytes. Raises `InvalidOutput` for anything else."""
    head = _head(path)
    if head[4:8] == b"ftyp" and head[8:12] not in _PICTURES_IN_MP4:
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"ID3") or (head[:1] == b"\xff" and head[1:2] and head[1] & 0xE6 == 0xE2):
        return "mp3"
    if head.startswith(b"OggS"):
        return "ogg"
    if head.startswith(b"fLaC"):
        return "flac"
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        return "aiff"
    if head[:1] == b"\xff" and head[1:2] and head[1] & 0xF6 == 0xF0:
        return "aac"
    if head[:1] == head[188:189] == b"G" or head[4:5] == head[196:197] == b"G":
        return "mpegts"
    raise _refused(path, "a clip or sound (MP4, WebM, MPEG-TS, WAV, MP3, M4A, AAC, Ogg, FLAC or AIFF)")


def still_demuxer(path: Path) -> str:
    """The demuxer for a still picture, by its first bytes. Raises `InvalidOutput` for anything else."""
    head = _head(path)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png_pipe"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg_pipe"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp_pipe"
    raise _refused(path, "a picture (PNG, JPEG or WebP)")


def is_media(path: Path) -> bool:
    """Whether the first bytes are those of a sound or clip that can be opened."""
    return _is_known(media_demuxer, path)


def is_still(path: Path) -> bool:
    """Whether the first bytes are those of a picture that can be opened."""
    return _is_known(still_demuxer, path)


async def probe(path: Path, ffmpeg: Callable[[Command], Awaitable[Finished]]) -> Media:
    """What a file is. Raises `InvalidOutput` for one of no known kind, a damaged one, and one that breaks a limit."""
    try:
        said = (await ffmpeg(probe_command(path))).said
    except RenderFailed as error:
        if error.was_killed:
            raise
        raise _damaged(path) from error
    return read_probe(path, said)


def probe_command(path: Path) -> Command:
    """Open a file and read its streams, but no more than that. Raises `InvalidOutput` for a file of no known kind."""
    few = ("-probesize", "5M", "-analyzeduration", "10M")
    return Command(
        step="probe",
        args=(*source(path, *few), "-map", "0:v?", "-map", "0:a?", "-c", "copy", "-t", "0", "-f", "null", "-"),
    )


def read_probe(path: Path, said: str) -> Media:
    """What ffmpeg said about a file. Raises `InvalidOutput` where it says nothing, or a limit is broken."""
    said = said.replace(local(path), "").partition("Output #0")[0]
    length = _DURATION.search(said)
    if not length:
        raise _damaged(path)
    hours, minutes, seconds, bitrate = length.groups()
    streams = [match.groups() for match in _STREAM.finditer(said)]
    media = Media(
        container=_CONTAINERS.get(kind := media_demuxer(path), kind),
        seconds=int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0),
        size=path.stat().st_size,
        bitrate=int(bitrate or 0),
        video=tuple(_video(told, more) for what, told, more in streams if what == "Video" and _COVER not in told),
        audio=tuple(_audio(told) for what, told, _ in streams if what == "Audio"),
    )
    _keep_limits(path, media)
    return media


def _keep_limits(path: Path, media: Media) -> None:
    broken = [
        *(f"{v.width}x{v.height} pixels" for v in media.video if v.width * v.height > MAX_PIXELS),
        *([f"{media.seconds:.0f} s"] if media.seconds > MAX_SECONDS else []),
        *([f"{len(media.video)} pictures"] if len(media.video) > 1 else []),
    ]
    if broken:
        raise InvalidOutput(
            f"{path.name!r} is too large: {', '.join(broken)}",
            hint=f"At most one picture of {MAX_PIXELS} pixels and {MAX_SECONDS:.0f} s are opened.",
        )


def _video(told: str, more: str) -> VideoStream:
    """Read `h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709), 1080x1920 [SAR 1:1], 7401 kb/s, 30 fps, ...`.

    `more` are the lines below it.
    """
    codec, *rest = _fields(told)
    size = next((m for part in rest if (m := re.match(r"(\d+)x(\d+)", part))), None)
    rate = next((m for part in rest if (m := re.fullmatch(r"([\d.]+)(k?) fps", part))), None)
    return VideoStream(
        codec=codec.split()[0],
        profile=_profile(codec),
        pixel_format=rest[0].partition("(")[0] if rest else "",
        width=int(size[1]) if size else 0,
        height=int(size[2]) if size else 0,
        fps=float(rate[1]) * (1000 if rate[2] else 1) if rate else 0.0,
        rotation=float(turned[1]) if (turned := _TURNED.search(more)) else 0.0,
        pixel_aspect=int(wide[1]) / int(wide[2]) if (wide := re.search(r"\bSAR ([1-9]\d*):([1-9]\d*)", told)) else 1.0,
        colours=_colours(rest[0]) if rest else (),
        has_alpha=bool(_ALPHA.search(rest[0] if rest else "")) or bool(re.search(r"alpha_mode +: 1", more)),
    )


def _colours(pixels: str) -> tuple[str, ...]:
    """Read `yuv420p10le(tv, bt2020nc/bt2020/smpte2084, progressive)`; one word stands for all three."""
    _, _, told = pixels.partition("(")
    words = [part.strip() for part in told.rstrip(")").split(",")]
    found = next((part for part in words if "/" in part or part.startswith(("bt", "smpte", "gbr"))), "")
    return tuple(found.split("/")) if found else ()


def _audio(told: str) -> AudioStream:
    """Read `aac (LC) (mp4a / 0x6134706D), 48000 Hz, mono, fltp, 69 kb/s (default)`."""
    codec, *rest = _fields(told)
    rate = next((m for part in rest if (m := re.fullmatch(r"(\d+) Hz", part))), None)
    return AudioStream(
        codec=codec.split()[0], rate=int(rate[1]) if rate else 0, channels=rest[1] if len(rest) > 1 else ""
    )


def _fields(told: str) -> list[str]:
    """Cut at the commas that are outside brackets."""
    return [part.strip() for part in re.split(r",(?![^(\[]*[)\]])", told)]


def _profile(codec: str) -> str:
    found = re.search(r"\(([^/()]+)\)", codec)
    return found[1].strip() if found else ""


def _head(path: Path) -> bytes:
    if not path.is_file():
        raise InvalidOutput(f"{path.name!r} is not a file", hint="Name a file that exists.")
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _is_known(demuxer: Callable[[Path], str], path: Path) -> bool:
    try:
        return bool(demuxer(path))
    except InvalidOutput:
        return False


def _damaged(path: Path) -> InvalidOutput:
    return InvalidOutput(f"{path.name!r} cannot be read as a media file", hint="It may be damaged or incomplete.")


def _refused(path: Path, wanted: str) -> InvalidOutput:
    return InvalidOutput(f"{path.name!r} is not {wanted}", hint="Its first bytes say so, whatever its name.")
