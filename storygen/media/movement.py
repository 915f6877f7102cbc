"""How the eye moves over a still picture: closer, away or across, by pictures that grow and a window cut out of them.

Each frame is scaled, and the window cut out of it, so that the edges of the picture move by whole pixels only. What
lies between the edges is placed by the scaler: this jitters by less than a quarter of a pixel, where zoompan jitters by
a third.
"""

from __future__ import annotations

from dataclasses import dataclass

from storygen.story import Frame, Shot


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
        room, focus, glide = size * (shot.zoom - 1), shot.focus[axis], shot.glide[axis]
        if any(shot.glide):
            shares = (min(1.0, max(0.0, focus + side * glide / 2)) for side in (-1, 1))
            first, last = (round(share * round(room)) for share in shares)
            before, after = (first, last), (round(room) - first, round(room) - last)
        else:
            before, after = (0, round(focus * room)), (0, round((1 - focus) * room))
        if not shot.inward:
            before, after = before[::-1], after[::-1]
        return cls(size=size, before=before, after=after, glides=any(shot.glide))

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
