"""Where things stand in the picture, so that titles, terminals and subtitles never meet and no platform hides them.

In an upright picture the platforms lay their own buttons, captions and bars over the edges. On 1080x1920 pixels Google
asks to keep 288 at the top, 672 at the bottom, 48 at the left and 192 at the right free of words (safe zone of vertical
YouTube ads), Meta 14 % at the top, 35 % at the bottom and 6 % at the sides (Reels ads); TikTok's templates for in-feed
ads leave 120 at the left. All text that is seen stands where all three leave room. Elsewhere it keeps out of the
outer 5 %, the graphics safe area of EBU R 95.

What the eye should see is only known once there is a picture, so whatever could stand in several places is made for
each of them, and `arrange` then says which it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from storygen.story import Frame

LARGEST_ZOOM = 1.12
_NEAR = 0.03  # of the height: how close to the focus of the picture subtitles may come
_Shares = tuple[float, float, float, float]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """The places of one shape of picture, as shares of its width and height (left, top, right, bottom).

    Windows may stand a little over the safe area, because what is read in them does not.
    """

    safe: _Shares
    title: _Shares
    subtitles: dict[str, _Shares]
    windows: dict[str, _Shares]
    alone: _Shares


_SHAPES = {
    "upright": _Shape(
        safe=(0.1111, 0.15, 0.8222, 0.65),
        title=(0.1111, 0.15, 0.8222, 0.275),
        subtitles={
            "low": (0.1111, 0.52, 0.8222, 0.65),
            "middle": (0.1111, 0.285, 0.8222, 0.415),
            "high": (0.1111, 0.15, 0.8222, 0.28),
        },
        windows={
            "high": (0.0811, 0.15, 0.8522, 0.38),
            "low": (0.0811, 0.42, 0.8522, 0.65),
            "below": (0.0811, 0.285, 0.8522, 0.515),
        },
        alone=(0.0811, 0.15, 0.8522, 0.51),
    ),
    "square": _Shape(
        safe=(0.05, 0.05, 0.95, 0.95),
        title=(0.05, 0.05, 0.95, 0.235),
        subtitles={"low": (0.07, 0.79, 0.93, 0.945), "middle": (0.07, 0.26, 0.93, 0.41)},
        windows={"below": (0.05, 0.25, 0.95, 0.50), "low": (0.05, 0.515, 0.95, 0.77)},
        alone=(0.05, 0.05, 0.95, 0.76),
    ),
    "wide": _Shape(
        safe=(0.05, 0.05, 0.95, 0.95),
        title=(0.05, 0.05, 0.95, 0.24),
        subtitles={"low": (0.10, 0.78, 0.90, 0.945), "middle": (0.10, 0.27, 0.90, 0.43)},
        windows={"left": (0.05, 0.27, 0.48, 0.75), "right": (0.52, 0.27, 0.95, 0.75)},
        alone=(0.06, 0.06, 0.94, 0.75),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """In which place the subtitles and the terminal's window of a scene stand."""

    subtitles: str
    window: str


def arrange(frame: Frame, focus: tuple[float, float], *, titled: bool, typed: bool) -> Arrangement:
    """The places of a scene, away from its title, from each other, and as far as that goes from the picture's focus.

    They hold for the whole scene. `titled` says whether words are lettered on the picture, `typed` whether it has a
    terminal. Subtitles stand low wherever they can.
    """
    window = _window(frame, focus, titled=titled) if typed else ""
    if typed:
        return Arrangement(subtitles="high" if is_upright(frame) and window == "low" else "low", window=window)
    _, top, _, bottom = _shape(frame).subtitles["low"]
    covered = top - _NEAR <= focus[1] <= bottom + _NEAR and focus[1] > 0.5 + _NEAR
    return Arrangement(subtitles="middle" if covered else "low", window="")


def title_beside_window(frame: Frame, number: int) -> bool:
    """Whether scene `number` (from 1) of this shape has room for its title and a terminal: the first makes room."""
    return not is_upright(frame) or number == 1


def safe_box(frame: Frame) -> Box:
    """Where no platform hides what is read."""
    return _box(frame, _shape(frame).safe)


def title_box(frame: Frame) -> Box:
    """Where the title of a card stands."""
    return _box(frame, _shape(frame).title)


def still_title_box(frame: Frame, focus: tuple[float, float], zoom: float = LARGEST_ZOOM) -> Box:
    """The part of the title's box from which nothing leaves it while the picture grows up to `zoom` around `focus`."""
    return _inside(_box(frame, _still(_shape(frame).title, focus, zoom)))


def still_range(frame: Frame, focus: tuple[float, float], zoom: float) -> tuple[tuple[float, float], ...]:
    """Between which shares of the room that `zoom` leaves a window may lie, across and down, while titles stay put.

    Titles are set for `still_title_box` of the focus; where nothing keeps them in their box it is nearly kept.
    """
    outer = _shape(frame).title
    inner = _still(outer, focus, LARGEST_ZOOM)
    found = []
    for first, last in ((0, 2), (1, 3)):
        low, high = ((inner[edge] * zoom - outer[edge]) / (zoom - 1) for edge in (last, first))
        low, high = max(0.0, low), min(1.0, high)
        found.append((low, high) if low <= high else (min(1.0, (low + high) / 2),) * 2)
    return tuple(found)


def end_box(frame: Frame, zoom: float = LARGEST_ZOOM) -> Box:
    """Where the words of a closing card stand, which grows up to `zoom` around its middle."""
    left, top, right, bottom = _shape(frame).safe
    down = 0.20 if is_upright(frame) else 0.18
    middle = min(0.5, (top + bottom) / 2)
    return _inside(_box(frame, _still((left, middle - down, right, middle + down), (0.5, 0.5), zoom)))


def window_places(frame: Frame) -> tuple[str, ...]:
    """The places where a terminal's window can stand over a picture."""
    return tuple(_shape(frame).windows)


def window_box(frame: Frame, place: str) -> Box:
    """The room of a terminal's window in one of `window_places`; where it is the whole picture `place` is empty."""
    return _box(frame, _shape(frame).windows[place] if place else _shape(frame).alone)


def subtitle_places(frame: Frame) -> tuple[str, ...]:
    """The places where subtitles can stand; the first is the usual one."""
    return tuple(_shape(frame).subtitles)


def subtitle_box(frame: Frame, place: str = "low") -> Box:
    """Where subtitles stand; they grow upwards from its bottom."""
    return _box(frame, _shape(frame).subtitles[place])


def is_upright(frame: Frame) -> bool:
    """Whether a picture is clearly higher than wide."""
    return frame.height > frame.width * 1.2


def _window(frame: Frame, focus: tuple[float, float], *, titled: bool) -> str:
    """The place whose middle is farthest from the focus, among those that leave the title its own."""
    places = window_places(frame)
    if is_upright(frame):
        places = ("below",) if titled else ("high", "low")

    def distance(place: str) -> float:
        left, top, right, bottom = _shape(frame).windows[place]
        return round(((left + right) / 2 - focus[0]) ** 2 + ((top + bottom) / 2 - focus[1]) ** 2, 4)

    return max(places, key=distance)


def _still(shares: _Shares, focus: tuple[float, float], zoom: float) -> _Shares:
    left, top, right, bottom = shares
    x, y = focus

    def held(edge: float, middle: float) -> float:
        return middle + (edge - middle) / zoom

    return (
        max(left, held(left, x)),
        max(top, held(top, y)),
        min(right, held(right, x)),
        min(bottom, held(bottom, y)),
    )


def _inside(box: Box) -> Box:
    """A pixel less at each side, over which a picture that is scaled runs."""
    return Box(left=box.left + 1, top=box.top + 1, right=box.right - 1, bottom=box.bottom - 1)


def _shape(frame: Frame) -> _Shape:
    if is_upright(frame):
        return _SHAPES["upright"]
    return _SHAPES["wide" if frame.width > frame.height * 1.2 else "square"]


def _box(frame: Frame, shares: _Shares) -> Box:
    left, top, right, bottom = shares
    return Box(
        left=round(left * frame.width),
        top=round(top * frame.height),
        right=round(right * frame.width),
        bottom=round(bottom * frame.height),
    )
