"""Pictures of strangers are measured before they are shown, and the dangerous ones are never decoded."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from storygen.quality.images import alike, check_image
from storygen.story import Check, Frame, Verdict

FRAME = Frame(width=90, height=160, fps=30)


def failed(path: Path) -> list[str]:
    return [check.name for check in check_image(path, FRAME) if check.verdict is Verdict.FAIL]


def named(path: Path, name: str) -> Check:
    return next(check for check in check_image(path, FRAME) if check.name == name)


def lively(size: tuple[int, int] = (100, 180)) -> Image.Image:
    image = Image.new("RGB", size, (40, 60, 120))
    ImageDraw.Draw(image).ellipse((20, 20, 70, 90), fill=(250, 220, 120))
    return image


def huge_png(path: Path, width: int, height: int) -> Path:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(3000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_a_good_picture_passes(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"good.{kind}"
    lively().save(path)
    assert all(check.verdict is Verdict.PASS for check in check_image(path, FRAME))


@pytest.mark.parametrize("size", [(32_000, 32_000), (2**31 - 1, 1), (8000, 8000)])
def test_a_picture_of_a_billion_pixels_is_refused_without_being_decoded(size: tuple[int, int], tmp_path: Path) -> None:
    path = huge_png(tmp_path / "huge.png", *size)
    tracemalloc.start()
    assert failed(path) == ["pixels"]
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("colour", ["black", "white", (128, 128, 128), (3, 3, 4)])
def test_a_picture_of_nothing_is_refused(colour: str | tuple[int, int, int], tmp_path: Path) -> None:
    path = tmp_path / "blank.png"
    Image.new("RGB", (100, 180), colour).save(path)
    assert failed(path)


def test_a_wholly_transparent_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clear.png"
    clear = lively().convert("RGBA")
    clear.putalpha(0)
    clear.save(path)
    assert "light" in failed(path)


def test_a_picture_smaller_than_the_frame_is_only_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    lively((80, 100)).save(path)
    assert failed(path) == []
    assert named(path, "size").verdict is Verdict.WARN


@pytest.mark.parametrize(
    "content",
    [b"", b"#EXTM3U\nfile:///etc/passwd\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0garbage", b"GIF89a" + bytes(60)],
)
def test_what_is_no_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    assert failed(path) == ["decodes"]


def test_a_picture_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "torn.png"
    lively().save(path)
    path.write_bytes(path.read_bytes()[:-200])
    assert failed(path) == ["decodes"]


def test_formats_that_were_not_asked_for_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    lively().save(path, "TIFF")
    assert failed(path) == ["decodes"]


def test_the_same_picture_is_known_again_in_another_file_and_another_one_is_not(tmp_path: Path) -> None:
    first, smaller, other = (tmp_path / name for name in ("first.png", "smaller.jpg", "other.png"))
    lively().save(first)
    lively().resize((90, 162)).save(smaller, quality=80)
    lively().rotate(180).save(other)
    assert alike(first, first)
    assert alike(first, smaller)
    assert not alike(first, other)
