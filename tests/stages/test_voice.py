from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from storygen.media.audio import wav_seconds
from storygen.settings import VoiceSettings
from storygen.stages.voice import LEAD_SECONDS, speak
from storygen.story import Fidelity, Line, Made, Mood, Narration, Scene, Verdict
from tests.providers.speech.sound_tools import Bench, read_wav, rms

SCENE = Scene(
    lines=(
        Line(text="The harbour was quiet. Then, in 1984, Ada found the letter."),
        Line(text="Who is there?", speaker="Ada", manner="whispering"),
    )
)


def made(scene: Scene, bench: Bench, settings: VoiceSettings | None = None) -> Made[Narration]:
    return asyncio.run(speak(scene, ("narrator", "Ada"), "en", bench, settings or VoiceSettings()))


def test_a_scene_becomes_sound_at_the_wanted_loudness_with_every_word_timed(tmp_path: Path) -> None:
    narration = made(SCENE, Bench(tmp_path)).value
    samples, rate = read_wav(narration.audio)
    assert rate == 48_000
    assert narration.seconds == len(samples) / rate
    assert narration.loudness_lufs == pytest.approx(-16.0, abs=0.3)
    assert narration.true_peak_dbtp is not None
    assert narration.true_peak_dbtp <= -1.5
    assert [word.text for word in narration.words] == SCENE.spoken.split()
    for word in narration.words:
        assert rms(samples, rate, word.start, word.end) > 0.01, word
    gap = next((a.end, b.start) for a, b in pairwise(narration.words) if a.text == "quiet.")
    assert rms(samples, rate, gap[0] + 0.02, gap[1] - 0.02) < 0.003


def test_silence_stands_before_and_behind_the_words(tmp_path: Path) -> None:
    plain = replace(SCENE, lines=SCENE.lines[:1])
    narration = made(plain, Bench(tmp_path), VoiceSettings(pause_seconds=0.8)).value
    samples, rate = read_wav(narration.audio)
    assert narration.words[0].start == pytest.approx(LEAD_SECONDS, abs=0.05)
    assert narration.seconds - narration.words[-1].end == pytest.approx(0.8, abs=0.08)
    assert rms(samples, rate, 0, LEAD_SECONDS - 0.03) < 1e-4
    assert rms(samples, rate, narration.seconds - 0.7, narration.seconds) < 1e-3


def test_a_sad_scene_that_trails_off_rings_out_longer_than_a_tense_one_that_is_cut_short(tmp_path: Path) -> None:
    def behind(mood: Mood, text: str) -> float:
        scene = Scene(lines=(Line(text=text),), mood=mood)
        narration = made(scene, Bench(tmp_path / mood), VoiceSettings(pause_seconds=0.5)).value
        return narration.seconds - narration.words[-1].end

    sad, tense = behind(Mood.MELANCHOLY, "She never came back..."), behind(Mood.TENSE, "And then the door,")
    assert sad == pytest.approx(0.5 * 1.6 * 1.6, abs=0.08)
    assert tense == pytest.approx(0.5 * 0.75 * 0.7, abs=0.08)


@pytest.mark.parametrize("text", ["", "   ", "…", "— !"])
def test_where_nothing_is_spoken_there_is_silence_of_the_wished_length(text: str, tmp_path: Path) -> None:
    wished = made(Scene(lines=(Line(text=text),), seconds=2.5), Bench(tmp_path / "a")).value
    default = made(Scene(), Bench(tmp_path / "b"), VoiceSettings(silent_scene_seconds=3.0)).value
    for narration, seconds in ((wished, 2.5), (default, 3.0)):
        assert narration.seconds == wav_seconds(narration.audio) == seconds
        assert (narration.words, narration.loudness_lufs) == ((), None)
        assert not any(read_wav(narration.audio)[0])


def test_the_narration_says_who_spoke_what_it_cost_and_what_was_missing(tmp_path: Path) -> None:
    take: dict[str, Any] = {
        "attempts": 3,
        "cached": True,
        "cost_usd": None,
        "missing": ("vendor: timeout",),
        "provider": "spare",
    }
    result = made(SCENE, Bench(tmp_path, **take))
    assert (result.provider, result.attempts, result.cost_usd) == ("spare", 3, None)
    assert result.fidelity is Fidelity.DEGRADED
    assert not result.cached, "the take was stored, but the levelling was done now"
    assert all(check.verdict is Verdict.PASS for check in result.checks), result.checks
    assert {"words", "duration", "loudness", "true_peak"} <= {check.name for check in result.checks}


def test_only_the_leveling_is_keyed_by_loudness_and_nothing_by_a_path(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    made(SCENE, bench, VoiceSettings(loudness_lufs=-20))
    assert bench.inputs[0]["loudness"] == -20
    assert str(tmp_path) not in repr(bench.inputs)


def test_a_single_short_word_is_as_loud_as_the_rest(tmp_path: Path) -> None:
    narration = made(Scene(lines=(Line(text="No."),)), Bench(tmp_path)).value
    assert narration.loudness_lufs == pytest.approx(-16.0, abs=0.3)
    assert not math.isinf(narration.true_peak_dbtp or 0)
    assert sorted(file.name for file in narration.audio.parent.iterdir()) == ["voice.wav"]
