"""Music to lie under voices: chords that follow the moods of a film, and sound files of the user's made fit for it.

A chord is one table of samples that begins where it ends, because every pitch in it is rounded to whole waves: it can
sound for any time by being copied. Only where one chord passes into the next is there anything to compute. All is
written at a low rate, for there is nothing high in it.
"""

from __future__ import annotations

import math
import random
import wave
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from storygen.media.audio import FLAC, RATE
from storygen.media.ffmpeg import Command, local
from storygen.media.probe import source
from storygen.story import Mood

FORMAT = 1  # raise it when the same moods give other music than before
MUSIC_RATE = 4_000
_TABLE_SECONDS = 4
_CROSS_SECONDS = 2.5
_SHORTEST_SECONDS = 4.0  # a mood that lasts less goes with the one before it
_TONICS = (43, 45, 46, 48, 50)  # G2 to D3, as MIDI notes
_PEAK = 0.5
_WIDTH = 0.4
_SEAM_SECONDS = 3.0
_MOST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class _Character:
    """How a mood sounds: its chords as semitones above the tonic, how long each lasts, how much of overtones."""

    chords: tuple[tuple[int, ...], ...]
    seconds: float
    bright: float


_CHARACTERS = {
    Mood.NEUTRAL: _Character(((0, 7, 14, 16), (-3, 4, 12, 19), (5, 12, 16, 21), (-5, 7, 12, 14)), 8, 0.5),
    Mood.CALM: _Character(((0, 7, 14, 16), (5, 12, 16, 19), (0, 7, 11, 16), (5, 9, 12, 19)), 10, 0.35),
    Mood.JOYFUL: _Character(((0, 12, 16, 19), (-5, 11, 14, 19), (-3, 12, 16, 21), (5, 12, 17, 21)), 6, 0.8),
    Mood.WONDER: _Character(((0, 7, 16, 18), (2, 9, 14, 18), (-3, 7, 12, 16), (5, 12, 16, 23)), 8, 0.8),
    Mood.MYSTERIOUS: _Character(((0, 7, 14, 15), (5, 9, 12, 15), (-2, 5, 12, 14), (0, 10, 15, 17)), 9, 0.4),
    Mood.TENSE: _Character(((0, 7, 12, 13), (0, 8, 12, 15), (-2, 5, 13, 15), (0, 6, 12, 15)), 6, 0.6),
    Mood.DARK: _Character(((0, 7, 12, 15), (-4, 3, 8, 12), (-7, 5, 8, 12), (0, 7, 8, 15)), 10, 0.25),
    Mood.MELANCHOLY: _Character(((0, 7, 12, 15), (-4, 8, 12, 15), (3, 10, 15, 19), (-2, 10, 14, 17)), 9, 0.4),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sounding:
    """A chord, how bright it is, and for how many samples it sounds before the next one begins."""

    chord: tuple[int, ...]
    bright: float
    samples: int


def compose(scenes: Sequence[tuple[Mood, float]], seed: int, out: Path) -> None:
    """Write music for scenes, each a mood and its seconds, as stereo 16-bit WAV; the same seed gives the same bytes."""
    score = list(_score(scenes))
    tonic = random.Random(seed).choice(_TONICS)  # noqa: S311  # no secret
    with wave.open(str(out), "wb") as wav:
        wav.setparams((2, 2, MUSIC_RATE, 0, "NONE", ""))
        before: _Sounding | None = None
        at = 0
        for now in score:
            table = _table(tuple(tonic + step for step in now.chord), now.bright)
            cross = min(round(_CROSS_SECONDS * MUSIC_RATE), now.samples) if before else 0
            if before:
                old = _table(tuple(tonic + step for step in before.chord), before.bright)
                wav.writeframesraw(_crossed(old, table, at, cross).tobytes())
            wav.writeframesraw(_cut(table, at + cross, now.samples - cross).tobytes())
            at += now.samples
            before = now


def loop_command(music: Path, seconds: float, head: Path, loop: Path) -> Command:
    """Write the beginning of a user's sound of about so many seconds, and all behind it so that it can go on for ever.

    The end of the sound passes into its beginning, after which it goes on where the first round did. At most ten
    minutes are read; any error ends it, and `parse_lufs` reads how loud it is.
    """
    seam = min(_SEAM_SECONDS, seconds / 4)
    graph = (
        f"[0:a:0]aresample={RATE},aformat=sample_fmts=fltp:channel_layouts=stereo,asplit=3[a][b][c];"
        f"[a]atrim=end={seam:.3f}[head];[c]atrim=end={seam:.3f}[start];"
        f"[b]atrim=start={seam:.3f},asetpts=PTS-STARTPTS[rest];"
        f"[rest][start]acrossfade=d={seam:.3f},ebur128=framelog=quiet,aformat=sample_fmts=s16[loop]"
    )
    written = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", *FLAC)
    outs = ("-map", "[head]", *written, local(head), "-map", "[loop]", *written, local(loop))
    args = ("-xerror", *source(music, "-t", f"{_MOST_SECONDS:g}"), "-filter_complex", graph, *outs)
    return Command(step="music", args=args, seconds=seconds)


def _score(scenes: Sequence[tuple[Mood, float]]) -> Iterator[_Sounding]:
    """The chords of a film: each mood's own, in turn, for as long as the mood lasts."""
    moods: list[tuple[Mood, float]] = []
    for mood, group in groupby(scenes, key=lambda scene: scene[0]):
        seconds = sum(length for _, length in group)
        if moods and (seconds < _SHORTEST_SECONDS or moods[-1][1] < _SHORTEST_SECONDS or moods[-1][0] is mood):
            moods[-1] = (moods[-1][0], moods[-1][1] + seconds)
        else:
            moods.append((mood, seconds))
    played = 0
    for mood, seconds in moods:
        character = _CHARACTERS[mood]
        count = max(1, round(seconds / character.seconds))
        bounds = [round(seconds * MUSIC_RATE * part / count) for part in range(count + 1)]
        for number in range(count):
            chord = character.chords[(played + number) % len(character.chords)]
            yield _Sounding(chord=chord, bright=character.bright, samples=bounds[number + 1] - bounds[number])
        played += count


@lru_cache(maxsize=8)
def _table(notes: tuple[int, ...], bright: float) -> array[int]:
    """Four seconds of a chord as interleaved stereo.

    Over a steady layer lies one that is a little higher and upside down at the right: every note wanders slowly from
    ear to ear, is as loud all the time, and stands still in mono.
    """
    count = _TABLE_SECONDS * MUSIC_RATE
    chance = random.Random(repr(notes))  # noqa: S311  # no secret
    steady, moving = [0.0] * count, [0.0] * count
    for number, note in enumerate(notes):
        waves = round(440 * 2 ** ((note - 69) / 12) * _TABLE_SECONDS)
        loud = 1 / (1 + 0.35 * number)
        steady = _with_wave(steady, waves, loud, 0.45 * bright * loud, chance.random())
        moving = _with_wave(moving, waves + 1, loud, 0.45 * bright * loud, chance.random())
    sides = [[a + width * b for a, b in zip(steady, moving, strict=True)] for width in (_WIDTH, -_WIDTH)]
    scale = 32_767 * _PEAK / max(bound for side in sides for bound in (max(side), -min(side)))
    table = array("h", bytes(4 * count))
    for number, side in enumerate(sides):
        table[number::2] = array("h", [int(scale * value) for value in side])
    return table


def _with_wave(layer: list[float], cycles: int, first: float, second: float, phase: float) -> list[float]:
    """A layer with so many cycles of a wave more: its ground and its octave, at these levels."""
    sine, step, begin = math.sin, 2 * math.pi * cycles / len(layer), 2 * math.pi * phase
    angles = (step * number + begin for number in range(len(layer)))
    return [value + first * sine(angle) + second * sine(2 * angle) for value, angle in zip(layer, angles, strict=True)]


def _cut(table: array[int], start: int, count: int) -> array[int]:
    """So many frames of a table that goes round and round, from a frame on."""
    begin = 2 * start % len(table)
    rounds = (begin + 2 * count) // len(table) + 1
    return (table * rounds)[begin : begin + 2 * count]


def _crossed(old: array[int], new: array[int], start: int, count: int) -> array[int]:
    """One chord passing into the next at constant power."""
    quarter = math.pi / 2 / count
    falls = [math.cos(quarter * number) for number in range(count)]
    rises = falls[::-1]
    mixed = array("h", bytes(4 * count))
    for side in (0, 1):
        pairs = zip(_cut(old, start, count)[side::2], falls, _cut(new, start, count)[side::2], rises, strict=True)
        mixed[side::2] = array("h", (round(a * fall + b * rise) for a, fall, b, rise in pairs))
    return mixed
