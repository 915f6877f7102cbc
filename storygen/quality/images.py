"""What a good picture is: it opens, fills the frame, and shows something."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from storygen.story import Check, Frame, Verdict

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 50_000_000
FORMATS = ("PNG", "JPEG", "WEBP")
_LEAST_LIGHT, _MOST_LIGHT = 6.0, 250.0
_LEAST_SPREAD = 3.0
_SAMPLE = 256
_MOST_OTHER = 3  # of 255, on average


def check_image(path: Path, frame: Frame) -> tuple[Check, ...]:
    """Measure a still for a frame: format, size, light and its spread; nothing beyond the pixel limit is decoded."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is lower, and fails
            with Image.open(path, formats=FORMATS) as image:
                pixels = image.width * image.height
                size = _check("pixels", pixels <= MOST_PIXELS, pixels, f"at most {MOST_PIXELS}", "px")
                if size.verdict is Verdict.FAIL:
                    return (size,)
                enough = image.width >= frame.width and image.height >= frame.height
                shape = Check(
                    artifact="image",
                    name="size",
                    verdict=Verdict.PASS if enough else Verdict.WARN,
                    value=f"{image.width}x{image.height}",
                    limit=f"at least {frame.width}x{frame.height}",
                )
                image.draft("RGB", (_SAMPLE, _SAMPLE))
                light, spread = _light(image)
    except Image.DecompressionBombError as error:
        return (_check("pixels", False, str(error), f"at most {MOST_PIXELS}", "px"),)
    except (OSError, ValueError, SyntaxError) as error:
        # Pillow raises any of the three for a file that is not what it says
        return (_check("decodes", False, str(error) or type(error).__name__, "PNG, JPEG or WebP"),)
    return (
        _check("decodes", True, image.format or "", "PNG, JPEG or WebP"),
        size,
        shape,
        _check("light", _LEAST_LIGHT <= light <= _MOST_LIGHT, light, f"{_LEAST_LIGHT:g} to {_MOST_LIGHT:g}", "of 255"),
        _check("spread", spread >= _LEAST_SPREAD, spread, f"at least {_LEAST_SPREAD:g}", "of 255"),
    )


def alike(one: Path, other: Path) -> bool:
    """Whether two pictures that passed their checks are the same, or so nearly that people would say so."""
    if one.read_bytes() == other.read_bytes():
        return True
    first, then = _small(one), _small(other)
    return sum(abs(a - b) for a, b in zip(first, then, strict=True)) <= _MOST_OTHER * len(first)


def _small(path: Path) -> bytes:
    """The light of a picture at 16 times 16 places."""
    from PIL import Image

    with Image.open(path, formats=FORMATS) as image:
        image.draft("L", (_SAMPLE, _SAMPLE))
        return image.convert("L").resize((16, 16), Image.Resampling.BOX).tobytes()


def _light(image: Image.Image) -> tuple[float, float]:
    """The mean and the standard deviation of the luma of a picture; what is transparent counts as black."""
    from PIL import Image, ImageStat

    image.thumbnail((_SAMPLE, _SAMPLE), Image.Resampling.BOX)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
    measured = ImageStat.Stat(image.convert("L"))
    return round(measured.mean[0], 2), round(measured.stddev[0], 2)


def _check(name: str, passed: bool, value: float | str, limit: str, unit: str = "") -> Check:
    verdict = Verdict.PASS if passed else Verdict.FAIL
    return Check(artifact="image", name=name, verdict=verdict, value=value, limit=limit, unit=unit)
