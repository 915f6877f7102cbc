"""A film's narration has one loudness from end to end, nobody is mistaken for another, and music stays in its place."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest

from storygen.errors import InvalidSettings
from storygen.media.audio import Loudness, parse_loudness, silence_wav
from storygen.media.ffmpeg import Command
from storygen.pipeline import Pipeline, Steps
from storygen.settings import FilmSettings, MusicSettings, Settings, VoiceSettings
from storygen.stages import assembly
from storygen.stages.assembly.sound import Score, check_music, soundtrack
from storygen.stages.voice import speak
from storygen.story import Brief, Film, Line, LineKind, Made, Mood, Narration, Overlay, Scene, Soundtrack, Strategy
from storygen.workshop import Pulse
from tests.media.films import FRAME, made, run, workshop
from tests.providers.speech.sound_tools import Bench

RATE = 48_000
CAST = ("narrator", "Ada", "Bob")
SCENES = (
    Scene(mood=Mood.CALM, lines=(Line(text="The tide came in slower than anyone remembered."),)),
    Scene(
        mood=Mood.TENSE,
        lines=(
            Line(text="Who lit the lamp?", speaker="Ada", kind=LineKind.DIALOGUE),
            Line(text="Nobody did, of course.", speaker="Bob", kind=LineKind.DIALOGUE, manner="whispering"),
        ),
    ),
    Scene(mood=Mood.WONDER, seconds=3.0),
    Scene(mood=Mood.JOYFUL, lines=(Line(text="And then, it was morning!", manner="shouting"),)),
)


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> list[Made[Narration]]:
    """The scenes as they were spoken."""
    folder = tmp_path_factory.mktemp("voices")

    async def work() -> list[Made[Narration]]:
        spoken = []
        for number, scene in enumerate(SCENES):
            bench = Bench(folder / str(number))
            spoken.append(replace(await speak(scene, CAST, "en", bench, VoiceSettings()), key=f"voice-{number}"))
        return spoken

    return asyncio.run(work())


def score(**settings: Any) -> Score:
    return Score(title="The lamp", scenes=SCENES, cast=CAST, **settings)


def samples_of(voices: list[Made[Narration]]) -> list[int]:
    return [round(voice.value.seconds * RATE) for voice in voices]


def tracked(folder: Path, voices: list[Made[Narration]], tools: Any = None, **settings: Any) -> Made[Soundtrack]:
    tools = tools or workshop(folder / "cache")
    return asyncio.run(soundtrack(voices, samples_of(voices), tools, score(**settings)))


def filmed(folder: Path, voices: list[Made[Narration]], **settings: Any) -> Film:
    """The scenes as a film of sound alone, encoded."""
    film, parts = FilmSettings(strategy=Strategy.AUDIO_ONLY), [(None, voice) for voice in voices]
    tools = workshop(folder / "cache")
    return asyncio.run(assembly.join(parts, "t", FRAME, tools, film, score=score(**settings))).value


def measured(film: Path, kind: str = "mov") -> Loudness:
    """What ffmpeg's meter says of a file."""
    meter = ("-f", kind, "-i", f"file:{film}", "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-")
    return parse_loudness(run(Command(step="measure", args=meter)).said)


def heard(file: Path, folder: Path, kind: str = "mov") -> np.ndarray:
    raw = folder / "heard.raw"
    pcm = ("-f", "f32le", "-c:a", "pcm_f32le", f"file:{raw}")
    run(Command(step="decode", args=("-f", kind, "-i", f"file:{file}", *pcm)))
    return np.fromfile(raw, "<f4").reshape(-1, 2)


def test_the_encoded_film_is_as_loud_as_was_asked_by_two_meters_and_its_peaks_stay_below_one(
    voices: list[Made[Narration]], tmp_path: Path
) -> None:
    film = filmed(tmp_path, voices)
    sound = heard(film.video, tmp_path)
    told = measured(film.video)
    assert told.lufs == pytest.approx(-16.0, abs=0.5)
    assert pyloudnorm.Meter(RATE).integrated_loudness(sound) == pytest.approx(-16.0, abs=0.5)
    assert told.true_peak_dbtp < -1.0
    assert film.seconds == pytest.approx(sum(samples_of(voices)) / RATE)


def test_music_leaves_the_narration_as_loud_as_it_was(voices: list[Made[Narration]], tmp_path: Path) -> None:
    film = filmed(tmp_path, voices, music=MusicSettings())
    told = measured(film.video)
    assert told.lufs == pytest.approx(-16.0, abs=0.5)
    assert told.true_peak_dbtp < -1.0
    sound = tracked(tmp_path, voices, music=MusicSettings()).value
    assert sound.voice_lufs == pytest.approx(-16.0, abs=0.5)
    plain = heard(tracked(tmp_path, voices).value.audio, tmp_path, "flac")
    music = heard(sound.audio, tmp_path, "flac") - plain
    first, second, silent, _ = np.split(music, np.cumsum(samples_of(voices))[:-1])
    spoken, quiet = (pyloudnorm.Meter(RATE).integrated_loudness(part) for part in (second, silent[RATE:-RATE]))
    assert quiet == pytest.approx(-28.0, abs=2.0)
    assert quiet - spoken == pytest.approx(10.0, abs=3.0)
    for edge in (first[:480], music[-480:]):
        assert np.abs(edge).max() < 0.002


def test_a_voice_that_was_asked_for_very_loud_keeps_its_peaks_when_it_is_encoded(
    voices: list[Made[Narration]], tmp_path: Path
) -> None:
    film = filmed(tmp_path, voices, voice=VoiceSettings(loudness_lufs=-9.0))
    told = measured(film.video)
    assert told.lufs == pytest.approx(-9.0, abs=1.2)
    assert told.true_peak_dbtp < -1.0


def test_two_who_talk_are_heard_from_two_sides_and_the_narrator_from_the_middle(
    voices: list[Made[Narration]], tmp_path: Path
) -> None:
    sound = heard(tracked(tmp_path, voices).value.audio, tmp_path, "flac")
    scenes = np.split(sound, np.cumsum(samples_of(voices))[:-1])

    def lean(part: np.ndarray) -> float:
        left, right = (part**2).sum(axis=0)
        return 10 * math.log10(right / left)

    words = voices[1].value.words
    talk = [[word for word in words if word.line == line] for line in (0, 1)]
    ada, bob = (scenes[1][round(said[0].start * RATE) : round(said[-1].end * RATE)] for said in talk)
    assert -5 < lean(ada) < -2
    assert 2 < lean(bob) < 5
    assert lean(scenes[0]) == pytest.approx(0.0, abs=0.05)


def test_a_film_in_which_nobody_speaks_is_as_loud_by_its_music_alone(tmp_path: Path) -> None:
    silence = Narration(audio=tmp_path / "s.wav", seconds=silence_wav(tmp_path / "s.wav", 8.0), words=())
    tools, music = workshop(tmp_path / "cache"), MusicSettings()
    sound = asyncio.run(soundtrack([made(silence, "s")], [8 * RATE], tools, Score(music=music))).value
    assert sound.voice_lufs is None
    assert sound.lufs == pytest.approx(-16.0, abs=2.0)
    assert asyncio.run(soundtrack([made(silence, "s")], [8 * RATE], tools)).value.lufs is None


def test_what_changes_the_sound_is_made_anew_and_nothing_else_is(voices: list[Made[Narration]], tmp_path: Path) -> None:
    tools = workshop(tmp_path / "cache")
    told = score(music=MusicSettings())
    first = tracked(tmp_path, voices, tools, music=MusicSettings())
    assert tracked(tmp_path, voices, tools, music=MusicSettings()).cached
    others = [
        tracked(tmp_path, voices, tools, music=MusicSettings(duck_db=14.0)),
        tracked(tmp_path, voices, tools, music=MusicSettings(source="off")),
        tracked(tmp_path, voices, tools, music=MusicSettings(), voice=VoiceSettings(loudness_lufs=-18.0)),
        asyncio.run(soundtrack(voices, samples_of(voices), tools, replace(told, cast=("narrator", "Bob")))),
        asyncio.run(soundtrack(voices, [count + 1 for count in samples_of(voices)], tools, told)),
    ]
    assert not any(other.cached for other in others)
    assert len({first.key, *(other.key for other in others)}) == 6


def test_a_song_of_ones_own_is_heard_and_known_by_its_content(voices: list[Made[Narration]], tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    make = ("-f", "lavfi", "-i", "sine=f=1000:d=3", "-b:a", "64k", "-f", "mp3", f"file:{song}")
    run(Command(step="make", args=make))
    tools = workshop(tmp_path / "cache")
    one = tracked(tmp_path, voices, tools, music=MusicSettings(source=song))
    music = heard(one.value.audio, tmp_path, "flac") - heard(tracked(tmp_path, voices).value.audio, tmp_path, "flac")
    silent = np.split(music, np.cumsum(samples_of(voices))[:-1])[2][RATE:-RATE, 0]
    strength = np.abs(np.fft.rfft(silent))
    assert np.argmax(strength) * RATE / len(silent) == pytest.approx(1000, abs=2)
    moved = song.rename(tmp_path / "-i other name.mp3")
    assert tracked(tmp_path, voices, tools, music=MusicSettings(source=moved)).cached


@pytest.mark.parametrize(
    "content", [None, b"", b"#EXTM3U\nfile:///etc/passwd\n", b"ID3" + bytes(3000), b"\xff\xfb" * 50]
)
def test_music_that_cannot_be_played_is_refused_by_name(content: bytes | None, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    if content is not None:
        song.write_bytes(content)
    with pytest.raises(InvalidSettings, match=r"music\.source: 'song\.mp3'") as refused:
        asyncio.run(check_music(MusicSettings(source=song), workshop(tmp_path / "cache")))
    assert "builtin" in refused.value.hint
    assert str(tmp_path) not in refused.value.message


def test_keys_are_heard_where_text_is_typed_if_that_is_wanted(tmp_path: Path) -> None:
    silence = Narration(audio=tmp_path / "s.wav", seconds=silence_wav(tmp_path / "s.wav", 2.0), words=())
    typed = Overlay(panel=tmp_path / "p.png", ass=tmp_path / "t.ass", seconds=2.0, keys=(0.5, 1.25))
    tools, voices, samples = workshop(tmp_path / "cache"), [made(silence, "s")] * 2, [2 * RATE] * 2
    for has_keys in (True, False):
        wanted = Score(typing=(None, made(typed, "typed")), has_keys=has_keys)
        sound = asyncio.run(soundtrack(voices, samples, tools, wanted)).value
        loud = np.abs(heard(sound.audio, tmp_path, "flac")).max(axis=1)
        struck = [at for at in range(0, 4 * RATE, RATE // 4) if loud[at : at + 1500].max() > 0.005]
        assert struck == ([round(2.5 * RATE), round(3.25 * RATE)] if has_keys else [])


def test_music_that_cannot_be_played_is_known_before_anything_is_made(tmp_path: Path) -> None:
    tools, settings = workshop(tmp_path / "cache"), Settings(music=MusicSettings(source=tmp_path / "missing.mp3"))
    for work in ("run", "prepare"):
        pipeline = Pipeline(tools, settings, Pulse(), Steps(choose=fail_to_choose))
        with pytest.raises(InvalidSettings, match="missing"):
            asyncio.run(getattr(pipeline, work)(Brief(topic="The tide")))


async def fail_to_choose(*_: Any) -> None:
    raise AssertionError("an idea was paid for")
