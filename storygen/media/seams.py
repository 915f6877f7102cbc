"""Seams: how one scene becomes the next, as a piece of film of its own, so that joining stays free of encoding.

A seam shows the end of one scene and the beginning of the next. Both pictures go on moving through all of it; subtitles
are never blended, each is seen in its own scene's part.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from storygen.media.ffmpeg import Command
from storygen.media.picture import BT709, Look, inputs, scene, words
from storygen.media.render import render_command
from storygen.settings import FilmSettings
from storygen.story import Mood

FORMAT = 1  # raise it when the same seam looks different than before
_HALF_SECONDS = 0.25
_SHORTEST_SCENE_SECONDS = 1.5


class Way(StrEnum):
    """How one picture becomes the next; each but the cut is the name of an ffmpeg transition."""

    CUT = "cut"
    FADE = "fade"
    TO_LEFT = "smoothleft"
    TO_RIGHT = "smoothright"
    UP = "smoothup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seam:
    """A way from one scene to the next, which takes a share of the seam's frames in its middle."""

    way: Way
    share: float = 1.0


_CUT, _FADE, _LONG_FADE = Seam(way=Way.CUT), Seam(way=Way.FADE, share=0.7), Seam(way=Way.FADE)
_WIPES = tuple(Seam(way=way, share=0.9) for way in (Way.TO_LEFT, Way.TO_RIGHT, Way.UP))
_HARD = frozenset({Mood.TENSE})
_LIVELY = frozenset({Mood.JOYFUL})


def seam_between(before: Mood, after: Mood, wish: str, number: int) -> Seam:
    """The seam that fits two moods, or that `wish` asks for; `number` is the scene's that begins, to vary wipes.

    What is tense begins with a cut, what is joyful goes on with a wipe; all else fades, for longer where the mood
    changes.
    """
    if wish == "cut":
        return _CUT
    if wish == "wipe" or (wish == "auto" and before in _LIVELY and after in _LIVELY):
        return _WIPES[number % len(_WIPES)]
    if wish == "auto" and after in _HARD:
        return _CUT
    return _FADE if before is after else _LONG_FADE


def half_seam(frames: int, fps: int) -> int:
    """How many frames at each end of a scene lie in its seams: 0 where it is too short to be seen without them."""
    return round(_HALF_SECONDS * fps) if frames >= _SHORTEST_SCENE_SECONDS * fps else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The two scenes that a seam joins: of one their last `after` frames, of the other its first `before` ones.

    One of them may be missing, because its neighbour was left out of the film or is too short to give frames.
    """

    before: Look | None
    after: Look | None

    @property
    def first(self) -> int:
        """The frames of the scene that ends."""
        return self.before.after if self.before else 0

    @property
    def frames(self) -> int:
        """How long the seam is."""
        return self.first + (self.after.before if self.after else 0)

    @property
    def looks(self) -> tuple[Look, ...]:
        """Those who have a share in it."""
        shares = ((self.before, self.first), (self.after, self.frames - self.first))
        return tuple(look for look, share in shares if look and share)


def seam_command(ends: Ends, seam: Seam, film: FilmSettings, out: Path) -> Command:
    """Render the end of one scene and the beginning of the next; where one of them is missing, the other's share."""
    opened = tuple(argument for look in ends.looks for argument in inputs(look))
    return render_command(opened, seam_graph(ends, seam), ends.frames, ends.looks[0].frame.fps, film, out)


def seam_graph(ends: Ends, seam: Seam) -> str:
    """The filter graph of a seam, whose times start at 0."""
    if len(ends.looks) == 2:
        steps = _both(*ends.looks, seam)
    else:
        [look] = ends.looks
        steps = scene(look, _end(look) if look is ends.before else look.before, ends.frames)
    steps[-1] += f",settb=1/{ends.looks[0].frame.fps}"
    if ends.before and ends.before.captions:
        shown = f"if(lt(N,{ends.first}),N+{ends.before.frames - ends.first},-1)"  # at -1 there are no words yet
        steps[-1] += f",setpts='{shown}',{words(ends.before.captions.ass)}"
    if ends.after and ends.after.captions:
        steps[-1] += f",setpts=N-{ends.first},{words(ends.after.captions.ass)}"
    return ";".join(steps) + f",setsar=1,{BT709},setpts=N[out]"


def _both(before: Look, after: Look, seam: Seam) -> list[str]:
    """Both pictures, one becoming the other in the middle; they are blended without changing what is not blended."""
    fps, frames = before.frame.fps, before.after + after.before
    blended = 0 if seam.way is Way.CUT else max(2, round(frames * seam.share / 2) * 2)
    alone = (frames - blended) // 2
    first = scene(before, _end(before), alone + blended, mark="before_")
    then = scene(after, alone, alone + blended, opened=inputs(before).count("-i"), mark="after_")
    cut = f",trim=end_frame={alone + blended},setpts=PTS-STARTPTS,setsar=1,settb=1/{fps},fps={fps}"
    if seam.way is Way.CUT:
        return [*_named(first, f"{cut}[before]"), *_named(then, f"{cut}[after]"), "[before][after]concat"]
    full = f"{cut},scale=flags=neighbor,format=yuv444p"  # xfade wants colours at full size
    times = f"duration={blended / fps:.6f}:offset={alone / fps:.6f}"
    return [
        *_named(first, f"{full}[before]"),
        *_named(then, f"{full}[after]"),
        f"[before][after]xfade=transition={seam.way}:{times},scale=flags=neighbor,format=yuv420p",
    ]


def _named(steps: list[str], ending: str) -> list[str]:
    return [*steps[:-1], steps[-1] + ending]


def _end(look: Look) -> int:
    """Where in its moving picture the frames begin that a scene gives to the seam behind it."""
    return look.before + look.frames - look.after
