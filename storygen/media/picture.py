"""What a scene shows: a filter graph of its moving picture with all that lies over it, but not its subtitles.

A scene's own clock begins at 0 with its first frame. Its picture begins to move `before` frames earlier and goes on
`after` frames longer, because its seams show it there: graphs count on that clock, where no time is negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storygen.media.ffmpeg import escape, local
from storygen.media.fonts import FONT_DIR
from storygen.media.layout import Box
from storygen.media.movement import moved, reaches
from storygen.media.probe import still_demuxer
from storygen.media.takes import Take, opened, played
from storygen.story import Captions, Frame, Overlay, Shot

BT709 = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
_BACKGROUND = "0x14171c"
_FADE_SECONDS = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the picture of one scene shows in its `frames`; `panel` is the part of the overlay that is not transparent.

    Without a shot the overlay's panel is the whole picture, and without that a plain background. `take` is how the
    shot's clip is shown, where it has one. `before` and `after` are frames at its ends that are rendered as part of the
    seams there; for as long again it goes on beyond its ends. Behind the last scene (`is_last`) no other one follows.
    """

    shot: Shot | None
    overlay: Overlay | None
    captions: Captions | None
    frame: Frame
    frames: int
    panel: Box | None = None
    take: Take | None = None
    before: int = 0
    after: int = 0
    is_last: bool = True

    @property
    def moving(self) -> int:
        """For how many frames the picture moves."""
        return self.before + self.frames + self.after


def inputs(look: Look) -> tuple[str, ...]:
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


def scene(look: Look, first: int, frames: int, *, opened: int = 0, mark: str = "") -> list[str]:
    """The steps of a graph that shows `frames` of a scene from `first` of its moving picture on.

    The last step has no name yet; of stills it never ends. `opened` inputs come before those of this scene, and `mark`
    tells its names from those of another.
    """
    fps = look.frame.fps
    steps = [f"[{opened}:v]{_background(look, first, frames)}"]
    heading = _heading(look)
    if heading:
        steps[0] += f"[{mark}film]"
        steps.append(f"[{opened + 1}:v]{_over_clip(fps, first)}[{mark}heading]")
        steps.append(f"[{mark}film][{mark}heading]overlay=format=yuv420:eof_action=repeat")
    if look.shot and look.overlay:
        steps[-1] += f"[{mark}back]"
        steps.append(f"[{opened + (2 if heading else 1)}:v]{_panel(look, first)}[{mark}panel]")
        box = _panel_box(look)
        steps.append(f"[{mark}back][{mark}panel]overlay={box.left}:{box.top}:format=yuv420:eof_action=repeat")
    if look.overlay:
        typed = f"setpts='clip(N+{first - look.before},0,{look.frames - 1})'"
        steps[-1] += f",{typed},{words(look.overlay.ass)},setpts=N+{first}"
    return steps


def words(path: Path) -> str:
    """The filter that lays ASS events over the picture, by its times."""
    return f"ass={escape(str(path))}:fontsdir={escape(str(FONT_DIR))}"


def _heading(look: Look) -> Path | None:
    """The words that lie over a clip."""
    return look.shot.heading if look.shot and look.take else None


def _background(look: Look, first: int, frames: int) -> str:
    """The picture behind all else, filling the frame and moving as the shot asks."""
    frame, shot = look.frame, look.shot
    if look.take:
        shown = played(look.take, frame.fps, first, first + frames)
        return f"{shown},{_filled(frame.width, frame.height)},settb=1/{frame.fps},setpts=N+{first}"
    if not shot or shot.zoom <= 1:
        return f"{_filled(frame.width, frame.height)},{_clock(frame.fps, first)}"
    across, down = reaches(shot, frame)
    move = moved(across, down, fps=frame.fps, first=first, frames=look.moving)
    return f"{_filled(across.even, down.even)},{_clock(frame.fps, first)},{move}"


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


def _panel(look: Look, first: int) -> str:
    """The terminal's window, cut to what is seen of it: blending the whole frame would cost as much as the zoom."""
    box, fps = _panel_box(look), look.frame.fps
    return (
        f"crop={box.width}:{box.height}:{box.left}:{box.top},format=yuva420p,{_clock(fps, first)},"
        f"fade=t=in:st={look.before / fps:.6f}:d={_FADE_SECONDS}:alpha=1"
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
