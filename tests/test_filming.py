"""A film whose encoder fails midway is made once more with x264, all of it, and the reason is kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storygen import events
from storygen.errors import RenderFailed, StorygenError
from storygen.events import Timed
from storygen.filming import Filmed, filmed
from storygen.media import encoders
from storygen.results import Production, SceneResult
from storygen.settings import FilmSettings, Settings
from storygen.story import Film, Made, Review, Revision, Scene, Script
from tests.media.films import BINARY

CARD = Settings(film=FilmSettings(height=320, preset="ultrafast", encoder="qsv"))


@pytest.fixture(autouse=True)
def _a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = encoders.Encoder(name="libopenh264", quality=("-b:v", "1M", "-pix_fmt", "yuv420p"))
    monkeypatch.setattr(encoders, "HARDWARE", {"qsv": stand_in})


def production(failure: StorygenError | None = None) -> Production:
    review = Review(words=1, minutes=1, pace=1, hook="", has_hook=False, beats=())
    revision = Revision(script=Script(title="A film", scenes=()), changes=(), review=review)
    film = Film(video=Path("film.mp4"), seconds=1, width=2, height=2)
    return Production(
        revision=Made(value=revision, key="", provider="test"),
        scenes=(SceneResult(number=1, scene=Scene(title="One", lines=()), failure=failure),),
        film=Made(value=film, key="", provider="test"),
    )


class Maker:
    """Makes a film, or fails as it is told to where the encoder is not x264."""

    def __init__(self, *, raises: StorygenError | None = None, leaves_out: StorygenError | None = None) -> None:
        self.encoders: list[str] = []
        self._raises, self._leaves_out = raises, leaves_out

    async def __call__(self, settings: Settings) -> Production:
        self.encoders.append(settings.film.encoder)
        if settings.film.encoder == "software":
            return production()
        if self._raises:
            raise self._raises
        return production(self._leaves_out)


class Listener:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def began(self, timed: Timed) -> None: ...

    def ended(self, timed: Timed) -> None: ...

    def noted(self, event: Any, within: Timed | None) -> None:
        if isinstance(event, events.Retried):
            self.reasons.append(event.reason)


def make(maker: Maker, settings: Settings = CARD) -> Filmed:
    return asyncio.run(filmed(settings, BINARY, maker))


def test_an_encoder_that_works_makes_the_film_and_is_named() -> None:
    maker = Maker()
    made = make(maker)
    assert (made.encoder, made.left, maker.encoders) == ("qsv", (), ["qsv"])


@pytest.mark.parametrize("how", ["raises", "leaves_out"])
def test_one_that_fails_midway_is_left_for_the_whole_film_with_the_reason(how: str) -> None:
    listener, maker = Listener(), Maker(**{how: RenderFailed("the card was lost")})
    with events.watched(events.Watch([listener])):
        made = make(maker)
    assert made.encoder == "software"
    assert made.left == ("qsv: the card was lost",)
    assert maker.encoders == ["qsv", "software"]
    assert made.production.scenes[0].failure is None
    assert listener.reasons == ["render_failed"]


def test_one_that_the_trial_refuses_never_renders(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = replace(encoders.HARDWARE["qsv"], name="h264_nobody")
    monkeypatch.setattr(encoders, "HARDWARE", {"qsv": nobody})
    maker = Maker()
    made = make(maker)
    assert maker.encoders == ["software"]
    assert len(made.left) == 1


def test_what_fails_with_x264_fails() -> None:
    class Broken(Maker):
        async def __call__(self, settings: Settings) -> Production:
            raise RenderFailed(f"{settings.film.encoder} broke")

    with pytest.raises(RenderFailed, match="software broke"):
        make(Broken(), Settings())
