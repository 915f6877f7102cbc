"""A picture of any kind is seen upright, in its colours, without stretch, and all of it where a cut would take much."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageDraw, features

from storygen.errors import InvalidScript
from storygen.media.given import Fitted, fit_picture, size_of_picture
from storygen.story import Frame
from tests.media.odd import CORNERS, RED, card, close, corners, disc, in_place

PORTRAIT = Frame(width=90, height=160, fps=10)
LANDSCAPE = Frame(width=160, height=90, fps=10)
SQUARE = Frame(width=120, height=120, fps=10)
SAME = Frame(width=90, height=120, fps=10)  # the shape of `card`


def fitted(path: Path, frame: Frame = SAME) -> tuple[np.ndarray, Fitted]:
    out = path.parent / "fitted.jpg"
    found = fit_picture(path, frame, out)
    with Image.open(out) as image:
        assert (image.mode, image.getexif()) == ("RGB", {})
        assert image.width / image.height == pytest.approx(frame.width / frame.height, rel=0.02)
        assert image.width > frame.width
        return np.asarray(image).astype(int), found


def deep(image: Image.Image) -> Image.Image:
    grey = np.asarray(image.convert("L")).astype("uint16") * 257
    return Image.fromarray(grey)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_as_its_camera_was_held(tmp_path: Path, orientation: int) -> None:
    turn = Image.Transpose
    stored = {2: turn.FLIP_LEFT_RIGHT, 3: turn.ROTATE_180, 4: turn.FLIP_TOP_BOTTOM, 5: turn.TRANSPOSE,
              6: turn.ROTATE_90, 7: turn.TRANSVERSE, 8: turn.ROTATE_270}  # fmt: skip
    image = card() if orientation == 1 else card().transpose(stored[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "held.jpg", exif=exif, quality=95)
    assert size_of_picture(tmp_path / "held.jpg") == (300, 400)
    assert in_place(fitted(tmp_path / "held.jpg")[0])


COLOURED: dict[str, Callable[[Path], object]] = {
    "plain.png": lambda path: card().save(path),
    "progressive.jpg": lambda path: card().save(path, quality=95, progressive=True),
    "ycc.jpg": lambda path: card().save(path, quality=90, subsampling=2),
    "cmyk.jpg": lambda path: card().convert("CMYK").save(path, quality=95),
    "cmyk.tif": lambda path: card().convert("CMYK").save(path),
    "lab.tif": lambda path: card().convert("LAB").save(path),
    "packed.tif": lambda path: card().save(path, compression="tiff_lzw"),
    "palette.png": lambda path: card().quantize(64).save(path),
    "clear.png": lambda path: card().quantize(64).save(path, transparency=200),
    "alpha.png": lambda path: card().convert("RGBA").save(path),
    "alpha.webp": lambda path: card().convert("RGBA").save(path, lossless=True),
    "first.gif": lambda path: card().save(path, save_all=True, append_images=[Image.new("RGB", (300, 400))] * 2),
    "first.webp": lambda path: card().save(
        path, save_all=True, append_images=[Image.new("RGB", (300, 400))], quality=95
    ),
    "first.apng.png": lambda path: card().save(path, save_all=True, append_images=[Image.new("RGB", (300, 400))]),
    "pages.tiff": lambda path: card().save(path, save_all=True, append_images=[Image.new("RGB", (300, 400))]),
    "plain.bmp": lambda path: card().save(path),
    "bad-profile.png": lambda path: card().save(path, icc_profile=b"no profile at all" * 20),
    "huge.png": lambda path: card(1500, 2000).save(path),
}


@pytest.mark.parametrize("name", COLOURED)
def test_every_kind_of_file_has_its_colours_in_their_places(tmp_path: Path, name: str) -> None:
    COLOURED[name](tmp_path / name)
    pixels, found = fitted(tmp_path / name)
    assert in_place(pixels, 60 if name in {"lab.tif", "ycc.jpg", "first.gif"} else 26)
    assert not found.is_whole


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
def test_avif_has_its_colours_in_their_places(tmp_path: Path) -> None:
    card().save(tmp_path / "a.avif", quality=90)
    assert in_place(fitted(tmp_path / "a.avif")[0], 40)


def test_heic_is_read_where_its_package_is_installed(tmp_path: Path) -> None:
    pillow_heif.from_pillow(card()).save(tmp_path / "phone.heic", quality=90)
    assert size_of_picture(tmp_path / "phone.heic") == (300, 400)
    assert in_place(fitted(tmp_path / "phone.heic")[0], 40)


def test_heic_without_its_package_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x1cftypheic" + bytes(40))
    with pytest.raises(InvalidScript, match="it is HEIC") as failure:
        size_of_picture(tmp_path / "phone.heic")
    assert "pip install pillow-heif" in failure.value.hint


@pytest.mark.parametrize(
    "make",
    [
        lambda: card().convert("L"),
        lambda: card().convert("LA"),
        lambda: deep(card()),
        lambda: card().convert("I"),
    ],
    ids=["8 bit", "alpha", "16 bit", "32 bit"],
)
def test_grey_of_any_depth_is_as_bright_as_it_was(tmp_path: Path, make: Callable[[], Image.Image]) -> None:
    image = make()
    path = tmp_path / ("grey.tif" if image.mode == "I" else "grey.png")
    image.save(path)
    pixels, _ = fitted(path)
    wanted = [round(0.299 * red + 0.587 * green + 0.114 * blue) for red, green, blue in CORNERS]
    assert [close(seen, (light,) * 3, 8) for seen, light in zip(corners(pixels), wanted, strict=True)] == [True] * 4


def test_grey_of_fractions_is_as_bright_as_it_was(tmp_path: Path) -> None:
    Image.fromarray(np.full((400, 300), 0.5, "float32")).save(tmp_path / "f.tif")
    assert fitted(tmp_path / "f.tif")[0].mean() == pytest.approx(127, abs=3)


@pytest.mark.parametrize(("ink", "is_dark"), [((255, 255, 240), True), ((20, 20, 30), False)], ids=["light", "dark"])
def test_what_is_transparent_lies_on_a_ground_that_it_stands_out_from(
    tmp_path: Path, ink: tuple[int, int, int], is_dark: bool
) -> None:
    image = Image.new("RGBA", (300, 400), (255, 0, 255, 0))
    image.paste((*ink, 255), (100, 150, 200, 250))
    image.save(tmp_path / "logo.png")
    pixels, _ = fitted(tmp_path / "logo.png")
    ground, logo = pixels[4, 4], pixels[pixels.shape[0] // 2, pixels.shape[1] // 2]
    assert close(tuple(logo), ink)
    assert (ground.mean() < 60) == is_dark
    assert abs(int(ground.mean()) - int(logo.mean())) > 120
    assert np.ptp(ground) < 20  # nothing is left of the colour below what is transparent


@pytest.mark.parametrize("frame", [PORTRAIT, LANDSCAPE, SQUARE], ids=["9:16", "16:9", "1:1"])
@pytest.mark.parametrize("size", [(400, 300), (300, 400), (300, 300), (900, 200), (150, 1200), (317, 211)], ids=str)
def test_a_circle_stays_a_circle_and_the_frame_is_filled(tmp_path: Path, frame: Frame, size: tuple[int, int]) -> None:
    card(*size).resize((size[0] * 2, size[1] * 2)).save(tmp_path / "a.png")
    pixels, found = fitted(tmp_path / "a.png", frame)
    width, height = disc(pixels)
    assert abs(width - height) <= max(2, 0.06 * width)
    ours, theirs = frame.width / frame.height, size[0] / size[1]
    assert found.is_whole == (min(ours / theirs, theirs / ours) < 0.6)
    for edge in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]):
        assert edge.mean() > 20  # no black bars


@pytest.mark.parametrize("frame", [PORTRAIT, LANDSCAPE], ids=["9:16", "16:9"])
def test_a_picture_that_would_lose_much_is_seen_whole_before_a_darker_copy(tmp_path: Path, frame: Frame) -> None:
    across = frame is PORTRAIT
    card(*((480, 270) if across else (270, 480))).save(tmp_path / "a.png")
    pixels, found = fitted(tmp_path / "a.png", frame)
    share = frame.width / frame.height if across else frame.height / frame.width
    inner = round((pixels.shape[1] if across else pixels.shape[0]) * share)
    start = ((pixels.shape[0] if across else pixels.shape[1]) - inner) // 2
    seen = pixels[start : start + inner] if across else pixels[:, start : start + inner]
    behind = pixels[: start - 4] if across else pixels[:, : start - 4]
    assert found == Fitted(focus=(0.5, 0.5), is_whole=True)
    assert [close(one, other, 40) for one, other in zip(corners_of(seen), CORNERS, strict=True)] == [True] * 4
    assert behind.mean() < 0.6 * seen.mean()


def corners_of(pixels: np.ndarray) -> list[tuple[int, ...]]:
    inset = min(pixels.shape[:2]) // 12
    return [tuple(pixels[y, x]) for y in (inset, -inset - 1) for x in (inset, -inset - 1)]


@pytest.mark.parametrize("place", [0.22, 0.5, 0.8])
def test_what_stands_out_is_kept_when_a_picture_is_cut(tmp_path: Path, place: float) -> None:
    image = Image.effect_noise((640, 480), 6).convert("RGB")
    middle = round(640 * place)
    ImageDraw.Draw(image).ellipse((middle - 50, 190, middle + 50, 290), fill="white")
    image.save(tmp_path / "a.png")
    pixels, found = fitted(tmp_path / "a.png", SQUARE)
    width, height = disc(pixels)
    assert abs(width - height) <= 3  # all of it is there
    columns = np.where(pixels.min(axis=2) > 200)[1]
    assert found.focus[0] == pytest.approx(columns.mean() / pixels.shape[1], abs=0.2)


def test_a_picture_of_one_colour_or_one_pixel_fills_the_frame(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), RED).save(tmp_path / "dot.png")
    Image.new("RGB", (1, 5000), RED).save(tmp_path / "line.png")
    assert close(tuple(fitted(tmp_path / "dot.png", SQUARE)[0][60, 60]), RED)
    assert fitted(tmp_path / "line.png", SQUARE)[1].is_whole


def cut(content: bytes, share: float = 0.6) -> bytes:
    return content[: round(len(content) * share)]


def saved(form: str, **how: object) -> bytes:
    noise = Image.effect_noise((300, 400), 60).convert("RGB")
    written = BytesIO()
    noise.save(written, form, **how)  # type: ignore[arg-type]
    return written.getvalue()


def huge_png() -> bytes:
    written = bytearray(saved("PNG"))
    written[16:24] = (60_000).to_bytes(4, "big") * 2
    written[29:33] = zlib.crc32(written[12:29]).to_bytes(4, "big")
    return bytes(written)


BROKEN = {
    "cut.png": lambda: cut(saved("PNG")),
    "cut.jpg": lambda: cut(saved("JPEG")),
    "cut-progressive.jpg": lambda: cut(saved("JPEG", progressive=True)),
    "cut.webp": lambda: cut(saved("WEBP")),
    "cut.gif": lambda: cut(saved("GIF")),
    "cut.tif": lambda: cut(saved("TIFF")),
    "cut.bmp": lambda: cut(saved("BMP")),
    "head.png": lambda: saved("PNG")[:40],
    "head.jpg": lambda: saved("JPEG")[:20],
    "bomb.png": huge_png,
    "text.jpg": lambda: b"To be or not to be",
    "page.png": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "post.jpg": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "film.gif": lambda: b"\0\0\0\x18ftypisom" + bytes(40),
    "broken.heic": lambda: b"\0\0\0\x1cftypheic" + bytes(400),
    "broken.avif": lambda: b"\0\0\0\x1cftypavif" + bytes(400),
    "noise.tif": lambda: b"II*\0" + bytes(range(256)) * 4,
    "noise.png": lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_whole_picture_is_refused_and_told_what_is_right(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BROKEN[name]())
    for read in (size_of_picture, lambda path: fit_picture(path, SAME, tmp_path / "out.jpg")):
        with pytest.raises(InvalidScript) as failure:
            read(tmp_path / name)
        assert failure.value.hint
        assert str(tmp_path) not in failure.value.message
    assert not (tmp_path / "out.jpg").exists()
