"""Visuals: each scene gets a picture with a slow movement over it, or a clip that begins with that picture."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from storygen.errors import ProviderFailure
from storygen.media.cards import FORMAT, Card, letter_layer, letter_picture, paint
from storygen.media.ending import FORMAT as END_FORMAT
from storygen.media.ending import Ending, paint_end, the_end
from storygen.media.footage import clip_command
from storygen.media.given import FORMAT as FIT_FORMAT
from storygen.media.given import fit_picture
from storygen.media.movement import movement
from storygen.media.probe import probe
from storygen.providers.base import Capability
from storygen.providers.images.base import ImageRequest, Picture
from storygen.providers.video.base import Clip, ClipRequest
from storygen.quality.clips import check_clip
from storygen.quality.images import alike, check_image
from storygen.stages.base import Tools
from storygen.stages.given import bring_clip, bring_picture
from storygen.story import Check, Frame, Made, Mood, Scene, Script, Shot

_LEAST_ZOOM = 1.04  # of what is shown whole, so that little of it leaves the frame
_END_ZOOM = 1.05
_END_SECONDS = 2.4
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
    if given := await _given(scene, card, tools):
        return given
    picture = await _picture(card, tools, lettered=not clips)
    if clips:
        try:
            return await _filmed(scene, card, picture, tools)
        except ProviderFailure as error:
            picture = replace(picture, missing=(*picture.missing, *_reasons(error)))
    if picture.value.lettered:
        return _with_value(picture, _shot(card, picture.value))
    original = picture.value.image
    picture = await _lettered(card, picture, tools)
    return _with_value(picture, replace(_shot(card, picture.value), original=original))


async def stand_in(
    scene: Scene, number: int, film_title: str, frame: Frame, tools: Tools, failure: ProviderFailure, seed: int = 0
) -> Made[Shot]:
    """A drawn card for a scene of which nobody delivered a picture; `failure` is why."""
    card = _card(scene, number, film_title, frame, seed)
    painted = await _painted(card, tools)
    return replace(_with_value(painted, _shot(card, painted.value)), missing=_reasons(failure))


def closing_scene(story: Script) -> Scene:
    """The scene behind the last one that shows a story's closing card."""
    return Scene(title=the_end(story.language), seconds=_END_SECONDS, mood=story.scenes[-1].mood)


async def close(number: int, title: str, language: str, mood: Mood, frame: Frame, tools: Tools) -> Made[Shot]:
    """The card that closes a film, as its scene `number`."""
    ending = Ending(title=title, language=language, mood=mood, frame=frame)

    async def work(folder: Path) -> Picture:
        image = folder / "end.jpg"
        return Picture(image=image, focus=await tools.compute(paint_end, ending, image))

    painted = await tools.make("visuals", {"format": END_FORMAT, "ending": ending}, Picture, work)
    shown = painted.value
    return _with_value(painted, Shot(image=shown.image, focus=shown.focus, zoom=_END_ZOOM, inward=number % 2 == 1))


async def reframe(
    scene: Scene, number: int, film_title: str, frame: Frame, tools: Tools, first: Made[Shot], seed: int = 0
) -> Made[Shot]:
    """What was made for one shape in another: a drawn card anew, and what others delivered cut or shown whole.

    Nobody is asked, and nothing is paid.
    """
    card, shot = _card(scene, number, film_title, frame, seed), first.value
    if given := await _given(scene, card, tools):
        return given
    if shot.original is None:
        painted = await _painted(card, tools)
        return replace(_with_value(painted, _shot(card, painted.value)), missing=first.missing)
    fitted = await _fitted(shot.original, first.key, frame, tools)
    if shot.clip is None:
        done = await _lettered(card, fitted, tools)
        return replace(first, value=_reshaped(shot, card, done.value), key=done.key, checks=())
    clip = await _refilmed(shot.clip, shot.clip_seconds, first.key, frame, tools)
    words = await _layer(card, fitted, tools)
    seen = replace(_reshaped(shot, card, fitted.value), clip=clip.value.video, heading=words.value.heading)
    key = hashlib.sha256(f"{clip.key} {words.key}".encode()).hexdigest()
    return replace(first, value=seen, key=key, checks=())


def seen_twice(shots: Sequence[Shot]) -> tuple[int, ...]:
    """The places of those shots whose picture, as others delivered it, is the one before it once more."""
    twice: list[int] = []
    for place, (before, shot) in enumerate(pairwise(shots), 1):
        pictures = [one.original for one in (before, shot) if one.original and not one.clip]
        if len(pictures) == 2 and place - 1 not in twice and alike(*pictures):
            twice.append(place)
    return tuple(twice)


async def _given(scene: Scene, card: Card, tools: Tools) -> Made[Shot] | None:
    """What the user gave the scene to show, with the words that others' pictures get; None where that is nothing."""
    if scene.given and scene.given.clip:
        clip = await bring_clip(scene, scene.given.clip, card.frame, tools)
        still = _as_picture(clip, Picture(image=clip.value.still, lettered=False))
        words = await _layer(card, still, tools)
        shot = replace(
            _shot(card, still.value),
            clip=clip.value.video,
            clip_seconds=clip.value.seconds,
            heading=words.value.heading,
        )
        key = hashlib.sha256(f"{clip.key} {words.key}".encode()).hexdigest()
        return replace(_with_value(clip, shot), key=key)
    if scene.given and scene.given.image:
        brought = await bring_picture(scene.given.image, card.frame, tools)
        picture = _as_picture(brought, Picture(image=brought.value.image, focus=brought.value.focus))
        if card.heading or card.subtitle:
            picture = await _lettered(card, picture, tools)
        shot = _shot(card, picture.value)
        return _with_value(picture, replace(shot, zoom=_LEAST_ZOOM) if brought.value.is_whole else shot)
    return None


async def _painted(card: Card, tools: Tools) -> Made[Picture]:
    """A card that is drawn here."""

    async def work(folder: Path) -> Picture:
        image = folder / "card.jpg"
        focus = await tools.compute(paint, card, image)
        return Picture(image=image, focus=focus)

    return await tools.make("visuals", {"format": FORMAT, "card": card}, Picture, work)


async def _fitted(original: Path, key: str, frame: Frame, tools: Tools) -> Made[Picture]:
    """A picture of any shape, filling another frame."""

    async def work(folder: Path) -> Picture:
        image = folder / "fitted.jpg"
        fitted = await tools.compute(fit_picture, original, frame, image)
        return Picture(image=image, focus=fitted.focus, lettered=False)

    inputs = {"format": FIT_FORMAT, "kind": "fitted", "of": key, "frame": frame}
    return await tools.make("visuals", inputs, Picture, work)


async def _refilmed(clip: Path, seconds: float, key: str, frame: Frame, tools: Tools) -> Made[Clip]:
    """A clip of any shape, filling another frame."""

    async def work(folder: Path) -> Clip:
        video, still = folder / "clip.mp4", folder / "still.jpg"
        stream = (await probe(clip, tools.ffmpeg)).video[0]
        await tools.ffmpeg(clip_command(clip, stream, frame, seconds, video, still))
        still.unlink()
        return Clip(video=video, seconds=seconds)

    inputs = {"format": FIT_FORMAT, "kind": "clip", "of": key, "frame": frame}
    return await tools.make("visuals", inputs, Clip, work)


def _reshaped(shot: Shot, card: Card, picture: Picture) -> Shot:
    return replace(_shot(card, picture), original=shot.original, clip=shot.clip, clip_seconds=shot.clip_seconds)


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
        _shot(card, picture.value),
        clip=clip.value.video,
        clip_seconds=_measured(clip),
        heading=words.value.heading,
        original=picture.value.image,
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


def _shot(card: Card, picture: Picture) -> Shot:
    titled = bool(card.heading or card.subtitle)
    move = movement(card.mood, card.number, picture.focus, card.frame, titled=titled)
    return Shot(image=picture.image, focus=picture.focus, zoom=move.zoom, inward=move.inward, glide=move.glide)


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


def _as_picture(made: Made[Any], picture: Picture) -> Made[Picture]:
    return replace(made, value=picture)


def _with_value(made: Made[Any], shot: Shot) -> Made[Shot]:
    return replace(made, value=shot)
