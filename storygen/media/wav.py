"""WAV files of others: every plain kind becomes mono 16 bit of the same rate, the rest is refused with its reason."""

from __future__ import annotations

import struct
import wave
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from storygen.errors import InvalidOutput

RATES = (8_000, 192_000)
_INTEGER, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_UNKNOWN_SIZE = 0x7FFF_0000  # a header that was written before the sound was known says 0 or about the largest size
_CHUNK_FRAMES = 65_536
_NAMES = {2: "ADPCM", 6: "A-law", 7: "mu-law", 85: "MP3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What a header says: how samples are written, and how many bytes of them there are, None where that is unknown."""

    is_float: bool
    width: int
    channels: int
    rate: int
    size: int | None


def mono16(source: Path, out: Path) -> float:
    """Write a WAV file as mono 16 bit of its own rate, and return its length in seconds.

    Integers of 8 to 32 bits and floats, any number of channels, and headers of streams without a length are read.
    Raises `InvalidOutput` for what is no WAV file, is compressed, ends before its header says, or has no sane rate.
    """
    with source.open("rb") as file:
        shape = _header(file, source.name)
        frame = shape.width * shape.channels
        done = 0
        with wave.open(str(out), "wb") as wav:
            wav.setparams((1, 2, shape.rate, 0, "NONE", ""))
            while data := file.read(_limited(frame, shape.size, done)):
                done += len(data)
                wav.writeframesraw(_mixed(data[: len(data) // frame * frame], shape))
    if shape.size is not None and done < shape.size:
        raise InvalidOutput(f"{source.name} was cut off: {done:,} of {shape.size:,} bytes of sound are there.")
    return done // frame / shape.rate


def pcm16(source: Path, out: Path, *, rate: int) -> float:
    """Wrap bare mono 16-bit samples in a WAV file of `rate`, and return its length in seconds.

    Raises `InvalidOutput` where half a sample is missing.
    """
    size = source.stat().st_size
    if size % 2:
        raise InvalidOutput(f"{source.name} was cut off in the middle of a sample.")
    with source.open("rb") as file, wave.open(str(out), "wb") as wav:
        wav.setparams((1, 2, rate, 0, "NONE", ""))
        while data := file.read(2 * _CHUNK_FRAMES):
            wav.writeframesraw(data)
    return size / 2 / rate


def _limited(frame: int, size: int | None, done: int) -> int:
    most = frame * _CHUNK_FRAMES
    return most if size is None else min(most, size - done)


def _header(file: BinaryIO, name: str) -> _Shape:
    """Read up to the first sample. Source: "Multimedia Programming Interface and Data Specifications 1.0"."""
    riff = file.read(12)
    if len(riff) < 12 or riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        raise InvalidOutput(f"{name} is not a WAV file; it begins with {riff[:12]!r}.")
    described = b""
    while len(head := file.read(8)) == 8:
        kind, size = head[:4], struct.unpack("<I", head[4:])[0]
        if kind == b"data":
            return _shape(described, size, name)
        content = file.read(min(size + size % 2, 65_536))
        if kind == b"fmt ":
            described = content
    raise InvalidOutput(f"{name} holds no sound.")


def _shape(described: bytes, size: int, name: str) -> _Shape:
    if len(described) < 16:
        raise InvalidOutput(f"{name} does not say what its samples are.")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", described[:16])
    if kind == _EXTENSIBLE and len(described) >= 26:
        kind = struct.unpack("<H", described[24:26])[0]
    if (kind, bits) not in _READERS:
        raise InvalidOutput(f"{name} holds {_NAMES.get(kind, f'format {kind}')} of {bits} bits, which cannot be read.")
    if not 1 <= channels <= 16 or not RATES[0] <= rate <= RATES[1]:
        raise InvalidOutput(f"{name} says {channels} channels at {rate} Hz; speech has {RATES[0]} to {RATES[1]} Hz.")
    known = None if size == 0 or size >= _UNKNOWN_SIZE else size
    return _Shape(is_float=kind == _FLOAT, width=bits // 8, channels=channels, rate=rate, size=known)


def _mixed(data: bytes, shape: _Shape) -> bytes:
    samples = _READERS[_FLOAT if shape.is_float else _INTEGER, 8 * shape.width](data)
    if shape.channels == 1:
        return samples
    values, count = array("h", samples), shape.channels
    sides = (values[side::count] for side in range(count))
    return array("h", (sum(frame) // count for frame in zip(*sides, strict=True))).tobytes()


def _highest(width: int) -> Callable[[bytes], bytes]:
    """The two highest bytes of little-endian integers."""

    def read(data: bytes) -> bytes:
        out = bytearray(len(data) // width * 2)
        out[0::2], out[1::2] = data[width - 2 :: width], data[width - 1 :: width]
        return bytes(out)

    return read


def _unsigned(data: bytes) -> bytes:
    out = bytearray(2 * len(data))
    out[1::2] = data.translate(bytes(value ^ 0x80 for value in range(256)))
    return bytes(out)


def _floats(code: str) -> Callable[[bytes], bytes]:
    """Floats between -1 and 1, clipped; what is no number is silence."""

    def read(data: bytes) -> bytes:
        return array("h", (_sample(value) for value in array(code, data))).tobytes()

    return read


def _sample(value: float) -> int:
    return round(32_767 * max(-1.0, min(1.0, value))) if value == value else 0  # noqa: PLR0124  # NaN differs from itself


_READERS: Mapping[tuple[int, int], Callable[[bytes], bytes]] = {
    (_INTEGER, 8): _unsigned,
    (_INTEGER, 16): bytes,
    (_INTEGER, 24): _highest(3),
    (_INTEGER, 32): _highest(4),
    (_FLOAT, 32): _floats("f"),
    (_FLOAT, 64): _floats("d"),
}
