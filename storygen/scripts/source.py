"""SOURCE of a command: `-`, a file (of a story, or, where it is named `*.topic`, with a topic), or a topic."""

from __future__ import annotations

import difflib
import os
import re
import stat
import sys
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from storygen.errors import InvalidScript
from storygen.scripts.base import MAX_BYTES, Reading
from storygen.scripts.cleaning import squeeze
from storygen.scripts.decoding import decode
from storygen.scripts.reading import read_text
from storygen.story import Brief

MAX_TOPIC = 500
TOPIC_FILE = ".topic"
_STANDARD_INPUT = "standard input"
_SUFFIX = re.compile(
    r"\.(?:txt|text|md|markdown|log|json|ya?ml|script|story|docx?|odt|rtf|pdf|html?|fountain|topic)$", re.IGNORECASE
)
_FOLDERED = re.compile(r"(?:\.{0,2}|~\w*|[A-Za-z]:)[/\\]\S*|\S+[/\\]\S*")
_MOST_NEIGHBOURS = 2_000


def read_source(
    source: str, *, stdin: BinaryIO | None = None, language: str = "en", seconds: float = 60, seed: int = 0
) -> Reading:
    """What SOURCE names: standard input for `-`, a file that exists, otherwise a topic.

    Raises `InvalidScript` for a file that cannot be read, and for what looks like the path of one that is not there.
    """
    if source == "-":
        return read_text(_read_stream(stdin or _standard_input()), _STANDARD_INPUT, language=language)
    path = Path(source).expanduser() if source.startswith("~/") else Path(source)
    if _exists(path, source):
        if path.suffix.lower() == TOPIC_FILE:
            return read_topic(decode(_read_file(path), source).text, language, seconds, seed)
        return read_text(_read_file(path), source, language=language, folder=path.parent)
    if _SUFFIX.search(source.strip()) or _FOLDERED.fullmatch(source.strip()):
        raise InvalidScript(f"{squeeze(source)}: there is no such file", hint=_nearest(path))
    return read_topic(source, language, seconds, seed)


def read_topic(words: str, language: str = "en", seconds: float = 60, seed: int = 0) -> Reading:
    """A topic in words. Raises `InvalidScript` for one that is empty or too long."""
    brief = Brief(topic=_topic(words), language=language, seconds=seconds, seed=seed)
    return Reading(name="topic", format="topic", brief=brief)


def _topic(source: str) -> str:
    topic = squeeze(source)
    if not any(map(str.isalnum, topic)):
        raise InvalidScript("the topic is empty", hint='give one in quotes, such as "a lighthouse that went dark"')
    if len(topic) > MAX_TOPIC:
        message = f"the topic has {len(topic):,} characters, more than {MAX_TOPIC}"
        raise InvalidScript(message, hint="save a longer text as a file and give its name, or pipe it in with -")
    return topic


def _exists(path: Path, source: str) -> bool:
    try:
        return bool(source) and os.path.lexists(path)
    except (OSError, ValueError):
        return False


def _read_file(path: Path) -> bytes:
    """At most one byte more than the limit; never waits for a pipe or reads a device."""
    try:
        # Without blocking, because a pipe that nobody writes to would be waited for on opening.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as cause:
        if path.is_dir():
            raise _not_a_file(path, "a folder") from cause
        reason = (cause.strerror or "it cannot be opened").lower()
        raise InvalidScript(f"{path}: it cannot be read: {reason}", hint="check its permissions") from cause
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise _not_a_file(path, "a folder" if stat.S_ISDIR(mode) else "a pipe or a device")
    with os.fdopen(handle, "rb") as file:
        try:
            return file.read(MAX_BYTES + 1)
        except OSError as cause:
            raise InvalidScript(f"{path}: reading it failed: {cause.strerror}", hint="check the disk") from cause


def _not_a_file(path: Path, what: str) -> InvalidScript:
    hint = "name one of the files in it" if what == "a folder" else "pipe the text in and give - as the source"
    return InvalidScript(f"{path}: it is {what}, not a text file", hint=hint)


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise InvalidScript("there is no standard input", hint="give the name of a file")
    return sys.stdin.buffer


def _read_stream(stream: BinaryIO) -> bytes:
    parts: list[bytes] = []
    left = MAX_BYTES + 1
    try:
        while left > 0 and (part := stream.read(left)):
            parts.append(part)
            left -= len(part)
    except OSError as cause:
        raise InvalidScript(f"{_STANDARD_INPUT}: reading it failed: {cause.strerror}", hint="give a file") from cause
    return b"".join(parts)


def _nearest(path: Path) -> str:
    """What to do about a file that is not there: the name in its folder that is most like it."""
    folder = path.parent
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, _MOST_NEIGHBOURS)]
    except (OSError, ValueError):
        return f"the folder {squeeze(str(folder))} cannot be read; a topic is written as words in quotes"
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    if near:
        return f"did you mean {squeeze(str(folder / near[0]))}?"
    return "check the name; a topic is written as words, without a slash or the ending of a file"
