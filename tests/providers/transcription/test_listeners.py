from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from storygen.errors import (
    AuthenticationFailed,
    InvalidOutput,
    InvalidSettings,
    ProviderFailure,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from storygen.media.audio import wav_seconds
from storygen.providers.keys import KeyRing
from storygen.providers.speech.base import SpeechRequest
from storygen.providers.speech.openai import OpenAI as Voice
from storygen.providers.transcription.base import TranscriptionRequest
from storygen.providers.transcription.faster_whisper import FasterWhisper
from storygen.providers.transcription.openai import OpenAI
from storygen.settings import FasterWhisperSettings, OpenAISettings, VoiceSettings
from storygen.store.records import digest
from storygen.story import Line
from storygen.vendors.server import Simulation
from tests.providers.speech.sound_tools import tone, write_wav

STORY = "The harbour was quiet when Ada found the letter, and nobody in the old town said a word."


def request(path: Path) -> TranscriptionRequest:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return TranscriptionRequest(sha256=sha256, language="en-GB", seconds=wav_seconds(path), path=path)


def listener(vendors: Simulation) -> OpenAI:
    return OpenAI(OpenAISettings(base_url=vendors.url("openai")), KeyRing((SecretStr("test-key"),)))


def hear(provider: Any, path: Path) -> Any:
    return asyncio.run(provider.answer(request(path), path.parent))


@pytest.fixture
def take(vendors: Simulation, tmp_path: Path) -> Path:
    """What the simulated vendor spoke."""
    voice = Voice(OpenAISettings(base_url=vendors.url("openai")), VoiceSettings(), KeyRing((SecretStr("test-key"),)))
    spoken = voice.answer(SpeechRequest(lines=(Line(text=STORY),), cast=("narrator",)), tmp_path)
    return asyncio.run(spoken).value.audio


def test_openai_hears_the_words_and_when(vendors: Simulation, take: Path) -> None:
    answer = hear(listener(vendors), take)
    words = answer.value.words
    assert [word.text for word in words] == STORY.replace(",", "").replace(".", "").split()
    assert all(word.start <= word.end <= wav_seconds(take) for word in words)
    assert answer.usage.audio_seconds == pytest.approx(
        vendors.billed()["by"]["openai/transcription"]["units"]["audio_seconds"], abs=0.01
    )
    assert listener(vendors).expected(request(take)).audio_seconds == answer.usage.audio_seconds


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limit", RateLimited),
        ("server_error", ProviderUnavailable),
        ("unauthorized", AuthenticationFailed),
        ("quota", QuotaExceeded),
        ("drop", ProviderFailure),
        ("broken_json", InvalidOutput),
        ("wrong_shape", InvalidOutput),
    ],
)
def test_every_fault_of_a_listener_is_an_error_of_our_own(
    fault: str, error: type[ProviderFailure], vendors: Simulation, take: Path
) -> None:
    vendors.plan([{"vendor": "openai", "capability": "transcription", "fault": fault}])
    with pytest.raises(error) as caught:
        hear(listener(vendors), take)
    assert caught.value.provider == "openai"


def test_where_a_sound_lies_makes_no_difference_to_its_key(tmp_path: Path) -> None:
    first, second = (write_wav(tmp_path / name, tone(0.3)) for name in ("a.wav", "b.wav"))
    assert digest(request(first)) == digest(request(second))
    assert digest(request(first)) != digest(request(write_wav(tmp_path / "c.wav", tone(0.4))))


class Model:
    """As `faster_whisper.WhisperModel` is called, in 1.2."""

    made: list[tuple[Any, ...]]

    def __init__(self, model_size_or_path: str, device: str = "auto", compute_type: str = "default") -> None:
        self.made.append((model_size_or_path, device, compute_type))
        if model_size_or_path == "nothing":
            raise ValueError("Invalid model size 'nothing'")

    def transcribe(
        self, audio: str, language: str | None = None, beam_size: int = 5, word_timestamps: bool = False
    ) -> Any:
        assert (Path(audio).is_file(), language, word_timestamps) == (True, "en", True)
        told = ((" The", 0.0, 0.2), (" harbour", 0.15, 0.5), (" was", 0.5, 0.5))
        words = [SimpleNamespace(word=word, start=start, end=end, probability=0.9) for word, start, end in told]
        segments = (SimpleNamespace(words=part, text="") for part in (words, None))
        return segments, SimpleNamespace(language="en")


@pytest.fixture
def whisper(monkeypatch: pytest.MonkeyPatch) -> type[Model]:
    module = ModuleType("faster_whisper")
    kind = type("WhisperModel", (Model,), {"made": []})
    module.WhisperModel = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    return kind


def test_faster_whisper_is_loaded_once_and_its_words_are_put_in_order(whisper: type[Model], tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(1.0))
    local = FasterWhisper(FasterWhisperSettings(model="small"))
    answer = hear(local, path)
    hear(local, path)
    assert whisper.made == [("small", "auto", "default")]
    assert [(word.text, word.start, word.end) for word in answer.value.words] == [
        ("The", 0.0, 0.2),
        ("harbour", 0.2, 0.5),
        ("was", 0.5, 0.5),
    ]


def test_a_model_that_cannot_be_loaded_says_which_setting_names_it(whisper: type[Model], tmp_path: Path) -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        hear(FasterWhisper(FasterWhisperSettings(model="nothing")), write_wav(tmp_path / "a.wav", tone(1.0)))
    assert "vendors.faster_whisper.model" in caught.value.hint


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(InvalidSettings) as caught:
        hear(FasterWhisper(FasterWhisperSettings()), write_wav(tmp_path / "a.wav", tone(1.0)))
    assert "storygen[whisper]" in caught.value.hint
