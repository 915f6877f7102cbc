"""The folder that a run leaves behind: every file whole, nothing of the user's touched."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from storygen.errors import InvalidSettings
from storygen.store.files import discard, is_alive, make_folder, slug, staying, writing
from storygen.store.records import plain
from storygen.story import Manifest

MANIFEST = "manifest.json"
_MARK = ".manifest.json"
_MAKING = ".making-"
_SHAPES = ("", "-9x16", "-16x9", "-1x1")
_OURS = (
    *(f"film{shape}.{kind}" for shape in _SHAPES for kind in ("mp4", "webm", "m4a", "srt", "vtt", "ass", "otio")),
    *(f"thumbnail{shape}.jpg" for shape in _SHAPES),
    *("script.json", "revision.json", "report.json"),
)


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A hidden folder to gather the files of a film in, on the file system where they will stay; gone afterwards.

    Raises `InvalidSettings` at once where `parent` cannot be written to, before anything was made or paid.
    """
    existed = parent.exists()
    make_folder(parent)
    with writing(parent):
        _sweep(parent)
        folder = parent / f"{_MAKING}{os.getpid()}-{os.urandom(4).hex()}"
        folder.mkdir()
    try:
        with staying(folder):
            yield folder
    finally:
        discard(folder)
        if not existed:
            with suppress(OSError):
                parent.rmdir()


def refuse_strangers(folder: Path) -> None:
    """Raise `InvalidSettings` where a folder holds files of others under the names that a film's files have."""
    known = {*_listed(folder), *(_OURS if (folder / MANIFEST).exists() or (folder / _MARK).exists() else ())}
    strangers = [name for name in _OURS if name not in known and (folder / name).exists()]
    if strangers:
        raise InvalidSettings(
            f"{folder} already holds {strangers[0]}, which no run of storygen put there.",
            hint="Name another folder with --out, or move that file away.",
        )


def choose_folder(films: Path, manifest: Manifest) -> Path:
    """`films/<title>`, or `films/<title>-2` and so on where another film already lives under that name.

    Two runs make the same film when the story has the same origin, and the film the same shape and strategy.
    """
    base, identity = slug(manifest.title), _identity(plain(manifest))
    for number in range(1, 10_000):
        folder = films / (base if number == 1 else f"{base}-{number}")
        if not folder.exists() or identity in {_identity(_read(folder)), _identity(_read(folder, _MARK))}:
            return folder
    raise AssertionError("ten thousand films of one title")


def publish(gathered: Path, target: Path, manifest: Manifest) -> None:
    """Move the gathered files into `target`, and remove what an earlier run left there and nothing else.

    The manifest comes first under another name, so that a run that is killed in between is known again, and gets its
    own name last.
    """
    before = _listed(target)
    for name in manifest.files:
        (gathered / name).stat()  # else a gathered folder that was removed would take an earlier film with it
    with writing(target), staying(target):
        target.mkdir(parents=True, exist_ok=True)
        described = json.dumps(plain(manifest), ensure_ascii=False, indent=1) + "\n"
        _write_whole(target / _MARK, described)
        for path in sorted(path for path in gathered.rglob("*") if path.is_file()):
            place = target / path.relative_to(gathered)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
        for name in before - set(manifest.files):
            _remove(target, name)
        (target / _MARK).replace(target / MANIFEST)


def fingerprints(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder."""
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _write_whole(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, "utf-8", "surrogatepass")
    beside.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path, name: str = MANIFEST) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _identity(manifest: dict[str, Any]) -> tuple[Any, ...] | None:
    try:
        film = manifest["settings"]["film"]
        return manifest["source"]["origin"], film["aspect"], film["strategy"]
    except (KeyError, TypeError):
        return None


def _listed(folder: Path) -> set[str]:
    files = _read(folder).get("files", {})
    return set(files) if isinstance(files, dict) else set()


def _remove(target: Path, name: str) -> None:
    """Remove a file that an earlier manifest lists, unless the list was tampered with to point elsewhere."""
    path = (target / name).resolve()
    if not path.is_relative_to(target.resolve()):
        return
    path.unlink(missing_ok=True)
    for folder in path.relative_to(target.resolve()).parents[:-1]:
        with suppress(OSError):
            (target / folder).rmdir()


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_MAKING}*"):
        pid = folder.name.removeprefix(_MAKING).partition("-")[0]
        if pid.isdigit() and not is_alive(int(pid)):
            discard(folder)
