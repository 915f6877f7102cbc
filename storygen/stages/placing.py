"""Placing: once a scene's picture is there, its subtitles and its terminal are put where they hide least of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from storygen.media.layout import Arrangement, arrange, title_beside_window
from storygen.story import Captions, Frame, Made, Overlay, Placed, Scene, Shot


def pictured(scene: Scene, number: int, frame: Frame, *, typed: bool) -> Scene:
    """Scene `number` (from 1) as it is drawn: without its title where the terminal takes the title's place.

    It is read in the bar of the terminal's window then.
    """
    if not typed or title_beside_window(frame, number):
        return scene
    picture = scene.picture or f"{scene.title} {scene.subtitle}".strip()
    return replace(scene, title="", subtitle="", picture=picture)


def place(
    scene: Scene,
    number: int,
    frame: Frame,
    shot: Made[Shot] | None,
    captions: Made[Captions],
    overlay: Made[Overlay] | None,
) -> tuple[Made[Captions], Made[Overlay] | None]:
    """The subtitles and the terminal of a scene in their places, which stay the same for the whole scene.

    Nobody looks for faces: what is kept free is the point that the eye should go to, as its painter told.
    """
    if shot is None:
        return captions, overlay
    drawn = pictured(scene, number, frame, typed=overlay is not None)
    titled = bool(drawn.title or drawn.subtitle) or number == 1
    where = arrange(frame, shot.value.focus, titled=titled, typed=overlay is not None)
    return _subtitles(captions, where), _window(overlay, where) if overlay else None


def _subtitles(captions: Made[Captions], where: Arrangement) -> Made[Captions]:
    there = _find(captions.value.placed, where.subtitles)
    if there is None or there.ass == captions.value.ass:
        return captions
    return replace(captions, value=replace(captions.value, ass=there.ass), key=_key(captions.key, there))


def _window(overlay: Made[Overlay], where: Arrangement) -> Made[Overlay]:
    there = _find(overlay.value.placed, where.window)
    if there is None or there.panel is None or there.ass == overlay.value.ass:
        return overlay
    return replace(
        overlay, value=replace(overlay.value, panel=there.panel, ass=there.ass), key=_key(overlay.key, there)
    )


def _find(placed: tuple[Placed, ...], place: str) -> Placed | None:
    return next((one for one in placed if one.place == place), None)


def _key(key: str, there: Placed) -> str:
    return hashlib.sha256(f"{key} {there.place}".encode()).hexdigest()
