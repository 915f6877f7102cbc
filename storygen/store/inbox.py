"""A folder that stories are dropped into, and where they go when they are done with."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from storygen.errors import InvalidSettings
from storygen.store.files import make_folder

_EMPTY_SECONDS = 5.0
Mark = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Story:
    """A story file, and by which marks (inode, size, time) it is known to be the one that was seen."""

    path: Path
    mark: Mark

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


class Inbox:
    """Finds whole files, and moves them to `done` or `failed` below the folder; never overwrites anything.

    Raises `InvalidSettings` where the folder is not there, or cannot be read or written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._seen: dict[str, Mark] = {}
        if not self.folder.is_dir():
            raise InvalidSettings(f"{folder}: there is no such folder.", hint="Make it, or name another one.")
        try:
            os.scandir(self.folder).close()
        except OSError as error:
            raise InvalidSettings(f"{folder} cannot be read: {error.strerror}.", hint="Look at its rights.") from error
        for place in ("done", "failed"):
            make_folder(self.folder / place)

    def look(self) -> list[Story]:
        """The files that are as they were at the last look, the oldest first; hidden ones are passed over.

        Raises `OSError` where the folder cannot be read.
        """
        with os.scandir(self.folder) as entries:
            found = {entry.name: mark for entry in entries if entry.name[0] != "." and (mark := _mark(entry))}
        whole = [name for name, mark in found.items() if self._seen.get(name) == mark and _is_written(mark)]
        self._seen = found
        ordered = sorted(whole, key=lambda name: (found[name][2], name))
        return [Story(self.folder / name, found[name]) for name in ordered]

    def put_away(self, story: Story, place: Literal["done", "failed"], error: str = "") -> None:
        """Move a story to `place` under a name that is free there, with `error` in a file beside it, if there is one.

        A file that has since taken the story's name is another story, and stays. Raises `OSError`.
        """
        try:
            if _known_by(story.path.stat()) != story.mark:
                return
        except FileNotFoundError:
            return
        folder = self.folder / place
        folder.mkdir(exist_ok=True)
        target = _reserve(folder, story.name)
        try:
            if error:
                target.with_name(f"{target.name}.error.json").write_text(error, "utf-8", "backslashreplace")
            story.path.replace(target)
        except OSError:
            target.unlink(missing_ok=True)
            target.with_name(f"{target.name}.error.json").unlink(missing_ok=True)
            raise


def _mark(entry: os.DirEntry[str]) -> Mark | None:
    """The marks of a plain file, None for anything else and for what has just vanished."""
    try:
        found = entry.stat()
    except OSError:
        return None
    return _known_by(found) if stat.S_ISREG(found.st_mode) else None


def _known_by(found: os.stat_result) -> Mark:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_written(mark: Mark) -> bool:
    """Whether nobody is about to write: an empty file gets a few seconds to be filled."""
    return bool(mark[1]) or time.time() - mark[2] / 1e9 > _EMPTY_SECONDS


def _reserve(folder: Path, name: str) -> Path:
    """An empty file under a name that was free, and whose error file's name is free: `story.md`, `story-2.md` ..."""
    plain = Path(name)
    for number in count(1):
        target = folder / (name if number == 1 else f"{plain.stem}-{number}{plain.suffix}")
        if target.with_name(f"{target.name}.error.json").exists():
            continue
        try:
            target.touch(exist_ok=False)
        except FileExistsError:
            continue
        return target
    raise AssertionError("there are always more numbers")
