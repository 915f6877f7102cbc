"""On-screen text becomes an overlay; alone in the picture, something is always typed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from storygen.settings import TerminalSettings
from storygen.stages.terminal import type_out
from storygen.story import Frame, Line, Made, Overlay, Scene
from tests.media.films import workshop

FRAME = Frame(width=180, height=320, fps=30)


def typed(folder: Path, scene: Scene, *, alone: bool = False, **settings: Any) -> Made[Overlay] | None:
    return asyncio.run(type_out(scene, FRAME, workshop(folder), TerminalSettings(**settings), alone=alone))


def letters(made: Made[Overlay] | None) -> str:
    assert made is not None
    return made.value.ass.read_text("utf-8").replace("\u00a0", " ")


def test_a_scene_without_on_screen_text_has_no_terminal(tmp_path: Path) -> None:
    assert typed(tmp_path, Scene(title="Title")) is None


def test_on_screen_text_is_typed_and_stands_long_enough_to_be_read(tmp_path: Path) -> None:
    made = typed(tmp_path, Scene(on_screen=("ssh prod", "connected")))
    assert "connected" in letters(made)
    assert made is not None
    assert made.value.seconds > 2.0
    assert made.value.panel.exists()


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (Scene(title="The Title"), "The Title"),
        (Scene(lines=(Line(text="Spoken words"),)), "Spoken words"),
        (Scene(title="The Title", on_screen=("shown",)), "shown"),
        (Scene(), "█"),
    ],
)
def test_alone_something_is_always_typed(scene: Scene, words: str, tmp_path: Path) -> None:
    assert words in letters(typed(tmp_path, scene, alone=True))


def test_the_same_text_is_typed_once_and_another_theme_again(tmp_path: Path) -> None:
    scene = Scene(on_screen=("ls",))
    first, again, other = typed(tmp_path, scene), typed(tmp_path, scene), typed(tmp_path, scene, theme="matrix")
    assert first
    assert again
    assert other
    assert not first.cached
    assert again.cached
    assert not other.cached
    assert first.key == again.key != other.key


def test_a_faster_hand_needs_less_time(tmp_path: Path) -> None:
    scene = Scene(on_screen=("a line that takes a while to type",))
    slow, fast = typed(tmp_path, scene, characters_per_second=10), typed(tmp_path, scene, characters_per_second=40)
    assert slow
    assert fast
    assert fast.value.seconds < slow.value.seconds
