"""Artifacts under the hash of what they were made from: the cache, which is also the checkpoint.

An entry is a folder with the files and one `entry.json`. It is made beside its place and moved there by one rename, so
that it is whole or not there, whatever is killed when.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from glob import iglob
from pathlib import Path
from typing import Any, TypeVar

from storygen.errors import ResourceFailure
from storygen.store import records
from storygen.store.files import discard, is_alive, make_folder, staying, writing
from storygen.story import Check, Made, Usage

T = TypeVar("T")
FORMAT = 1
_ENTRY = "entry.json"
_SIZE = "size.json"
_YOUNG = 3600.0
_RECOUNT_SECONDS = 3600.0
_SMALL = 512 * 1024
_SAFE = re.compile(r"\w[\w.-]{0,100}(/\w[\w.-]{0,100}){0,3}", re.ASCII)


class BrokenEntry(ValueError):
    """An entry that is there but cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """What stands in `entry.json` beside the record itself."""

    provider: str
    model: str
    attempts: int
    seconds: float
    cost_usd: float | None
    usage: Usage
    missing: tuple[str, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What a clean-up did: entries removed, and bytes that are left."""

    removed: int
    size_bytes: int


class Store:
    """A folder of entries, one sub-folder per cache; several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root / f"v{FORMAT}"
        self._grown = 0
        make_folder(self.root / "making")
        self._sweep()

    def find(self, cache: str, key: str, expect: type[T]) -> Made[T] | None:
        """The entry under `key`, or None.

        Raises `BrokenEntry` after removing one that is damaged, and `ResourceFailure` for one that may be whole but
        cannot be read now, which stays.
        """
        folder = self.place(cache, key)
        with _legible(folder):
            try:
                content = json.loads(_read(folder / _ENTRY))
            except FileNotFoundError:
                return None
            except (ValueError, RecursionError) as error:
                _remove(folder)
                raise BrokenEntry(f"{cache} entry {key[:12]} is not readable") from error
            try:
                _verify_sizes(folder, content["files"])
                value = records.load(expect, content["value"], folder)
                stored = records.load(_Stored, content["made"], folder)
                os.utime(folder / _ENTRY)
            except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError) as error:
                _remove(folder)
                raise BrokenEntry(f"{cache} entry {key[:12]} is damaged") from error
        return Made(
            value=value,
            key=key,
            cached=True,
            provider=stored.provider,
            model=stored.model,
            attempts=stored.attempts,
            seconds=stored.seconds,
            cost_usd=stored.cost_usd,
            usage=stored.usage,
            missing=stored.missing,
            checks=stored.checks,
        )

    @contextmanager
    def room(self) -> Iterator[Path]:
        """A folder of one's own to make an entry in; gone afterwards unless it was kept."""
        folder = self.root / "making" / _own_name()
        with writing(self.root), staying(self.root):
            folder.mkdir()
        try:
            with writing(self.root), staying(self.root):
                yield folder
        finally:
            discard(folder)

    def keep(self, cache: str, made: Made[T], folder: Path) -> Made[T]:
        """Move a finished `folder` to its place; where another process was faster, its entry counts, at our price."""
        place = self.place(cache, made.key)
        values = {
            "value": records.dump(made.value, folder),
            "made": _facts(made),
            "files": {str(path.relative_to(folder)): path.stat().st_size for path in _files(folder)},
        }
        with writing(self.root):
            (folder / _ENTRY).write_text(json.dumps(values, ensure_ascii=False), "utf-8", "surrogatepass")
            place.parent.mkdir(parents=True, exist_ok=True)
            while not _move(folder, place):
                with suppress(BrokenEntry):
                    if (found := self.find(cache, made.key, type(made.value))) is not None:
                        return replace(found, cached=False, cost_usd=made.cost_usd)
        self._grown += sum(values["files"].values())
        return _rebased(made, values["value"], place)

    def has(self, cache: str, key: str) -> bool:
        """Whether there is an entry under `key`, usable or not."""
        return self.holds(entry_name(cache, key))

    def holds(self, name: str) -> bool:
        """Whether there is an entry of this `entry_name`, usable or not."""
        return (self.root / name / _ENTRY).exists()

    def export(self, cache: str, key: str, largest: int = _SMALL) -> dict[str, bytes] | None:
        """The files of an entry by their names, for another store; None where they have more than `largest` bytes."""
        place = self.place(cache, key)
        files = [*_files(place), place / _ENTRY]
        try:
            if sum(path.stat().st_size for path in files) > largest:
                return None
            return {path.relative_to(place).as_posix(): path.read_bytes() for path in files}
        except FileNotFoundError:  # it was trimmed this very moment
            return None

    def adopt(self, cache: str, key: str, files: Mapping[str, bytes]) -> None:
        """Put an entry in place that another store exported; names that may lead elsewhere are passed over."""
        with self.room() as folder, writing(self.root):
            for name, content in files.items():
                if not _SAFE.fullmatch(name):
                    continue
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            self.take_in(cache, key, folder)

    def take_in(self, cache: str, key: str, folder: Path) -> None:
        """Move a folder of `room`, with a whole entry of another store in it, to its place."""
        place = self.place(cache, key)
        with writing(self.root):
            place.parent.mkdir(parents=True, exist_ok=True)
            size = sum(path.stat().st_size for path in _files(folder))
            if _move(folder, place):
                self._grown += size

    def trim(self, limit_bytes: int) -> Trimmed:
        """Remove the entries that were unused longest until `limit_bytes` hold; what was used within the hour stays.

        Below the limit nothing is looked at for an hour: what was added here since is added to the size that was found.
        """
        grown, self._grown = self._grown, 0
        size, counted = self._noted_size()
        if size + grown <= limit_bytes and 0 <= time.time() - counted < _RECOUNT_SECONDS:
            self._note_size(size + grown, counted)
            return Trimmed(0, size + grown)
        trimmed = self._trim(limit_bytes)
        self._note_size(trimmed.size_bytes, time.time())
        return trimmed

    def _trim(self, limit_bytes: int) -> Trimmed:
        entries: list[tuple[float, Path, int]] = []
        for name in iglob(f"*/*/*/{_ENTRY}", root_dir=self.root):  # noqa: PTH207  # Path.glob fails on what vanishes
            with suppress(FileNotFoundError):
                entry = self.root / name
                size = sum(path.stat().st_size for path in _files(entry.parent))
                entries.append((entry.stat().st_mtime, entry.parent, size))
        total, removed = sum(size for _, _, size in entries), 0
        for used, folder, size in sorted(entries):
            if total <= limit_bytes or time.time() - used < _YOUNG:
                break
            _remove(folder)
            total, removed = total - size, removed + 1
        return Trimmed(removed, total)

    def _noted_size(self) -> tuple[int, float]:
        """How many bytes were in the store, and when that was counted (Unix); long ago where nobody knows."""
        try:
            found = json.loads(_read(self.root / _SIZE))
            return int(found["bytes"]), float(found["counted"])
        except (OSError, ValueError, TypeError, KeyError):
            return 0, 0.0

    def _note_size(self, size: int, counted: float) -> None:
        """Keep it for the next run; of several processes the last one is believed until all is counted again."""
        beside = self.root / f".{_SIZE}.{os.getpid()}"
        with suppress(OSError):  # what is not noted is counted again
            beside.write_text(json.dumps({"bytes": size, "counted": counted}), "utf-8")
            beside.replace(self.root / _SIZE)

    def place(self, cache: str, key: str) -> Path:
        """Where the entry under `key` is, or would be."""
        return self.root / entry_name(cache, key)

    def _sweep(self) -> None:
        """Remove what processes of this machine left half made when they died."""
        host = socket.gethostname()
        for folder in (self.root / "making").iterdir():
            maker, _, pid = folder.name.rpartition("-")[0].rpartition("-")
            if maker == host and pid.isdigit() and not is_alive(int(pid)):
                discard(folder)


def entry_name(cache: str, key: str) -> str:
    """Where an entry is, below the root of any store."""
    return f"{cache}/{key[:2]}/{key}"


def _own_name() -> str:
    """A name in `making` that tells whose it is, so that it can be swept away when its process is gone."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(6)}"


def _move(folder: Path, place: Path) -> bool:
    """Move a finished folder to its place, unless another process was faster; half an entry there makes room."""
    try:
        folder.rename(place)
    except OSError:
        if (place / _ENTRY).exists():
            return False
        if not place.exists():
            raise
        _remove(place)
        folder.rename(place)
    return True


def _remove(place: Path) -> None:
    """Remove an entry by way of `making`, so that a kill leaves no half of it in its place."""
    aside = place.parents[2] / "making" / _own_name()
    with suppress(FileNotFoundError):
        place.rename(aside)
    discard(aside)


@contextmanager
def _legible(folder: Path) -> Iterator[None]:
    """A passing trouble with reading (rights, too many open files) is no damage."""
    try:
        yield
    except OSError as error:
        raise ResourceFailure(
            f"{folder} cannot be read: {error.strerror}.",
            hint="It was left as it is. Look at its rights and at the limit of open files, or name another cache.",
        ) from error


def _read(path: Path) -> bytes:
    """The content of a plain file. Raises `ValueError` for anything else, which may never end."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(f"{path.name} is no plain file")
        return file.read()


def _facts(made: Made[Any]) -> Any:
    return records.plain({name: getattr(made, name) for name in _Stored.__dataclass_fields__})


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != _ENTRY]


def _verify_sizes(folder: Path, sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        if (folder / name).stat().st_size != size:
            raise BrokenEntry(f"{name} has another size than it was stored with")


def _rebased(made: Made[T], values: Any, place: Path) -> Made[T]:
    return replace(made, value=records.load(type(made.value), values, place))
