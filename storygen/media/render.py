"""The commands that render a scene's picture, piece by piece.

Each encoder runs with one thread, as many side by side as there are cores, which takes a tenth less time in all than
one encoder with many threads. Scenes are cut into pieces, so that the last one does not leave cores idle: always at the
same places, so that the same scene is the same film whatever else goes on. All pieces have the same parameters, so
they are joined without encoding again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

from storygen.media import encoders
from storygen.media.ffmpeg import Command, local
from storygen.media.glances import SUFFIX, taken_of
from storygen.media.picture import BT709, Look, inputs, scene, words
from storygen.media.timeline import timescale
from storygen.settings import FilmSettings
from storygen.settings.film import PREVIEW

FORMAT = 2  # raise it when the same inputs give another picture or sound than before
_LEAST_CUT_SECONDS = 3.0
_LONGEST_PIECE_SECONDS = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The frames of a scene that one encoder renders: the first, counted on the scene's clock, and how many."""

    first: int
    frames: int


def pieces(look: Look) -> tuple[Piece, ...]:
    """Cut what a scene shows between its seams into equal pieces: two, or as many times two as long ones need.

    A piece costs a key frame, and a piece of less than a second and a half more to start than it saves. While a scene
    is rendered that others follow there is work for all cores, so that only very long ones are cut.
    """
    frames = look.frames - look.before - look.after
    seconds = frames / look.frame.fps
    longest = _LONGEST_PIECE_SECONDS if look.is_last else 2 * _LONGEST_PIECE_SECONDS
    count = 2 if look.is_last and seconds >= _LEAST_CUT_SECONDS else 1
    while seconds / count > longest:
        count *= 2
    bounds = [look.before + frames * i // count for i in range(count + 1)]
    return tuple(Piece(first=a, frames=b - a) for a, b in pairwise(bounds))


def piece_command(look: Look, piece: Piece, film: FilmSettings, out: Path) -> Command:
    """Render exactly the frames of one piece, without sound, as MP4."""
    return render_command(inputs(look), picture_graph(look, piece), piece.frames, look.frame.fps, film, out)


def render_command(opened: Sequence[str], graph: str, frames: int, fps: int, film: FilmSettings, out: Path) -> Command:
    """Encode exactly so many frames of what a graph makes, `[out]`; all that is joined later is encoded by this.

    Glances of them are written beside it, under the same name with their own suffix.
    """
    device, upload = encoders.prepared(film)
    whole = taken_of(_of_size(graph, film), frames)
    handed, seen = (f"{whole};[seen]{upload}[handed]", "[handed]") if upload else (whole, "[seen]")
    return Command(
        step="render",
        seconds=frames / fps,
        args=(
            *(*device, "-filter_complex_threads", "1", *opened),
            *("-filter_complex", handed, "-map", seen, "-frames:v", str(frames), *encoders.options(film)),
            *("-video_track_timescale", str(timescale(fps)), "-fflags", "+bitexact", "-f", "mp4", local(out)),
            *("-map", "[glances]", "-f", "rawvideo", local(out.with_suffix(SUFFIX))),
        ),
    )


def picture_graph(look: Look, piece: Piece) -> str:
    """The filter graph of one piece, whose times start at 0."""
    steps = scene(look, look.before + piece.first, piece.frames)
    if look.captions:
        steps[-1] += f",setpts=N+{piece.first},{words(look.captions.ass)}"
    steps[-1] += f",setsar=1,{BT709},settb=1/{look.frame.fps},setpts=N[out]"
    return ";".join(steps)


def _of_size(graph: str, film: FilmSettings) -> str:
    """The graph with its end brought to the size that is encoded, see `FilmSettings.encoded`."""
    if film.quality == "final":
        return graph
    width, height = (f"'2*round({side}/{2 * PREVIEW})'" for side in ("iw", "ih"))
    return f"{graph.removesuffix('[out]')},scale={width}:{height}:flags=area,setsar=1[out]"


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
