"""Where finished films are kept for those who fetch them: a folder of this machine, or any place that fsspec reaches.

A film is published whole or not at all, and is read file by file, in ranges.
"""

from __future__ import annotations

import mimetypes
import os
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from storygen.errors import NotFound, ResourceFailure
from storygen.settings import Settings
from storygen.store.files import discard, link, make_folder, staying, writing
from storygen.store.hands import Hands

_CHUNK = 256 * 1024
_MARK = ".run"
_ASIDE = ".films-"
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,100}", re.ASCII)
_TYPES = {".srt": "application/x-subrip", ".vtt": "text/vtt", ".ass": "text/x-ssa", ".m4a": "audio/mp4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmFile:
    """A file of a film: `size` in bytes, and an `etag`, without quotes, that another content does not have."""

    name: str
    size: int
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The bytes from `start` to before `end` of a file; reading `body` raises `ResourceFailure` where it changed."""

    file: FilmFile
    start: int
    end: int
    body: AsyncIterator[bytes]


class FilmStore(Protocol):
    """Films by the id of their run. Each method raises `ResourceFailure` where the place cannot be reached."""

    async def put(self, run_id: str, folder: Path) -> str:
        """Publish a finished film's folder, at once for those who read; an earlier one of the run is replaced.

        Returns the address of its place.
        """

    async def about(self, run_id: str, name: str) -> FilmFile:
        """What is known of a file. Raises `NotFound`, also for names that lead elsewhere."""

    async def open(self, run_id: str, name: str, start: int = 0, end: int | None = None) -> Opened:
        """A file from byte `start` to before `end` (None: its last). A negative `start` counts from the end.

        What lies beyond the file is left out. Raises `NotFound`.
        """

    async def names(self, run_id: str) -> list[str]:
        """The files of a film, sorted; none where there is no such film."""

    async def delete(self, run_id: str) -> None:
        """Remove a film, whether or not it is there."""

    async def sizes(self) -> Mapping[str, int]:
        """The bytes of every film that was put here, by the id of its run."""

    async def close(self) -> None:
        """Let go of threads and connections."""


def open_films(settings: Settings) -> FilmStore:
    """The store that `film_store.url` names; the films folder, if it names none.

    Raises `InvalidSettings` for an address that is none, or where fsspec is missing.
    """
    url = settings.film_store.url
    if not url:
        return LocalFilms(settings.folders.films)
    if url.startswith("file://"):
        return LocalFilms(Path(unquote(urlsplit(url).path)))
    from storygen.store.remote import RemoteFilms

    return RemoteFilms(url)


def is_run_id(run_id: str) -> bool:
    """Whether this can be the id of a run: letters, digits and hyphens, so that it leads nowhere else."""
    return _RUN.fullmatch(run_id) is not None


def is_safe_name(name: str) -> bool:
    """Whether a name can be that of a film's file: it leads nowhere else, and is neither hidden nor unprintable."""
    parts = name.split("/")
    return len(name) <= 500 and all(
        part and not part.startswith(".") and part.isprintable() and "\\" not in part for part in parts
    )


def media_type(name: str) -> str:
    """What kind of file a name says that it is."""
    return _TYPES.get(Path(name).suffix.lower()) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def checked(run_id: str, name: str) -> None:
    """Raise `NotFound` for ids and names that no film has."""
    if not is_run_id(run_id) or not is_safe_name(name):
        raise no_file(run_id, name)


def no_file(run_id: str, name: str) -> NotFound:
    """There is no such file."""
    return NotFound(f"Run {run_id[:64]!r} has no file {name[:64]!r}.", hint="The run's own page lists its files.")


def bounds(size: int, start: int, end: int | None) -> tuple[int, int]:
    """A range within a file of `size` bytes; `start` may count from the end."""
    first = max(0, size + start) if start < 0 else min(start, size)
    return first, max(first, size if end is None else min(end, size))


class LocalFilms:
    """A folder per run below `root`; files share their bytes with what they were put from where the disk allows it."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._hands = Hands("films")

    async def put(self, run_id: str, folder: Path) -> str:
        """See `FilmStore.put`."""
        return await self._hands.do(self._put, run_id, folder)

    async def about(self, run_id: str, name: str) -> FilmFile:
        """See `FilmStore.about`."""
        return await self._hands.do(self._about, run_id, name)

    async def open(self, run_id: str, name: str, start: int = 0, end: int | None = None) -> Opened:
        """See `FilmStore.open`."""
        file = await self.about(run_id, name)
        first, last = bounds(file.size, start, end)
        return Opened(file=file, start=first, end=last, body=self._body(run_id, file, first, last))

    async def names(self, run_id: str) -> list[str]:
        """See `FilmStore.names`."""
        return await self._hands.do(self._names, run_id)

    async def delete(self, run_id: str) -> None:
        """See `FilmStore.delete`."""
        if is_run_id(run_id):
            await self._hands.do(self._set_aside, self._root / run_id)

    async def sizes(self) -> Mapping[str, int]:
        """See `FilmStore.sizes`."""
        return await self._hands.do(self._sizes)

    async def close(self) -> None:
        """See `FilmStore.close`."""
        self._hands.close()

    def _put(self, run_id: str, folder: Path) -> str:
        place = self._root / run_id
        if not is_run_id(run_id):
            raise ResourceFailure(f"{run_id[:64]!r} is no id of a run.")
        make_folder(self._root)
        if folder.absolute() == place:  # it was published here by its own rename
            with writing(place):
                (place / _MARK).touch()
            return str(place)
        made = self._root / f"{_ASIDE}{secrets.token_hex(8)}"
        try:
            with writing(self._root), staying(folder):
                made.mkdir()
                for name in _listed(folder):
                    (made / name).parent.mkdir(parents=True, exist_ok=True)
                    link(folder / name, made / name)
                (made / _MARK).touch()
                self._set_aside(place)
                made.rename(place)
        finally:
            discard(made)
        return str(place)

    def _about(self, run_id: str, name: str) -> FilmFile:
        with self._reading(run_id, name) as file:
            return _described(name, file)

    def _reading(self, run_id: str, name: str) -> BinaryIO:
        checked(run_id, name)
        place = self._root / run_id
        path = place / name
        try:
            if not path.resolve(strict=True).is_relative_to(place.resolve()) or not path.is_file():
                raise no_file(run_id, name)
            return path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            raise no_file(run_id, name) from None
        except OSError as error:
            raise ResourceFailure(f"{path} cannot be read: {error.strerror}.") from error

    async def _body(self, run_id: str, wanted: FilmFile, start: int, end: int) -> AsyncIterator[bytes]:
        file = await self._hands.do(self._reading, run_id, wanted.name)
        try:
            if _described(wanted.name, file).etag != wanted.etag:
                raise ResourceFailure(f"{wanted.name} was replaced while it was read.", hint="Fetch it again.")
            file.seek(start)
            while start < end:
                content = await self._hands.do(file.read, min(_CHUNK, end - start))
                if not content:
                    raise ResourceFailure(f"{wanted.name} became shorter while it was read.", hint="Fetch it again.")
                start += len(content)
                yield content
        finally:
            file.close()

    def _names(self, run_id: str) -> list[str]:
        place = self._root / run_id
        return _listed(place) if is_run_id(run_id) and place.is_dir() else []

    def _set_aside(self, place: Path) -> None:
        """Remove a film, at once for those who look for it."""
        aside = self._root / f"{_ASIDE}{secrets.token_hex(8)}"
        try:
            place.rename(aside)
        except FileNotFoundError:
            return
        discard(aside)

    def _sizes(self) -> dict[str, int]:
        marks = self._root.glob(f"*/{_MARK}")
        return {mark.parent.name: _size(mark.parent) for mark in marks if is_run_id(mark.parent.name)}


def _described(name: str, file: BinaryIO) -> FilmFile:
    found = os.fstat(file.fileno())
    etag = f"{found.st_size:x}-{found.st_mtime_ns:x}"
    return FilmFile(name=name, size=found.st_size, media_type=media_type(name), etag=etag)


def _listed(folder: Path) -> list[str]:
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if is_safe_name(name))


def _size(folder: Path) -> int:
    return sum((folder / name).stat().st_size for name in _listed(folder))
