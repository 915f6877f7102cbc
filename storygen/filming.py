"""Filming with the encoder that works: one that fails midway is left for the whole film, whose parts must be alike."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from storygen import events
from storygen.errors import RenderFailed, Stalled, StorygenError
from storygen.media.encoders import SOFTWARE, settled, why, with_encoder
from storygen.results import Production
from storygen.settings import FilmSettings, Settings
from storygen.workshop import LOCAL

_LOG = logging.getLogger("storygen")
_Broken = (RenderFailed, Stalled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filmed:
    """What was made, the encoder that made it, and why others were left."""

    production: Production
    encoder: str
    left: tuple[str, ...] = ()


async def filmed(settings: Settings, binary: Path, make: Callable[[Settings], Awaitable[Production]]) -> Filmed:
    """Make a film with the encoder that the settings ask for, or with x264 where that does not work to the end.

    What does not depend on the encoder is found in the cache the second time. Raises what `make` raises with x264.
    """
    found = await settled(settings.film, binary)
    encoder, left = found.film.encoder, found.left
    if settings.film.encoder != "auto":
        _tell(left)
    if encoder == SOFTWARE:
        return Filmed(production=await make(_with(settings, found.film)), encoder=encoder, left=left)
    try:
        production = await make(_with(settings, found.film))
        failure = _what_broke(production)
    except _Broken as error:
        failure = error
    if failure is None:
        return Filmed(production=production, encoder=encoder, left=left)
    events.emit(events.Retried(provider=LOCAL, reason=failure.kind, attempt=1, wait=0.0))
    broke = f"{encoder}: {why(failure)}"
    _tell((broke,))
    again = await make(_with(settings, with_encoder(settings.film, SOFTWARE)))
    return Filmed(production=again, encoder=SOFTWARE, left=(*left, broke))


def _with(settings: Settings, film: FilmSettings) -> Settings:
    return settings.model_copy(update={"film": film})


def _what_broke(production: Production) -> StorygenError | None:
    """The first failure of rendering, of the film, of one of its versions or of a scene that was left out."""
    versions = production.versions
    scenes = (*production.scenes, *(scene for version in versions for scene in version.scenes))
    failures = (production.broken, *(version.broken for version in versions), *(scene.failure for scene in scenes))
    return next((failure for failure in failures if isinstance(failure, _Broken)), None)


def _tell(left: tuple[str, ...]) -> None:
    for said in left:
        _LOG.warning("x264 encodes the film, because another encoder does not work: %s.", said)
