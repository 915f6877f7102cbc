from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storygen.media.audio import envelope, wav_seconds
from storygen.providers.speech.base import SpeechRequest
from storygen.quality.hearing import compare, estimate
from storygen.story import Line, Word
from tests.providers.speech.sound_tools import spoken

LINES = (
    Line(text="The harbour was quiet when Ada found the letter, and nobody in town said a word. Then the bell rang."),
    Line(text="In 1984, Dr. Smith didn't go — he stayed.", speaker="Ada"),
)
WRITTEN = [(index, word) for index, line in enumerate(LINES) for word in line.text.split()]


def said(text: str, each: float = 0.5) -> list[Word]:
    return [Word(text=word, start=place * each, end=place * each + 0.4) for place, word in enumerate(text.split())]


def assert_placed(words: tuple[Word, ...], lines: tuple[Line, ...], seconds: float) -> None:
    assert [(word.line, word.text) for word in words] == [
        (index, word) for index, line in enumerate(lines) for word in line.text.split()
    ]
    assert all(0 <= word.start < word.end <= seconds + 1e-9 for word in words)
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(words))


def test_words_that_were_heard_have_their_times_and_the_others_lie_between(tmp_path: Path) -> None:
    take = spoken(SpeechRequest(lines=LINES, cast=("Ada",)), tmp_path)
    seconds = wav_seconds(take.audio)
    found = compare(LINES, [word for place, word in enumerate(take.words) if place % 5 != 2], "en", seconds)
    assert_placed(found.words, LINES, seconds)
    assert max(abs(a.start - b.start) for a, b in zip(found.words, take.words, strict=True)) < 0.25
    assert 0.7 < found.heard_share < 0.9


def test_times_without_a_listener_follow_the_pauses(tmp_path: Path) -> None:
    take = spoken(SpeechRequest(lines=LINES, cast=("Ada",)), tmp_path)
    seconds = wav_seconds(take.audio)
    words = estimate(LINES, envelope(take.audio), seconds)
    assert_placed(words, LINES, seconds)
    off = [abs(a.start - b.start) for a, b in zip(words, take.words, strict=True)]
    assert sum(off) / len(off) < 0.25
    assert max(off) < 1.0


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("the harbour was quiet in 1984 and didn't move", 0.0),
        ("The harbor was quiet, in nineteen eighty-four and didnt move!", 0.1),
        ("the harbour was quiet in 1984 and", 0.2),
        ("something else was said by somebody who read another book", 0.9),
    ],
)
def test_the_error_rate_looks_at_words_and_not_at_how_they_are_written(text: str, rate: float) -> None:
    line = Line(text="The harbour was quiet in 1984, and didn't move.")
    found = compare((line,), said(text), "en", 30.0)
    assert found.error_rate == pytest.approx(rate, abs=0.12)
    assert_placed(found.words, (line,), 30.0)


def test_nothing_heard_is_an_error_rate_of_one() -> None:
    found = compare(LINES, [], "en", 10.0)
    assert (found.error_rate, found.heard_share) == (1.0, 0.0)
    assert_placed(found.words, LINES, 10.0)


def test_writing_without_spaces_is_heard_letter_by_letter() -> None:
    line = Line(text="港は静かだった。")
    found = compare((line,), said("港 は 静か だった"), "ja", 5.0)
    assert found.error_rate == 0.0
    assert found.words[0].end == pytest.approx(1.9, abs=0.01)


TEXTS = st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=3)
HEARD = st.lists(
    st.tuples(st.sampled_from(["a", "b", "the", "1984", "—", "x'y"]), st.floats(0, 20), st.floats(0, 5)), max_size=12
)


@settings(max_examples=60)
@given(TEXTS, HEARD)
def test_whatever_is_heard_every_word_has_its_place(texts: list[str], heard: list[tuple[str, float, float]]) -> None:
    lines = tuple(Line(text=f"the {text} a b") for text in texts)
    words = [Word(text=text, start=start, end=start + length) for text, start, length in heard]
    assert_placed(compare(lines, words, "en", 20.0).words, lines, 20.0)


@settings(max_examples=60)
@given(TEXTS, st.lists(st.sampled_from([0, 50, 3000, 20_000]), max_size=900))
def test_whatever_the_sound_is_like_every_word_has_its_place(texts: list[str], blocks: list[int]) -> None:
    lines = tuple(Line(text=f"the {text}, a. b") for text in texts)
    seconds = max(1.0, len(blocks) / 100)
    assert_placed(estimate(lines, blocks, seconds), lines, seconds)
