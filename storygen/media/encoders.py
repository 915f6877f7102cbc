"""Who encodes the picture: x264 on every machine, or the encoder of a graphics card where a trial shows that it works.

An encoder of a card is tried with the film's own size before anything is rendered: it encodes two short pieces, which
are joined and decoded. Whatever is joined later is encoded by one and the same encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from storygen.errors import RenderFailed, StorygenError
from storygen.media.ffmpeg import Command, local, run
from storygen.media.timeline import timescale
from storygen.settings import FilmSettings

SOFTWARE = "software"
_TRIAL_FRAMES = 6
_TRIAL_SECONDS = 20.0
_HIGH = ("-profile:v", "high")
_WHOLE_GROUPS = ("-g", "250", "-bf", "0")  # no picture waits for one of the next piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """An encoder: its name in ffmpeg, how it is told to keep a quality from 0 (best) to 51, and what it needs.

    `device` goes before all inputs; `upload` are filters that bring a picture to where it is encoded.
    """

    name: str
    quality: tuple[str, ...]
    device: tuple[str, ...] = ()
    upload: str = ""

    def options(self, crf: int) -> tuple[str, ...]:
        """The arguments behind `-c:v`, the encoder's name first."""
        said = (word.format(crf=crf, share=100 - 2 * crf) for word in self.quality)
        return (self.name, *_HIGH, *said, *_WHOLE_GROUPS)


HARDWARE: Mapping[str, Encoder] = {
    "nvenc": Encoder(
        name="h264_nvenc", quality=("-preset", "p5", "-rc", "vbr", "-cq", "{crf}", "-b:v", "0", "-pix_fmt", "yuv420p")
    ),
    "videotoolbox": Encoder(name="h264_videotoolbox", quality=("-q:v", "{share}", "-pix_fmt", "yuv420p")),
    "qsv": Encoder(name="h264_qsv", quality=("-global_quality", "{crf}", "-pix_fmt", "nv12")),
    "amf": Encoder(name="h264_amf", quality=("-rc", "cqp", "-qp_i", "{crf}", "-qp_p", "{crf}", "-pix_fmt", "yuv420p")),
    "vaapi": Encoder(
        name="h264_vaapi",
        quality=("-rc_mode", "CQP", "-qp", "{crf}"),
        device=("-vaapi_device", "/dev/dri/renderD128"),
        upload="format=nv12,hwupload",
    ),
}
"""Encoders of graphics cards by the names that settings have for them, the first that works is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The film's settings with the encoder that it is made with, and why others were left."""

    film: FilmSettings
    left: tuple[str, ...] = ()


def options(film: FilmSettings) -> tuple[str, ...]:
    """The arguments of ffmpeg that encode a picture as the settings say; one thread, closed groups of pictures."""
    hardware = HARDWARE.get(film.encoder)
    if hardware:
        return ("-c:v", *hardware.options(film.crf), "-flags:v", "+cgop+bitexact")
    return (
        *("-c:v", "libx264", *_HIGH, "-preset", film.coding_preset, "-crf", str(film.crf)),
        # the fastest preset leaves out the one feature that makes a stream High profile
        *("-8x8dct", "1", "-pix_fmt", "yuv420p", "-threads:v", "1", "-flags:v", "+cgop+bitexact"),
    )


def prepared(film: FilmSettings) -> tuple[tuple[str, ...], str]:
    """What goes before all inputs for the film's encoder, and the filters that hand pictures to it."""
    hardware = HARDWARE.get(film.encoder)
    return (hardware.device, hardware.upload) if hardware else ((), "")


async def settled(film: FilmSettings, binary: Path) -> Settled:
    """Decide who encodes: the encoder that is asked for, or with `auto` the first that works; x264 where none does."""
    if film.encoder == SOFTWARE:
        return Settled(film=film)
    left = []
    for name in HARDWARE if film.encoder == "auto" else (film.encoder,):
        asked = with_encoder(film, name)
        try:
            await try_out(asked, binary)
        except StorygenError as error:
            left.append(f"{name}: {why(error)}")
        else:
            return Settled(film=asked, left=tuple(left))
    return Settled(film=with_encoder(film, SOFTWARE), left=tuple(left))


def with_encoder(film: FilmSettings, name: str) -> FilmSettings:
    """The same film by another encoder."""
    return FilmSettings(**film.model_dump() | {"encoder": name})


async def try_out(film: FilmSettings, binary: Path) -> None:
    """Encode two pieces with the film's encoder, join them and decode what came out.

    Raises `RenderFailed` where that does not work or pictures are missing, and what `ffmpeg.run` raises.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(2):
            await _run(_piece(film, folder / f"{number}.mp4"), binary)
        (folder / "list.txt").write_text("ffconcat version 1.0\nfile '0.mp4'\nfile '1.mp4'\n")
        joined = ("-f", "concat", "-i", local(folder / "list.txt"), "-c", "copy", "-f", "mp4")
        await _run((*joined, local(folder / "both.mp4")), binary)
        counted = ("-xerror", "-f", "mov", "-i", local(folder / "both.mp4"), "-f", "framecrc")
        await _run((*counted, local(folder / "frames.txt")), binary)
        frames = [line for line in (folder / "frames.txt").read_text().splitlines() if not line.startswith("#")]
    if len(frames) != 2 * _TRIAL_FRAMES:
        raise RenderFailed(f"{len(frames)} pictures came out, not {2 * _TRIAL_FRAMES}", hint="Use another encoder.")


def why(error: StorygenError) -> str:
    """The first thing that ffmpeg said was wrong, or else the error itself."""
    said = error.said.splitlines() if isinstance(error, RenderFailed) else []
    lines = (line.rpartition("] ")[2].strip() for line in said)
    return next((line for line in lines if line), error.message)[:200]


def _piece(film: FilmSettings, out: Path) -> tuple[str, ...]:
    device, upload = prepared(film)
    frame = film.encoded(film.frame)
    shown = f"testsrc2=s={frame.width}x{frame.height}:r={frame.fps}"
    filters = ("-vf", upload) if upload else ()
    timed = ("-video_track_timescale", str(timescale(frame.fps)), "-fflags", "+bitexact", "-f", "mp4", local(out))
    return (
        *("-loglevel", "error", *device, "-f", "lavfi", "-i", shown, "-frames:v", str(_TRIAL_FRAMES)),
        *(*filters, *options(film), *timed),
    )


async def _run(args: tuple[str, ...], binary: Path) -> None:
    command = Command(step="probe", args=args)
    await run(command, binary=binary, timeout=_TRIAL_SECONDS, stall_after=_TRIAL_SECONDS)
