"""Clips and sounds that users bring, in whatever way cameras and programs write them, made into what the film needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from storygen.errors import InvalidOutput, InvalidScript
from storygen.media.audio import RATE, Loudness
from storygen.media.ffmpeg import Command, local
from storygen.media.given import KINDS, is_cut
from storygen.media.probe import Media, VideoStream, media_demuxer, source
from storygen.story import Frame

MOST_SECONDS = 3600.0
_LEAST_SECONDS = 0.1
_LEAST_THERE = 0.9  # of the length that a file says it has
_STREAMED = 0x7FFF_0000
_PEAK_DBTP = -0.5  # sounds of fractions may pass full scale, and would be clipped there
_HDR = {"smpte2084", "arib-std-b67"}
_GROUND = "0x14171c"
_DIMMED = "lutyuv=y='16+(val-16)*0.45':u='128+(val-128)*0.6':v='128+(val-128)*0.6'"
_METER = "ebur128=peak=true:framelog=quiet"
_TONES = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """What a clip or sound of the user's is: its length, and how a clip's pictures or a sound's levels are."""

    seconds: float
    video: VideoStream | None = None
    loudness: Loudness | None = None


def refuse_media(media: Media, kind: str) -> None:
    """Raise `InvalidScript` for a file that does not hold what it is to be."""
    if kind == "clip" and not media.video:
        raise InvalidScript(
            "there is no picture in it", hint=f"give {KINDS['clip'].formats}, or name it as a recording"
        )
    if kind == "sound" and not media.audio:
        raise InvalidScript("there is no sound in it", hint=f"give {KINDS['sound'].formats}")


def refuse_length(told: float, there: float) -> None:
    """Raise `InvalidScript` for media that are too short, too long, or end before they say; all in seconds."""
    if there < _LEAST_SECONDS:
        raise InvalidScript(f"it lasts {there:.2f} s", hint="it may be damaged: copy it again")
    if max(told, there) > MOST_SECONDS:
        raise InvalidScript(f"it lasts {max(told, there):.0f} s", hint=f"cut it to at most {MOST_SECONDS:.0f} s")
    if there < told * _LEAST_THERE - 0.5:
        raise InvalidScript(f"it says it lasts {told:.1f} s and ends after {there:.1f} s", hint="copy it again")


def known_kind(path: Path) -> str:
    """The demuxer of a clip or sound. Raises `InvalidScript` for anything else."""
    try:
        return media_demuxer(path)
    except InvalidOutput as error:
        hint = f"give {KINDS['clip'].formats}, or {KINDS['sound'].formats}"
        raise InvalidScript("it is no clip or sound, whatever its name says", hint=hint) from error


def refuse_cut_wav(path: Path) -> None:
    """Raise `InvalidScript` for a WAV file that ends before its header says, which ffmpeg passes over.

    Headers of streams, which do not know how long they will be, say nothing or about the largest size.
    """
    with path.open("rb") as file:
        if file.read(12)[8:] != b"WAVE":
            return
        while len(head := file.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                there = path.stat().st_size - file.tell()
                if 0 < size < _STREAMED and there < size * _LEAST_THERE:
                    raise InvalidScript(f"{there:,} of {size:,} bytes of sound are there", hint="copy it again")
                return
            file.seek(size + size % 2, 1)


def walk_command(path: Path) -> Command:
    """Read a clip to its end without decoding it; what comes out is as long as what is there."""
    return Command(step="probe", args=(*source(path), "-map", "0:v:0", "-c", "copy", "-f", "null", "-"))


def glance_command(path: Path, video: VideoStream) -> Command:
    """Decode the first pictures of a clip."""
    shown = ("-map", "0:v:0", "-frames:v", "3", "-f", "null", "-")
    return Command(step="probe", args=(*source(path, *_decoder(video), "-threads", "1"), *shown))


def listen_command(path: Path) -> Command:
    """Decode a sound to its end, mixed to one channel, and measure it."""
    mixed = f"aresample={RATE},aformat=channel_layouts=mono,{_METER}"
    limits = ("-t", f"{MOST_SECONDS + 1:g}")
    return Command(step="measure", args=(*source(path, *limits), "-map", "0:a:0", "-af", mixed, "-f", "null", "-"))


def sound_command(path: Path, loudness: Loudness, seconds: float, out: Path) -> Command:
    """Write a sound as 48 kHz mono 16-bit WAV; one whose peaks pass full scale is brought below it first."""
    gain = min(0.0, _PEAK_DBTP - loudness.true_peak_dbtp)
    mixed = f"aresample={RATE},aformat=sample_fmts=flt:channel_layouts=mono,volume={gain:.3f}dB:precision=float"
    clean = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "wav", local(out))
    return Command(
        step="measure",
        seconds=seconds,
        args=(*source(path), "-map", "0:a:0", "-af", mixed, "-c:a", "pcm_s16le", "-ar", str(RATE), "-ac", "1", *clean),
    )


def clip_command(path: Path, video: VideoStream, frame: Frame, seconds: float, out: Path, still: Path) -> Command:
    """Write at most `seconds` of a clip upright, in the frame's size and rate, in colours of eight bits, without sound.

    It is cut to the frame, or shown whole before a blurred copy where too much would be lost. `still` gets a picture
    of it.
    """
    graph = f"{_upright(video)};{_framed(video, frame)};[framed]split[out][one]"
    coded = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "16", "-pix_fmt", "yuv420p", "-threads:v", "1")
    plain = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact")
    return Command(
        step="render",
        seconds=seconds,
        args=(
            *("-filter_complex_threads", "1", *source(path, *_decoder(video), "-t", f"{seconds:g}", "-threads", "1")),
            *("-filter_complex", graph, "-map", "[out]", *coded, *plain, "-f", "mp4", local(out)),
            *("-map", "[one]", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"),
            *("-f", "image2pipe", local(still)),
        ),
    )


def _decoder(video: VideoStream) -> tuple[str, ...]:
    """What is transparent in VP8 and VP9 is seen by another decoder than the usual one."""
    return ("-c:v", "libvpx-vp9" if video.codec == "vp9" else "libvpx") if _needs_libvpx(video) else ()


def _needs_libvpx(video: VideoStream) -> bool:
    return video.has_alpha and video.codec in {"vp8", "vp9"}


def _upright(video: VideoStream) -> str:
    """Pictures without lines between lines, on a ground where they are transparent; ffmpeg turns them by itself."""
    still = "setpts=PTS-STARTPTS,bwdif=mode=send_frame:deint=interlaced"
    if not video.has_alpha:
        return f"[0:v:0]{still}[upright]"
    return (
        f"[0:v:0]{still},format=gbrap,split[seen][below];[below]drawbox=c={_GROUND}:t=fill:replace=1,format=gbrp[ground];"
        "[ground][seen]overlay=format=gbrp:shortest=1[upright]"
    )


def _framed(video: VideoStream, frame: Frame) -> str:
    """The clip in the frame, with the film's colours and rate."""
    width, height = frame.width, frame.height
    end = f"fps={frame.fps},setsar=1,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709[framed]"
    filling = f"{_scaled(video, frame, fills=True)},crop={width}:{height}"
    if is_cut(video.shown, (width, height)):
        return f"[upright]{filling},{end}"
    few = max(2, width // 24 * 2), max(2, height // 24 * 2)
    return (
        f"[upright]split[a][b];[a]{_scaled(video, frame, fills=False)}[before];"
        f"[b]{filling},scale={few[0]}:{few[1]}:flags=area,gblur=sigma={min(few) / 14:.2f},{_DIMMED},"
        f"scale={width}:{height}:flags=bicubic[behind];[behind][before]overlay=(W-w)/2:(H-h)/2:format=yuv420,{end}"
    )


def _scaled(video: VideoStream, frame: Frame, *, fills: bool) -> str:
    """Scale to the size at which the clip, as it is shown, fills the frame or fits into it, in colours of the film."""
    wide, high = video.shown
    shares = frame.width / wide, frame.height / high
    if fills:
        width, height = (2 * math.ceil(round(side * max(shares) / 2, 3)) for side in (wide, high))
    else:
        width, height = (max(2, 2 * math.floor(round(side * min(shares) / 2, 3))) for side in (wide, high))
    if _HDR & set(video.colours):
        return f"scale={width}:{height}:flags=lanczos,{_TONES},format=yuv420p"
    # What tells no colours is of high definition by its size; swscale would take it for old television.
    matrix = "bt709" if not video.colours and min(video.width, video.height) >= 720 else "auto"
    colours = f"in_color_matrix={matrix}:out_color_matrix=bt709:out_range=tv"
    return f"scale={width}:{height}:flags=lanczos:{colours},format=yuv420p"
