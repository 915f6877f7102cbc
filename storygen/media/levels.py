"""How a sound is brought to a loudness: gains, a limiter where peaks would pass, and what to try next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storygen.errors import InvalidOutput
from storygen.media.audio import METER, RATE, Loudness, opened
from storygen.media.ffmpeg import Command, local

LEVEL_STEPS = 6
TOLERANCE_LU = 0.15
_MOST_GAIN_DB = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How a sound is brought to its loudness: a gain, and where peaks would pass, a limiter's ceiling."""

    gain_db: float
    ceiling_db: float | None = None


def level_command(source: Path, out: Path, *, frames: int, level: Level) -> Command:
    """Write `source` as 48 kHz mono 16-bit WAV of exactly `frames` at a level, and measure what comes out."""
    filters = [
        f"aresample={RATE}",
        "aformat=sample_fmts=dbl:channel_layouts=mono",
        f"volume={level.gain_db:.4f}dB:precision=double",
    ]
    if level.ceiling_db is not None:
        filters.append(limiter(level.ceiling_db))
    filters += [f"apad=whole_len={frames}", f"atrim=end_sample={frames}", METER]
    args = (*opened(source, "wav"), "-af", ",".join(filters), "-c:a", "pcm_s16le", "-ar", str(RATE), "-ac", "1")
    clean = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "wav", local(out))
    return Command(step="level", args=(*args, *clean), seconds=frames / RATE)


def limiter(ceiling_db: float) -> str:
    """The filters that keep peaks below a ceiling.

    Peaks between samples pass a limiter that sees only samples: it is let see four times as many.
    """
    ceiling = max(0.0625, 10 ** (ceiling_db / 20))
    limited = f"alimiter=limit={ceiling:.6f}:level=false:attack=4:release=60:latency=true"
    return f"aresample={4 * RATE},{limited},aresample={RATE}"


def first_level(measured: Loudness, *, target: float, ceiling: float) -> Level:
    """The gain that reaches the target, with a limiter where the peaks would pass the ceiling.

    Raises `InvalidOutput` where the sound is too faint to be measured.
    """
    if measured.lufs == float("-inf"):
        raise InvalidOutput("The voice is too faint to be heard.", hint="Try another voice or other words.")
    gain = min(_MOST_GAIN_DB, target - measured.lufs)
    passes = measured.true_peak_dbtp + gain > ceiling
    return Level(gain_db=gain, ceiling_db=ceiling - 0.1 if passes else None)


def next_level(
    level: Level, reached: Loudness, *, target: float, ceiling: float, tolerance: float = TOLERANCE_LU
) -> Level | None:
    """What to try next after `level` gave `reached`; None when that is near enough.

    A limiter takes loudness away, and resampling after it lets peaks grow a little.
    """
    missing = target - reached.lufs
    excess = reached.true_peak_dbtp - ceiling
    if abs(missing) <= tolerance and excess <= 0:
        return None
    limit = level.ceiling_db
    if excess > 0:
        limit = (ceiling if limit is None else limit) - excess - 0.05
    gain = min(_MOST_GAIN_DB, level.gain_db + (missing if abs(missing) > TOLERANCE_LU / 2 else 0.0))
    return Level(gain_db=gain, ceiling_db=limit)
