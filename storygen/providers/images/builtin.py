"""The painter that needs no network: cards drawn with Pillow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storygen.media.cards import FORMAT, Card, paint
from storygen.providers.base import Answer
from storygen.providers.images.base import ImageRequest, Picture
from storygen.story import Usage


class Builtin:
    """Paints a card per scene, by the words of its description and its mood."""

    name = "builtin"
    model = "cards"
    operation = "generate_content"
    output = "image"

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The version of the look; nothing can be set."""
        return {"format": FORMAT}

    def expected(self, request: ImageRequest) -> Usage:  # noqa: ARG002 - every card is one picture
        """One picture."""
        return Usage(images=1)

    async def answer(self, request: ImageRequest, folder: Path) -> Answer[Picture]:
        """Paint `request` into `folder` in a thread of its own. Costs nothing."""
        card = Card(
            picture=request.picture,
            title=request.title,
            subtitle=request.subtitle,
            mood=request.mood,
            frame=request.frame,
            number=request.number,
            film=request.film,
            seed=request.seed,
            lettered=request.lettered,
        )
        image = folder / "card.jpg"
        focus = await asyncio.to_thread(paint, card, image)
        return Answer(value=Picture(image=image, focus=focus, lettered=request.lettered), usage=Usage(images=1))
