"""Pictures of what libass draws, as a machine without any font of its own would draw it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PIL import Image, ImageChops

from storygen.media import ffmpeg
from storygen.media.ffmpeg import Command
from storygen.media.fonts import FONT_DIR, SANS, ass_text
from storygen.story import Frame

BINARY = ffmpeg.find_binary(None)

HEAD = """[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
WrapStyle: 2

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, BorderStyle, Outline, Shadow, Alignment, Encoding
Style: Default,{family},{size},&H00FFFFFF,1,0,0,5,-1

[Events]
Format: Layer, Start, End, Style, MarginL, MarginR, MarginV, Effect, Text
"""


def picture_of(ass: Path, frame: Frame, at: float = 0.0) -> Image.Image:
    """What an ASS file shows at a moment, white on black."""
    out = ass.with_suffix(".png")
    source = f"color=c=black:s={frame.width}x{frame.height}:r=10:d=0.1,setpts=PTS+{at}/TB"
    chain = f"{source},ass={ffmpeg.escape(str(ass))}:fontsdir={ffmpeg.escape(str(FONT_DIR))}"
    args = ("-f", "lavfi", "-i", chain, "-frames:v", "1", "-c:v", "png", "-f", "image2", "-update", "1", str(out))
    asyncio.run(ffmpeg.run(Command(step="look", args=args), binary=BINARY, timeout=60, stall_after=30))
    with Image.open(out) as image:
        return image.convert("RGB")


def written(text: str, folder: Path, *, family: str = SANS, raw: bool = False) -> Image.Image:
    """One line of text in the middle of a small picture, through `ass_text` unless it is `raw`."""
    frame = Frame(width=480, height=80, fps=10)
    head = HEAD.format(width=frame.width, height=frame.height, family=family, size=40)
    said = text if raw else ass_text(text, family)
    ass = folder / "written.ass"
    ass.write_text(f"{head}Dialogue: 0,0:00:00.00,0:00:05.00,Default,0,0,0,,{said}\n", encoding="utf-8")
    return picture_of(ass, frame)


def ink(image: Image.Image) -> int:
    """How many pixels are clearly lit."""
    return sum(image.convert("L").histogram()[100:])


def differs(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures, of 255."""
    difference = ImageChops.difference(one.convert("L"), other.convert("L"))
    counts = difference.histogram()
    return sum(value * count for value, count in enumerate(counts)) / sum(counts)
