"""The commands that render a scene's picture, piece by piece.

Each encoder runs with one thread, as many side by side as there are cores, which takes a tenth less time in all than
one encoder with many threads. A scene that has cores to spare is cut into pieces. All pieces have the same parameters,
so they are joined without encoding again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

from storygen.media.ffmpeg import Command, escape, local
from storygen.media.fonts import FONT_DIR
from storygen.media.layout import Box
from storygen.media.probe import still_demuxer
from storygen.media.takes import Take, opened, played
from storygen.media.timeline import timescale
from storygen.settings import FilmSettings
from storygen.story import Captions, Frame, Overlay, Shot

FORMAT = 1  # raise it when the same inputs give another picture or sound than before
_BT709 = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
_BACKGROUND = "0x14171c"
_FADE_SECONDS = 0.4
_PIECE_SECONDS = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the picture of one scene shows in its `frames`; `panel` is the part of the overlay that is not transparent.

    Without a shot the overlay's panel is the whole picture, and without that a plain background. `take` is how the
    shot's clip is shown, where it has one.
    """

    shot: Shot | None
    overlay: Overlay | None
    captions: Captions | None
    frame: Frame
    frames: int
    panel: Box | None = None
    take: Take | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The frames of a scene that one encoder renders: the first, and how many."""

    first: int
    frames: int


def pieces(frames: int, fps: int, cores: int) -> tuple[Piece, ...]:
    """Cut a scene into about equal pieces, one for each core, but none so short that starting an encoder costs more."""
    count = max(1, min(cores, math.floor(frames / fps / _PIECE_SECONDS)))
    bounds = [frames * i // count for i in range(count + 1)]
    return tuple(Piece(first=a, frames=b - a) for a, b in pairwise(bounds))


def piece_command(look: Look, piece: Piece, film: FilmSettings, out: Path) -> Command:
    """Render exactly the frames of one piece, without sound, as MP4."""
    fps = look.frame.fps
    return Command(
        step="render",
        seconds=piece.frames / fps,
        args=(
            *("-filter_complex_threads", "1"),
            *_inputs(look),
            *("-filter_complex", picture_graph(look, piece), "-map", "[out]", "-frames:v", str(piece.frames)),
            *("-c:v", "libx264", "-profile:v", "high", "-preset", film.preset, "-crf", str(film.crf)),
            # the fastest preset leaves out the one feature that makes a stream High profile
            *("-8x8dct", "1", "-pix_fmt", "yuv420p", "-threads:v", "1", "-flags:v", "+cgop+bitexact"),
            *("-video_track_timescale", str(timescale(fps)), "-fflags", "+bitexact", "-f", "mp4", local(out)),
        ),
    )


def picture_graph(look: Look, piece: Piece) -> str:
    """The filter graph of one piece; its times are those of the scene until the end, where the piece starts at 0."""
    fps = look.frame.fps
    steps = [f"[0:v]{_background(look, piece)}"]
    heading = _heading(look)
    if heading:
        steps[0] += "[film]"
        steps.append(f"[1:v]{_over_clip(fps, piece.first)}[heading]")
        steps.append("[film][heading]overlay=format=yuv420:eof_action=repeat")
    if look.shot and look.overlay:
        steps[-1] += "[back]"
        steps.append(f"[{2 if heading else 1}:v]{_panel(look, piece)}[panel]")
        box = _panel_box(look)
        steps.append(f"[back][panel]overlay={box.left}:{box.top}:format=yuv420:eof_action=repeat")
    if look.overlay:
        steps[-1] += f",{_ass(look.overlay.ass)}"
    if look.captions:
        steps[-1] += f",{_ass(look.captions.ass)}"
    steps[-1] += f",setsar=1,{_BT709},settb=1/{fps},setpts=PTS-{piece.first}[out]"
    return ";".join(steps)


def concat_list(names: Sequence[str], seconds: Sequence[float]) -> str:
    """The list that the concat demuxer reads; `names` are plain names beside it, with the length of each.

    The demuxer cuts a length to microseconds and adds lengths up, so it is the ends that are rounded.
    """
    ends = [0, *(round(end * 1_000_000) for end in accumulate(seconds))]
    lengths = (f"{(end - start) / 1_000_000:.6f}" for start, end in pairwise(ends))
    entries = (f"file '{name}'\nduration {length}\n" for name, length in zip(names, lengths, strict=True))
    return "ffconcat version 1.0\n" + "".join(entries)


def stitch_command(listed: Path, fps: int, seconds: float, out: Path) -> Command:
    """Join the pieces of a scene, which `listed` lists, without touching a frame."""
    return Command(
        step="stitch",
        seconds=seconds,
        args=(
            *("-f", "concat", "-i", local(listed), "-map", "0:v", "-c", "copy"),
            *("-video_track_timescale", str(timescale(fps)), "-fflags", "+bitexact", "-f", "mp4", local(out)),
        ),
    )


def _inputs(look: Look) -> tuple[str, ...]:
    """The pictures, each read and decoded once."""
    frame = look.frame
    filmed = opened(look.take) if look.take else ()
    shown = [look.shot.image] if look.shot and not look.take else []
    shown += [heading] if (heading := _heading(look)) else []
    shown += [look.overlay.panel] if look.overlay else []
    if not shown and not filmed:
        plain = f"color=c={_BACKGROUND}:s={frame.width}x{frame.height}:r={frame.fps}"
        return ("-f", "lavfi", "-i", plain)
    stills = (
        arg
        for path in shown
        for arg in ("-threads", "1", "-framerate", str(frame.fps), "-f", still_demuxer(path), "-i", local(path))
    )
    return (*filmed, *stills)


def _heading(look: Look) -> Path | None:
    """The words that lie over a clip."""
    return look.shot.heading if look.shot and look.take else None


def _background(look: Look, piece: Piece) -> str:
    """The picture behind all else, filling the frame and moving as the shot asks."""
    frame, shot = look.frame, look.shot
    if look.take:
        shown = played(look.take, frame.fps, piece.first, piece.first + piece.frames)
        return f"{shown},{_filled(frame.width, frame.height)},settb=1/{frame.fps},setpts=N+{piece.first}"
    if not shot or shot.zoom <= 1:
        return f"{_filled(frame.width, frame.height)},{_clock(frame.fps, piece.first)}"
    across = _Reach.of(frame.width, shot.focus[0], shot.zoom)
    down = _Reach.of(frame.height, shot.focus[1], shot.zoom)
    return ",".join(
        (
            _filled(across.even, down.even),
            _clock(frame.fps, piece.first),
            _zoom(across, down, look, piece),
            "trim=start_frame=1,setpts=PTS-1",
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """How many pixels a picture grows to either side of its focus along one direction."""

    size: int
    before: int
    after: int

    @classmethod
    def of(cls, size: int, focus: float, zoom: float) -> _Reach:
        grown = size * (zoom - 1)
        return cls(size=size, before=round(focus * grown), after=round((1 - focus) * grown))

    @property
    def even(self) -> int:
        """The largest size, rounded up to an even number."""
        return (self.size + self.before + self.after + 1) // 2 * 2


def _zoom(across: _Reach, down: _Reach, look: Look, piece: Piece) -> str:
    """Scale each frame and cut the window out of it, so that both edges of the window move by whole pixels only.

    What lies between the edges is placed by the scaler: this jitters by less than a quarter of a pixel, where zoompan
    jitters by a third. `crop` takes its limits from its first frame, so that one has the largest size and is dropped:
    the clock is one frame late. `t` counts alike in both filters, `n` does not.
    """
    fps, last = look.frame.fps, max(look.frames - 1, 1)
    done = f"(t*{fps}-1)/{last}"
    amount = done if look.shot and look.shot.inward else f"(1-{done})"
    share = f"if(lt(t*{fps},{piece.first + 0.5}),1,{amount})"

    def grown(pixels: int) -> str:
        return f"round({pixels}*{share})"

    return (
        f"scale=eval=frame:flags=bicubic"
        f":w='{across.size}+{grown(across.before)}+{grown(across.after)}'"
        f":h='{down.size}+{grown(down.before)}+{grown(down.after)}',"
        f"crop={across.size}:{down.size}:x='{grown(across.before)}':y='{grown(down.before)}':exact=1"
    )


def _filled(width: int, height: int) -> str:
    """Scale once to fill the size, cutting what stands over, and convert to what is encoded."""
    return (
        f"scale={width}:{height}:force_original_aspect_ratio=increase:force_divisible_by=2:flags=lanczos"
        f":out_color_matrix=bt709:out_range=tv,format=yuv420p,crop={width}:{height}"
    )


def _clock(fps: int, first: int) -> str:
    """Repeat the one picture for ever, with the times of the scene from frame `first` on."""
    return f"loop=-1:1,settb=1/{fps},setpts=N+{first}"


def _over_clip(fps: int, first: int) -> str:
    """Words whose colours are multiplied by their alpha, which video of limited range cannot blend as they are."""
    coloured = "scale=out_color_matrix=bt709:out_range=tv,format=yuva420p"
    return f"format=gbrap,unpremultiply=inplace=1,{coloured},{_clock(fps, first)}"


def _panel(look: Look, piece: Piece) -> str:
    """The terminal's window, cut to what is seen of it: blending the whole frame would cost as much as the zoom."""
    box, fps = _panel_box(look), look.frame.fps
    return (
        f"crop={box.width}:{box.height}:{box.left}:{box.top},format=yuva420p,{_clock(fps, piece.first)},"
        f"fade=t=in:st=0:d={_FADE_SECONDS}:alpha=1"
    )


def _panel_box(look: Look) -> Box:
    """The seen part of the panel, with even edges."""
    frame = look.frame
    box = look.panel or Box(left=0, top=0, right=frame.width, bottom=frame.height)
    return Box(
        left=box.left // 2 * 2,
        top=box.top // 2 * 2,
        right=min(frame.width, (box.right + 1) // 2 * 2),
        bottom=min(frame.height, (box.bottom + 1) // 2 * 2),
    )


def _ass(path: Path) -> str:
    return f"ass={escape(str(path))}:fontsdir={escape(str(FONT_DIR))}"
