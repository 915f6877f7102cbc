"""Sound as files: WAV tools that stream, and commands that measure loudness.

Loudness is integrated loudness after ITU-R BS.1770 / EBU R 128 in LUFS, peaks are true peaks in dBTP.
"""

from __future__ import annotations

import os
import re
import warnings
import wave
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from storygen.errors import InvalidOutput, RenderFailed
from storygen.media.ffmpeg import Command, local
from storygen.story import Word

if TYPE_CHECKING:
    from pydub import AudioSegment

RATE = 48_000
_MARGIN_SECONDS = 0.03  # kept around the sound: soft consonants begin and end below the threshold
_BELOW_PEAK_DB = 38.0
_CHUNK_FRAMES = 65_536
METER = "ebur128=peak=true:framelog=quiet"
FLAC = ("-c:a", "flac", "-compression_level", "2", "-f", "flac")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What the samples of a WAV file say: shares are of its length, `peak` of full scale."""

    seconds: float
    rate: int
    channels: int
    peak: float
    silence_share: float
    clipping_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """What ffmpeg's ebur128 measured; -inf LUFS where nothing is loud enough to count."""

    lufs: float
    true_peak_dbtp: float


def opened(path: Path, kind: str | None = None) -> tuple[str, ...]:
    """The arguments that open a file in ffmpeg, as `kind` and nothing else where that is given."""
    forced = ("-f", kind) if kind else ()
    return (*forced, "-i", local(path))


def wav_reader(path: Path) -> wave.Wave_read:
    """Open a 16-bit PCM WAV file to read its samples. Raises `InvalidOutput` for anything else."""
    try:
        wav = wave.open(str(path), "rb")  # noqa: SIM115  # the caller closes it
    except (wave.Error, EOFError) as error:
        raise InvalidOutput(f"{path.name} is not a PCM WAV file: {error}") from error
    if wav.getsampwidth() != 2 or not wav.getframerate():
        wav.close()
        raise InvalidOutput(f"{path.name} is not a 16-bit PCM WAV file.")
    return wav


def wav_seconds(path: Path) -> float:
    """The exact length of a PCM WAV file."""
    with wav_reader(path) as wav:
        return wav.getnframes() / wav.getframerate()


def silence_wav(path: Path, seconds: float) -> float:
    """Write silence, 48 kHz mono 16 bit, and return its exact length."""
    frames = round(seconds * RATE)
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", ""))
        _write_silence(wav, frames)
    return frames / RATE


def join_wavs(parts: Sequence[tuple[Path, int]], out: Path) -> None:
    """Write mono 16-bit WAV files of one rate one after the other, each cut or padded with silence to its frames.

    Memory stays constant. Raises `InvalidOutput` where a part is of another kind.
    """
    with wave.open(str(out), "wb") as joined:
        rate = 0
        for path, frames in parts:
            with wav_reader(path) as wav:
                if wav.getnchannels() != 1 or (rate and wav.getframerate() != rate):
                    raise InvalidOutput(f"{path.name} is not a mono WAV file of {rate} Hz.")
                if not rate:
                    rate = wav.getframerate()
                    joined.setparams((1, 2, rate, 0, "NONE", ""))
                left = frames
                while left and (data := wav.readframes(min(left, _CHUNK_FRAMES))):
                    joined.writeframesraw(data)
                    left -= len(data) // 2
            _write_silence(joined, left)


def envelope(path: Path) -> list[int]:
    """The largest sample of each hundredth of a second of a 16-bit WAV file, all channels together."""
    return [_loudest(block) for block in _blocks(path)]


def survey(path: Path) -> Sound:
    """Look at every sample of a 16-bit WAV file; silent is each hundredth of a second 50 dB below full scale."""
    peak = total = silent = clipped = 0
    for block in _blocks(path):
        loudest = _loudest(block)
        peak = max(peak, loudest)
        total += len(block)
        if loudest < 104:
            silent += len(block)
        elif loudest >= 32_767:
            clipped += sum(map(block.count, (32_767, -32_767, -32_768)))
    with wav_reader(path) as wav:
        seconds, rate, channels = wav.getnframes() / wav.getframerate(), wav.getframerate(), wav.getnchannels()
    return Sound(
        seconds=seconds,
        rate=rate,
        channels=channels,
        peak=peak / 32_768,
        silence_share=silent / total if total else 1.0,
        clipping_share=clipped / total if total else 0.0,
    )


def trim(take: Path, words: Sequence[Word], out: Path, *, lead: float, tail: float) -> tuple[Word, ...]:
    """Cut the silence around a take, put `lead` and `tail` seconds of it back, and move the words along.

    The result is mono 16 bit of the take's rate. Raises `InvalidOutput` where nothing can be heard.
    """
    sound = _segment(take).set_channels(1).set_sample_width(2)
    begin, end = _sounding(sound)
    kept = sound[begin:end].fade_in(5).fade_out(8)
    _silent(sound, lead).append(kept, crossfade=0).append(_silent(sound, tail), crossfade=0).export(
        out, format="wav"
    ).close()
    shift, length = round(lead * 1000) / 1000 - begin / 1000, wav_seconds(out)
    return tuple(_moved(word, shift, length) for word in words)


def measure_command(source: Path, *, kind: str | None = "wav", seconds: float | None = None) -> Command:
    """Measure loudness and true peak; `parse_loudness` reads what it says."""
    args = (*opened(source, kind), "-map", "0:a:0", "-af", f"aresample={RATE},{METER}", "-f", "null", "-")
    return Command(step="measure", args=args, seconds=seconds)


def lufs_command(source: Path, *, seconds: float) -> Command:
    """Measure the loudness of a WAV file without its peaks, which take most of the time; for `parse_lufs`."""
    args = (*opened(source, "wav"), "-af", f"aresample={RATE},ebur128=framelog=quiet", "-f", "null", "-")
    return Command(step="measure", args=args, seconds=seconds)


def decode_command(source: Path, out: Path, *, kind: str, seconds: float) -> Command:
    """Decode the first sound of a file, at most `seconds` of it, to 16-bit WAV, and measure it; any error ends it."""
    args = (
        "-xerror",
        *opened(source, kind),
        "-map",
        "0:a:0",
        "-t",
        f"{seconds:g}",
        "-af",
        f"aresample={RATE},{METER}",
    )
    return Command(step="measure", args=(*args, "-c:a", "pcm_s16le", "-f", "wav", local(out)))


def parse_loudness(said: str) -> Loudness:
    """Read the summary of ffmpeg's ebur128; below its gate of -70 LUFS the loudness is -inf.

    Raises `RenderFailed` where there is none.
    """
    return Loudness(lufs=parse_lufs(said), true_peak_dbtp=_figure("Peak", "dBFS", said))


def parse_lufs(said: str) -> float:
    """The integrated loudness of the last summary of ffmpeg's ebur128, which needs no peaks; -inf below its gate."""
    loudness = _figure("I", "LUFS", said)
    return loudness if loudness > -70 else float("-inf")


def _figure(name: str, unit: str, said: str) -> float:
    found = re.search(rf"\b{name}:\s+(-?[\d.]+|-?inf|nan) {unit}", said.rpartition("Summary:")[2])
    if not found:
        raise RenderFailed("ffmpeg did not say how loud the sound is.", hint=said[-300:])
    return float(found[1])


def _blocks(path: Path) -> Iterator[array[int]]:
    """The samples of each hundredth of a second."""
    with wav_reader(path) as wav:
        rate, channels = wav.getframerate(), wav.getnchannels()
        while data := wav.readframes(rate):
            samples = array("h", data)
            bounds = [part * rate // 100 * channels for part in range(101)]
            for begin, end in pairwise(bounds):
                if block := samples[begin:end]:
                    yield block


def _loudest(block: array[int]) -> int:
    highest, lowest = max(block), min(block)
    return max(highest, -lowest)


def _write_silence(wav: wave.Wave_write, frames: int) -> None:
    while frames > 0:
        part = min(frames, _CHUNK_FRAMES)
        wav.writeframesraw(bytes(2 * part))
        frames -= part


def _segment(path: Path) -> AudioSegment:
    wav_reader(path).close()
    # While it is imported, pydub searches PATH for a program that is not needed here, and breaks where there is none.
    os.environ.setdefault("PATH", os.defpath)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of audioop, and of an ffmpeg that it does not need for WAV
        from pydub import AudioSegment

    with path.open("rb") as file:
        return AudioSegment.from_wav(file)


def _sounding(sound: AudioSegment) -> tuple[int, int]:
    """First and last millisecond of what can be heard, with a margin."""
    from pydub.silence import detect_leading_silence

    threshold = sound.max_dBFS - _BELOW_PEAK_DB
    before = detect_leading_silence(sound, silence_threshold=threshold, chunk_size=5)
    if sound.max == 0 or before >= len(sound):
        raise InvalidOutput("The voice is silent.", hint="Try another voice or other words.")
    behind = detect_leading_silence(sound.reverse(), silence_threshold=threshold, chunk_size=5)
    margin = round(_MARGIN_SECONDS * 1000)
    return max(0, before - margin), min(len(sound), len(sound) - behind + margin)


def _silent(like: AudioSegment, seconds: float) -> AudioSegment:
    return type(like).silent(round(seconds * 1000), frame_rate=like.frame_rate)


def _moved(word: Word, shift: float, length: float) -> Word:
    start = min(max(0.0, word.start + shift), length - 0.01)
    return replace(word, start=start, end=max(start + 0.005, min(word.end + shift, length)))
