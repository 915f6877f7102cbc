"""What good sound is: takes, narrations, and any file with sound in it."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from storygen.errors import CallerMistake, InvalidOutput, RenderFailed
from storygen.media.audio import Sound, decode_command, parse_loudness, survey
from storygen.media.ffmpeg import Command, Finished
from storygen.media.speech import end_level, spoken_seconds
from storygen.settings import VoiceSettings
from storygen.story import Check, Line, Narration, Verdict, Word

_SECONDS_PER_CHARACTER = (0.012, 0.7)
_SECONDS_AROUND = 4.0  # a short word may stand in much silence
_RATES = (16_000, 192_000)
_LOWEST_RATE = 8_000  # of a telephone
_PACE = (0.5, 1.25)
_PACE_OF_NOBODY = 1.4
_PACE_IF_CUT = 1.1
_END_LEVEL = 0.15  # of the loudest: a voice dies away
_DEMUXERS = {
    ".aac": "aac",
    ".flac": "flac",
    ".m4a": "mov",
    ".mkv": "matroska",
    ".mov": "mov",
    ".mp3": "mp3",
    ".mp4": "mov",
    ".ogg": "ogg",
    ".opus": "ogg",
    ".wav": "wav",
    ".webm": "matroska",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioLimits:
    """Where sound stops being good; shares are of the length, the bitrate is that of the whole file in bit/s."""

    seconds: tuple[float, float] = (0.2, 7200.0)
    size_bytes: tuple[int, int] = (256, 16 * 1024**3)
    bitrate: tuple[float, float] = (16_000, 100_000_000)
    silence_share: float = 0.6
    clipping_share: float = 0.001
    loudness_lufs: float = -16.0
    loudness_tolerance_lu: float = 1.0
    true_peak_dbtp: float = -1.0


def check_take(
    audio: Path, words: Sequence[Word], lines: Sequence[Line], words_per_minute: float = 165
) -> tuple[Check, ...]:
    """Whether a voice delivered what it was asked for: readable, of a sane length, audible, every word in its place.

    Where the voice tells of no words there are no places to check. Sound that was cut off, or plays at another rate
    than its header says, shows as words that come too fast, or that end in the middle of a sound.
    """
    try:
        sound = survey(audio)
    except (InvalidOutput, OSError) as error:
        return (_check("decodes", Verdict.FAIL, str(error)),)
    characters = sum(len(line.text) for line in lines)
    shortest = _SECONDS_PER_CHARACTER[0] * characters
    longest = _SECONDS_PER_CHARACTER[1] * characters + _SECONDS_AROUND * max(1, len(lines))
    return (
        _check("decodes", Verdict.PASS),
        _within("duration", sound.seconds, shortest, longest, "s"),
        _within(
            "rate", sound.rate, *_RATES, "Hz", otherwise=Verdict.FAIL if sound.rate < _LOWEST_RATE else Verdict.WARN
        ),
        *_levels(sound, AudioLimits(silence_share=0.8)),
        *_speech(audio, sound, " ".join(line.text for line in lines), words_per_minute),
        *((_words_in_place(words, lines, sound.seconds),) if words else ()),
    )


def check_narration(narration: Narration, settings: VoiceSettings) -> tuple[Check, ...]:
    """Whether a narration has the loudness that was wanted; nothing to check where nothing is spoken."""
    if narration.loudness_lufs is None or narration.true_peak_dbtp is None:
        return ()
    limits = AudioLimits(loudness_lufs=settings.loudness_lufs, true_peak_dbtp=settings.true_peak_dbtp)
    return _loudness(narration.loudness_lufs, narration.true_peak_dbtp, limits)


async def check_audio(
    path: Path,
    ffmpeg: Callable[[Command], Awaitable[Finished]],
    folder: Path,
    *,
    kind: str | None = None,
    limits: AudioLimits | None = None,
) -> tuple[Check, ...]:
    """Check the first sound of a file, at most two hours of it, decoding it into `folder`.

    `kind` is ffmpeg's name of the format, by default that of the suffix, so that a file cannot pose as something else.
    Raises `CallerMistake` for a suffix that is not known.
    """
    limits = limits or AudioLimits()
    decoded = folder / "decoded.wav"
    command = decode_command(path, decoded, kind=kind or demuxer(path), seconds=limits.seconds[1])
    try:
        said = (await ffmpeg(command)).said
        sound, loudness = survey(decoded), parse_loudness(said)
    except (RenderFailed, InvalidOutput) as error:
        if isinstance(error, RenderFailed) and error.was_killed:
            raise
        return (_check("decodes", Verdict.FAIL, (error.hint or error.message).strip().splitlines()[-1][-200:]),)
    finally:
        decoded.unlink(missing_ok=True)
    size = path.stat().st_size  # noqa: ASYNC240  # as short as a file system is
    return (
        _whole(said, sound.seconds, limits.seconds[1]),
        _within("duration", sound.seconds, *limits.seconds, "s"),
        _within("size", size, *limits.size_bytes, "bytes"),
        _within("bitrate", 8 * size / max(sound.seconds, 0.001), *limits.bitrate, "bit/s", otherwise=Verdict.WARN),
        *_levels(sound, limits),
        *_loudness(loudness.lufs, loudness.true_peak_dbtp, limits),
    )


def demuxer(path: Path) -> str:
    """The name that ffmpeg has for the format of a suffix."""
    try:
        return _DEMUXERS[path.suffix.lower()]
    except KeyError:
        known = ", ".join(sorted(_DEMUXERS))
        raise CallerMistake(f"{path.name} is not a known kind of sound or video.", hint=f"Known are {known}.") from None


def _speech(audio: Path, sound: Sound, text: str, words_per_minute: float) -> tuple[Check, ...]:
    """How many times faster than usual the words come, and how loud the very end is against the loudest.

    Either can be a manner of speaking; both together are not, and nobody speaks at the highest pace.
    """
    usual = spoken_seconds(text, words_per_minute)
    end = end_level(audio) / max(sound.peak, 0.001)
    if usual is None:
        return (_at_most("end_level", end, _END_LEVEL, Verdict.WARN),)
    pace = usual / max(sound.seconds, 0.01)
    is_cut = pace > _PACE_OF_NOBODY or (end > _END_LEVEL and pace > _PACE_IF_CUT)
    otherwise = Verdict.FAIL if is_cut else Verdict.WARN
    return (
        _within("pace", pace, *_PACE, otherwise=otherwise),
        _at_most("end_level", end, _END_LEVEL, otherwise),
    )


def _levels(sound: Sound, limits: AudioLimits) -> tuple[Check, ...]:
    """Silence and clipping; a sound of which nothing can be heard fails, the rest is a warning."""
    silent = Verdict.FAIL if sound.silence_share >= 0.995 else Verdict.WARN
    broken = Verdict.FAIL if sound.clipping_share > 20 * limits.clipping_share else Verdict.WARN
    return (
        _at_most("silence_share", sound.silence_share, limits.silence_share, silent),
        _at_most("clipping_share", sound.clipping_share, limits.clipping_share, broken),
    )


def _loudness(lufs: float, peak: float, limits: AudioLimits) -> tuple[Check, ...]:
    low, high = limits.loudness_lufs - limits.loudness_tolerance_lu, limits.loudness_lufs + limits.loudness_tolerance_lu
    return (
        _within("loudness", lufs, low, high, "LUFS", otherwise=Verdict.WARN),
        _at_most("true_peak", peak, limits.true_peak_dbtp, Verdict.WARN, "dBTP"),
    )


def _words_in_place(words: Sequence[Word], lines: Sequence[Line], seconds: float) -> Check:
    """Every written word once, in order, within the sound, none beginning before the one before it ended."""
    written = [(index, text) for index, line in enumerate(lines) for text in line.text.split()]
    times = [0.0, *(time for word in words for time in (word.start, word.end)), seconds + 0.05]
    told = [(word.line, word.text) for word in words] == written
    ordered = all(earlier <= later + 1e-6 for earlier, later in pairwise(times))
    lasting = all(word.start < word.end for word in words)
    good = told and ordered and lasting
    limit = "every written word in order"
    return _check("words", Verdict.PASS if good else Verdict.FAIL, f"{len(words)} of {len(written)}", limit)


def _whole(said: str, seconds: float, most: float) -> Check:
    """Whether as much was decoded as the file says it holds."""
    match = re.search(r"Duration: (\d+):(\d\d):(\d\d\.\d+)", said)
    if not match:
        return _check("decodes", Verdict.PASS, round(seconds, 3), unit="s")
    promised = min(most, 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3]))
    whole = seconds >= promised - max(0.25, 0.02 * promised)
    return _check("decodes", Verdict.PASS if whole else Verdict.FAIL, round(seconds, 3), f"about {promised:.2f}", "s")


def _within(
    name: str, value: float, low: float, high: float, unit: str = "", *, otherwise: Verdict = Verdict.FAIL
) -> Check:
    good = math.isfinite(value) and low <= value <= high
    return _check(name, Verdict.PASS if good else otherwise, _plain(value), f"{_plain(low)} to {_plain(high)}", unit)


def _at_most(name: str, value: float, limit: float, otherwise: Verdict, unit: str = "") -> Check:
    return _check(name, Verdict.PASS if value <= limit else otherwise, _plain(value), f"at most {_plain(limit)}", unit)


def _plain(value: float) -> float | str:
    """A number that JSON can hold."""
    return round(value, 4) if math.isfinite(value) else str(value)


def _check(
    name: str, verdict: Verdict, value: float | str | None = None, limit: float | str | None = None, unit: str = ""
) -> Check:
    return Check(artifact="audio", name=name, verdict=verdict, value=value, limit=limit, unit=unit)
