"""Films are published whole, fetched in ranges, and their names lead nowhere else, on a disk and on S3."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storygen.errors import InvalidSettings, NotFound, ResourceFailure
from storygen.settings import FilmStoreSettings, FolderSettings, Settings
from storygen.store.films import FilmStore, open_films
from tests.store.s3 import bucket, s3_server

RUN = "20261120-180312-5f3a9c0b1d2e4f60"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["folder", "file", "memory", "s3"])
def films(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FilmStore]:
    urls = {"folder": "", "file": f"file://{tmp_path}/shared%20films", "memory": f"memory://{tmp_path.name}"}
    if request.param == "s3":
        urls["s3"] = f"{bucket(request.getfixturevalue('s3'), tmp_path.name, monkeypatch)}/films"
    store = open_films(settings(tmp_path, urls[request.param]))
    yield store
    asyncio.run(store.close())


def settings(tmp_path: Path, url: str = "") -> Settings:
    return Settings(folders=FolderSettings(films=tmp_path / "films"), film_store=FilmStoreSettings(url=url))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    (folder / "parts" / "01-dünen").mkdir(parents=True)
    (folder / "film.mp4").write_bytes(bytes(range(256)) * 8192)
    (folder / "film.vtt").write_text("WEBVTT")
    (folder / "parts" / "01-dünen" / "voice.wav").write_bytes(b"RIFF")
    (folder / ".hidden").write_text("no part of the film")
    return folder


async def fetch(films: FilmStore, name: str, start: int = 0, end: int | None = None) -> bytes:
    opened = await films.open(RUN, name, start, end)
    return b"".join([part async for part in opened.body])


def test_a_film_comes_back_as_it_was_put(films: FilmStore, film: Path) -> None:
    async def work() -> None:
        assert RUN in await films.put(RUN, film)
        assert await films.names(RUN) == ["film.mp4", "film.vtt", "parts/01-dünen/voice.wav"]
        assert await fetch(films, "film.mp4") == (film / "film.mp4").read_bytes()
        assert await fetch(films, "parts/01-dünen/voice.wav") == b"RIFF"

    asyncio.run(work())


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 10, slice(0, 10)),
        (300, 2_000_000, slice(300, 2_000_000)),
        (-5, None, slice(-5, None)),
        (2_097_151, 9_999_999, slice(-1, None)),
        (9_999_999, None, slice(0, 0)),
        (7, 3, slice(0, 0)),
    ],
)
def test_a_range_of_a_file_is_what_lies_within_it(
    films: FilmStore, film: Path, start: int, end: int | None, expected: slice
) -> None:
    async def work() -> None:
        await films.put(RUN, film)
        assert await fetch(films, "film.mp4", start, end) == (film / "film.mp4").read_bytes()[expected]

    asyncio.run(work())


def test_a_file_tells_its_size_its_kind_and_when_it_is_another_one(films: FilmStore, film: Path) -> None:
    async def work() -> None:
        await films.put(RUN, film)
        before = await films.about(RUN, "film.vtt")
        assert (before.size, before.media_type) == (6, "text/vtt")
        assert (await films.about(RUN, "film.vtt")).etag == before.etag
        (film / "film.vtt").unlink()
        (film / "film.vtt").write_text("WEBVTU")
        await films.put(RUN, film)
        assert (await films.about(RUN, "film.vtt")).etag != before.etag

    asyncio.run(work())


@pytest.mark.parametrize(
    "name",
    [
        "../made/film.mp4",
        "/etc/passwd",
        "parts/../film.mp4",
        ".hidden",
        ".run",
        "a\\b",
        "",
        "x\n",
        "parts",
        "index.json",
    ],
)
def test_a_name_that_leads_elsewhere_is_no_file(films: FilmStore, film: Path, name: str) -> None:
    async def work() -> None:
        await films.put(RUN, film)
        with pytest.raises(NotFound):
            await films.about(RUN, name)

    asyncio.run(work())


@pytest.mark.parametrize("run", ["..", "../made", ".", "", "a/b", "no-such-run"])
def test_an_id_that_leads_elsewhere_is_no_film(films: FilmStore, film: Path, run: str) -> None:
    async def work() -> None:
        await films.put(RUN, film)
        with pytest.raises(NotFound):
            await films.about(run, "film.mp4")
        await films.delete(run)
        assert await films.names(run) == []
        assert await films.names(RUN)

    asyncio.run(work())


def test_a_link_out_of_a_film_is_no_file(tmp_path: Path, film: Path) -> None:
    films = open_films(settings(tmp_path))

    async def work() -> None:
        await films.put(RUN, film)
        (tmp_path / "films" / RUN / "out.txt").symlink_to("/etc/hostname")
        with pytest.raises(NotFound):
            await films.about(RUN, "out.txt")
        await films.close()

    asyncio.run(work())


def test_a_film_that_is_put_again_replaces_the_earlier_one_and_leaves_nothing_of_it(
    films: FilmStore, film: Path
) -> None:
    async def work() -> None:
        await films.put(RUN, film)
        shutil.rmtree(film / "parts")
        await films.put(RUN, film)
        assert await films.names(RUN) == ["film.mp4", "film.vtt"]
        assert await films.sizes() == {RUN: 2_097_152 + 6}

    asyncio.run(work())


def test_a_film_that_is_deleted_is_gone(films: FilmStore, film: Path) -> None:
    async def work() -> None:
        await films.put(RUN, film)
        await films.delete(RUN)
        await films.delete(RUN)
        assert await films.names(RUN) == []
        assert await films.sizes() == {}
        with pytest.raises(NotFound):
            await films.open(RUN, "film.mp4")

    asyncio.run(work())


def test_a_reader_never_sees_half_a_film(films: FilmStore, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The upload breaks off in the middle: before the first film there is none, and after it the first one."""

    def breaking(store: FilmStore) -> Callable[[], None]:
        owner = getattr(getattr(store, "_shelf", None), "place", None)
        if owner is not None:
            whole = owner.upload
            monkeypatch.setattr(owner, "upload", lambda path, *parts: _break(path, whole, path, *parts))
        else:
            from storygen.store import files
            from storygen.store import films as module

            whole = files.link
            monkeypatch.setattr(module, "link", lambda source, target: _break(source, whole, source, target))
        return monkeypatch.undo if owner is None else lambda: setattr(owner, "upload", whole)

    async def work() -> None:
        mend = breaking(films)
        with pytest.raises(ResourceFailure):
            await films.put(RUN, film)
        assert await films.names(RUN) == []
        mend()
        await films.put(RUN, film)
        breaking(films)
        (film / "film.mp4").unlink()
        (film / "film.mp4").write_bytes(b"another")
        with pytest.raises(ResourceFailure):
            await films.put(RUN, film)
        assert len(await fetch(films, "film.mp4")) == 2_097_152
        assert await fetch(films, "film.vtt") == b"WEBVTT"

    asyncio.run(work())


def _break(path: Path, whole: Callable[..., None], *args: object) -> None:
    if path.name == "film.vtt":
        raise ResourceFailure("The line is cut.")
    whole(*args)


def test_a_film_made_in_its_place_stays_there(tmp_path: Path, film: Path) -> None:
    films = open_films(settings(tmp_path))
    place = tmp_path / "films" / RUN
    place.parent.mkdir()
    film.rename(place)

    async def work() -> None:
        assert await films.put(RUN, place) == str(place)
        assert await films.sizes() == {RUN: 2_097_152 + 6 + 4}
        await films.close()

    asyncio.run(work())


def test_films_of_the_command_line_are_none_of_the_service(tmp_path: Path, film: Path) -> None:
    films = open_films(settings(tmp_path))
    (tmp_path / "films").mkdir()
    film.rename(tmp_path / "films" / "the-lighthouse")
    assert asyncio.run(films.sizes()) == {}
    asyncio.run(films.close())


@pytest.mark.parametrize("url", ["nosuch://bucket", "s4://x"])
def test_an_address_that_is_none_is_refused_with_what_to_do(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidSettings, match=r"film_store\.url") as refusal:
        open_films(settings(tmp_path, url))
    assert "storygen[s3]" in refusal.value.hint


def test_a_store_that_is_away_is_told_of_as_a_resource(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "a"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    films = open_films(settings(tmp_path, "s3://bucket/films"))
    with pytest.raises(ResourceFailure, match="cannot be reached"):
        asyncio.run(films.names(RUN))
    asyncio.run(films.close())
