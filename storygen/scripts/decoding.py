"""Bytes into text: UTF-8, UTF-16 and Windows-1252, told apart by what is in them."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from storygen.errors import InvalidScript
from storygen.scripts.base import MAX_BYTES, Issue, warning

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF87a", "a GIF picture"),
    (0, b"GIF89a", "a GIF picture"),
    (8, b"WEBP", "a WebP picture"),
    (8, b"WAVE", "a WAV sound"),
    (8, b"AVI ", "an AVI film"),
    (4, b"ftyp", "an MP4 film"),
    (0, b"\x1aE\xdf\xa3", "a Matroska film"),
    (0, b"OggS\x00", "an Ogg sound"),
    (0, b"fLaC\x00", "a FLAC sound"),
    (0, b"ID3\x03", "an MP3 sound"),
    (0, b"ID3\x04", "an MP3 sound"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"\xd0\xcf\x11\xe0", "an office document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"SQLite format 3\x00", "a database"),
)
_WEB_PAGE = (b"<!doctype html", b"<html", b"<?xml")
# What nobody writes and a reader of JSON or YAML refuses by itself.
NESTED = re.compile(r"[\s\ufeff]*(?:[\[{]\s*){30}")
_WANTED = "give a text file: prose, a Markdown script, a LOG script, or JSON or YAML of a script"
_SAMPLE = 20_000
_LAYOUT = frozenset("\t\n\v\f\r\x1b\x85")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A text, how its bytes were read, and what was guessed about them."""

    text: str
    encoding: str
    issues: tuple[Issue, ...] = ()


def decode(data: bytes, name: str) -> Decoded:
    """The text in the bytes; raises `InvalidScript` for what is empty, too large, or no text."""
    if len(data) > MAX_BYTES:
        line = data.count(b"\n", 0, MAX_BYTES) + 1
        raise InvalidScript(
            f"{name}, line {line}: the text goes on past {MAX_BYTES:,} bytes", hint="split it into several stories"
        )
    _refuse_media(data, name)
    decoded = _by_mark(data, name) or _without_mark(data, name)
    if not any(map(str.isalnum, decoded.text)) and not NESTED.match(decoded.text):
        raise InvalidScript(f"{name}, line 1: there are no words in it", hint=_WANTED)
    _refuse_noise(decoded.text, name)
    return decoded


def _refuse_media(data: bytes, name: str) -> None:
    if not data.strip():
        raise InvalidScript(f"{name}, line 1: it is empty", hint=_WANTED)
    for offset, magic, what in _MAGIC:
        if data.startswith(magic, offset):
            raise InvalidScript(f"{name}, line 1: it is {what}, not text", hint=_WANTED)
    if data[:200].lstrip().lower().startswith(_WEB_PAGE):
        raise InvalidScript(f"{name}, line 1: it is a web page or XML, not a story", hint="save its text alone")


def _by_mark(data: bytes, name: str) -> Decoded | None:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if not data.startswith(mark):
            continue
        if encoding == "utf-8":
            return _by_line(data[len(mark) :])
        try:
            text = data[len(mark) :].decode(encoding)
        except UnicodeDecodeError as cause:
            line = data[2 : 2 + cause.start].decode(encoding, "ignore").count("\n") + 1
            raise InvalidScript(
                f"{name}, line {line}: it begins as UTF-16 but does not go on so", hint="save it as UTF-8"
            ) from cause
        if "\0" in text:
            line = text[: text.index("\0")].count("\n") + 1
            raise InvalidScript(f"{name}, line {line}: it holds binary data", hint=_WANTED)
        return Decoded(text=text, encoding=encoding)
    return None


def _without_mark(data: bytes, name: str) -> Decoded:
    if b"\0" not in data:
        return _by_line(data)
    # In UTF-16 the high byte of spaces, line ends and Latin letters is zero: the last of two bytes when little-endian.
    encoding = "utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if any(unicodedata.category(c) in {"Cc", "Cn", "Co"} and c not in _LAYOUT for c in text[:_SAMPLE]) or "\0" in text:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise InvalidScript(f"{name}, line {line}: it holds binary data", hint=_WANTED)
    guess = warning(1, f"read as {encoding.upper()}, though no byte order mark says so", "save it as UTF-8")
    return Decoded(text=text, encoding=encoding, issues=(guess,))


def _by_line(data: bytes) -> Decoded:
    """UTF-8, and Windows-1252 for the lines that are not: files that were pasted together hold both."""
    try:
        return Decoded(text=data.decode("utf-8"), encoding="utf-8")
    except UnicodeDecodeError:
        pass
    lines: list[str] = []
    guessed: list[int] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            lines.append(line.decode("cp1252", "replace"))
            guessed.append(number)
    more = len(guessed) - 1
    others = f", as {'is' if more == 1 else 'are'} {more} other line{'' if more == 1 else 's'}" if more else ""
    guess = warning(guessed[0], f"not UTF-8, read as Windows-1252{others}", "save the file as UTF-8")
    return Decoded(text="\n".join(lines), encoding="windows-1252", issues=(guess,))


def _refuse_noise(text: str, name: str) -> None:
    sample = text[:_SAMPLE]
    odd = [
        place
        for place, character in enumerate(sample)
        if character == "\ufffd" or (unicodedata.category(character) == "Cc" and character not in _LAYOUT)
    ]
    if len(odd) > max(4, 0.05 * len(sample)):
        line = sample[: odd[0]].count("\n") + 1
        raise InvalidScript(f"{name}, line {line}: it holds binary data", hint=_WANTED)
