from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from storygen.errors import CallerMistake
from storygen.media.ffmpeg import Command
from storygen.quality.audio import check_audio, check_narration, check_take
from storygen.settings import VoiceSettings
from storygen.story import Check, Line, Narration, Verdict, Word
from tests.providers.speech.sound_tools import Bench, tone, write_wav

LINES = (Line(text="one two"), Line(text="three"))
WORDS = (
    Word(text="one", start=0.1, end=0.4),
    Word(text="two", start=0.4, end=0.8),
    Word(text="three", start=1.0, end=1.5, line=1),
)


def voice(seconds: float, level: float = 0.3) -> list[float]:
    """A sound that ends as voices do."""
    return [*tone(seconds - 0.01, level=level), *[0.0] * 480]


def by_name(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def failed(checks: tuple[Check, ...], least: Verdict = Verdict.FAIL) -> set[str]:
    return {check.name for check in checks if check.verdict is least}


def checked(path: Path, tmp_path: Path) -> tuple[Check, ...]:
    return asyncio.run(check_audio(path, Bench(tmp_path).ffmpeg, tmp_path))


def test_a_good_take_passes(tmp_path: Path) -> None:
    checks = check_take(write_wav(tmp_path / "a.wav", voice(2.0)), WORDS, LINES)
    assert {check.verdict for check in checks} == {Verdict.PASS}


def test_takes_that_are_silent_cut_off_endless_or_noise_fail(tmp_path: Path) -> None:
    silent = check_take(write_wav(tmp_path / "s.wav", [0.0] * 96_000), WORDS, LINES)
    short = check_take(write_wav(tmp_path / "c.wav", voice(0.05)), WORDS, LINES)
    long = check_take(write_wav(tmp_path / "l.wav", voice(30)), WORDS, LINES)
    square = check_take(write_wav(tmp_path / "q.wav", voice(2, level=100)), WORDS, LINES)
    assert failed(silent) == {"silence_share"}
    assert failed(short) == {"duration", "words"}
    assert failed(long) == {"duration"}
    assert failed(square) == {"clipping_share"}


def test_a_file_that_is_no_sound_fails_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text('{"error": "quota"}')
    checks = check_take(tmp_path / "x.wav", WORDS, LINES)
    assert failed(checks) == {"decodes"}
    assert "x.wav" in str(checks[0].value)
    assert failed(check_take(tmp_path / "missing.wav", WORDS, LINES)) == {"decodes"}


@pytest.mark.parametrize(
    "words",
    [
        WORDS[:2],
        (WORDS[1], WORDS[0], WORDS[2]),
        (*WORDS[:2], Word(text="three", start=1.0, end=1.5, line=0)),
        (*WORDS[:2], Word(text="three", start=0.7, end=1.5, line=1)),
        (*WORDS[:2], Word(text="three", start=1.5, end=1.5, line=1)),
        (*WORDS[:2], Word(text="three", start=1.5, end=9.0, line=1)),
    ],
    ids=["missing", "order", "line", "overlap", "no length", "past the end"],
)
def test_words_that_are_out_of_place_fail(words: tuple[Word, ...], tmp_path: Path) -> None:
    assert failed(check_take(write_wav(tmp_path / "a.wav", voice(2.0)), words, LINES)) == {"words"}


def test_a_narration_beside_its_loudness_is_a_warning(tmp_path: Path) -> None:
    off = Narration(audio=tmp_path, seconds=1, words=(), loudness_lufs=-19.0, true_peak_dbtp=-0.2)
    assert failed(check_narration(off, VoiceSettings()), Verdict.WARN) == {"loudness", "true_peak"}
    assert check_narration(Narration(audio=tmp_path, seconds=1, words=()), VoiceSettings()) == ()


def test_any_sound_file_is_measured(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "a.wav", [*[0.0] * 48_000, *tone(3.0, level=0.224)])
    for name, codec in (("b.m4a", "aac"), ("b.mp3", "libmp3lame"), ("b.mp4", "aac"), ("b.ogg", "libopus")):
        made = Command(step="render", args=("-i", str(source), "-c:a", codec, "-b:a", "96k", str(tmp_path / name)))
        asyncio.run(Bench(tmp_path).ffmpeg(made))
        checks = by_name(checked(tmp_path / name, tmp_path))
        assert checks["decodes"].verdict is Verdict.PASS
        assert float(checks["duration"].value or 0) == pytest.approx(4.0, abs=0.1)
        assert float(checks["silence_share"].value or 0) == pytest.approx(0.25, abs=0.03)
        assert float(checks["loudness"].value or 0) == pytest.approx(-16.8, abs=1.0)
        assert checks["bitrate"].verdict is Verdict.PASS
    assert not (tmp_path / "decoded.wav").exists()


@pytest.mark.parametrize(("name", "codec"), [("b.mp4", "aac"), ("b.mp3", "libmp3lame"), ("b.mkv", "aac")])
def test_a_file_that_was_cut_off_does_not_decode_to_its_end(name: str, codec: str, tmp_path: Path) -> None:
    source = write_wav(tmp_path / "a.wav", tone(4.0))
    args = ("-i", str(source), "-c:a", codec, *(("-movflags", "+faststart") if name == "b.mp4" else ()))
    asyncio.run(Bench(tmp_path).ffmpeg(Command(step="render", args=(*args, str(tmp_path / name)))))
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    assert failed(checked(tmp_path / name, tmp_path)) == {"decodes"}


def test_a_quiet_and_a_silent_file_are_told_apart(tmp_path: Path) -> None:
    silent = checked(write_wav(tmp_path / "s.wav", [0.0] * 96_000), tmp_path)
    quiet = checked(write_wav(tmp_path / "q.wav", tone(2.0, level=0.01)), tmp_path)
    assert failed(silent) == {"silence_share"}
    assert failed(quiet) == set()
    assert failed(quiet, Verdict.WARN) == {"loudness"}


def test_what_poses_as_sound_fails_and_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    secret = write_wav(tmp_path / "secret.wav", tone(1.0))
    for name in ("a.mp3", "a.mp4", "a.wav"):
        (tmp_path / name).write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
        assert failed(checked(tmp_path / name, tmp_path)) == {"decodes"}, name
    with pytest.raises(CallerMistake, match=r"a\.m3u8"):
        checked(tmp_path / "a.m3u8", tmp_path)
