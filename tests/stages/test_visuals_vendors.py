"""Scenes are painted and filmed by vendors, carry our own letters, and fall back in steps that are told of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from storygen.errors import ProviderFailure
from storygen.providers.registry import chains
from storygen.resilience.cache import Cache
from storygen.resilience.call import Caller, CallPolicy
from storygen.resilience.retry import RetryPolicy
from storygen.settings import (
    FolderSettings,
    GeminiSettings,
    OpenAISettings,
    ProviderSettings,
    RunwaySettings,
    Settings,
    VendorsSettings,
)
from storygen.stages.visuals import draw, stand_in
from storygen.store.artifacts import Store
from storygen.store.jobs import Jobs
from storygen.story import Fidelity, Frame, Made, Mood, Scene, Shot
from storygen.vendors.server import Simulation
from storygen.workshop import Pulse, Workshop
from tests.media.films import BINARY

FRAME = Frame(width=180, height=320, fps=30)
SCENE = Scene(title="The Light", subtitle="Part one", picture="a lighthouse by the sea", mood=Mood.CALM)


def settings(vendors: Simulation, folder: Path, *, images: str, video: str = "") -> Settings:
    key = {"api_keys": ("key-for-tests",)}
    return Settings(
        providers=ProviderSettings(images=tuple(images.split()), video=tuple(video.split())),
        vendors=VendorsSettings(
            openai=OpenAISettings(base_url=vendors.url("openai"), **key),  # type: ignore[arg-type]
            gemini=GeminiSettings(base_url=vendors.url("gemini"), **key),  # type: ignore[arg-type]
            runway=RunwaySettings(base_url=vendors.url("runway"), poll_seconds=0.01, **key),  # type: ignore[arg-type]
        ),
        folders=FolderSettings(cache=folder / "cache", state=folder / "state", films=folder / "films"),
    )


async def at_once(_: float) -> None:
    """Waits for nothing."""


def hands(given: Settings) -> Workshop:
    store = Store(given.folders.cache)
    caller = Caller(chains(given), store, CallPolicy(retry=RetryPolicy(attempts=2)), sleep=at_once)
    return Workshop(caller, Cache(store), binary=BINARY, cores=2, stall_seconds=30, pulse=Pulse())


def drawn(given: Settings, scene: Scene = SCENE, number: int = 1) -> Made[Shot]:
    clips = bool(given.providers.video)
    return asyncio.run(draw(scene, number, "Keepers", FRAME, hands(given), clips=clips))


def orders(vendors: Simulation) -> list[str]:
    return [entry["path"] for entry in vendors.requests() if entry["method"] == "POST"]


def rows_that_differ(one: Path, other: Path) -> np.ndarray:
    """By how much each row of two pictures differs, at its most."""
    grey = [np.asarray(Image.open(path).convert("L").resize((180, 320)), dtype=int) for path in (one, other)]
    return np.abs(grey[0] - grey[1]).max(axis=1)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["openai", "gemini"])
def test_the_picture_of_a_vendor_gets_the_letters_of_a_card_and_the_shape_of_the_frame(
    vendors: Simulation, tmp_path: Path, name: str
) -> None:
    given = settings(vendors, tmp_path, images=name)
    titled = drawn(given)
    plain = drawn(given, replace(SCENE, title="", subtitle=""), number=2)
    assert (titled.provider, titled.missing) == (name, ())
    with Image.open(titled.value.image) as image:
        assert image.width / image.height == pytest.approx(180 / 320, rel=0.01)
        assert image.width >= 180
        top = np.asarray(image.convert("L").resize((180, 320)), dtype=int)[35:80]
    assert top.max() > 200  # light letters on a shaded sky
    assert plain.value.image != titled.value.image


def test_a_new_title_paints_nothing_anew_where_the_vendor_was_asked_the_same(
    vendors: Simulation, tmp_path: Path
) -> None:
    given = settings(vendors, tmp_path, images="openai")
    first = drawn(given)
    again = drawn(given)
    assert again.cached
    assert again.key == first.key
    assert len(orders(vendors)) == 1


def test_a_scene_is_filmed_from_its_picture_and_its_words_lie_over_the_clip(
    vendors: Simulation, tmp_path: Path
) -> None:
    made = drawn(settings(vendors, tmp_path, images="builtin", video="runway"))
    shot = made.value
    assert made.provider == "runway"
    assert made.fidelity is Fidelity.FULL
    assert shot.clip is not None
    assert shot.clip_seconds == pytest.approx(5.0, abs=0.1)
    assert shot.heading is not None
    with Image.open(shot.heading) as layer:
        assert (layer.mode, layer.size) == ("RGBA", (180, 320))
        red, _, _, alpha = (np.asarray(band, dtype=int) for band in layer.split())
    assert (red <= alpha).all()  # colours are multiplied by their alpha
    assert alpha[35:80].max() == 255
    assert alpha[160:].max() == 0
    assert orders(vendors) == ["/v1/image_to_video"]
    assert Jobs(tmp_path / "state").waiting() == 0


def test_a_scene_without_words_has_a_clip_with_nothing_over_it(vendors: Simulation, tmp_path: Path) -> None:
    given = settings(vendors, tmp_path, images="builtin", video="runway")
    assert drawn(given, replace(SCENE, title="", subtitle=""), number=2).value.heading is None


def test_a_word_more_in_a_scene_asks_for_the_same_clip(vendors: Simulation, tmp_path: Path) -> None:
    given = settings(vendors, tmp_path, images="builtin", video="runway")
    drawn(given, replace(SCENE, seconds=3.0))
    drawn(given, replace(SCENE, seconds=3.4))
    assert len(orders(vendors)) == 1


@pytest.mark.parametrize("fault", ["refusal", "empty_clip", "task_fails", "server_error", "quota"])
def test_where_no_clip_comes_the_picture_is_shown_with_its_words_and_the_reason(
    vendors: Simulation, tmp_path: Path, fault: str
) -> None:
    vendors.plan([{"fault": fault, "vendor": "runway", "path": "/v1/image_to_video"}])
    made = drawn(settings(vendors, tmp_path, images="builtin", video="runway"))
    assert made.provider == "builtin"
    assert made.value.clip is None
    assert made.fidelity is Fidelity.DEGRADED
    (reason,) = made.missing
    assert reason.startswith("runway: ")
    with Image.open(made.value.image) as image:
        top = np.asarray(image.convert("L").resize((180, 320)), dtype=int)[35:80]
    assert top.max() > 200


def test_a_card_that_stood_ready_for_a_clip_looks_as_one_that_was_painted_for_itself(
    vendors: Simulation, tmp_path: Path
) -> None:
    vendors.plan([{"fault": "refusal", "vendor": "runway"}])
    fallen = drawn(settings(vendors, tmp_path, images="builtin", video="runway")).value
    usual = drawn(settings(vendors, tmp_path, images="builtin")).value
    assert np.median(rows_that_differ(fallen.image, usual.image)) < 40


def test_a_clip_of_which_nobody_has_the_picture_is_not_ordered(vendors: Simulation, tmp_path: Path) -> None:
    vendors.plan([{"fault": "server_error", "vendor": "openai"}])
    with pytest.raises(ProviderFailure):
        drawn(settings(vendors, tmp_path, images="openai", video="runway"))
    assert not vendors.requests("runway")


def test_a_drawn_card_stands_in_and_names_everybody_who_failed(vendors: Simulation, tmp_path: Path) -> None:
    vendors.plan([{"fault": "server_error", "vendor": "openai"}, {"fault": "quota", "vendor": "gemini"}])
    given = settings(vendors, tmp_path, images="openai gemini")
    with pytest.raises(ProviderFailure) as failed:
        drawn(given)
    made = asyncio.run(stand_in(SCENE, 1, "Keepers", FRAME, hands(given), failed.value))
    assert made.fidelity is Fidelity.DEGRADED
    assert [reason.partition(":")[0] for reason in made.missing] == ["openai", "gemini"]
    with Image.open(made.value.image) as image:
        assert image.width >= 180


class Bad:
    """A provider whose clip is whatever bytes it was given."""

    name, model, operation, output = "bad", "m", "generate_content", "video"
    fingerprint: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, content: bytes) -> None:
        self.content = content

    def expected(self, request: Any) -> Any:
        from storygen.story import Usage

        return Usage(video_seconds=5)

    async def answer(self, request: Any, folder: Path) -> Any:
        from storygen.providers.base import Answer
        from storygen.providers.video.base import Clip

        (folder / "clip.mp4").write_bytes(self.content)
        return Answer(value=Clip(video=folder / "clip.mp4", seconds=5.0), usage=self.expected(request))


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0" * 400,
        b"not a clip",
    ],
    ids=["playlist", "list of files", "broken", "text"],
)
def test_what_poses_as_a_clip_is_not_opened_and_the_picture_is_shown(
    vendors: Simulation, tmp_path: Path, content: bytes
) -> None:
    from storygen.providers.base import Capability
    from storygen.providers.images.builtin import Builtin

    store = Store(tmp_path / "cache")
    both: Any = {Capability.IMAGES: (Builtin(),), Capability.VIDEO: (Bad(content),)}
    caller = Caller(both, store, CallPolicy(retry=RetryPolicy(attempts=1)), sleep=at_once)
    tools = Workshop(caller, Cache(store), binary=BINARY, cores=2, stall_seconds=30, pulse=Pulse())
    made = asyncio.run(draw(SCENE, 1, "Keepers", FRAME, tools, clips=True))
    assert made.value.clip is None
    assert "invalid_output" in made.missing[0]
