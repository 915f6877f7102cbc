"""Scenes follow each other in whole pictures, their sound to the half sample, and titles become chapters."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.media.timeline import AUDIO_RATE, Span, chapters, samples, spans
from storygen.story import Narration, Segment

NOWHERE = Path()


def scene(frames: int, seconds: float = 1.0, before: int = 0, after: int = 0) -> tuple[Segment, Narration]:
    segment = Segment(video=NOWHERE, frames=frames - before - after, before=before, after=after)
    return segment, Narration(audio=NOWHERE, seconds=seconds, words=())


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=60), st.integers(10, 60))
def test_however_many_scenes_there_are_each_sounds_with_its_first_frame(frames: list[int], fps: int) -> None:
    scenes = [scene(count) for count in frames]
    heard = 0
    for count, span in zip(samples(scenes, fps), spans(scenes, fps), strict=True):
        assert abs(heard / AUDIO_RATE - span.start) <= 0.5 / AUDIO_RATE + 1e-9
        heard += count
    assert heard == round(sum(frames) / fps * AUDIO_RATE)


def test_a_scene_is_as_long_with_seams_as_without() -> None:
    plain, seamed = [scene(30), scene(40)], [scene(30, after=6), scene(40, before=6)]
    assert spans(plain, 30) == spans(seamed, 30) == (Span(start=0, end=1), Span(start=1, end=70 / 30))


def test_sound_alone_lasts_as_long_as_the_voices() -> None:
    voices = [(None, scene(1, seconds)[1]) for seconds in (0.41, 0.32)]
    assert [span.end for span in spans(voices, 30)] == pytest.approx([0.41, 0.73])


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (("A", "B", "C"), [("A", 0, 1), ("B", 1, 2), ("C", 2, 3)]),
        (("", "B", ""), [("Film", 0, 1), ("B", 1, 3)]),
        (("A", "", ""), []),
        (("", "", ""), []),
    ],
)
def test_a_scene_without_a_title_belongs_to_the_chapter_before_it(
    titles: tuple[str, ...], expected: list[object]
) -> None:
    found = chapters(titles, spans([scene(30)] * 3, 30), "Film")
    assert [(one.title, one.span.start, one.span.end) for one in found] == expected
