"""Names and errors of files: what a title may become, and what a failed write means."""

from __future__ import annotations

import errno
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from pathlib import Path

from storygen.errors import DiskFull, InvalidSettings, ResourceFailure

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def slug(title: str, *, fallback: str = "story", longest: int = 60) -> str:
    """A title as the name of a folder: letters of any script, digits and hyphens, never a path and never empty."""
    plain = (
        unicodedata.normalize("NFKC", title).casefold().replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "")
    )
    words = re.sub(r"[\W_]+", "-", plain).strip("-")
    while len(words.encode()) > longest:
        words = words[:-1]
    words = _encodable(words).strip("-") or fallback
    return f"{words}-{fallback}" if words in _RESERVED else words


def _encodable(words: str) -> str:
    """The words, in ASCII where the file system cannot name them otherwise."""
    try:
        os.fsencode(words)
    except UnicodeEncodeError:
        plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode("ascii")
        return re.sub("-+", "-", plain)
    return words


_REFUSALS = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ENAMETOOLONG}
_NO_FOLDER = {errno.ENOENT, errno.EEXIST, errno.EINVAL}


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises `InvalidSettings` where that cannot be."""
    with writing(folder, _REFUSALS | _NO_FOLDER):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def writing(folder: Path, refusals: AbstractSet[int] = _REFUSALS) -> Iterator[None]:
    """Turn the operating system's refusals to write into `folder` into errors that say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(
                f"No space is left in {folder}.",
                hint="Free some space and run again: what is finished is kept. "
                "A smaller `folders.cache_limit_gb` frees the cache.",
            ) from error
        if error.errno in refusals:
            raise InvalidSettings(
                f"Cannot write into {folder}: {error.strerror}.",
                hint="Name a folder that can be written to, with --out or in `[folders]`.",
            ) from error
        raise


@contextmanager
def staying(folder: Path) -> Iterator[None]:
    """Raise `ResourceFailure` where somebody removes `folder`, or a file below it, that the block needs."""
    try:
        yield
    except FileNotFoundError as error:
        missing = Path(str(error.filename or "")) if folder.is_dir() else folder
        if not missing.is_relative_to(folder):
            raise
        raise ResourceFailure(
            f"{missing} was removed while it was in use.",
            hint="Run again, and leave that folder alone meanwhile.",
        ) from error


def link(source: Path, target: Path) -> None:
    """Give a finished file a second name, or copy it where the file system cannot."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def discard(folder: Path) -> None:
    """Remove a folder and all in it, whether or not it is there."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def is_alive(pid: int) -> bool:
    """Whether a process of this machine exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
