from __future__ import annotations

import struct
import wave
from array import array
from pathlib import Path

import pytest

from storygen.errors import InvalidOutput
from storygen.media.wav import mono16, pcm16
from tests.providers.speech.sound_tools import read_wav, tone

TONE = tone(0.5, rate=24_000)


def riff(kind: int, bits: int, data: bytes, *, channels: int = 1, rate: int = 24_000, size: int | None = None) -> bytes:
    frame = channels * bits // 8
    described = struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)
    chunks = b"fmt " + struct.pack("<I", len(described)) + described + b"LIST\x03\x00\x00\x00abc\x00"
    length = len(data) if size is None else size
    return b"RIFF\xff\xff\xff\xffWAVE" + chunks + b"data" + struct.pack("<I", length) + data


def integers(bits: int) -> bytes:
    top = 2 ** (bits - 1) - 1
    values = [round(value * top) for value in TONE]
    if bits == 8:
        return bytes(value + 128 for value in values)
    return b"".join(value.to_bytes(bits // 8, "little", signed=True) for value in values)


WHOLE = {
    "8 bit": riff(1, 8, integers(8)),
    "16 bit": riff(1, 16, integers(16)),
    "24 bit": riff(1, 24, integers(24)),
    "32 bit": riff(1, 32, integers(32)),
    "float": riff(3, 32, array("f", TONE).tobytes()),
    "double": riff(3, 64, array("d", TONE).tobytes()),
    "stereo": riff(1, 16, b"".join(integers(16)[at : at + 2] * 2 for at in range(0, 24_000, 2)), channels=2),
    "a stream's header": riff(1, 16, integers(16), size=0xFFFFFFFF),
    "a header of nothing": riff(1, 16, integers(16), size=0),
}


@pytest.mark.parametrize("name", WHOLE)
def test_every_plain_kind_of_wav_becomes_mono_16_bit(name: str, tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(WHOLE[name])
    assert mono16(tmp_path / "in.wav", tmp_path / "out.wav") == 0.5
    samples, rate = read_wav(tmp_path / "out.wav")
    assert (rate, len(samples)) == (24_000, 12_000)
    assert all(abs(sample / 32_767 - value) < 0.01 for sample, value in zip(samples, TONE, strict=True))


def test_a_float_that_is_no_number_is_silence_and_one_that_is_too_loud_is_clipped(tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(riff(3, 32, array("f", [float("nan"), 9.0, float("-inf")]).tobytes()))
    mono16(tmp_path / "in.wav", tmp_path / "out.wav")
    assert list(read_wav(tmp_path / "out.wav")[0]) == [0, 32_767, -32_767]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (riff(1, 16, integers(16)[:9000], size=24_000), "cut off"),
        (riff(7, 8, integers(8)), "mu-law"),
        (riff(1, 16, integers(16), rate=300), "300 Hz"),
        (b'{"error": "quota"}', "not a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "no sound"),
        (b"", "not a WAV file"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(data)
    with pytest.raises(InvalidOutput, match=why):
        mono16(tmp_path / "in.wav", tmp_path / "out.wav")


def test_bare_samples_get_a_header_and_half_a_sample_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.pcm").write_bytes(integers(16))
    assert pcm16(tmp_path / "in.pcm", tmp_path / "out.wav", rate=24_000) == 0.5
    with wave.open(str(tmp_path / "out.wav")) as wav:
        assert wav.readframes(12_000) == integers(16)
    (tmp_path / "in.pcm").write_bytes(integers(16)[:-1])
    with pytest.raises(InvalidOutput, match="cut off"):
        pcm16(tmp_path / "in.pcm", tmp_path / "out.wav", rate=24_000)
