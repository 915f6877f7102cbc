"""What ffmpeg cannot write into an MP4 file: that subtitles are there, but not shown until somebody asks for them.

Its muxer switches on one track of each kind, whatever it is told. Boxes are those of ISO/IEC 14496-12.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_ENABLED = 1  # the lowest bit of the flags of a track's header
_SUBTITLES = b"sbtl"


def switch_off_subtitles(film: Path) -> None:
    """Mark the subtitles of an MP4 file as not shown by themselves, in place."""
    with film.open("r+b") as file:
        size = file.seek(0, 2)
        for track in _below(file, 0, size, b"moov", b"trak"):
            if any(_handler(file, start) == _SUBTITLES for start, _ in _below(file, *track, b"mdia", b"hdlr")):
                for start, _ in _below(file, *track, b"tkhd"):
                    file.seek(start + 3)  # a byte of version and three of flags
                    flags = file.read(1)[0]
                    file.seek(start + 3)
                    file.write(bytes([flags & ~_ENABLED]))


def _handler(file: BinaryIO, start: int) -> bytes:
    file.seek(start + 8)
    return file.read(4)


def _below(file: BinaryIO, start: int, end: int, name: bytes, *names: bytes) -> Iterator[tuple[int, int]]:
    """Where the contents of the boxes on a path begin and end."""
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            (size,), head = struct.unpack(">Q", file.read(8)), 16
        stop = end if size == 0 else start + size
        if stop < start + head:
            return
        if kind == name:
            yield from _below(file, start + head, stop, *names) if names else ((start + head, stop),)
        start = stop
