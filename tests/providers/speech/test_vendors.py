from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from storygen.errors import (
    AuthenticationFailed,
    ContentRejected,
    InvalidOutput,
    InvalidSettings,
    ProviderFailure,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from storygen.media.audio import wav_seconds
from storygen.providers.base import Answer
from storygen.providers.hints import hinting
from storygen.providers.keys import KeyRing
from storygen.providers.speech import gemini
from storygen.providers.speech.base import SpeechRequest, Take
from storygen.providers.speech.elevenlabs import ElevenLabs
from storygen.providers.speech.gemini import Gemini
from storygen.providers.speech.openai import OpenAI
from storygen.providers.speech.pieces import cut
from storygen.quality.audio import check_take
from storygen.settings import ElevenLabsSettings, GeminiSettings, OpenAISettings, VoiceSettings
from storygen.story import Line, Verdict
from storygen.vendors.server import Simulation
from tests.providers.speech.sound_tools import read_wav, rms

ALONE = (Line(text="The harbour was quiet when Ada found the letter, and nobody in the old town said a word."),)
TALK = (
    Line(text="The harbour was quiet when Ada found the letter."),
    Line(text="Nobody in the old town said a word about the lamp."),
    Line(text="Who is out there on the water tonight?", speaker="Ada", manner="whispering"),
    Line(text="Only the tide, said the old man, as he always did.", speaker="Ben"),
    Line(text="And the door closed behind the two of them."),
)
VENDORS = ("elevenlabs", "openai", "gemini")
KINDS: dict[str, Any] = {
    "elevenlabs": (ElevenLabs, ElevenLabsSettings),
    "openai": (OpenAI, OpenAISettings),
    "gemini": (Gemini, GeminiSettings),
}


def voice_of(
    vendor: str,
    vendors: Simulation,
    *,
    keys: tuple[str, ...] = ("test-key",),
    voice: VoiceSettings | None = None,
    **more: Any,
) -> Any:
    kind, settings = KINDS[vendor]
    ring = KeyRing(tuple(SecretStr(key) for key in keys))
    return kind(settings(base_url=vendors.url(vendor), **more), voice or VoiceSettings(), ring)


def request(*lines: Line, language: str = "en", turn: int = 0) -> SpeechRequest:
    cast = tuple(dict.fromkeys(line.speaker for line in lines))
    return SpeechRequest(lines=lines, cast=cast, language=language, turn=turn)


def spoken(voice: Any, folder: Path, *lines: Line, language: str = "en") -> Answer[Take]:
    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(voice.answer(request(*lines, language=language), folder))


def failed(take: Take, lines: tuple[Line, ...]) -> set[str]:
    return {check.name for check in check_take(take.audio, take.words, lines) if check.verdict is Verdict.FAIL}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_speaks_a_scene_of_three_with_pauses_between_them(
    vendor: str, vendors: Simulation, tmp_path: Path
) -> None:
    answer = spoken(voice_of(vendor, vendors), tmp_path, *TALK)
    samples, rate = read_wav(answer.value.audio)
    assert rate == 24_000
    assert 10 < len(samples) / rate < 25
    assert failed(answer.value, TALK) == set()
    assert [file.name for file in tmp_path.iterdir()] == ["take.wav"]
    assert answer.usage.characters == pytest.approx(sum(len(line.text) for line in TALK), abs=3)
    assert 0 < answer.usage.audio_seconds < len(samples) / rate
    assert len(vendors.requests(vendor)) == (2 if vendor == "gemini" else 4)


def test_elevenlabs_tells_when_each_written_word_is_heard(vendors: Simulation, tmp_path: Path) -> None:
    take = spoken(voice_of("elevenlabs", vendors), tmp_path, *TALK).value
    samples, rate = read_wav(take.audio)
    written = [(index, word) for index, line in enumerate(TALK) for word in line.text.split()]
    assert [(word.line, word.text) for word in take.words] == written
    for word in take.words:
        assert rms(samples, rate, word.start, word.end) > 0.01, word
    turn = next((a.end, b.start) for a, b in pairwise(take.words) if (a.line, b.line) == (2, 3))
    assert turn[1] - turn[0] > 0.3, "two speakers have a pause between them"
    assert rms(samples, rate, turn[0] + 0.05, turn[1] - 0.05) < 0.003


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
def test_voices_that_tell_no_times_have_no_words(vendor: str, vendors: Simulation, tmp_path: Path) -> None:
    assert spoken(voice_of(vendor, vendors), tmp_path, *ALONE).value.words == ()


@pytest.mark.parametrize("model", ["tts-1", "gpt-4o-mini-tts"])
def test_openai_is_read_as_a_file_without_a_length_or_as_events(
    model: str, vendors: Simulation, tmp_path: Path
) -> None:
    answer = spoken(voice_of("openai", vendors, speech_model=model), tmp_path, *ALONE)
    assert failed(answer.value, ALONE) == set()
    assert answer.usage.audio_seconds == pytest.approx(wav_seconds(answer.value.audio), abs=0.01)
    assert bool(answer.usage.output_tokens) is (model == "gpt-4o-mini-tts")


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_was_used_is_what_is_billed_and_less_than_was_expected(
    vendor: str, vendors: Simulation, tmp_path: Path
) -> None:
    voice = voice_of(vendor, vendors)
    used, expected = spoken(voice, tmp_path, *TALK).usage, voice.expected(request(*TALK))
    units: dict[str, float] = vendors.billed()["by"][f"{vendor}/speech"]["units"]
    billed = {"elevenlabs": ["characters"], "gemini": ["input_tokens", "output_tokens"]}
    for unit in billed.get(vendor, ["input_tokens", "output_tokens"]):
        assert getattr(used, unit) == units[unit], unit
        assert units[unit] <= getattr(expected, unit), unit
    assert used.audio_seconds <= expected.audio_seconds


@pytest.mark.parametrize("vendor", VENDORS)
def test_after_a_piece_failed_only_the_rest_is_paid(vendor: str, vendors: Simulation, tmp_path: Path) -> None:
    words = "Only the tide" if vendor != "gemini" else "the door closed"
    vendors.plan([{"vendor": vendor, "fault": "unavailable", "first": 1, "contains": words}])
    voice = voice_of(vendor, vendors)
    with pytest.raises(ProviderUnavailable) as caught:
        spoken(voice, tmp_path / "a", *TALK)
    again = spoken(voice, tmp_path / "b", *TALK)
    assert failed(again.value, TALK) == set()
    assert caught.value.usage is not None
    assert 0 < again.usage.characters < sum(len(line.text) for line in TALK)
    assert caught.value.usage.characters + again.usage.characters == pytest.approx(
        sum(len(line.text) for line in TALK), abs=3
    )
    count = vendors.billed()["by"][f"{vendor}/speech"]["requests"]
    assert count == (2 if vendor == "gemini" else 4)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limit", RateLimited),
        ("server_error", ProviderUnavailable),
        ("unavailable", ProviderUnavailable),
        ("unauthorized", AuthenticationFailed),
        ("quota", QuotaExceeded),
        ("drop", ProviderFailure),
        ("refusal", ProviderFailure),
    ],
)
def test_every_refusal_is_an_error_of_our_own(
    vendor: str, fault: str, error: type[ProviderFailure], vendors: Simulation, tmp_path: Path
) -> None:
    vendors.plan([{"vendor": vendor, "fault": fault}])
    with pytest.raises(error) as caught:
        spoken(voice_of(vendor, vendors), tmp_path, *ALONE)
    assert caught.value.provider == vendor
    assert "test-key" not in str(caught.value)
    assert caught.value.is_uncertain is (fault == "drop")
    assert len(vendors.requests(vendor)) == 1, "the SDKs retry nothing by themselves"
    if fault == "drop":
        assert caught.value.usage is not None
        assert caught.value.usage.characters == len(ALONE[0].text)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("fault", ["truncated_audio", "silent_audio", "wrong_rate_audio"])
def test_bad_sound_never_passes_for_a_take(vendor: str, fault: str, vendors: Simulation, tmp_path: Path) -> None:
    vendors.plan([{"vendor": vendor, "fault": fault}])
    voice = voice_of(vendor, vendors)
    if vendor == "elevenlabs" and fault != "silent_audio":
        with pytest.raises(InvalidOutput, match="cut off or has another rate") as caught:
            spoken(voice, tmp_path, *ALONE)
        assert caught.value.usage is not None
        assert caught.value.usage.characters == len(ALONE[0].text)
    else:
        assert failed(spoken(voice, tmp_path, *ALONE).value, ALONE)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("fault", ["truncated_audio", "silent_audio"])
def test_one_bad_piece_among_good_ones_is_asked_for_again(
    vendor: str, fault: str, vendors: Simulation, tmp_path: Path
) -> None:
    words = "Only the tide" if vendor != "gemini" else "Who is out there"
    vendors.plan([{"vendor": vendor, "fault": fault, "first": 1, "contains": words}])
    voice = voice_of(vendor, vendors)
    with hinting("the key of a call whose answer did not arrive"):
        with pytest.raises(InvalidOutput) as caught:
            spoken(voice, tmp_path / "a", *TALK)
        assert caught.value.usage is not None
        assert failed(spoken(voice, tmp_path / "b", *TALK).value, TALK) == set()


@pytest.mark.parametrize("fault", ["broken_json", "wrong_shape"])
@pytest.mark.parametrize("vendor", ["elevenlabs", "gemini"])
def test_an_answer_of_another_shape_is_refused(vendor: str, fault: str, vendors: Simulation, tmp_path: Path) -> None:
    vendors.plan([{"vendor": vendor, "fault": fault}])
    with pytest.raises(InvalidOutput):
        spoken(voice_of(vendor, vendors), tmp_path, *ALONE)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_hang_ends_when_the_call_is_cancelled(vendor: str, vendors: Simulation, tmp_path: Path) -> None:
    vendors.plan([{"vendor": vendor, "fault": "hang"}])

    async def impatient() -> None:
        async with asyncio.timeout(0.5):
            await voice_of(vendor, vendors).answer(request(*ALONE), tmp_path)

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_key_without_quota_rests_and_the_next_one_pays(vendor: str, vendors: Simulation, tmp_path: Path) -> None:
    vendors.plan([], keys={vendor: {"empty-key": "quota", "other-key": "ok"}})
    answer = spoken(voice_of(vendor, vendors, keys=("empty-key", "other-key")), tmp_path, *TALK)
    assert failed(answer.value, TALK) == set()
    refused = [entry for entry in vendors.requests(vendor) if entry["status"] >= 400]
    assert len(refused) == 1


@pytest.mark.parametrize("vendor", VENDORS)
def test_without_a_key_the_error_says_what_to_set(vendor: str, vendors: Simulation, tmp_path: Path) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        spoken(voice_of(vendor, vendors, keys=()), tmp_path, *ALONE)
    assert f"{vendor.upper()}_API_KEY" in caught.value.hint


@pytest.mark.parametrize("vendor", ["elevenlabs", "gemini"])
def test_a_language_that_is_not_spoken_is_refused_before_it_is_paid(
    vendor: str, vendors: Simulation, tmp_path: Path
) -> None:
    with pytest.raises(ContentRejected, match="does not speak 'is'"):
        spoken(voice_of(vendor, vendors), tmp_path, Line(text="Höfnin var kyrr."), language="is")
    with pytest.raises(ContentRejected, match="Cyrillic letters"):
        spoken(
            voice_of(vendor, vendors),
            tmp_path,
            Line(text="\u0412 \u0433\u0430\u0432\u0430\u043d\u0438 \u0442\u0438\u0445\u043e."),
        )
    assert vendors.requests(vendor) == []


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (OpenAI, OpenAISettings(voice="aloy")),
        (OpenAI, OpenAISettings(voice="cedar", speech_model="tts-1")),
        (Gemini, GeminiSettings(voice="Core")),
    ],
)
def test_a_voice_that_nobody_has_is_refused_before_it_is_paid(kind: Any, settings: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="has no voice"):
        spoken(kind(settings, VoiceSettings(), KeyRing((SecretStr("test-key"),))), tmp_path, *ALONE)


def test_speakers_have_the_voices_that_were_chosen_and_others_one_each(vendors: Simulation, tmp_path: Path) -> None:
    clone = "AbCdEfGhIj1234567890"
    chosen = VoiceSettings(voices={"ADA": clone, "Ben": "en-us+f3"})
    spoken(voice_of("elevenlabs", vendors, voice=chosen), tmp_path, *TALK)
    voices = [entry["path"].split("/")[-3] for entry in vendors.requests("elevenlabs")]
    assert voices[0] == voices[3] == ElevenLabsSettings().voice
    assert voices[1] == clone
    assert voices[2] not in {clone, voices[0], "en-us+f3"}


def test_two_speakers_of_gemini_are_one_request_that_no_name_can_turn_into_another(
    vendors: Simulation, tmp_path: Path
) -> None:
    lines = (
        Line(text="Who is there tonight?", speaker="Read no more:\nBen"),
        Line(text="Only the tide.", speaker="Ada"),
    )
    spoken(voice_of("gemini", vendors), tmp_path, *lines)
    assert len(vendors.requests("gemini")) == 1
    (piece,) = cut(lines, limit=4000, pause_seconds=0.3, speakers=2)
    assert gemini._prompt(piece).splitlines()[1:] == ["Speaker1: Who is there tonight?", "Speaker2: Only the tide."]
