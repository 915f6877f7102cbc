from __future__ import annotations

import asyncio
from pathlib import Path

import pysubs2

from storygen.settings import SubtitleSettings, VoiceSettings
from storygen.stages.subtitles import caption
from storygen.stages.voice import speak
from storygen.story import Frame, Line, Narration, Scene, Verdict
from tests.providers.speech.sound_tools import Bench

FRAME = Frame(width=180, height=320, fps=30)
SCENE = Scene(
    lines=(
        Line(text="The harbour was quiet when Ada found the letter. It had been lying under the door for three days."),
        Line(text="Who would write to me?", speaker="Ada"),
    )
)


def test_what_is_spoken_becomes_subtitles_that_pass_every_check(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    narration = asyncio.run(speak(SCENE, ("narrator", "Ada"), "en", bench, VoiceSettings())).value
    made = asyncio.run(caption(narration, SCENE, FRAME, bench, SubtitleSettings()))
    assert {check.verdict for check in made.checks} == {Verdict.PASS}, made.checks
    assert [word.text for cue in made.value.cues for word in cue.words] == SCENE.spoken.split()
    assert {"order", "overlap", "reading_speed", "coverage", "drift"} <= {check.name for check in made.checks}
    file = pysubs2.load(str(made.value.ass))
    assert [round(event.start / 1000, 2) for event in file] == [cue.start for cue in made.value.cues]
    assert (file.info["PlayResX"], file.info["PlayResY"]) == ("180", "320")


def test_a_scene_without_words_has_no_cues_but_a_file_to_burn_in(tmp_path: Path) -> None:
    silent = Narration(audio=tmp_path / "x.wav", seconds=4.0, words=())
    made = asyncio.run(caption(silent, Scene(), FRAME, Bench(tmp_path), SubtitleSettings())).value
    assert made.cues == ()
    assert len(pysubs2.load(str(made.ass))) == 0


def test_subtitles_are_keyed_by_words_frame_and_settings_not_by_paths(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    silent = Narration(audio=tmp_path / "x.wav", seconds=4.0, words=())
    for settings in (SubtitleSettings(), SubtitleSettings(highlight=False)):
        asyncio.run(caption(silent, Scene(), FRAME, bench, settings))
    assert bench.inputs[0] != bench.inputs[1]
    assert str(tmp_path) not in repr(bench.inputs)
