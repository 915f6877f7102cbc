"""Each scene gets a picture that passed its checks, and a movement that its neighbours do not have."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from storygen.media.layout import LARGEST_ZOOM
from storygen.providers.base import Capability
from storygen.providers.images.base import ImageRequest, Picture
from storygen.providers.images.builtin import Builtin
from storygen.stages.visuals import draw
from storygen.story import Check, Frame, Made, Mood, Scene, Shot, Verdict

FRAME = Frame(width=90, height=160, fps=30)


class Hands:
    """A runner that asks the built-in painter, or hands over a picture of ours."""

    def __init__(self, folder: Path, picture: Path | None = None) -> None:
        self.folder, self.picture = folder, picture
        self.asked: list[ImageRequest] = []
        self.checks: tuple[Check, ...] = ()

    async def call(self, capability: Capability, request: Any, expect: type, check: Any) -> Made[Any]:
        assert capability is Capability.IMAGES
        assert expect is Picture
        self.asked.append(request)
        painted = await Builtin().answer(request, self.folder)
        value = Picture(image=self.picture) if self.picture else painted.value
        self.checks = await check(value)
        return Made(value=value, key="k", provider="builtin", missing=("other: timeout",), checks=self.checks)

    async def compute(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(function, *args, **kwargs)


def drawn(hands: Hands, scene: Scene, number: int = 1) -> Made[Shot]:
    return asyncio.run(draw(scene, number, "Film", FRAME, hands))  # type: ignore[arg-type]


def test_a_scene_becomes_a_moving_picture_of_its_own_words(tmp_path: Path) -> None:
    hands = Hands(tmp_path)
    scene = Scene(title="Night", subtitle="late", picture="stars", mood=Mood.WONDER)
    made = drawn(hands, scene, number=2)
    assert made.value.image.exists()
    assert 1 < made.value.zoom <= LARGEST_ZOOM
    assert made.missing == ("other: timeout",)
    assert made.key == "k"
    asked = hands.asked[0]
    assert (asked.picture, asked.title, asked.mood, asked.number, asked.film) == (
        "stars",
        "Night",
        Mood.WONDER,
        2,
        "Film",
    )
    assert all(check.verdict is Verdict.PASS for check in hands.checks)


def test_neighbours_move_in_different_ways(tmp_path: Path) -> None:
    shots = [drawn(Hands(tmp_path), Scene(mood=Mood.CALM), number).value for number in (1, 2, 3, 4)]
    ways = [(shot.zoom, shot.inward, shot.glide) for shot in shots]
    assert all(one != other for one, other in pairwise(ways))
    assert shots[0].glide is not None
    assert shots[1].glide is None


@pytest.mark.parametrize("mood", list(Mood))
def test_no_mood_moves_closer_than_titles_are_set_for(mood: Mood, tmp_path: Path) -> None:
    assert drawn(Hands(tmp_path), Scene(mood=mood)).value.zoom <= LARGEST_ZOOM


def test_a_black_picture_of_a_provider_does_not_pass(tmp_path: Path) -> None:
    black = tmp_path / "black.png"
    Image.new("RGB", (90, 160)).save(black)
    hands = Hands(tmp_path, black)
    drawn(hands, Scene())
    assert any(check.verdict is Verdict.FAIL for check in hands.checks)
