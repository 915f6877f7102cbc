from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.providers.speech.words import anchors, ends, fill


def test_the_first_event_in_a_word_is_its_start() -> None:
    text = "In 1984, Dr. Smith didn't go"
    events = [(0, 0.0), (3, 0.1), (4, 0.9), (4, 1.2), (9, 1.7), (13, 2.1), (19, 2.4), (26, 2.8)]
    assert anchors(text, events, 3.0) == [0.0, 0.1, 1.7, 2.1, 2.4, 2.8]


def test_words_that_no_event_names_or_that_share_a_moment_have_no_start_of_their_own() -> None:
    assert anchors("one — two three", [(0, 0.0), (6, 0.5), (10, 0.5)], 1.0) == [0.0, None, 0.5, None]


def test_an_engine_that_looks_back_in_the_text_or_in_time_disturbs_nothing() -> None:
    assert anchors("one two three", [(0, 0.2), (8, 0.6), (4, 0.7)], 1.0) == [0.2, None, 0.6]
    assert anchors("one two three", [(0, 0.2), (4, 0.6), (8, 0.4)], 1.0) == [0.2, 0.6, None]
    assert anchors("one two", [(0, 0.2), (4, 9.0)], 1.0) == [0.2, None]


def test_a_word_ends_where_its_sound_dies_away() -> None:
    loud = [100] * 40 + [0] * 60
    assert ends([0.0], loud, 1.0) == [pytest.approx(0.4)]


@given(st.data())
def test_every_word_gets_a_place_of_its_own(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    seconds = data.draw(st.floats(count * 0.04, 30))
    chosen = sorted(data.draw(st.sets(st.integers(0, count - 1))))
    moments = sorted(data.draw(st.sets(st.integers(0, 999), min_size=len(chosen), max_size=len(chosen))))
    starts: list[float | None] = [None] * count
    for index, moment in zip(chosen, moments, strict=True):
        starts[index] = moment / 1000 * seconds
    loud = data.draw(st.lists(st.integers(0, 9), min_size=int(seconds * 100), max_size=int(seconds * 100)))
    before = 0.0
    slots = fill(starts, ends(starts, loud, seconds), seconds)
    assert len(slots) == count
    for start, end in slots:
        assert before <= start < end <= seconds + 1e-9
        before = end
