from __future__ import annotations

from pathlib import Path

import pytest

from storygen.scripts import Reading, read_text
from storygen.story import LineKind, Mood, Scene

FIXTURES = Path(__file__).parent / "fixtures"


def read(text: str) -> Reading:
    return read_text(text.encode(), "story.txt")


def scenes(text: str) -> tuple[Scene, ...]:
    script = read(text).script
    assert script is not None
    return script.scenes


@pytest.fixture(scope="module")
def messy() -> Reading:
    return read_text((FIXTURES / "messy-cp1252.log.txt").read_bytes(), "messy.log.txt")


def test_a_messy_windows_file_is_read_as_a_log_with_its_title(messy: Reading) -> None:
    assert (messy.format, messy.encoding) == ("log", "windows-1252")
    assert messy.script is not None
    assert messy.script.title == "The Vault of “Last” Resort"


def test_sections_have_titles_subtitles_and_planned_seconds_from_the_differences_of_the_times(messy: Reading) -> None:
    assert messy.script is not None
    assert [(s.title, s.subtitle, s.seconds) for s in messy.script.scenes] == [
        ("Cold Open", "A door, a keypad", 8.0),
        ("Keypad", "", 67.0),
        ("The Turn", "it’s open", 5.0),
        ("Silence", "", None),
        ("Backwards", "", 30.0),
    ]


def test_narration_over_several_rows_keeps_speaker_and_manner_and_loses_its_quotes(messy: Reading) -> None:
    assert messy.script is not None
    line = messy.script.scenes[0].lines[0]
    assert line.text == "Nobody had opened it since 1974… and nobody would have guessed why."
    assert (line.speaker, line.manner, line.kind) == ("Ada", "whispering", LineKind.NARRATION)
    assert [line.text for line in messy.script.scenes[2].lines] == ["It was never locked.", "We had only never pushed."]


def test_on_screen_text_is_kept_to_the_letter(messy: Reading) -> None:
    assert messy.script is not None
    assert messy.script.scenes[1].on_screen == ("> enter code: ****", "ERROR: 98% wrong", "", 'path: C:\\vault\\"door"')
    assert messy.script.scenes[4].on_screen == ("THE END?",)


def test_everything_that_was_guessed_is_said_with_its_line(messy: Reading) -> None:
    told = {(issue.line, issue.message.split(",")[0]) for issue in messy.issues}
    assert (2, "not UTF-8") in told
    assert (20, "read as 75 s") in told
    assert (26, "unknown label “Lens”") in told
    assert (27, "unknown label “Vizual”") in told
    assert (30, "the bracket of this section is not closed") in told
    assert (34, "text without a label") in told
    assert not messy.errors


@pytest.mark.parametrize("dash", ["-", "–", "—", "−", " - ", " – "])
def test_any_dash_parts_the_time_from_the_title(dash: str) -> None:
    (scene,) = scenes(f'[0:00{dash}The Door | at night]\nNarration: "One."')
    assert (scene.title, scene.subtitle) == ("The Door", "at night")


@pytest.mark.parametrize(
    ("heading", "title", "seconds"),
    [
        ("[0:00 – 0:12 – Rain]", "Rain", 12.0),
        ("[0:00–0:12 | Rain]", "Rain", 12.0),
        ("**[0:00 – Rain]**", "Rain", None),
        ("[0:00] Rain", "Rain", None),
        ("[1:02:03 – Rain]", "Rain", None),
        ("[ 0:00 : Rain ]", "Rain", None),
    ],
)
def test_headings_of_other_shapes_are_read(heading: str, title: str, seconds: float | None) -> None:
    (scene,) = scenes(f'SCRIPT: X\n{heading}\nNarration: "One."')
    assert (scene.title, scene.seconds) == (title, seconds)


def test_a_section_without_a_time_is_still_a_section() -> None:
    reading = read('SCRIPT: X\n[0:00 – A]\nNarration: "One."\n[?:?? – B]\nNarration: "Two."')
    assert reading.script is not None
    assert [scene.title for scene in reading.script.scenes] == ["A", "B"]
    assert [issue.line for issue in reading.warnings] == [4]


def test_a_script_line_without_sections_is_read_with_a_scene_for_each_picture() -> None:
    found = scenes('SCRIPT: X\nVisual: a door\nNarration: "One."\nVisual: a hall\nNarration: "Two."')
    assert [(scene.picture, scene.spoken) for scene in found] == [("a door", "One."), ("a hall", "Two.")]


def test_a_missing_title_comes_from_the_name_of_the_file_with_a_warning() -> None:
    reading = read_text(b'[0:00 - A]\nNarration: "One."', "the-old-mill.log.txt")
    assert reading.script is not None
    assert reading.script.title == "The old mill"
    assert [issue.message for issue in reading.warnings] == ["no title"]


def test_a_section_of_pictures_alone_stays_and_is_told() -> None:
    reading = read('SCRIPT: X\n[0:00 – A]\nVisual: dust\n[0:04 – B]\nNarration: "One."')
    assert reading.script is not None
    assert (reading.script.scenes[0].picture, reading.script.scenes[0].seconds) == ("dust", 4.0)
    assert [issue.line for issue in reading.warnings] == [2]


def test_the_output_of_a_program_does_not_become_sections_or_labels() -> None:
    (scene,) = scenes(
        'SCRIPT: X\n[0:00 – A]\nNarration: "One."\nON-SCREEN TEXT:\n[12:30:01] start\n# build\nnote: done\nFATAL: no'
    )
    assert scene.on_screen == ("[12:30:01] start", "# build", "note: done", "FATAL: no")


def test_sounds_are_directions_and_not_words() -> None:
    (scene,) = scenes('SCRIPT: X\n[0:00 – A]\nAudio (SFX): thunder\nMusic: low strings\nNarration: "One."')
    assert scene.spoken == "One."
    assert scene.directions == ("SFX: thunder", "Music: low strings")


def test_more_words_than_the_plan_has_time_for_are_told() -> None:
    reading = read(f'SCRIPT: X\n[0:00 – A]\nNarration: "{"word " * 60}"\n[0:05 – END]')
    assert [issue.message for issue in reading.warnings] == ["5 s are planned, but the words take about 22 s"]


def test_a_mood_is_taken_from_its_label_and_otherwise_from_the_words() -> None:
    text = "SCRIPT: X\n[0:00 – A]\nMood: eerie\nNarration: I laughed.\n[0:03 – B]\nNarration (Bo, whispering): Fog."
    assert [scene.mood for scene in scenes(text)] == [Mood.MYSTERIOUS, Mood.MYSTERIOUS]


def test_the_indentation_inside_a_block_of_on_screen_text_stays() -> None:
    (scene,) = scenes("SCRIPT: X\n[0:00 – A]\nON-SCREEN TEXT:\n  if cold:\n\tprint('%d')\n  # end")
    assert scene.on_screen == ("if cold:", "  print('%d')", "# end")
