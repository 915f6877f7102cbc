"""What good subtitles are, for cues in memory and for any SRT, VTT or ASS file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from storygen.settings import QualitySettings, SubtitleSettings
from storygen.story import Check, Cue, Verdict

_FORMATS = {".srt": "srt", ".vtt": "vtt", ".ass": "ass", ".ssa": "ssa"}
_LARGEST_BYTES = 20 * 1024**2
_LIMITS = QualitySettings()
_LEAST_OF_AUDIO = 40.0  # percent of the whole sound, where it is not known when somebody speaks
_BEFORE_THE_END = 3.0  # seconds for which nothing needs to be said at the end of a sound
_ROUNDING_SECONDS = 0.011  # of the coarsest format


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What stands on the screen from when to when, and when its words are heard, where that is known."""

    start: float
    end: float
    lines: tuple[str, ...]
    heard: tuple[float, float] | None = None


def check_cues(
    cues: Sequence[Cue],
    *,
    audio_seconds: float | None = None,
    speech: Sequence[tuple[float, float]] = (),
    settings: SubtitleSettings | None = None,
    limits: QualitySettings = _LIMITS,
) -> tuple[Check, ...]:
    """Check cues against the length of the sound and the times at which somebody speaks, as far as they are known."""
    shown = [
        _Shown(
            start=cue.start,
            end=cue.end,
            lines=cue.lines,
            heard=(cue.words[0].start, cue.words[-1].end) if cue.words else None,
        )
        for cue in cues
    ]
    return _checks(shown, audio_seconds, speech, settings or SubtitleSettings(), limits)


def check_subtitles(
    path: Path,
    *,
    audio_seconds: float | None = None,
    speech: Sequence[tuple[float, float]] = (),
    settings: SubtitleSettings | None = None,
    limits: QualitySettings = _LIMITS,
) -> tuple[Check, ...]:
    """Check a file of subtitles in the same way; a file that cannot be read fails the check `parses`."""
    try:
        shown = _read(path)
    except ValueError as error:
        return (_check("parses", Verdict.FAIL, str(error)),)
    parses = _check("parses", Verdict.PASS if shown else Verdict.FAIL, len(shown), "at least 1", "cues")
    if not shown:
        return (parses,)
    return (parses, *_checks(shown, audio_seconds, speech, settings or SubtitleSettings(), limits))


def _read(path: Path) -> list[_Shown]:
    """The cues of a file. Raises `ValueError` with the reason where there are none to be had."""
    import pysubs2

    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"{path.suffix or path.name} is not one of {', '.join(_FORMATS)}")
    if path.stat().st_size > _LARGEST_BYTES:
        raise ValueError(f"larger than {_LARGEST_BYTES // 1024**2} MB")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    try:
        file = pysubs2.SSAFile.from_string(text, format_=kind)
    except (pysubs2.exceptions.Pysubs2Error, ValueError, IndexError, KeyError) as error:
        raise ValueError(f"not {kind}: {error}") from error
    return [
        _Shown(start=event.start / 1000, end=event.end / 1000, lines=tuple(event.plaintext.splitlines()))
        for event in file
        if not event.is_comment
    ]


def _checks(
    shown: Sequence[_Shown],
    seconds: float | None,
    speech: Sequence[tuple[float, float]],
    settings: SubtitleSettings,
    limits: QualitySettings,
) -> tuple[Check, ...]:
    least = limits.subtitle_coverage
    if not shown:
        return (_check("coverage", Verdict.FAIL, 0.0, f"at least {least:g}", "%"),) if speech else ()
    overlap = max((before.end - after.start for before, after in pairwise(shown)), default=0.0)
    ordered = all(before.start <= after.start for before, after in pairwise(shown))
    longest = max((len(line) for cue in shown for line in cue.lines), default=0)
    lasting = all(cue.start < cue.end for cue in shown)
    checks = [
        _check("order", Verdict.PASS if ordered and lasting else Verdict.FAIL),
        _at_most("overlap", max(0.0, overlap), 0.001, "s", Verdict.FAIL),
        _at_most("reading_speed", max(map(_speed, shown)), settings.max_characters_per_second, "characters/s"),
        _at_most("line_length", longest, settings.max_characters),
        _at_most("lines", max(len(cue.lines) for cue in shown), settings.max_lines),
    ]
    if speech:
        checks.append(_covered(shown, speech, least))
    elif seconds:
        checks.append(_covered(shown, ((0.0, seconds),), min(least, _LEAST_OF_AUDIO)))
    if all(cue.heard for cue in shown):
        checks.append(_drift(shown, limits.subtitle_drift_seconds))
    elif seconds:
        checks.append(_ends(shown, seconds))
    return tuple(checks)


def _speed(cue: _Shown) -> float:
    """Characters a second, with the allowance for times that a format has rounded."""
    return len(" ".join(cue.lines)) / max(0.01, cue.end - cue.start + _ROUNDING_SECONDS)


def _covered(shown: Sequence[_Shown], speech: Sequence[tuple[float, float]], least: float) -> Check:
    """Which share of the speech has a cue on the screen."""
    total = sum(end - start for start, end in speech)
    spans = sorted((cue.start, cue.end) for cue in shown)
    covered, first = 0.0, 0
    for start, end in sorted(speech):
        while first < len(spans) and spans[first][1] <= start:
            first += 1
        at = first
        while at < len(spans) and spans[at][0] < end:
            covered += max(0.0, min(end, spans[at][1]) - max(start, spans[at][0]))
            at += 1
    percent = round(min(100.0, 100 * covered / total), 1) if total else 100.0
    verdict = Verdict.PASS if percent >= least else Verdict.WARN if percent >= least / 2 else Verdict.FAIL
    return _check("coverage", verdict, percent, f"at least {least:g}", "%")


def _drift(shown: Sequence[_Shown], most: float) -> Check:
    """How far a cue begins from the first of its words, or ends before the last; the worst of all."""
    farthest = max(max(abs(cue.start - cue.heard[0]), cue.heard[1] - cue.end) for cue in shown if cue.heard)
    verdict = Verdict.FAIL if farthest > most else Verdict.WARN
    return _at_most("drift", farthest, most if verdict is Verdict.FAIL else most / 2, "s", verdict)


def _ends(shown: Sequence[_Shown], seconds: float) -> Check:
    """How far the last cue's end lies from the end of the sound, where nothing more is known."""
    late = max(cue.end for cue in shown) - seconds
    good = -_BEFORE_THE_END <= late <= 0.05
    verdict = Verdict.PASS if good else Verdict.FAIL if late > 1.0 else Verdict.WARN
    return _check("drift", verdict, round(late, 3), f"-{_BEFORE_THE_END:g} to 0.05", "s")


def _at_most(name: str, value: float, limit: float, unit: str = "", otherwise: Verdict = Verdict.WARN) -> Check:
    return _check(name, Verdict.PASS if value <= limit else otherwise, round(value, 3), limit, unit)


def _check(
    name: str, verdict: Verdict, value: float | str | None = None, limit: float | str | None = None, unit: str = ""
) -> Check:
    return Check(artifact="subtitles", name=name, verdict=verdict, value=value, limit=limit, unit=unit)
