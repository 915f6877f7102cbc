from __future__ import annotations

import asyncio
import math
import random
import subprocess
import sys
import warnings
import wave
from itertools import pairwise, product
from pathlib import Path

import pytest

from storygen.errors import InvalidOutput, RenderFailed
from storygen.media.audio import (
    RATE,
    Loudness,
    envelope,
    join_wavs,
    measure_command,
    parse_loudness,
    silence_wav,
    survey,
    trim,
    wav_seconds,
)
from storygen.media.levels import Level, first_level, level_command, next_level
from storygen.story import Word
from tests.providers.speech.sound_tools import Bench, read_wav, rms, tone, write_wav


def test_parts_are_joined_to_the_sample_and_padded_with_silence(tmp_path: Path) -> None:
    first = write_wav(tmp_path / "a.wav", tone(0.1))
    second = write_wav(tmp_path / "b.wav", tone(0.2, pitch=330))
    join_wavs([(first, 6000), (second, 9000), (first, 100)], tmp_path / "out.wav")
    joined, rate = read_wav(tmp_path / "out.wav")
    a, b = read_wav(first)[0], read_wav(second)[0]
    assert rate == RATE
    assert len(joined) == 15_100
    assert joined[:4800] == a
    assert not any(joined[4800:6000])
    assert joined[6000:15_000] == b[:9000]
    assert joined[15_000:] == a[:100]


def test_parts_of_different_rates_are_not_joined(tmp_path: Path) -> None:
    parts = [(write_wav(tmp_path / f"{rate}.wav", tone(0.1), rate), 100) for rate in (48_000, 22_050)]
    with pytest.raises(InvalidOutput, match="22050"):
        join_wavs(parts, tmp_path / "out.wav")


def test_silence_has_the_length_that_was_asked_for(tmp_path: Path) -> None:
    assert silence_wav(tmp_path / "s.wav", 1.2345) == wav_seconds(tmp_path / "s.wav") == 59_256 / RATE
    assert survey(tmp_path / "s.wav").silence_share == 1.0


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_silence_around_a_take_is_cut_and_the_words_move_along(rate: int, tmp_path: Path) -> None:
    take = write_wav(tmp_path / "take.wav", [0.0] * (2 * rate) + tone(0.5, rate=rate) + [0.0] * rate, rate)
    words = trim(take, (Word(text="hm", start=2.0, end=2.5),), tmp_path / "out.wav", lead=0.25, tail=0.4)
    samples, _ = read_wav(tmp_path / "out.wav")
    assert wav_seconds(tmp_path / "out.wav") == pytest.approx(0.25 + 0.5 + 0.4 + 0.06, abs=0.03)
    assert words[0].start == pytest.approx(0.28, abs=0.02)
    assert words[0].end - words[0].start == pytest.approx(0.5)
    assert rms(samples, rate, words[0].start + 0.02, words[0].end - 0.02) == pytest.approx(0.3 / math.sqrt(2), rel=0.05)
    assert rms(samples, rate, 0, words[0].start - 0.01) == 0.0


def test_words_that_a_voice_places_beside_its_sound_stay_within_it(tmp_path: Path) -> None:
    take = write_wav(tmp_path / "take.wav", [0.0] * 48_000 + tone(0.5) + [0.0] * 48_000)
    words = (Word(text="a", start=0.0, end=0.1), Word(text="b", start=2.4, end=2.5))
    moved = trim(take, words, tmp_path / "out.wav", lead=0.0, tail=0.0)
    assert all(0 <= word.start < word.end <= wav_seconds(tmp_path / "out.wav") for word in moved)


def test_noise_before_the_voice_is_not_mistaken_for_it_unless_it_is_loud(tmp_path: Path) -> None:
    chance = random.Random(1)
    hiss = [chance.gauss(0, 0.0004) for _ in range(RATE)]
    take = write_wav(tmp_path / "take.wav", [*hiss, *tone(0.5), *hiss])
    trim(take, (), tmp_path / "out.wav", lead=0.0, tail=0.0)
    assert wav_seconds(tmp_path / "out.wav") == pytest.approx(0.56, abs=0.03)


def test_a_silent_take_is_refused(tmp_path: Path) -> None:
    silence_wav(tmp_path / "s.wav", 1.0)
    with pytest.raises(InvalidOutput, match="silent"):
        trim(tmp_path / "s.wav", (), tmp_path / "out.wav", lead=0, tail=0)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"ID3" + bytes(100), b"#EXTM3U\nfile:///etc/passwd\n"])
def test_what_is_no_wav_file_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(data)
    for look in (wav_seconds, survey, envelope):
        with pytest.raises(InvalidOutput, match=r"x\.wav"):
            look(tmp_path / "x.wav")


def test_a_wav_of_24_bits_is_refused_by_name(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "x.wav"), "wb") as wav:
        wav.setparams((1, 3, RATE, 0, "NONE", ""))
        wav.writeframes(bytes(300))
    with pytest.raises(InvalidOutput, match="16-bit"):
        survey(tmp_path / "x.wav")


def test_a_survey_tells_silence_and_clipping(tmp_path: Path) -> None:
    sound = survey(write_wav(tmp_path / "x.wav", [*[0.0] * RATE, *tone(1.0, level=4.0), *tone(2.0)]))
    assert sound.seconds == pytest.approx(4.0)
    assert sound.silence_share == pytest.approx(0.25, abs=0.01)
    assert sound.clipping_share == pytest.approx(0.25 * 0.84, abs=0.02)
    assert sound.peak == pytest.approx(1.0, abs=1e-4)


def test_an_envelope_follows_the_loudest_sample_of_each_hundredth(tmp_path: Path) -> None:
    loud = envelope(write_wav(tmp_path / "x.wav", [*[0.0] * 480, -0.5, *[0.0] * 479, *[0.25] * 100]))
    assert loud == [0, 16_384, 8_192]


def _brought(source: Path, out: Path, bench: Bench, target: float = -16.0, ceiling: float = -1.5) -> Loudness:
    async def work() -> Loudness:
        measured = parse_loudness((await bench.ffmpeg(measure_command(source))).said)
        level: Level | None = first_level(measured, target=target, ceiling=ceiling)
        frames = round(wav_seconds(source) * RATE)
        while level is not None:
            measured = parse_loudness((await bench.ffmpeg(level_command(source, out, frames=frames, level=level))).said)
            level = next_level(level, measured, target=target, ceiling=ceiling) if len(bench.steps) < 7 else None
        return measured

    return asyncio.run(work())


def _speechlike(seconds: float, level: float) -> list[float]:
    """Syllables of a noisy voice with pauses: peaks lie about 15 dB above the mean."""
    chance = random.Random(3)
    return [
        level
        * math.sin(2 * math.pi * 130 * t) ** 3
        * max(0.0, math.sin(2 * math.pi * 2.3 * t)) ** 2
        * (0.6 + 0.4 * chance.random())
        for t in (at / RATE for at in range(round(seconds * RATE)))
    ]


@pytest.mark.parametrize(
    ("seconds", "level"),
    [*product((0.5, 1.0, 2.9), (0.003, 0.5, 12.0)), (3.1, 0.5), (10.0, 0.003), (30.0, 0.5)],
)
def test_takes_of_any_length_and_level_reach_the_loudness_below_the_peak(
    seconds: float, level: float, tmp_path: Path
) -> None:
    import numpy as np
    from scipy.signal import resample_poly

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyloudnorm

    source = write_wav(tmp_path / "in.wav", _speechlike(seconds, level))
    said = _brought(source, tmp_path / "out.wav", Bench(tmp_path))
    samples, rate = read_wav(tmp_path / "out.wav")
    signal = np.array(samples) / 32_768
    assert (len(samples), rate) == (round(seconds * RATE), RATE)
    assert pyloudnorm.Meter(rate).integrated_loudness(signal) == pytest.approx(-16.0, abs=0.5)
    assert said.lufs == pytest.approx(-16.0, abs=0.5)
    assert 20 * np.log10(np.abs(resample_poly(signal, 8, 1)).max()) < -1.0
    assert said.true_peak_dbtp < -1.0


def test_other_targets_are_reached_too(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", _speechlike(3.0, 0.5), 44_100)
    said = _brought(source, tmp_path / "out.wav", Bench(tmp_path), target=-24.0, ceiling=-9.0)
    assert said.lufs == pytest.approx(-24.0, abs=0.3)
    assert said.true_peak_dbtp <= -9.0


def test_levelling_does_not_move_the_sound_in_time(tmp_path: Path) -> None:
    beat = [*[0.0] * 24_000, *tone(0.05, level=0.9), *[0.0] * 24_000, *tone(0.5, level=0.02)]
    _brought(write_wav(tmp_path / "in.wav", beat), tmp_path / "out.wav", Bench(tmp_path), target=-10.0)
    samples, _ = read_wav(tmp_path / "out.wav")
    onset = next(at for at, value in enumerate(samples) if abs(value) > 1000)
    assert abs(onset - 24_000) < 0.002 * RATE


def test_the_same_level_gives_the_same_bytes(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", _speechlike(1.0, 0.5))
    bench = Bench(tmp_path)
    for name in ("a.wav", "b.wav"):
        asyncio.run(
            bench.ffmpeg(level_command(source, tmp_path / name, frames=RATE, level=Level(gain_db=12, ceiling_db=-2)))
        )
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_a_sound_too_faint_to_measure_is_refused() -> None:
    faint = parse_loudness("Summary:\n I: -70.0 LUFS\n Peak: -inf dBFS")
    with pytest.raises(InvalidOutput, match="faint"):
        first_level(faint, target=-16, ceiling=-1.5)


def test_an_ffmpeg_that_does_not_speak_of_loudness_is_an_error() -> None:
    with pytest.raises(RenderFailed, match="how loud"):
        parse_loudness("nothing of the kind")


def test_the_limiter_is_used_only_where_peaks_would_pass() -> None:
    assert first_level(Loudness(lufs=-20, true_peak_dbtp=-12), target=-16, ceiling=-1.5).ceiling_db is None
    assert first_level(Loudness(lufs=-20, true_peak_dbtp=-3), target=-16, ceiling=-1.5).ceiling_db is not None
    tries = [Level(gain_db=4, ceiling_db=-1.6)]
    for lufs in (-17.0, -16.4, -16.05):
        following = next_level(tries[-1], Loudness(lufs=lufs, true_peak_dbtp=-1.5), target=-16, ceiling=-1.5)
        if following:
            tries.append(following)
    assert [level.gain_db for level in tries] == pytest.approx([4, 5, 5.4])
    assert all(a.gain_db < b.gain_db for a, b in pairwise(tries))


def test_a_playlist_that_poses_as_a_sound_is_not_followed(tmp_path: Path) -> None:
    secret = write_wav(tmp_path / "secret.wav", tone(1.0))
    posing = tmp_path / "voice.wav"
    posing.write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    with pytest.raises(RenderFailed):
        asyncio.run(Bench(tmp_path).ffmpeg(measure_command(posing)))


def test_a_take_is_trimmed_where_the_environment_is_empty(tmp_path: Path) -> None:
    take = write_wav(tmp_path / "a.wav", [*[0] * 24_000, *tone(0.3), *[0] * 24_000])
    code = (
        "import sys; from pathlib import Path; from storygen.media.audio import trim; "
        "trim(Path(sys.argv[1]), (), Path(sys.argv[2]), lead=0.1, tail=0.1)"
    )
    command = [sys.executable, "-c", code, str(take), str(tmp_path / "out.wav")]
    subprocess.run(command, env={}, cwd=Path.cwd(), check=True)
    assert wav_seconds(tmp_path / "out.wav") < 0.7
