"""Voices stand where they belong, music makes room for them, and nothing clicks."""

from __future__ import annotations

import tracemalloc
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storygen.errors import InvalidOutput
from storygen.media.audio import silence_wav
from storygen.media.ffmpeg import Command
from storygen.media.levels import Level
from storygen.media.soundtrack import (
    CURVE_RATE,
    PLACES,
    Bed,
    Mix,
    Stretch,
    mix_command,
    parse_mix,
    write_curve,
    write_stems,
)
from tests.media.films import run, sound

RATE = 48_000


def mixed(folder: Path, *stretches: Stretch, places: int = 1, has_keys: bool = False, **mix: Any) -> np.ndarray:
    """The finished sound of some scenes: samples of both sides between -1 and 1."""
    stems, out, raw = folder / "stems.pcm", folder / "mix.flac", folder / "mix.raw"
    write_stems(stretches, places, stems, has_keys=has_keys)
    samples = sum(stretch.samples for stretch in stretches)
    plan = Mix(stems=stems, places=PLACES[:places], samples=samples, has_keys=has_keys, level=Level(gain_db=0.0))
    run(mix_command(replace(plan, **mix), out))
    pcm = ("-f", "s16le", "-c:a", "pcm_s16le", f"file:{raw}")
    run(Command(step="decode", args=("-f", "flac", "-i", f"file:{out}", *pcm)))
    heard = np.fromfile(raw, "<i2").reshape(-1, 2) / 32768
    assert len(heard) == samples
    return heard


def db(sound: np.ndarray) -> float:
    return float(10 * np.log10((sound**2).mean() + 1e-12))


def hum(folder: Path, seconds: float, level: float = 0.3) -> Bed:
    """Music of one tone, stereo, at a low rate; its loudness is not what a test asks for."""
    samples = level * 32767 * np.sin(np.arange(round(seconds * 6000)) * 2 * np.pi * 220 / 6000)
    with wave.open(str(folder / "bed.wav"), "wb") as wav:
        wav.setparams((2, 2, 6000, 0, "NONE", ""))
        wav.writeframes(np.repeat(samples.astype("<i2"), 2).tobytes())
    return Bed(audio=folder / "bed.wav", lufs=-16.0)


def test_speakers_are_heard_at_their_places_and_are_all_as_loud(tmp_path: Path) -> None:
    voice = sound(tmp_path / "voice.wav", 3.0)
    turns = ((0, 0), (RATE, 1), (2 * RATE, 2))
    heard = mixed(tmp_path, Stretch(audio=voice, samples=3 * RATE, turns=turns), places=3)
    middle, left, right = (heard[at + 4800 : at + RATE - 4800] for at in (0, RATE, 2 * RATE))
    assert db(middle[:, 0]) == pytest.approx(db(middle[:, 1]), abs=0.01)
    assert 2 < db(left[:, 0]) - db(left[:, 1]) < 5
    assert 2 < db(right[:, 1]) - db(right[:, 0]) < 5
    powers = [(part**2).sum(axis=1).mean() for part in (middle, left, right)]
    assert powers == pytest.approx([0.3**2 / 2] * 3, rel=0.01)
    mono = [db(part.mean(axis=1)) for part in (middle, left, right)]
    assert max(mono) - min(mono) < 0.5


def test_scenes_that_end_and_begin_in_the_middle_of_a_wave_are_joined_without_a_click(tmp_path: Path) -> None:
    voice = sound(tmp_path / "voice.wav", 0.50031, level=0.8)
    stretch = Stretch(audio=voice, samples=round(0.5 * RATE))
    heard = mixed(tmp_path, stretch, replace(stretch, samples=30_000), stretch)
    bend = np.abs(np.diff(heard[:, 0], 2))
    assert bend.max() < 4 * bend[4800:9600].max()
    assert not heard[24_000 + 24_100 : 24_000 + 29_990].any()


def test_music_goes_down_under_speech_comes_up_between_and_fades_at_both_ends(tmp_path: Path) -> None:
    silence_wav(tmp_path / "voice.wav", 12.0)
    curve = tmp_path / "curve.pcm"
    write_curve([(3.0, 5.0), (5.2, 6.0), (9.0, 9.5)], 12.0, (1.0, 2.0), 12.0, curve)
    bed = hum(tmp_path, 12.0)
    stretch = Stretch(audio=tmp_path / "voice.wav", samples=12 * RATE)
    heard = mixed(tmp_path, stretch, bed=bed, bed_db=-6.0, curve=curve)[:, 0]

    def level(start: float, end: float) -> float:
        return db(heard[round(start * RATE) : round(end * RATE)])

    up = db(np.array([0.3 / np.sqrt(2)])) - 6
    assert level(1.2, 2.4) == pytest.approx(up, abs=0.2)
    assert level(3.0, 4.9) == pytest.approx(up - 12, abs=0.2)
    assert level(5.0, 6.0) == pytest.approx(up - 12, abs=0.5)
    assert level(7.2, 8.4) == pytest.approx(up, abs=0.2)
    assert level(9.0, 9.5) == pytest.approx(up - 12, abs=0.3)
    assert level(0.0, 0.1) < up - 25
    assert level(11.9, 12.0) < up - 25
    gain = np.fromfile(curve, "<i2") / 32767
    assert len(gain) == 12 * CURVE_RATE + 1
    assert np.abs(np.diff(gain)).max() < 0.03  # no step of it can be heard as one


def test_what_is_played_round_and_round_lasts_as_long_as_the_film(tmp_path: Path) -> None:
    silence_wav(tmp_path / "voice.wav", 6.0)
    curve = tmp_path / "curve.pcm"
    write_curve([], 6.0, (0.0, 0.0), 12.0, curve)
    for name, pitch, seconds in (("head", 440, 0.5), ("loop", 220, 1.0)):
        make = ("-f", "lavfi", "-i", f"sine=f={pitch}:d={seconds}:r={RATE}", "-ac", "2", f"file:{tmp_path / name}.flac")
        run(Command(step="make", args=make))
    bed = Bed(audio=tmp_path / "loop.flac", lufs=-20.0, head=tmp_path / "head.flac")
    stretch = Stretch(audio=tmp_path / "voice.wav", samples=6 * RATE)
    heard = mixed(tmp_path, stretch, bed=bed, bed_db=0.0, curve=curve)[:, 0]
    crossings = [int(np.diff(part > 0).sum()) for part in heard[: 12 * RATE // 2].reshape(12, -1)]
    assert crossings[0] == pytest.approx(440, abs=3)
    assert crossings[1:] == pytest.approx([220] * 11, abs=3)


def test_keys_are_heard_when_they_are_struck_and_do_not_count_as_speech(tmp_path: Path) -> None:
    voice = sound(tmp_path / "voice.wav", 1.0, level=0.3)
    silence_wav(tmp_path / "silence.wav", 1.0)
    struck = (4_000, 20_000, 47_900)
    quiet = Stretch(audio=tmp_path / "silence.wav", samples=RATE, keys=struck)
    heard = mixed(tmp_path, quiet, Stretch(audio=voice, samples=RATE), has_keys=True)
    loud = np.abs(heard[:RATE]).max(axis=1)
    for at in struck:
        assert 0.01 < loud[at : at + 300].max() < 0.1
    assert loud[:4_000].max() == loud[8_000:20_000].max() == loud[24_000:47_900].max() == 0
    assert np.abs(heard[RATE : RATE + 1000]).max() > 0.1  # the last key rings on over the voice


def test_the_narration_is_measured_apart_from_the_music(tmp_path: Path) -> None:
    curve = tmp_path / "curve.pcm"
    write_curve([(0.0, 4.0)], 4.0, (0.0, 0.0), 12.0, curve)
    stems = tmp_path / "stems.pcm"
    write_stems([Stretch(audio=sound(tmp_path / "v.wav", 4.0), samples=4 * RATE)], 1, stems, has_keys=False)
    plan = Mix(stems=stems, places=(0.0,), samples=4 * RATE, has_keys=False, level=Level(gain_db=0.0))
    alone = parse_mix(run(mix_command(plan, tmp_path / "a.flac")).said)
    with_music = replace(plan, bed=hum(tmp_path, 4.0), bed_db=12.0, curve=curve)
    both = parse_mix(run(mix_command(with_music, tmp_path / "b.flac")).said)
    assert alone[0].lufs == both[0].lufs == alone[1].lufs
    assert both[1].lufs > alone[1].lufs + 1


def test_a_long_scene_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    voice = sound(tmp_path / "voice.wav", 20.0)
    tracemalloc.start()
    write_stems([Stretch(audio=voice, samples=90 * RATE)], 3, tmp_path / "stems.pcm", has_keys=True)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "stems.pcm").stat().st_size == 90 * RATE * 8
    assert most < 4_000_000


def test_sound_of_another_kind_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "x.wav"), "wb") as wav:
        wav.setparams((2, 2, RATE, 0, "NONE", ""))
        wav.writeframes(bytes(400))
    with pytest.raises(InvalidOutput, match=r"x\.wav"):
        write_stems([Stretch(audio=tmp_path / "x.wav", samples=100)], 1, tmp_path / "out.pcm", has_keys=False)
