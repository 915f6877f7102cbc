from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from storygen.errors import ContentRejected, InvalidSettings
from storygen.providers.base import Answer
from storygen.providers.speech.base import SpeechRequest, Take
from storygen.providers.speech.piper import Piper
from storygen.settings import PiperSettings, VoiceSettings
from storygen.story import Line
from tests.providers.speech.sound_tools import read_wav, rms

RATE = 16_000
SAMPLES = 800  # of a phoneme


class PiperVoice:
    """As `piper.PiperVoice` is called, in 1.8: a sentence is a chunk, each letter a phoneme of 50 ms."""

    tells = True
    asked: list[Any]

    def __init__(self) -> None:
        self.config = SimpleNamespace(num_speakers=2, sample_rate=RATE, length_scale=1.0)

    @classmethod
    def load(cls, model_path: str) -> PiperVoice:
        assert Path(model_path).is_file()
        return cls()

    def synthesize(self, text: str, syn_config: Any = None, include_alignments: bool = False) -> Iterator[Any]:
        self.asked.append((text, syn_config.speaker_id, syn_config.length_scale))
        for sentence in text.replace("? ", "?|").replace(". ", ".|").split("|"):
            phonemes = ["^", *sentence, "$"]
            sound = b"".join(
                bytes(2 * SAMPLES) if not letter.isalnum() else b"\x00\x30\x00\xd0" * (SAMPLES // 2)
                for letter in phonemes
            )
            told = [SimpleNamespace(phoneme=letter, phoneme_ids=[1], num_samples=SAMPLES) for letter in phonemes]
            yield SimpleNamespace(audio_int16_bytes=sound, phoneme_alignments=told if self.tells else None)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    stand_in: Any = ModuleType("piper")
    stand_in.PiperVoice = type("PiperVoice", (PiperVoice,), {"asked": []})
    stand_in.SynthesisConfig = lambda speaker_id=None, length_scale=None: SimpleNamespace(
        speaker_id=speaker_id, length_scale=length_scale
    )
    monkeypatch.setitem(sys.modules, "piper", stand_in)
    return stand_in


@pytest.fixture
def voice_file(tmp_path: Path) -> Path:
    file = tmp_path / "en_US-two-low.onnx"
    file.write_bytes(b"weights")
    about = {"espeak": {"voice": "en-us"}, "num_speakers": 2, "speaker_id_map": {"anna": 0, "bert": 1}}
    Path(f"{file}.json").write_text(json.dumps(about))
    return file


def spoken(voice: Piper, folder: Path, *lines: Line, language: str = "en") -> Answer[Take]:
    folder.mkdir(exist_ok=True)
    cast = tuple(dict.fromkeys(line.speaker for line in lines))
    return asyncio.run(voice.answer(SpeechRequest(lines=lines, cast=cast, language=language), folder))


def test_a_voice_file_speaks_with_the_time_of_each_word(module: Any, voice_file: Path, tmp_path: Path) -> None:
    lines = (Line(text="The harbour was quiet. Nobody spoke."), Line(text="Who is there?", speaker="Ada"))
    voice = Piper(PiperSettings(voice_file=voice_file), VoiceSettings(words_per_minute=330))
    take = spoken(voice, tmp_path / "out", *lines).value
    samples, rate = read_wav(take.audio)
    assert [word.text for word in take.words] == " ".join(line.text for line in lines).split()
    for word in take.words:
        assert rms(samples, rate, word.start, word.end) > 0.3, word
    assert [(speaker, scale) for _, speaker, scale in module.PiperVoice.asked] == [(0, 0.5), (1, 0.5)]


def test_without_alignments_there_are_no_words(module: Any, voice_file: Path, tmp_path: Path) -> None:
    module.PiperVoice.tells = False
    voice = Piper(PiperSettings(voice_file=voice_file), VoiceSettings(voices={"narrator": "bert"}))
    assert spoken(voice, tmp_path / "out", Line(text="The harbour was quiet.")).value.words == ()
    assert module.PiperVoice.asked[0][1] == 1


def test_another_language_than_the_files_is_refused(module: Any, voice_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ContentRejected, match="speaks 'en-us'"):
        spoken(
            Piper(PiperSettings(voice_file=voice_file), VoiceSettings()), tmp_path, Line(text="Nein."), language="de"
        )


def test_a_missing_file_says_which_and_where_to_get_one(voice_file: Path, tmp_path: Path) -> None:
    Path(f"{voice_file}.json").unlink()
    for file in (None, tmp_path / "nothing.onnx", voice_file):
        with pytest.raises(InvalidSettings, match="voice_file") as caught:
            spoken(Piper(PiperSettings(voice_file=file), VoiceSettings()), tmp_path, Line(text="No."))
        assert "huggingface" in caught.value.hint


def test_without_the_package_the_error_says_what_to_install(
    voice_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "piper", None)
    with pytest.raises(InvalidSettings) as caught:
        spoken(Piper(PiperSettings(voice_file=voice_file), VoiceSettings()), tmp_path, Line(text="No."))
    assert "storygen[piper]" in caught.value.hint


def test_its_speakers_are_listed(voice_file: Path) -> None:
    found = Piper(PiperSettings(voice_file=voice_file), VoiceSettings()).voices()
    assert [(voice.id, voice.name, voice.languages) for voice in found] == [
        ("0", "anna", ("en-us",)),
        ("1", "bert", ("en-us",)),
    ]
