"""How the eye moves over a still picture: closer, away or across, by pictures that grow and a window cut out of them.

Each frame is scaled, and the window cut out of it, so that the edges of the picture move by whole pixels only. What
lies between the edges is placed by the scaler: this jitters by less than a quarter of a pixel, where zoompan jitters by
a third.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from storygen.media.layout import LARGEST_ZOOM, still_range
from storygen.story import Frame, Mood, Shot

_GLIDING_ZOOM = 1.05  # beside words, which have to stay where they can be read
_FREE_ZOOM = 1.09
_ZOOM = {Mood.CALM: 1.07, Mood.MELANCHOLY: 1.07, Mood.TENSE: LARGEST_ZOOM, Mood.JOYFUL: LARGEST_ZOOM}
_USUAL_ZOOM = 1.09


class _Kind(Enum):
    """What the eye does."""

    CLOSER = auto()
    AWAY = auto()
    ACROSS = auto()
    ASKEW = auto()


# For every other scene the first, for those between the second: no pair of moods has the same twice in a row.
_KINDS = {
    Mood.NEUTRAL: (_Kind.CLOSER, _Kind.AWAY),
    Mood.CALM: (_Kind.ACROSS, _Kind.AWAY),
    Mood.JOYFUL: (_Kind.CLOSER, _Kind.ASKEW),
    Mood.WONDER: (_Kind.ACROSS, _Kind.AWAY),
    Mood.MYSTERIOUS: (_Kind.ACROSS, _Kind.ASKEW),
    Mood.TENSE: (_Kind.CLOSER, _Kind.ASKEW),
    Mood.DARK: (_Kind.CLOSER, _Kind.ASKEW),
    Mood.MELANCHOLY: (_Kind.ACROSS, _Kind.AWAY),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """How the eye moves over one picture: the fields of that name of a `Shot`."""

    zoom: float
    inward: bool
    glide: tuple[float, float, float, float] | None = None


def movement(mood: Mood, number: int, focus: tuple[float, float], frame: Frame, *, titled: bool) -> Movement:
    """How the eye moves over the picture of scene `number`, otherwise than over those of its neighbours.

    Words on the picture stay in their place: beside them it glides less far. It goes across in the direction in which
    there is most to see, and ends nearer to the focus than it began.
    """
    kind = _KINDS[mood][(number + 1) % 2]
    if kind in {_Kind.CLOSER, _Kind.AWAY}:
        return Movement(zoom=_ZOOM.get(mood, _USUAL_ZOOM), inward=kind is _Kind.CLOSER)
    zoom = _GLIDING_ZOOM if titled else _FREE_ZOOM
    ranges = still_range(frame, focus, zoom) if titled else ((0.0, 1.0), (0.0, 1.0))
    ways = [_towards(share, middle, number) for share, middle in zip(ranges, focus, strict=True)]
    if kind is _Kind.ACROSS:
        across, down = (abs(last - first) for first, last in ways)
        still = 0 if across * frame.width < down * frame.height else 1
        low, high = ranges[still]
        ways[still] = (held := min(high, max(low, focus[still])), held)
    (left, right), (top, bottom) = ways
    return Movement(zoom=zoom, inward=True, glide=(left, top, right, bottom))


def _towards(share: tuple[float, float], focus: float, number: int) -> tuple[float, float]:
    """From the end of a range that is farther from the focus to the other; from either where they are as far."""
    low, high = share
    farther = focus - (low + high) / 2
    forward = number // 2 % 2 == 0 if abs(farther) < 0.02 else farther > 0
    return (low, high) if forward else (high, low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The pixels of a grown picture before and after the window along one direction, at first and at last."""

    size: int
    before: tuple[int, int]
    after: tuple[int, int]
    glides: bool

    @classmethod
    def of(cls, size: int, shot: Shot, axis: int) -> Reach:
        """What a shot asks for across (axis 0) or down (axis 1) a window of `size` pixels."""
        room, focus = size * (shot.zoom - 1), shot.focus[axis]
        if shot.glide:
            first, last = (round(share * round(room)) for share in shot.glide[axis::2])
            before, after = (first, last), (round(room) - first, round(room) - last)
        else:
            before, after = (0, round(focus * room)), (0, round((1 - focus) * room))
            if not shot.inward:
                before, after = before[::-1], after[::-1]
        return cls(size=size, before=before, after=after, glides=shot.glide is not None)

    @property
    def even(self) -> int:
        """The largest size of the picture, rounded up to an even number."""
        grown = max(one + other for one, other in zip(self.before, self.after, strict=True))
        return (self.size + grown + self.glides + 1) // 2 * 2

    def placed(self, share: str) -> tuple[str, str]:
        """Expressions for the size of the picture and the pixels before the window, at a `share` of the way.

        Where the eye glides, the far edge follows half a pixel behind the near one, so that the middle moves by half
        pixels: both edges together would move it by whole ones.
        """
        exact = f"({self.before[0]}+{self.before[1] - self.before[0]}*{share})"
        if self.glides:
            return f"{self.size + self.before[0] + self.after[0]}+round{exact}-floor{exact}", f"round{exact}"
        after = f"round({self.after[0]}+{self.after[1] - self.after[0]}*{share})"
        return f"{self.size}+round{exact}+{after}", f"round{exact}"


def reaches(shot: Shot, frame: Frame) -> tuple[Reach, Reach]:
    """How far a picture reaches across and down."""
    return Reach.of(frame.width, shot, 0), Reach.of(frame.height, shot, 1)


def moved(across: Reach, down: Reach, *, fps: int, first: int, frames: int) -> str:
    """The filters that move the window, for a picture of the largest size and a movement that lasts `frames`.

    Its clock is one frame late from frame `first` on, because `crop` takes its limits from its first frame: that one
    has the largest size and is dropped. `t` counts alike in both filters, `n` does not.
    """
    share = f"((t*{fps}-1)/{max(frames - 1, 1)})"
    largest = f"lt(t*{fps},{first + 0.5})"
    (width, left), (height, top) = across.placed(share), down.placed(share)
    return (
        f"scale=eval=frame:flags=bicubic"
        f":w='if({largest},{across.even},{width})':h='if({largest},{down.even},{height})',"
        f"crop={across.size}:{down.size}:x='if({largest},0,{left})':y='if({largest},0,{top})':exact=1,"
        "trim=start_frame=1,setpts=PTS-1"
    )
