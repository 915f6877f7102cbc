"""Workers on many machines share what they made, and one that cannot goes on with its own."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from storygen.errors import InvalidSettings
from storygen.resilience.cache import Cache
from storygen.store.artifacts import Store
from storygen.store.depot import PAUSE_SECONDS, Depot
from storygen.story import Made
from tests.store.s3 import bucket, s3_server

LARGE = bytes(range(256)) * 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    audio: Path


class Machine:
    """A worker with a disk of its own."""

    def __init__(self, folder: Path, depot: Depot | None) -> None:
        self.store = Store(folder)
        self.cache = Cache(self.store, depot=depot)
        self.made = 0

    async def get(self, text: str = "hello") -> Made[Sound]:
        async def make(folder: Path, key: str) -> Made[Sound]:
            self.made += 1
            (folder / "audio.wav").write_bytes(LARGE)
            return Made(value=Sound(audio=folder / "audio.wav"), key=key, provider="alpha", cost_usd=0.5)

        return await self.cache.get("speech", {"text": text}, Sound, make)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "s3":
        return f"{bucket(request.getfixturevalue('s3'), tmp_path.name, monkeypatch)}/cache"
    return f"file://{tmp_path}/shared"


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(work())  # type: ignore[arg-type]


def test_what_one_machine_made_the_others_find(tmp_path: Path, url: str) -> None:
    async def work() -> None:
        one, two = Machine(tmp_path / "1", Depot(url)), Machine(tmp_path / "2", Depot(url))
        await one.get()
        found = await two.get()
        assert found.cached
        assert found.value.audio.read_bytes() == LARGE
        assert found.value.audio.is_relative_to(tmp_path / "2")
        assert (one.made, two.made) == (1, 0)

    run(work)


def test_a_run_that_goes_on_elsewhere_finds_a_stand_in_of_before(tmp_path: Path, url: str) -> None:
    async def work() -> None:
        one, two = Machine(tmp_path / "1", Depot(url)), Machine(tmp_path / "2", Depot(url))
        await one.get()
        assert await two.cache.kept("speech", {"text": "hello"}, Sound, stood_in=False)
        assert await two.cache.kept("speech", {"text": "other"}, Sound, stood_in=False) is None

    run(work)


def _shared(tmp_path: Path) -> Path:
    return next((tmp_path / "shared").rglob("index.json"))


def _shorten(index: Path) -> None:
    sound = next(index.parent.rglob("audio.wav"))
    sound.write_bytes(LARGE[:-1])


def _swap(index: Path) -> None:
    sound = next(index.parent.rglob("audio.wav"))
    sound.write_bytes(bytes(len(LARGE)))


def _rename(index: Path) -> None:
    told = json.loads(index.read_text())
    told["files"]["../../escaped"] = told["files"].pop("audio.wav")
    (index.parents[1] / "escaped").write_bytes(LARGE)
    index.write_text(json.dumps(told))


def _garble(index: Path) -> None:
    index.write_text("[1, 2")


def _empty(index: Path) -> None:
    index.write_text("{}")


def _lose(index: Path) -> None:
    next(index.parent.rglob("entry.json")).unlink()


@pytest.mark.parametrize("damage", [_shorten, _swap, _rename, _garble, _empty, _lose])
def test_an_entry_that_is_not_as_it_was_stored_is_made_anew(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    async def work() -> None:
        url = f"file://{tmp_path}/shared"
        await Machine(tmp_path / "1", Depot(url)).get()
        damage(_shared(tmp_path))
        two = Machine(tmp_path / "2", Depot(url))
        assert (await two.get()).value.audio.read_bytes() == LARGE
        assert two.made == 1
        assert not list((tmp_path / "2").rglob("escaped"))

    run(work)


def test_a_depot_that_is_away_is_told_of_once_and_left_alone_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    now = [1000.0]

    async def work() -> None:
        depot = Depot("s3://bucket/cache", clock=lambda: now[0])
        tried = []
        shelf = depot._shelf
        monkeypatch.setattr(shelf, "index", lambda name, whole=shelf.index: (tried.append(name), whole(name))[1])
        machine = Machine(tmp_path / "1", depot)
        for number in range(3):
            await machine.get(f"story {number}")
        assert (machine.made, len(tried)) == (3, 1)
        now[0] += PAUSE_SECONDS
        await machine.get("another")
        assert (machine.made, len(tried)) == (4, 2)

    with caplog.at_level(logging.WARNING):
        run(work)
    assert [record.message for record in caplog.records if "shared cache" in record.message][1:] == []


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidSettings, match=r"film_store\.cache_url"):
        Depot("nosuch://bucket")
