"""Where things stand in the picture, so that titles, terminals and subtitles never meet.

In an upright picture the platforms lay their own buttons over the top tenth, the bottom fifth and the right edge;
nothing that is read stands there.
"""

from __future__ import annotations

from dataclasses import dataclass

from storygen.story import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in pixels; `right` and `bottom` are outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.bottom - self.top


_UPRIGHT = {
    "title": (0.08, 0.11, 0.90, 0.25),
    "terminal": (0.06, 0.28, 0.94, 0.60),
    "subtitles": (0.08, 0.63, 0.88, 0.78),
}
_WIDE = {"title": (0.06, 0.05, 0.94, 0.24), "terminal": (0.12, 0.27, 0.88, 0.74), "subtitles": (0.10, 0.78, 0.90, 0.94)}
_FULL_TERMINAL = {"upright": (0.06, 0.11, 0.94, 0.60), "wide": (0.06, 0.06, 0.94, 0.75)}


LARGEST_ZOOM = 1.12


def title_box(frame: Frame) -> Box:
    """Where the title of a card stands."""
    return _box(frame, _title(frame))


def still_title_box(frame: Frame, focus: tuple[float, float], zoom: float = LARGEST_ZOOM) -> Box:
    """The part of the title's box from which nothing leaves it while the picture grows up to `zoom` around `focus`."""
    left, top, right, bottom = _title(frame)
    x, y = focus

    def held(edge: float, middle: float) -> float:
        return middle + (edge - middle) / zoom

    shares = (
        max(left, held(left, x)),
        max(top, held(top, y)),
        min(right, held(right, x)),
        min(bottom, held(bottom, y)),
    )
    return _box(frame, shares)


def terminal_box(frame: Frame, *, alone: bool) -> Box:
    """Where the terminal stands: over the card, or larger where it is the whole picture."""
    if alone:
        return _box(frame, _FULL_TERMINAL["upright" if _is_upright(frame) else "wide"])
    return _box(frame, (_UPRIGHT if _is_upright(frame) else _WIDE)["terminal"])


def subtitle_box(frame: Frame) -> Box:
    """Where subtitles stand; they grow upwards from its bottom."""
    return _box(frame, (_UPRIGHT if _is_upright(frame) else _WIDE)["subtitles"])


def _title(frame: Frame) -> tuple[float, float, float, float]:
    return (_UPRIGHT if _is_upright(frame) else _WIDE)["title"]


def _is_upright(frame: Frame) -> bool:
    return frame.height > frame.width


def _box(frame: Frame, shares: tuple[float, float, float, float]) -> Box:
    left, top, right, bottom = shares
    return Box(
        left=round(left * frame.width),
        top=round(top * frame.height),
        right=round(right * frame.width),
        bottom=round(bottom * frame.height),
    )
