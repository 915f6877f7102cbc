"""Films in a place that fsspec reaches, such as a bucket of S3.

What belongs together lies under a name of its own, and one small index, written last and whole, says which that is.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storygen.errors import InvalidSettings, ResourceFailure
from storygen.store.films import FilmFile, Opened, bounds, checked, is_run_id, is_safe_name, media_type, no_file
from storygen.store.hands import Hands

INDEX = "index.json"
_CHUNK = 1024 * 1024


class Place:
    """A folder in a file system of fsspec. Reads and writes block; they are meant for threads.

    Raises `InvalidSettings` for an address that is none, or where a library is missing; `setting` is where it stands.
    """

    def __init__(self, url: str, setting: str) -> None:
        try:
            from fsspec.core import url_to_fs

            self.files, root = url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
        except (ImportError, ValueError) as error:
            raise InvalidSettings(
                f"{setting}: this address cannot be used: {type(error).__name__}.",
                hint="It looks like s3://bucket/folder or file:///folder; S3 needs pip install 'storygen[s3]'.",
            ) from error
        self._root = root.rstrip("/")

    def path(self, *parts: str) -> str:
        """Where something lies, by its names."""
        return "/".join((self._root, *parts))

    def read(self, *parts: str, start: int | None = None, end: int | None = None) -> bytes | None:
        """The bytes of a file, None where there is none."""
        with _reachable():
            try:
                content: bytes = self.files.cat_file(self.path(*parts), start=start, end=end)
            except FileNotFoundError:
                return None
            return content

    def write(self, content: bytes, *parts: str) -> None:
        """Write a small file whole."""
        with _reachable():
            path = self.path(*parts)
            self.files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self.files.pipe_file(path, content)

    def upload(self, source: Path, *parts: str) -> None:
        """Write a file of any size."""
        with _reachable():
            path = self.path(*parts)
            self.files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self.files.put_file(str(source), path)

    def download(self, target: Path, *parts: str) -> bool:
        """Bring a file here; says whether there is one."""
        with _reachable():
            try:
                self.files.get_file(self.path(*parts), str(target))
            except FileNotFoundError:
                return False
            return True

    def names(self, *parts: str) -> list[str]:
        """What lies directly in a folder; nothing where there is none."""
        with _reachable():
            try:
                found = self.files.ls(self.path(*parts), detail=False)
            except FileNotFoundError:
                return []
        return [str(name).rstrip("/").rpartition("/")[2] for name in found]

    def remove(self, *parts: str) -> None:
        """Remove a file, or a folder with all in it."""
        with _reachable():
            try:
                self.files.rm(self.path(*parts), recursive=True)
            except FileNotFoundError:
                return


@contextmanager
def _reachable() -> Iterator[None]:
    """Raise `ResourceFailure` for whatever a vendor's file system raises, except that there is no such file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # file systems of fsspec share no root of their errors
        raise ResourceFailure(
            f"The shared store cannot be reached: {type(error).__name__}.",
            hint="Look at `film_store` in the settings, at the store's keys, and whether it runs.",
        ) from error


class Shelf:
    """Bundles of files below an address of fsspec: `<name>/<made>/<files>`, and an index that says which is made.

    All methods block. The index is written last and whole, so that a reader never sees half a bundle.
    """

    def __init__(self, url: str, setting: str) -> None:
        self.place = Place(url, setting)

    def put(self, name: str, folder: Path) -> str:
        """Put the files of a folder under a name, in the stead of what was there; returns their address."""
        before, made = self.index(name)["made"], secrets.token_hex(6)
        files = {}
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            inside = path.relative_to(folder).as_posix()
            if is_safe_name(inside):
                self.place.upload(path, name, made, inside)
                files[inside] = {"size": path.stat().st_size, "etag": sha256(path)}
        self.place.write(json.dumps({"made": made, "files": files}).encode(), name, INDEX)
        if before:
            self.place.remove(name, before)
        return str(self.place.files.unstrip_protocol(self.place.path(name)))

    def index(self, name: str) -> dict[str, Any]:
        """What a bundle is made of: size and SHA-256 (`etag`) by file; nothing where there is none."""
        content = self.place.read(name, INDEX)
        found: dict[str, Any] = json.loads(content) if content else {"made": "", "files": {}}
        return found

    def fetch(self, name: str, folder: Path) -> bool:
        """Bring a bundle into a folder; False where there is none, or where it is not as its index says."""
        index = self.index(name)
        for inside, said in index["files"].items():
            target = folder / inside
            if not is_safe_name(inside):
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            if not self.place.download(target, name, index["made"], inside):
                return False
            if target.stat().st_size != said["size"] or sha256(target) != said["etag"]:
                return False
        return bool(index["files"])


def sha256(path: Path) -> str:
    """The hash of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class RemoteFilms:
    """Films below an address of fsspec, a bundle for each run."""

    def __init__(self, url: str) -> None:
        self._shelf = Shelf(url, "film_store.url")
        self._hands = Hands("films")

    async def put(self, run_id: str, folder: Path) -> str:
        """See `FilmStore.put`."""
        if not is_run_id(run_id):
            raise ResourceFailure(f"{run_id[:64]!r} is no id of a run.")
        return await self._hands.do(self._shelf.put, run_id, folder)

    async def about(self, run_id: str, name: str) -> FilmFile:
        """See `FilmStore.about`."""
        return (await self._hands.do(self._find, run_id, name))[0]

    async def open(self, run_id: str, name: str, start: int = 0, end: int | None = None) -> Opened:
        """See `FilmStore.open`."""
        file, made = await self._hands.do(self._find, run_id, name)
        first, last = bounds(file.size, start, end)
        return Opened(file=file, start=first, end=last, body=self._body((run_id, made, name), first, last))

    async def names(self, run_id: str) -> list[str]:
        """See `FilmStore.names`."""
        return sorted(await self._hands.do(self._files, run_id))

    async def delete(self, run_id: str) -> None:
        """See `FilmStore.delete`."""
        if is_run_id(run_id):
            await self._hands.do(self._shelf.place.remove, run_id)

    async def sizes(self) -> Mapping[str, int]:
        """See `FilmStore.sizes`."""
        runs = [name for name in await self._hands.do(self._shelf.place.names) if is_run_id(name)]
        found = {run: await self._hands.do(self._files, run) for run in runs}
        return {run: sum(file["size"] for file in files.values()) for run, files in found.items()}

    async def close(self) -> None:
        """See `FilmStore.close`."""
        self._hands.close()

    def _files(self, run_id: str) -> dict[str, Any]:
        files: dict[str, Any] = self._shelf.index(run_id)["files"] if is_run_id(run_id) else {}
        return files

    def _find(self, run_id: str, name: str) -> tuple[FilmFile, str]:
        checked(run_id, name)
        index = self._shelf.index(run_id)
        if name not in index["files"]:
            raise no_file(run_id, name)
        return FilmFile(name=name, media_type=media_type(name), **index["files"][name]), index["made"]

    async def _body(self, parts: tuple[str, ...], start: int, end: int) -> AsyncIterator[bytes]:
        while start < end:
            last = min(end, start + _CHUNK)
            content = await self._hands.do(self._shelf.place.read, *parts, start=start, end=last)
            if content is None or len(content) != last - start:
                raise ResourceFailure(f"{parts[-1]} was replaced while it was read.", hint="Fetch it again.")
            start = last
            yield content
