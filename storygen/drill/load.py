"""Stories at a steady rate: short, seeded, mostly new, with a share that came before so that the cache has work."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self

from storygen.drill.base import Mix

TALE_SCENES, FILM_SCENES = 3, 2
MOST_WAITING = 6  # stories in a folder: where the machine is too slow, fewer come instead of a queue that only grows
# Stories a second: tales are only spoken, tales told again come from the cache, topics are written and spoken, films
# are filmed and spoken. A mix turns little round, or the pace of stages would differ from the past for that alone.
MIXES: Mapping[Mix, Mapping[str, float]] = {
    "usual": {"tale": 0.6, "again": 0.4, "topic": 0.4, "film": 0.2},
    "tales": {"tale": 1.2, "again": 0.7, "topic": 0.2, "film": 0.1},
    "many tales": {"tale": 1.8, "again": 0.6, "topic": 0.2, "film": 0.05},
    "again": {"tale": 0.4, "again": 0.9, "topic": 0.1, "film": 0.1},
    "topics": {"tale": 0.3, "again": 0.4, "topic": 0.9, "film": 0.1},
    "films": {"tale": 0.2, "again": 0.3, "topic": 0.1, "film": 1.1},
    "few": {"tale": 0.25, "again": 0.2, "topic": 0.1, "film": 0.05},
    "flood": {"tale": 4.0, "again": 3.0, "topic": 2.0, "film": 1.0},
    "none": {},
}
_OLD_ENOUGH = 6.0  # seconds after which a tale is surely told
_TOO_OLD = 25.0
_SWEEP_SECONDS = 5.0


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_PARTS = _words("one two three four five six")
_WHO = _words("fox owl bear hare crow wolf mole toad goat seal lynx swan moth crab duck deer mouse heron otter badger")
_HOW = _words("old shy red tall calm wild kind slow bold grey lost tired small proud happy young quick quiet hungry")
_DID = _words("found left saw held drew sold read hid lit kept built opened carried followed painted mended counted")
_WHAT = _words("lamp boat key map bell door coin rope kite drum shell clock ladder candle mirror letter basket lantern")
_WHERE = _words("sea hill mill lake barn road well gate wood shore tower valley harbour garden bridge meadow market")


class Stories:
    """Makes stories; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._told = 0

    def tale(self, scenes: int) -> str:
        """A Markdown script of so many scenes of one sentence."""
        parts = "".join(f"\n## Part {_PARTS[n]}\n\n{self._sentence()}\n" for n in range(scenes))
        return f"# {self._title()}\n{parts}"

    def topic(self) -> str:
        """A topic for a writer."""
        return f"{self._title()} by the {self._one(_WHERE)}"

    def _title(self) -> str:
        self._told += 1
        return f"The {self._one(_HOW)} {self._one(_WHO)} and {self._one(_WHAT)} number {self._told}"

    def _sentence(self) -> str:
        who, what = f"{self._one(_HOW)} {self._one(_WHO)}", f"{self._one(_HOW)} {self._one(_WHAT)}"
        return f"The {who} {self._one(_DID)} a {what} by the {self._one(_WHERE)}."

    def _one(self, words: tuple[str, ...]) -> str:
        return self._random.choice(words)


class Feeder:
    """Hands out stories until it is stopped; a context manager.

    `drop(kind, text)` is given each story; `sweep`, if there is one, is called every few seconds to clear away what is
    old.
    """

    def __init__(self, drop: Callable[[str, str], None], seed: int, sweep: Callable[[], None] | None = None) -> None:
        self._drop = drop
        self._stories = Stories(seed)
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._told: deque[tuple[float, str]] = deque(maxlen=200)
        self._stopped = threading.Event()
        works = (self._feed, partial(self._sweep, sweep)) if sweep else (self._feed,)
        self._threads = [threading.Thread(target=work, daemon=True) for work in works]
        self.mix: Mix = "usual"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _feed(self) -> None:
        due = dict.fromkeys(MIXES["usual"], time.monotonic())
        while not self._stopped.wait(0.05):
            now = time.monotonic()
            for kind, rate in MIXES[self.mix].items():
                if due[kind] <= now:
                    due[kind] = max(due[kind] + 1 / rate, now)
                    if text := self._text(kind, now):
                        self._drop(kind, text)

    def _text(self, kind: str, now: float) -> str:
        if kind == "topic":
            return self._stories.topic()
        if kind == "film":
            return self._stories.tale(FILM_SCENES)
        if kind == "tale":
            text = self._stories.tale(TALE_SCENES)
            self._told.append((now, text))
            return text
        known = [text for at, text in self._told if _OLD_ENOUGH < now - at < _TOO_OLD]
        return self._random.choice(known) if known else ""

    def _sweep(self, clear_away: Callable[[], None]) -> None:
        while not self._stopped.wait(_SWEEP_SECONDS):
            clear_away()


class Folders:
    """Puts stories into folders, by their kind: each as a file that is there at once."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders
        self._number = 0

    def drop(self, kind: str, text: str) -> None:
        """Put a story into the folder of its kind, unless many wait there."""
        folder = self._folders[kind]
        if sum(1 for _ in _files(folder)) >= MOST_WAITING:
            return
        self._number += 1
        name = f"{self._number:05}.{'topic' if kind == 'topic' else 'md'}"
        hidden = folder / f".{name}"
        hidden.write_text(text, "utf-8")
        hidden.rename(folder / name)


def clear(root: Path, pattern: str, older_than: float) -> None:
    """Remove what has not changed for so many seconds; what somebody else removes at the same time is no matter."""
    before = time.time() - older_than
    with suppress(OSError):
        for path in [*root.glob(pattern)]:
            with suppress(OSError):
                if path.stat().st_mtime < before:
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
