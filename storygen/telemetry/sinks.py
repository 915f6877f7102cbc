"""Where log lines go: collected in memory, written in one go, and never in the way of the work."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

FLUSH_SECONDS = 0.5
_FLUSH_LINES = 512
_MOST_LINES = 65_536
_FILE = "storygen-{day}.log"


_second: tuple[int, str] = (0, "")


def utc_stamp() -> str:
    """Now, in UTC, as ISO 8601 with microseconds; the text of a second is made once."""
    global _second  # noqa: PLW0603 - remembered between lines
    now = time.time()
    number, text = _second
    if number != int(now):
        number, text = _second = int(now), datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%S.")
    return f"{text}{int((now - number) * 1e6):06d}Z"


class Output(Protocol):
    """Takes whole lines of text."""

    def write(self, text: str, /) -> object:
        """Take some lines."""

    def flush(self) -> object:
        """Bring them to where they go."""


class Sink:
    """Collects lines and writes them together: when there are many, on a timer, and when asked.

    One write per line would make the work and the exporter of spans fight for the interpreter. Lines that cannot be
    written are counted by `on_lost` and forgotten.
    """

    def __init__(self, output: Output, on_lost: Callable[[int], None] = lambda _: None) -> None:
        self._output = output
        self._on_lost = on_lost
        self._lines: deque[str] = deque()
        self._writing = threading.Lock()

    def line(self, text: str) -> None:
        """Take one line, without its end."""
        lines = self._lines
        lines.append(text)
        if len(lines) >= _FLUSH_LINES:
            self._flush_unless_busy()

    def flush(self) -> None:
        """Write what has been collected."""
        with self._writing:
            self._write()

    def _flush_unless_busy(self) -> None:
        if self._writing.acquire(blocking=False):
            try:
                self._write()
            finally:
                self._writing.release()
        elif len(self._lines) > _MOST_LINES:
            self._lines.popleft()
            self._on_lost(1)

    def _write(self) -> None:
        count = len(self._lines)
        if not count:
            return
        lines = [self._lines.popleft() for _ in range(count)]
        try:
            self._output.write("\n".join(lines) + "\n")
            self._output.flush()
        except (OSError, ValueError):  # a full disk, a closed pipe or stream
            self._on_lost(count)


class DailyFile:
    """A file a day in `folder`, named by the UTC date; those older than `keep_days` are deleted as a new one begins."""

    def __init__(self, folder: Path, keep_days: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._folder = folder
        self._keep_days = keep_days
        self._now = now
        self._day = ""

    def write(self, text: str) -> None:
        """Append to the file of today. Raises `OSError` where that cannot be."""
        today = self._now().date()
        if (day := today.isoformat()) != self._day:
            self._folder.mkdir(parents=True, exist_ok=True)
            oldest = (today - timedelta(days=self._keep_days - 1)).isoformat()
            for path in self._folder.glob(_FILE.format(day="????-??-??")):
                if path.name < _FILE.format(day=oldest):
                    path.unlink(missing_ok=True)
            self._day = day
        with (self._folder / _FILE.format(day=day)).open("a", encoding="utf-8") as file:
            file.write(text)

    def flush(self) -> None:
        """Every write is whole."""


class Flusher:
    """Flushes sinks every half second, from a thread that ends with the process."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_flushing, name="storygen-logs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and flush once more."""
        self._stop.set()
        self._thread.join()
        for sink in self._sinks:
            sink.flush()

    def _keep_flushing(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            for sink in self._sinks:
                sink.flush()
