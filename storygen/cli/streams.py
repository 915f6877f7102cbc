"""Standard streams that may be closed, full or a pipe that nobody reads any more."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputLost(OSError):
    """What was asked for cannot be printed."""


class _Output(io.FileIO):
    """A standard stream; a film is finished and a command's work is done although nobody reads on.

    The first refusal that is not a broken pipe raises `OutputLost`, unless the stream is for complaints: there is
    nowhere else to make them.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, "wb", closefd=False)
        self._lost = False

    def write(self, data: ReadableBuffer) -> int:
        if not self._lost:
            try:
                return super().write(data) or 0
            except OSError as error:
                self._lost = True
                if not isinstance(error, BrokenPipeError) and self.fileno() == 1:
                    raise OutputLost(error.errno, error.strerror) from error
        return memoryview(data).nbytes


def prepare() -> None:
    """Put such streams in place of standard output and standard error, and nothing in place of those that are closed.

    A closed stream is opened on the null device, or else the next file that is opened would get its number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(2, sys.stderr)


def printable(text: str) -> str:
    """Text of others for a terminal: line breaks stay, other control characters are shown and not obeyed."""
    return "".join(c if c == "\n" or c.isprintable() else repr(c)[1:-1] for c in text)


def _text(number: int, before: io.TextIOWrapper | object | None) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    lines = number == 2 or os.isatty(number)
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(number)), encoding=encoding, errors="backslashreplace", line_buffering=lines
    )
