from __future__ import annotations

from pathlib import Path

import pytest

from storygen.scripts import Reading, read_text
from storygen.story import NARRATOR, LineKind, Mood, Scene

FIXTURES = Path(__file__).parent / "fixtures"


def scenes(text: str) -> tuple[Scene, ...]:
    script = read_text(text.encode(), "story.md").script
    assert script is not None
    return script.scenes


@pytest.fixture(scope="module")
def messy() -> Reading:
    return read_text((FIXTURES / "messy-utf16.md").read_bytes(), "messy.md")


def test_front_matter_acts_and_numbered_scenes_become_title_and_scene_titles(messy: Reading) -> None:
    assert (messy.format, messy.encoding) == ("markdown", "utf-16-le")
    assert messy.script is not None
    assert messy.script.title == "Two Floors Down"
    assert [scene.title for scene in messy.script.scenes] == ["The Lift", "The Bell", ""]


def test_dialogue_has_speaker_manner_and_kind_and_loses_its_quotes(messy: Reading) -> None:
    assert messy.script is not None
    said = [(line.speaker, line.manner, line.text, line.kind) for line in messy.script.scenes[0].lines]
    assert said == [
        ("Mara", "", "Hold the door!", LineKind.DIALOGUE),
        ("Tom", "annoyed", "It doesn’t hold.", LineKind.DIALOGUE),
        ("Mara", "", "What was that?", LineKind.DIALOGUE),
        (NARRATOR, "", "They stood still. Nobody said anything.", LineKind.NARRATION),
    ]


def test_a_direction_over_two_rows_is_one_and_is_not_spoken(messy: Reading) -> None:
    assert messy.script is not None
    assert messy.script.scenes[0].directions == ("A long pause.",)


def test_between_fences_nothing_is_a_heading_or_a_speaker(messy: Reading) -> None:
    assert messy.script is not None
    assert messy.script.scenes[1].on_screen == ("$ ring --loud", "## not a heading", "MARA: not dialogue")
    assert (messy.script.scenes[1].mood, messy.script.scenes[1].seconds) == (Mood.MYSTERIOUS, 8.0)


def test_a_word_before_a_colon_that_may_be_a_name_is_told_with_its_line(messy: Reading) -> None:
    assert [(issue.line, issue.message) for issue in messy.issues] == [(31, "“Wait” is taken for somebody who speaks")]


@pytest.mark.parametrize("label", ["Visual:", "**Visual:**", "**Visual**:", "_visual:_", "- **VISUAL:**", "Visual :"])
def test_a_label_may_be_bold_listed_or_in_any_case(label: str) -> None:
    (scene,) = scenes(f"# T\n\n## Scene 1\n{label} a red door\n\nIt opened.")
    assert (scene.picture, scene.spoken) == ("a red door", "It opened.")


def test_dialogue_right_after_on_screen_text_is_not_shown_but_spoken() -> None:
    (scene,) = scenes("# T\n## One\nON-SCREEN: 03:14\nMARA: Still here.\nON-SCREEN:\nERROR: 5%\nMARA: Oh.\n")
    assert scene.on_screen == ("03:14", "ERROR: 5%")
    assert scene.spoken == "Still here. Oh."


def test_an_aside_before_a_speech_is_its_manner() -> None:
    (scene,) = scenes("# T\n## One\nMARA: (softly) Come in.")
    assert (scene.lines[0].manner, scene.lines[0].text) == ("softly", "Come in.")


def test_a_sentence_or_an_address_with_a_colon_is_no_dialogue() -> None:
    (scene,) = scenes("# T\n## Scene 1\nThe sign by the road said: go home.\n\nhttps://example.org was all it was.")
    assert {line.speaker for line in scene.lines} == {NARRATOR}


def test_the_same_person_in_capitals_and_not_is_one_speaker() -> None:
    (scene,) = scenes('# T\n## One\nNarration (Ada, calm): "One."\nADA: Two.\nAda: "Three."')
    assert {line.speaker for line in scene.lines} == {"Ada"}


def test_text_before_the_first_scene_is_kept_and_told() -> None:
    reading = read_text(b"# T\n\nIt was late.\n\n## Scene 1\nVisual: a door\n\nIt opened.", "t.md")
    assert reading.script is not None
    assert [scene.spoken for scene in reading.script.scenes] == ["It was late.", "It opened."]
    assert [issue.line for issue in reading.warnings] == [3]


def test_an_open_fence_is_told_with_the_line_it_began_on() -> None:
    reading = read_text(b"# T\n## Scene 1\nHello.\n```\n$ ls\n", "t.md")
    assert [(issue.line, issue.message) for issue in reading.warnings] == [(4, "this fence is not closed")]


def test_a_script_of_pictures_and_words_that_are_missing_is_an_error() -> None:
    reading = read_text(b"# T\n## Scene 1\n(She waits.)\n## Scene 2\n", "t.md")
    assert [issue.message for issue in reading.errors] == ["nothing is spoken, shown or typed in any scene"]
