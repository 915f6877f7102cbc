"""Pictures that users bring, in whatever way cameras and programs write them, made into what fills the frame.

A picture is turned upright, brought to sRGB with eight bits, laid on a ground where it is transparent, and cut to the
frame around what stands out in it; where too much would be cut off, it is shown whole before a blurred copy of itself.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from storygen.errors import InvalidScript
from storygen.media.cards import OVERSIZE
from storygen.story import Frame

if TYPE_CHECKING:
    from PIL import Image

FORMAT = 1  # part of the key under which prepared files are stored: raise it when they look or sound different
MOST_PIXELS = 50_000_000
MOST_BYTES = {"image": 200_000_000, "clip": 8_000_000_000, "sound": 2_000_000_000}
LEAST_KEPT = 0.6  # of a picture's area; where less would be left, it is shown whole
_OPENED = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")
_ORIENTATION = 0x0112  # the tag of EXIF
_SMALL = 96  # pixels of the longer side of what is looked at to find what stands out
_DARK, _LIGHT = (20, 23, 28), (238, 236, 230)
_BEHIND = 0.45  # how bright the blurred copy is behind the whole picture
_MOST_PROFILE = 4_000_000
_QUALITY = 93
_BROKEN = (
    *(OSError, ValueError, SyntaxError, struct.error, zlib.error, EOFError),
    *(IndexError, KeyError, TypeError, OverflowError, MemoryError, AttributeError, RuntimeError, ZeroDivisionError),
)  # Pillow's readers raise any of these for a file that is damaged or made to break them

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of file in words for people, the formats of it, and the endings of their names."""

    what: str
    formats: str
    endings: frozenset[str]


KINDS: Mapping[str, Kind] = {
    "image": Kind(
        what="a picture",
        formats="a picture as PNG, JPEG, WebP, HEIC, AVIF, GIF, TIFF or BMP",
        endings=frozenset(
            {".png", ".jpg", ".jpeg", ".jfif", ".webp", ".heic", ".heif", ".avif", ".gif", ".tif", ".tiff", ".bmp"}
        ),
    ),
    "clip": Kind(
        what="a clip",
        formats="a clip as MP4, MOV, WebM, MKV or MPEG-TS",
        endings=frozenset({".mp4", ".m4v", ".mov", ".webm", ".mkv", ".ts", ".mts", ".m2ts"}),
    ),
    "sound": Kind(
        what="a sound",
        formats="a sound as WAV, MP3, M4A, AAC, FLAC, Ogg, Opus or AIFF",
        endings=frozenset(
            {".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".mka", ".weba"}
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """How a picture was brought to a frame: where the eye should go, and whether all of it is seen."""

    focus: Point
    is_whole: bool


def kind_of_name(name: str) -> str | None:
    """What the ending of a name says that a file is; None where it says nothing."""
    ending = PurePosixPath(name).suffix.lower()
    return next((kind for kind, one in KINDS.items() if ending in one.endings), None)


def told_size(size: int) -> str:
    """A number of bytes as people read it."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size:,} bytes"


def size_of_picture(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is seen, once all of it was decoded. Raises `InvalidScript`."""
    with _opened(path, 64) as (_, size):
        return size


def fit_picture(path: Path, frame: Frame, out: Path) -> Fitted:
    """Write a picture as a JPEG file that fills the frame, a little larger than it. Raises `InvalidScript`."""
    size = round(frame.width * OVERSIZE / 2) * 2, round(frame.height * OVERSIZE / 2) * 2
    with _opened(path, max(size)) as (opened, _):
        flat = _flat(opened)
    cut = is_cut(flat.size, size)
    shown, focus = _cut(flat, size) if cut else (_whole(flat, size), (0.5, 0.5))
    shown.save(out, "JPEG", quality=_QUALITY, subsampling=0)
    return Fitted(focus=focus, is_whole=not cut)


def is_cut(size: tuple[float, float], frame: tuple[int, int]) -> bool:
    """Whether enough of something is left when it is cut to the frame's shape."""
    ours, theirs = frame[0] / frame[1], size[0] / size[1]
    return min(ours / theirs, theirs / ours) >= LEAST_KEPT


@contextmanager
def _opened(path: Path, least: int) -> Iterator[tuple[Image.Image, tuple[int, int]]]:
    """A picture upright, decoded to its end, and the size that it has; of one that moves, the first.

    Of a large one a smaller copy is handed out, whose sides are not below `least` where the picture's are not. Raises
    `InvalidScript` for anything else.
    """
    from PIL import Image, ImageOps

    formats = _formats(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which have a limit of their own here, and of odd metadata
            with Image.open(path, formats=formats) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    raise _too_large(width, height)
                is_turned = image.getexif().get(_ORIENTATION, 1) in range(5, 9)
                image.draft(None, (least, least))
                image.load()
                upright = ImageOps.exif_transpose(_smaller(image, least))
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except _BROKEN as error:
        raise InvalidScript(
            f"it cannot be read as a picture ({str(error).replace(str(path), 'it')[:120] or type(error).__name__})",
            hint="it may be damaged or cut off: copy it again, or save it anew as PNG or JPEG",
        ) from error
    yield upright, ((height, width) if is_turned else (width, height))


def _smaller(image: Image.Image, least: int) -> Image.Image:
    """A whole fraction of a picture that is many times larger than it will be seen."""
    times = min(image.size) // least
    if times < 2 or image.mode not in {"L", "LA", "RGB", "RGBA", "CMYK"}:
        return image
    small = image.reduce(times)
    small.info = image.info
    if exif := image.getexif().get(_ORIENTATION):
        small.getexif()[_ORIENTATION] = exif
    return small


def _formats(path: Path) -> tuple[str, ...]:
    """What Pillow may take a file for, by its first bytes. Raises `InvalidScript`."""
    with path.open("rb") as file:
        head = file.read(32)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC + _AVIF:
        if head[8:12] in _AVIF or (head[8:12] in {b"mif1", b"msf1"} and b"avi" in head[16:]):
            return ("AVIF",)
        _learn_heic()
        return ("HEIF",)
    starts = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    if head.startswith(starts) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return _OPENED
    raise InvalidScript("it is no picture, whatever its name says", hint=f"give {KINDS['image'].formats}")


def _learn_heic() -> None:
    """Let Pillow read HEIC. Raises `InvalidScript` where the package for that is not installed."""
    try:
        import_module("pillow_heif").register_heif_opener()
    except ImportError as error:
        raise InvalidScript(
            "it is HEIC, which needs a package that is not installed",
            hint="run pip install pillow-heif, or save it as JPEG",
        ) from error


def _too_large(width: int = 0, height: int = 0) -> InvalidScript:
    shape = f"{width}x{height} pixels" if width else "more pixels than are ever opened"
    return InvalidScript(f"it has {shape}", hint=f"at most {MOST_PIXELS / 1e6:.0f} million are opened: make it smaller")


def _flat(image: Image.Image) -> Image.Image:
    """The picture in sRGB of eight bits, on a ground where it is transparent."""
    from PIL import Image

    image = _eight_bits(image)
    if not image.has_transparency_data:
        return _in_srgb(image)
    layered = image.convert("RGBA")
    alpha = layered.getchannel("A")
    seen = layered.convert("L").histogram(alpha.point(lambda value: 255 if value > 127 else 0))
    light = sum(value * count for value, count in enumerate(seen)) / max(1, sum(seen))
    ground = Image.new("RGB", layered.size, _LIGHT if light < 110 else _DARK)
    ground.paste(_in_srgb(layered.convert("RGB"), image.info.get("icc_profile")), (0, 0), alpha)
    return ground


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, or of fractions, brought to eight bits; anything else as it is."""
    if image.mode not in {"F", "I"} and not image.mode.startswith("I;16"):
        return image
    grey = image.convert("F")
    low, high = cast("tuple[float, float]", grey.getextrema())
    if low >= 0 and high <= 1 and image.mode == "F":
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 65_535:
        low, high = 0.0, 65_535.0 if high > 255 else 255.0
    scale = 255 / ((high - low) or 1.0)
    return grey.point(lambda value: value * scale - low * scale).convert("L")


def _in_srgb(image: Image.Image, told: object = None) -> Image.Image:
    """Colours as a screen shows them, by the profile that the picture carries, where it is a good one."""
    from PIL import ImageCms

    profile = told or image.info.get("icc_profile")
    if isinstance(profile, bytes) and 128 < len(profile) <= _MOST_PROFILE and image.mode in {"RGB", "CMYK", "L"}:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            shown = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            shown = None  # a bad profile says nothing: the colours are taken as they are
        if shown is not None:
            return shown
    return image.convert("RGB")


def _cut(image: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, Point]:
    """The part of a picture that has the frame's shape around what stands out, and where in it that is."""
    from PIL import Image

    width, height = image.size
    share = min(width / size[0], height / size[1])
    part = size[0] * share, size[1] * share
    focus = focus_of(image)
    left = min(max(0.0, focus[0] * width - part[0] / 2), width - part[0])
    top = min(max(0.0, focus[1] * height - part[1] / 2), height - part[1])
    box = (left, top, left + part[0], top + part[1])
    shown = image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    inside = (focus[0] * width - left) / part[0], (focus[1] * height - top) / part[1]
    return shown, (round(inside[0], 3), round(inside[1], 3))


def _whole(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """All of a picture in the middle of a blurred and darkened copy of itself."""
    from PIL import Image, ImageFilter, ImageOps

    few = max(2, size[0] // 12), max(2, size[1] // 12)
    behind = ImageOps.fit(image, few, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(min(few) / 14))
    behind = behind.point(lambda value: round(value * _BEHIND)).resize(size, Image.Resampling.BICUBIC)
    share = min(size[0] / image.width, size[1] / image.height)
    inner = max(1, round(image.width * share)), max(1, round(image.height * share))
    before = image.resize(inner, Image.Resampling.LANCZOS, reducing_gap=3.0)
    behind.paste(before, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return behind


def focus_of(image: Image.Image) -> Point:
    """The point that the eye goes to, as shares of width and height: the middle of what stands out from around it.

    Where nothing does, and for what is spread evenly, it is the middle.
    """
    from PIL import Image, ImageChops, ImageFilter

    small = image.copy()
    small.thumbnail((_SMALL, _SMALL), Image.Resampling.BOX)
    around = small.filter(ImageFilter.GaussianBlur(_SMALL / 6))
    apart: Any = ImageChops.difference(small, around).convert("L").filter(ImageFilter.GaussianBlur(1.5))
    return _middle(apart.resize((small.width, 1), Image.Resampling.BOX)), _middle(
        apart.resize((1, small.height), Image.Resampling.BOX)
    )


def _middle(line: Image.Image) -> float:
    """Where the weight of a line of pixels lies; a little weight everywhere keeps it near the middle."""
    weights = [value * value + 20.0 for value in line.tobytes()]
    total = sum(weights)
    return sum((place + 0.5) / len(weights) * weight for place, weight in enumerate(weights)) / total
