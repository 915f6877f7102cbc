"""One thread that writes for everybody, many changes to a commit: a commit waits for the disk, and that is what costs.

A change is a function of a connection. It raises errors of our own tree before it writes anything; any other error
undoes the whole group, whose changes are then tried singly, so that one that fails fails alone.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from storygen.errors import ResourceFailure, StorygenError

T = TypeVar("T")
LARGEST_GROUP = 256


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that means to write; `info` holds what was counted in it."""
    with engine.connect().execution_options(storygen_writes=True) as connection, connection.begin():
        connection.info.clear()
        yield connection


class _Change(NamedTuple):
    work: Callable[[Connection], Any]
    answer: Future[Any]


class Writer:
    """Writes to the database of `engine` until it is closed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changes: queue.SimpleQueue[_Change | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="storygen-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction; returns when it is committed. Raises `ResourceFailure` without a database."""
        answer: Future[T] = Future()
        self._changes.put(_Change(work, answer))
        return await asyncio.shield(asyncio.wrap_future(answer))

    def close(self) -> None:
        """Write what is on its way, and end."""
        self._changes.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (first := self._changes.get()) is not None:
            group = [first]
            last = False
            while len(group) < LARGEST_GROUP and not self._changes.empty():
                change = self._changes.get()
                if change is None:
                    last = True
                    break
                group.append(change)
            self._write(group)
            if last:
                return

    def _write(self, group: list[_Change]) -> None:
        try:
            answers = self._commit(group)
        except Exception as error:  # noqa: BLE001 - it is handed to those who wait for it
            if len(group) > 1:
                for change in group:
                    self._write([change])
            else:
                group[0].answer.set_exception(_told(error))
            return
        for change, (value, refusal) in zip(group, answers, strict=True):
            if refusal is None:
                change.answer.set_result(value)
            else:
                change.answer.set_exception(refusal)

    def _commit(self, group: Iterable[_Change]) -> list[tuple[Any, StorygenError | None]]:
        answers: list[tuple[Any, StorygenError | None]] = []
        with writing(self._engine) as connection:
            for change in group:
                try:
                    answers.append((change.work(connection), None))
                except StorygenError as refusal:
                    answers.append((None, refusal))
        return answers


def _told(error: Exception) -> Exception:
    if isinstance(error, DBAPIError):
        failure = ResourceFailure(
            f"The database cannot be written to: {type(error.orig).__name__}.",
            hint="Look whether it runs and has space; what was accepted is kept.",
        )
        failure.__cause__ = error
        return failure
    return error
