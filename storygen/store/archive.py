"""Writes a few texts as one archive whose bytes depend on nothing but them."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from storygen.errors import InvalidSettings
from storygen.store.files import writing

SUFFIXES = (".tar.gz", ".tgz", ".zip")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write(target: Path, folder: str, files: Mapping[str, str], *, force: bool = False) -> None:
    """Write `files` (names to texts) below `folder` into `target`, which only its owner may read.

    Raises `InvalidSettings` where its name says no known form, where it exists and `force` is not given, or where it
    cannot be written; `DiskFull` where no space is left.
    """
    if not target.name.endswith(SUFFIXES):
        raise InvalidSettings(f"{target} is no name of an archive.", hint=f"End it in {', '.join(SUFFIXES)}.")
    if not force and target.exists():
        raise InvalidSettings(f"{target} exists already.", hint="Name another file, or add --force.")
    members = [(f"{folder}/{name}", text.encode("utf-8", "backslashreplace")) for name, text in sorted(files.items())]
    content = _zip(members) if target.name.endswith(".zip") else _tar(members)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with writing(target.parent), _private(target, beside) as file:
            file.write(content)
        _place(beside, target, force=force)
    finally:
        beside.unlink(missing_ok=True)


def _private(target: Path, beside: Path) -> io.BufferedWriter:
    try:
        return os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidSettings(f"There is no folder {target.parent}.", hint="Make it, or name another.") from None


def _place(beside: Path, target: Path, *, force: bool) -> None:
    """Give the file its name; a file of that name that came in the meantime stays unless `force` is given."""
    if target.is_dir():
        raise InvalidSettings(f"{target} is a folder.", hint="Name a file.")
    if force:
        beside.replace(target)
        return
    try:
        os.link(beside, target)
    except FileExistsError:
        raise InvalidSettings(f"{target} exists already.", hint="Name another file, or add --force.") from None
    except OSError:  # a file system that knows no links
        beside.replace(target)


def _tar(members: list[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _zip(members: list[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(member, content)
    return packed.getvalue()
