"""Visuals: each scene gets a picture with a slow movement over it, or a clip that begins with that picture."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from storygen.errors import ProviderFailure
from storygen.media.cards import FORMAT, Card, letter_layer, letter_picture, paint
from storygen.media.layout import LARGEST_ZOOM
from storygen.providers.base import Capability
from storygen.providers.images.base import ImageRequest, Picture
from storygen.providers.video.base import Clip, ClipRequest
from storygen.quality.clips import check_clip
from storygen.quality.images import check_image
from storygen.stages.base import Tools
from storygen.story import Check, Frame, Made, Mood, Scene, Shot

_ZOOM = {Mood.CALM: 1.07, Mood.MELANCHOLY: 1.07, Mood.TENSE: LARGEST_ZOOM, Mood.JOYFUL: LARGEST_ZOOM}
_USUAL_ZOOM = 1.09
_LETTERING = 1  # raise it when words are put on pictures and clips in another way
_WORDS_PER_SECOND = 2.75
_CLIP_STEP = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Words that lie over a clip, as `Shot.heading`; None where a scene has none."""

    heading: Path | None


async def draw(
    scene: Scene,
    number: int,
    film_title: str,
    frame: Frame,
    tools: Tools,
    seed: int = 0,
    *,
    clips: bool = False,
) -> Made[Shot]:
    """Draw scene `number` (from 1); neighbours move in opposite directions. With `clips` it is filmed, too.

    Where nobody delivers a clip, the picture that it should have begun with is shown, and `missing` says why. Raises a
    `ProviderFailure` when nobody delivered a picture that passes its checks.
    """
    card = _card(scene, number, film_title, frame, seed)
    picture = await _picture(card, tools, lettered=not clips)
    if clips:
        try:
            return await _filmed(scene, card, picture, tools)
        except ProviderFailure as error:
            picture = replace(picture, missing=(*picture.missing, *_reasons(error)))
    if not picture.value.lettered:
        picture = await _lettered(card, picture, tools)
    return _with_value(picture, _shot(scene, number, picture.value))


async def stand_in(
    scene: Scene, number: int, film_title: str, frame: Frame, tools: Tools, failure: ProviderFailure, seed: int = 0
) -> Made[Shot]:
    """A drawn card for a scene of which nobody delivered a picture; `failure` is why."""
    card = _card(scene, number, film_title, frame, seed)

    async def work(folder: Path) -> Picture:
        image = folder / "card.jpg"
        focus = await tools.compute(paint, card, image)
        return Picture(image=image, focus=focus)

    painted = await tools.make("visuals", {"format": FORMAT, "card": card}, Picture, work)
    return replace(_with_value(painted, _shot(scene, number, painted.value)), missing=_reasons(failure))


async def _picture(card: Card, tools: Tools, *, lettered: bool) -> Made[Picture]:
    request = ImageRequest(
        picture=card.picture,
        title=card.title,
        subtitle=card.subtitle,
        mood=card.mood,
        frame=card.frame,
        number=card.number,
        film=card.film,
        seed=card.seed,
        lettered=lettered,
    )

    async def check(picture: Picture) -> tuple[Check, ...]:
        return await tools.compute(check_image, picture.image, card.frame)

    return await tools.call(Capability.IMAGES, request, Picture, check)


async def _lettered(card: Card, picture: Made[Picture], tools: Tools) -> Made[Picture]:
    """The picture of a vendor, or of a clip that failed, cut to the frame and with the card's words on it."""
    source, focus = picture.value.image, picture.value.focus

    async def work(folder: Path) -> Picture:
        image = folder / "lettered.jpg"
        await tools.compute(letter_picture, source, card, focus, image)
        return Picture(image=image, focus=focus)

    done = await tools.make("visuals", _inputs(card, picture, "picture"), Picture, work)
    return replace(picture, value=done.value, key=done.key)


async def _filmed(scene: Scene, card: Card, picture: Made[Picture], tools: Tools) -> Made[Shot]:
    """A clip that begins with the picture, and the card's words to lie over it."""
    request = ClipRequest(
        picture=scene.picture or scene.title or card.film,
        mood=scene.mood,
        frame=card.frame,
        seconds=_wish(scene),
        still=picture.value.image.read_bytes(),
        seed=card.seed,
    )

    async def check(clip: Clip) -> tuple[Check, ...]:
        return await check_clip(clip.video, card.frame, clip.seconds, tools.ffmpeg)

    clip = await tools.call(Capability.VIDEO, request, Clip, check, otherwise=picture.provider)
    words = await _layer(card, picture, tools)
    shot = replace(
        _shot(scene, card.number, picture.value),
        clip=clip.value.video,
        clip_seconds=_measured(clip),
        heading=words.value.heading,
    )
    key = hashlib.sha256(f"{clip.key} {words.key}".encode()).hexdigest()
    return _with_value(replace(clip, key=key, missing=(*picture.missing, *clip.missing)), shot)


async def _layer(card: Card, picture: Made[Picture], tools: Tools) -> Made[Layer]:
    """The card's words alone."""

    async def work(folder: Path) -> Layer:
        heading = folder / "heading.png"
        there = await tools.compute(letter_layer, picture.value.image, card, heading)
        return Layer(heading=heading if there else None)

    return await tools.make("visuals", _inputs(card, picture, "layer"), Layer, work)


def _card(scene: Scene, number: int, film_title: str, frame: Frame, seed: int) -> Card:
    return Card(
        picture=scene.picture,
        title=scene.title,
        subtitle=scene.subtitle,
        mood=scene.mood,
        frame=frame,
        number=number,
        film=film_title,
        seed=seed,
    )


def _shot(scene: Scene, number: int, picture: Picture) -> Shot:
    return Shot(
        image=picture.image,
        zoom=_ZOOM.get(scene.mood, _USUAL_ZOOM),
        focus=picture.focus,
        inward=number % 2 == 1,
    )


def _inputs(card: Card, picture: Made[Picture], kind: str) -> dict[str, object]:
    return {
        "format": _LETTERING,
        "kind": kind,
        "card": card,
        "picture": picture.key,
        "focus": picture.value.focus,
    }


def _wish(scene: Scene) -> float:
    """About how long a scene will be seen, in steps of five seconds: a word more or less asks for the same clip."""
    seconds = max(scene.seconds or 0.0, len(scene.spoken.split()) / _WORDS_PER_SECOND)
    return _CLIP_STEP * max(1, math.ceil(seconds / _CLIP_STEP))


def _measured(clip: Made[Clip]) -> float:
    """The seconds that were found in a clip, which can be others than were ordered."""
    found = (check.value for check in clip.checks if check.name == "duration")
    return next((value for value in found if isinstance(value, float)), clip.value.seconds)


def _reasons(error: ProviderFailure) -> tuple[str, ...]:
    """Why nobody delivered: the last provider's failure, and those of the ones before it."""
    earlier = (note.removeprefix("before it, ") for note in getattr(error, "__notes__", ()))
    return (*earlier, f"{error.provider or 'nobody'}: {error.kind}: {error.message}")


def _with_value(made: Made[Any], shot: Shot) -> Made[Shot]:
    return replace(made, value=shot)
