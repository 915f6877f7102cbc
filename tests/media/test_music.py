"""Music follows the moods, never clicks, lasts exactly as long as it should, and can be anything that plays."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from storygen.errors import RenderFailed
from storygen.media.audio import parse_lufs
from storygen.media.ffmpeg import Command
from storygen.media.music import MUSIC_RATE, compose, loop_command
from storygen.story import Mood
from tests.media.films import run

RATE = 48_000


def composed(folder: Path, *scenes: tuple[Mood, float], seed: int = 1) -> np.ndarray:
    """The samples of both sides, between -1 and 1."""
    out = folder / f"{seed}.wav"
    compose(scenes, seed, out)
    with wave.open(str(out)) as wav:
        assert (wav.getnchannels(), wav.getframerate()) == (2, MUSIC_RATE)
        return np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2) / 32768


def pitches(sound: np.ndarray) -> list[float]:
    """The strongest pitches of a stretch in Hz, lowest first."""
    strength = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    inner = strength[1:-1]
    peaks = np.flatnonzero((inner > strength[:-2]) & (inner > strength[2:]) & (inner > 0.25 * strength.max())) + 1
    return [float(peak) * MUSIC_RATE / len(sound) for peak in peaks]


def decoded(path: Path) -> np.ndarray:
    raw = path.with_suffix(".raw")
    pcm = ("-f", "s16le", "-c:a", "pcm_s16le", "-ac", "2", "-ar", str(RATE), f"file:{raw}")
    run(Command(step="decode", args=("-f", "flac", "-i", f"file:{path}", *pcm)))
    return np.fromfile(raw, "<i2").reshape(-1, 2) / 32768


def tone(path: Path, *options: str, seconds: float = 5.0, source: str = "sine=f=440") -> Path:
    """A hum in any format."""
    run(Command(step="make", args=("-f", "lavfi", "-i", f"{source}:d={seconds:g}", *options, f"file:{path}")))
    return path


def test_the_same_film_has_the_same_music_and_another_has_its_own(tmp_path: Path) -> None:
    scenes = ((Mood.CALM, 7.0), (Mood.TENSE, 6.5))
    one, again, other = (composed(tmp_path, *scenes, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert len(one) == len(other) == round(13.5 * MUSIC_RATE)
    assert not np.array_equal(one, other)


def test_a_mood_decides_whether_a_chord_is_major_or_minor(tmp_path: Path) -> None:
    thirds = {}
    for mood in (Mood.JOYFUL, Mood.MELANCHOLY):
        sound = composed(tmp_path, (mood, 4.0))[: 4 * MUSIC_RATE, 0]
        lowest, *others = pitches(sound)
        steps = {round(12 * np.log2(pitch / lowest), 1) % 12 for pitch in others}
        thirds[mood] = (any(abs(step - 4) < 0.3 for step in steps), any(abs(step - 3) < 0.3 for step in steps))
    assert thirds == {Mood.JOYFUL: (True, False), Mood.MELANCHOLY: (False, True)}


def test_nothing_in_it_clicks_however_moods_change(tmp_path: Path) -> None:
    sound = composed(tmp_path, *((mood, seconds) for mood in Mood for seconds in (1.7, 6.3)))
    bend = np.abs(np.diff(sound, 2, axis=0)).max(axis=1)
    assert bend.max() < 2.5 * np.percentile(bend, 99)
    assert 0.3 < np.abs(sound).max() < 1.0
    level = np.sqrt((sound[: len(sound) // 1200 * 1200].reshape(-1, 1200, 2) ** 2).mean(axis=(1, 2)))
    assert level.max() / level.min() < 3


def test_it_is_as_loud_in_mono_as_it_is_in_stereo(tmp_path: Path) -> None:
    sound = composed(tmp_path, (Mood.WONDER, 12.0))
    mono = sound.mean(axis=1)
    assert 10 * np.log10((sound**2).mean() / (mono**2).mean()) < 1.0


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("song.mp3", ("-b:a", "64k", "-ar", "22050")),
        ("song.wav", ("-c:a", "pcm_u8", "-ar", "8000")),
        ("song.ogg", ("-c:a", "libvorbis", "-ac", "2")),
        ("song.flac", ("-ac", "6", "-ar", "96000")),
        ("song.m4a", ("-c:a", "aac")),
    ],
)
def test_a_sound_of_any_kind_goes_on_without_a_gap(name: str, options: tuple[str, ...], tmp_path: Path) -> None:
    music = tone(tmp_path / name, *options)
    head, loop = tmp_path / "head.flac", tmp_path / "loop.flac"
    lufs = parse_lufs(run(loop_command(music, 5.0, head, loop)).said)
    rounds = np.concatenate([decoded(head), *[decoded(loop)] * 3])
    assert len(decoded(head)) == round(1.25 * RATE)
    assert len(rounds) / RATE == pytest.approx(1.25 + 3 * 3.75, abs=0.4)
    middle = rounds[RATE // 2 :]
    level = np.sqrt((middle[: len(middle) // 4800 * 4800].reshape(-1, 4800, 2) ** 2).mean(axis=(1, 2)))
    assert level.min() > 0.5 * np.median(level)
    bend = np.abs(np.diff(middle, 2, axis=0)).max()
    assert bend < 4 * np.percentile(np.abs(np.diff(middle, 2, axis=0)), 99)
    assert -40 < lufs < -10


def test_a_sound_that_breaks_off_is_refused(tmp_path: Path) -> None:
    music = tone(tmp_path / "song.flac", source="anoisesrc=a=0.3:r=48000")
    data = bytearray(music.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    music.write_bytes(data)
    with pytest.raises(RenderFailed):
        run(loop_command(music, 5.0, tmp_path / "head.flac", tmp_path / "loop.flac"))
