"""Visuals: each scene gets a picture, and a slow movement over it."""

from __future__ import annotations

from dataclasses import replace

from storygen.media.layout import LARGEST_ZOOM
from storygen.providers.base import Capability
from storygen.providers.images.base import ImageRequest, Picture
from storygen.quality.images import check_image
from storygen.stages.base import Tools
from storygen.story import Check, Frame, Made, Mood, Scene, Shot

_ZOOM = {Mood.CALM: 1.07, Mood.MELANCHOLY: 1.07, Mood.TENSE: LARGEST_ZOOM, Mood.JOYFUL: LARGEST_ZOOM}
_USUAL_ZOOM = 1.09


async def draw(
    scene: Scene,
    number: int,
    film_title: str,
    frame: Frame,
    tools: Tools,
    seed: int = 0,
) -> Made[Shot]:
    """Draw scene `number` (from 1); neighbours move in opposite directions.

    Raises a `ProviderFailure` when nobody delivered a picture that passes its checks.
    """
    request = ImageRequest(
        picture=scene.picture,
        title=scene.title,
        subtitle=scene.subtitle,
        mood=scene.mood,
        frame=frame,
        number=number,
        film=film_title,
        seed=seed,
    )

    async def check(picture: Picture) -> tuple[Check, ...]:
        return await tools.compute(check_image, picture.image, frame)

    made = await tools.call(Capability.IMAGES, request, Picture, check)
    shot = Shot(
        image=made.value.image,
        zoom=_ZOOM.get(scene.mood, _USUAL_ZOOM),
        focus=made.value.focus,
        inward=number % 2 == 1,
    )
    return replace(made, value=shot)  # type: ignore[arg-type,return-value]  # mypy has no replace that changes the value's type
