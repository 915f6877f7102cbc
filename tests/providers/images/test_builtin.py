"""The built-in painter delivers what a scene asks for, and passes the checks that others must pass."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from PIL import Image

from storygen.providers.images.base import ImageRequest
from storygen.providers.images.builtin import Builtin
from storygen.quality.images import check_image
from storygen.story import Frame, Mood, Usage, Verdict

REQUEST = ImageRequest(
    picture="a lighthouse by the sea",
    title="The Light",
    subtitle="Part one",
    mood=Mood.CALM,
    frame=Frame(width=180, height=320, fps=30),
    number=1,
)


def test_a_request_is_answered_with_a_picture_that_passes_its_checks(tmp_path: Path) -> None:
    answer = asyncio.run(Builtin().answer(REQUEST, tmp_path))
    assert answer.value.image.parent == tmp_path
    assert all(0 <= share <= 1 for share in answer.value.focus)
    assert Builtin().expected(REQUEST) == answer.usage == Usage(images=1)
    assert all(check.verdict is Verdict.PASS for check in check_image(answer.value.image, REQUEST.frame))


def test_another_seed_paints_another_picture(tmp_path: Path) -> None:
    pictures = []
    for seed in (0, 1):
        answer = asyncio.run(Builtin().answer(replace(REQUEST, seed=seed), tmp_path))
        with Image.open(answer.value.image) as image:
            pictures.append(image.tobytes())
    assert pictures[0] != pictures[1]


def test_twelve_pictures_at_once_are_each_their_own(tmp_path: Path) -> None:
    async def paint_all() -> set[bytes]:
        folders = [tmp_path / str(number) for number in range(12)]
        for folder in folders:
            folder.mkdir()
        requests = [replace(REQUEST, number=number, picture="") for number in range(12)]
        answers = await asyncio.gather(*(Builtin().answer(r, f) for r, f in zip(requests, folders, strict=True)))
        return {answer.value.image.read_bytes() for answer in answers}

    assert len(asyncio.run(paint_all())) == 12
