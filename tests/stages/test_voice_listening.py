from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storygen.errors import InvalidOutput, ProviderTimeout
from storygen.providers.base import Capability
from storygen.providers.transcription.base import Transcript
from storygen.settings import VoiceSettings
from storygen.stages.voice import speak
from storygen.story import Check, Fidelity, Line, Made, Narration, Scene, Verdict, Word
from tests.providers.speech.sound_tools import Bench, read_wav, rms

SCENE = Scene(
    lines=(
        Line(text="The harbour was quiet when Ada found the letter, and nobody in the old town said a word."),
        Line(text="Who is out there tonight?", speaker="Ada"),
    )
)


class Listening(Bench):
    """A bench with a voice of a vendor, that tells times or not, and a listener that hears what it is told to."""

    def __init__(self, folder: Path, *, tells: bool = False, hears: Any = None, **take: Any) -> None:
        super().__init__(folder, **{"provider": "vendor", "cost_usd": 0.5, **take})
        self.tells = tells
        self.hears = hears
        self.asked: list[Any] = []
        self.otherwise: list[str] = []
        self.truth: tuple[Word, ...] = ()

    async def call(
        self, capability: Capability, request: Any, expect: type[Any], check: Any, *, otherwise: str = ""
    ) -> Made[Any]:
        self.asked.append(request)
        if capability is Capability.SPEECH:
            made = await super().call(capability, request, expect, check)
            self.truth = made.value.words
            return made if self.tells else replace(made, value=replace(made.value, words=()))
        self.otherwise.append(otherwise)
        words = self.hears(self.truth) if callable(self.hears) else self.hears
        transcript = Transcript(words=words)
        return Made(value=transcript, key="heard", provider="ears", cost_usd=0.25, checks=await check(transcript))

    @property
    def turns(self) -> list[int]:
        return [request.turn for request in self.asked if hasattr(request, "turn")]


def made(bench: Bench, *, listen: bool = True) -> Made[Narration]:
    return asyncio.run(speak(SCENE, ("narrator", "Ada"), "en", bench, VoiceSettings(), listen=listen))


def by_name(result: Made[Narration]) -> dict[str, Check]:
    return {check.name: check for check in result.checks}


def assert_heard(narration: Narration, share: float) -> None:
    samples, rate = read_wav(narration.audio)
    assert [word.text for word in narration.words] == SCENE.spoken.split()
    loud = [word for word in narration.words if rms(samples, rate, word.start, word.end) > 0.01]
    assert len(loud) >= share * len(narration.words)


def other(truth: tuple[Word, ...]) -> tuple[Word, ...]:
    return tuple(replace(word, text="bla" + "h" * index) for index, word in enumerate(truth))


def test_a_listener_gives_words_their_times_where_the_voice_tells_none(tmp_path: Path) -> None:
    bench = Listening(tmp_path, hears=lambda truth: truth)
    result = made(bench)
    assert_heard(result.value, 1.0)
    checks = by_name(result)
    assert (checks["word_times"].verdict, checks["word_error_rate"].verdict) == (Verdict.PASS, Verdict.PASS)
    assert result.cost_usd == 0.75, "the listener is paid, too"
    assert bench.inputs[0]["times"] == "heard"
    assert result.fidelity is Fidelity.FULL


def test_without_a_listener_times_are_estimated_and_it_is_said(tmp_path: Path) -> None:
    result = made(Listening(tmp_path), listen=False)
    assert_heard(result.value, 0.9)
    check = by_name(result)["word_times"]
    assert (check.verdict, check.value) == (Verdict.WARN, "estimated")


def test_a_listener_that_fails_costs_the_scene_only_its_true_times(tmp_path: Path) -> None:
    def fails(_: Any) -> Any:
        raise ProviderTimeout("ears did not answer within 60 s.", provider="ears")

    bench = Listening(tmp_path / "a", hears=fails)
    result = made(bench)
    assert_heard(result.value, 0.9)
    assert bench.otherwise == ["builtin"], "who went on from the listener is told"
    assert result.missing == ("ears: timeout: ears did not answer within 60 s.",)
    bench = Listening(tmp_path / "b", hears=fails, tells=True)
    told = made(bench)
    assert told.missing == (), "it was only to check what was spoken"
    assert bench.otherwise == [""], "nobody did"
    assert by_name(told)["word_error_rate"].value == "not heard: timeout"


def test_a_voice_that_says_something_else_is_asked_once_more(tmp_path: Path) -> None:
    heard = iter((other, tuple))

    def hears(truth: tuple[Word, ...]) -> tuple[Word, ...]:
        return next(heard)(truth)

    bench = Listening(tmp_path, hears=hears)
    result = made(bench)
    assert bench.turns == [0, 1]
    assert by_name(result)["word_error_rate"].verdict is Verdict.PASS
    assert result.cost_usd == 1.5


def test_a_voice_that_says_something_else_twice_has_failed(tmp_path: Path) -> None:
    bench = Listening(tmp_path, hears=other, tells=True)
    with pytest.raises(InvalidOutput, match="other words") as caught:
        made(bench)
    assert (caught.value.provider, bench.turns) == ("vendor", [0, 1])


def test_a_few_words_that_were_misheard_are_a_warning(tmp_path: Path) -> None:
    result = made(Listening(tmp_path, hears=lambda truth: (*other(truth[:6]), *truth[6:]), tells=True))
    check = by_name(result)["word_error_rate"]
    assert (check.verdict, check.value) == (Verdict.WARN, pytest.approx(6 / 22, abs=0.03))


def test_nobody_listens_to_the_built_in_voice(tmp_path: Path) -> None:
    bench = Listening(tmp_path, provider="builtin", tells=True)
    result = made(bench)
    assert len(bench.asked) == 1
    assert "word_error_rate" not in by_name(result)
