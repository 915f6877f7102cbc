from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.errors import InvalidScript
from storygen.scripts import Reading, read_text
from storygen.scripts.cleaning import count_words
from storygen.scripts.prose import sentences

SENTENCE = "The old man put the seventh lamp on the wall and waited for the boats. "


def read(text: str, name: str = "story.txt") -> Reading:
    return read_text(text.encode(), name)


def told(text: str) -> list[str]:
    script = read(text).script
    assert script is not None
    return [scene.spoken for scene in script.scenes]


@pytest.mark.parametrize(
    "text",
    ["# The Lamp\n\n{}", "The Lamp\n\n{}", "The Lamp\n========\n{}", "Title: The Lamp\n{}", "**The Lamp**\n\n{}"],
)
def test_the_first_heading_or_short_line_is_the_title(text: str) -> None:
    reading = read(text.format(SENTENCE))
    assert reading.format == "prose"
    assert reading.script is not None
    assert reading.script.title == "The Lamp"
    assert reading.script.scenes[0].spoken == SENTENCE.strip()
    assert not reading.issues


def test_a_text_without_a_title_is_called_by_its_first_words_with_a_warning() -> None:
    reading = read(SENTENCE * 2)
    assert reading.script is not None
    assert reading.script.title == "The old man put the seventh"
    assert [issue.line for issue in reading.warnings] == [1]


def test_long_paragraphs_are_split_and_short_ones_joined_to_scenes_of_20_to_45_words() -> None:
    text = "The Wall\n\n" + SENTENCE * 12 + "\n\n" + "\n\n".join(["He slept. The sea did not."] * 12)
    assert all(20 <= count_words(scene) <= 45 for scene in told(text))


def test_a_scene_ends_where_a_paragraph_ends_when_it_may() -> None:
    text = "The Wall\n\n" + "\n\n".join([SENTENCE * 2] * 3)
    assert told(text) == [(SENTENCE * 2).strip()] * 3


def test_headings_and_breaks_begin_scenes_of_their_own() -> None:
    script = read(f"# The Wall\n\n## Dawn\n\nHe woke.\n\n***\n\nHe slept.\n\n## Noon\n\n{SENTENCE}").script
    assert script is not None
    assert [(scene.title, count_words(scene.spoken)) for scene in script.scenes] == [("Dawn", 2), ("", 2), ("Noon", 15)]


def test_a_sentence_too_long_for_a_breath_stays_whole_and_is_told() -> None:
    reading = read("The Wall\n\n" + "and then " * 60 + "it ended.\n\nHe slept.")
    assert reading.script is not None
    assert [issue.line for issue in reading.warnings] == [3]
    assert count_words(reading.script.scenes[0].spoken) == 122


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Ada met Mr. J. R. Ewing at 5 p.m. on Sunday.",
        "It cost 3.50 dollars, i.e. nothing.",
        "“Really?” she asked.",
        "He waited … and waited.",
    ],
)
def test_a_sentence_is_not_split_at_abbreviations_figures_and_speech(text: str) -> None:
    assert sentences(text) == [text]


def test_sentences_of_scripts_without_spaces_end_at_their_own_stops() -> None:
    assert sentences("海很安静。灯灭了。谁在那里") == ["海很安静。", "灯灭了。", "谁在那里"]


words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
marks = st.sampled_from(["", "", "", ".", "!", "?", ",", ";", "…", "—", '."', ".)"])
gaps = st.sampled_from([" ", " ", " ", "  ", "\n", "\n\n", "\r\n", "\t", "\n\n\n", "\u2028"])


@given(st.lists(st.tuples(words, marks, gaps), min_size=1, max_size=150))
def test_no_word_of_a_prose_text_is_lost_or_moved(parts: list[tuple[str, str, str]]) -> None:
    text = "".join(word + mark + gap for word, mark, gap in parts)
    reading = read("A title\n\n" + text)
    assert reading.script is not None
    assert (
        " ".join([reading.script.title, *(scene.spoken for scene in reading.script.scenes)]).split()
        == ("A title " + _normal(text)).split()
    )


def _normal(text: str) -> str:
    from storygen.scripts.cleaning import clean

    return clean(text)


@given(st.text(max_size=400))
def test_any_text_reads_or_is_refused_and_what_is_read_can_be_stored(text: str) -> None:
    data = text.encode("utf-8", "ignore")
    try:
        reading = read_text(data, "x")
    except InvalidScript:
        return
    assert reading.script or reading.errors
    for scene in reading.script.scenes if reading.script else ():
        scene.spoken.encode()
        assert not any(character < " " or character == "\x7f" for character in scene.spoken + scene.title)


def test_a_title_that_no_card_can_hold_is_cut_and_told() -> None:
    reading = read("# " + "lamp " * 400 + "\n\nIt went dark.")
    assert reading.script is not None
    assert reading.script.title.startswith("lamp lamp")
    assert len(reading.script.title) <= 120
    assert [issue.message for issue in reading.warnings] == ["titles longer than 120 characters are cut"]


@pytest.mark.parametrize("coloured", ["\x1b[31mred\x1b[0m", "\x9b1;31mred", "\x1b]0;title\x07red", "\x1b(Bred"])
def test_colours_of_a_terminal_are_no_words(coloured: str) -> None:
    reading = read_text(f"The door was {coloured}.\n".encode(), "a.txt")
    assert reading.script is not None
    assert reading.script.scenes[0].spoken == "The door was red."
