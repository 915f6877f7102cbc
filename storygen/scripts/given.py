"""The files that a script names for its scenes: pictures, clips and recorded speech, and where they may lie."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from storygen.media.given import KINDS, MOST_BYTES, kind_of_name, told_size
from storygen.scripts.base import Issue, Row, error
from storygen.scripts.cleaning import squeeze
from storygen.story import Given, GivenFile, Script

_LINK = re.compile(
    r"!\[(?P<alt>[^\[\]]{0,500})\]\(\s{0,9}(?:<(?P<held>[^<>]{0,1000})>|(?P<bare>(?:[^()]|\([^()]*\)){0,1000}?))\s{0,9}\)"
)
_TITLE = re.compile(r"\s+(?:\"[^\"]*\"|'[^']*')$")
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]+:)?//|data:|file:", re.IGNORECASE)
_LONGEST_NAME = 1_000
_MOST_NEIGHBOURS = 2_000
_NO_FOLDER = "a text that is piped in or sent has no folder: save it as a file beside them and give the name of that"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An image link of Markdown, `![words](name)`: what it names, and the words that say what that shows."""

    name: str
    words: str


def cut_links(text: str) -> tuple[str, tuple[Link, ...]]:
    """A row without its image links, and these."""
    if "![" not in text:
        return text, ()
    links = tuple(Link(name=_name(found), words=squeeze(found["alt"])) for found in _LINK.finditer(text))
    return (_LINK.sub(" ", text).rstrip() if links else text), links


def is_file(name: str) -> bool:
    """Whether a name ends as those of pictures, clips and sounds do."""
    return kind_of_name(name.strip("\"'`“”")) is not None


def named(name: str, *, spoken: bool = False) -> Given:
    """What a name stands for, by its ending; what is `spoken`, or has no ending that is known, is looked at later."""
    kind = "sound" if spoken else kind_of_name(name) or "image"
    return Given(**{kind: GivenFile(name=name)})


def find_given(script: Script, folder: Path | None, row_of: Callable[[str], int]) -> tuple[Script, list[Issue]]:
    """The script with every named file looked up below `folder` (None: nowhere), and what is wrong with names.

    `row_of` tells the line on which a name stands.
    """
    if not any(scene.given for scene in script.scenes):
        return script, []
    issues: list[Issue] = []
    found: dict[tuple[str, str], GivenFile] = {}

    def look(file: GivenFile, kind: str) -> GivenFile:
        if (kind, file.name) not in found:
            try:
                found[kind, file.name] = _looked_up(file.name, kind, folder)
            except _NotGivenError as wrong:
                issues.append(error(row_of(file.name), f"{squeeze(file.name)[:80] or 'a file'}: {wrong}", wrong.hint))
                found[kind, file.name] = file
        return found[kind, file.name]

    scenes = []
    for scene in script.scenes:
        given = scene.given
        if given and given.image and given.clip:
            issues.append(
                error(row_of(given.clip.name), "a scene shows a picture or a clip, not both", "name one of them")
            )
        files: dict[str, Any] = {kind: getattr(given, kind, None) for kind in KINDS}
        looked = {kind: look(file, kind) for kind, file in files.items() if file}
        scenes.append(replace(scene, given=Given(**looked) if looked else None))
    return replace(script, scenes=tuple(scenes)), issues


class _NotGivenError(Exception):
    """Why a name is no file that may be used; `hint` says what would be right."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def _looked_up(name: str, kind: str, folder: Path | None) -> GivenFile:
    """The file of a name. Raises `_NotGivenError`."""
    if _ADDRESS.match(name):
        raise _NotGivenError("it is an address, and nothing is fetched", "save it beside the script and name that file")
    if folder is None:
        raise _NotGivenError("files can only be named in a script that is a file itself", _NO_FOLDER)
    if not name.strip() or len(name) > _LONGEST_NAME or "\0" in name:
        raise _NotGivenError("it is no name of a file", "write the name of a file that lies beside the script")
    ending = kind_of_name(name)
    if ending is None:
        raise _NotGivenError("its ending is none that is known", "; ".join(one.formats for one in KINDS.values()))
    if ending != kind and (ending, kind) != ("clip", "sound"):  # the sound of a clip is a sound
        raise _NotGivenError(f"its ending is not that of {KINDS[kind].what}", f"give {KINDS[kind].formats}")
    path = _inside(name, folder)
    return GivenFile(name=name, path=path, sha256=_fingerprint(path, kind))


def _inside(name: str, folder: Path) -> Path:
    """Where a named file really lies, which is below the folder. Raises `_NotGivenError`."""
    root = folder.resolve()
    if os.path.isabs(name) or name.startswith("~"):  # noqa: PTH117  # a name of a script and not of this machine
        raise _NotGivenError("it names a place of the machine", "write its name from the script's folder on")
    try:
        path = _as_spelt(root, name)
        real = path.resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        raise _NotGivenError("there is no such file beside the script", _nearest(root, name)) from None
    if not real.is_relative_to(root):
        raise _NotGivenError("it lies outside of the script's folder", "copy it into the folder of the script")
    return real


def _as_spelt(root: Path, name: str) -> Path:
    """The path of a name as it is written, or as links write it (`%20`), or with accents put together another way."""
    for spelling in dict.fromkeys((name, unquote(name), unicodedata.normalize("NFD", name))):
        if "\0" not in spelling and os.path.lexists(root / spelling):
            return root / spelling
    return root / name


def _fingerprint(path: Path, kind: str) -> str:
    """The SHA-256 of a plain file of a size that can be right. Raises `_NotGivenError`; never waits for a pipe."""
    most = MOST_BYTES[kind]
    try:
        # Without blocking, because a pipe that nobody writes to would be waited for on opening.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            known = os.fstat(handle)
            if not stat.S_ISREG(known.st_mode):
                raise _NotGivenError("it is no file but a folder, a pipe or a device", "name a file")
            if known.st_size == 0:
                raise _NotGivenError("it is empty", "copy it here again")
            if known.st_size > most:
                hint = f"{KINDS[kind].what} has at most {told_size(most)}: make it smaller"
                raise _NotGivenError(f"it has {told_size(known.st_size)}", hint)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as cause:
        reason = (cause.strerror or "it cannot be opened").lower()
        raise _NotGivenError(f"it cannot be read: {reason}", "check its permissions and that it is a file") from cause


def _nearest(root: Path, name: str) -> str:
    """The name in the named folder that is most like it."""
    inner, _, last = name.rpartition("/")
    place = (root / inner).resolve()
    try:
        if not place.is_relative_to(root):
            return "names are read from the script's folder on"
        with os.scandir(place) as entries:
            names = [entry.name for entry in islice(entries, _MOST_NEIGHBOURS)]
    except (OSError, ValueError):
        return "names are read from the script's folder on"
    near = difflib.get_close_matches(last, names, n=1, cutoff=0.5)
    return f"did you mean {squeeze(f'{inner}/{near[0]}' if inner else near[0])}?" if near else "put it there"


def _name(found: re.Match[str]) -> str:
    return found["held"] if found["held"] is not None else _TITLE.sub("", found["bare"])


def row_finder(rows: Sequence[Row]) -> Callable[[str], int]:
    """How the line of a name is found in a text: the first on which it stands; 0 where that is none."""

    def row_of(name: str) -> int:
        return next((row.number for row in rows if name and name in row.text), 0)

    return row_of
