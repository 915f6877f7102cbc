"""One thread that writes for everybody, many changes to a commit: a commit waits for the disk, and that is what costs.

A change is a function of a connection. It raises errors of our own tree before it writes anything; any other error
undoes the whole group, whose changes are then tried singly, so that one that fails fails alone. Where the database is
away or full, the whole group fails at once. Where it does not answer, those with `patience` are told so in time.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from storygen.errors import ResourceFailure, StorygenError
from storygen.jobs.failures import failure, is_collision, is_lasting, silent

T = TypeVar("T")
S = TypeVar("S")
Together = Callable[[Connection, Sequence[S]], Sequence[T | StorygenError]]
LARGEST_GROUP = 256
TRIES = 4


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that means to write."""
    with engine.connect().execution_options(storygen_writes=True) as connection, connection.begin():
        yield connection


class _Change(NamedTuple):
    work: Any
    answer: Future[Any]
    together: Together[Any, Any]


class Writer:
    """Writes to the database of `engine` until it is closed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changes: queue.SimpleQueue[_Change | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, name="storygen-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Connection], T], patience: float | None = None) -> T:
        """Do `work` in a transaction; returns when it is committed. Raises `ResourceFailure` without a database.

        Where the connection breaks in the middle of the commit, nobody knows whether it was done: it raises, too. So it
        does after `patience` seconds, and what has not begun by then is never done.
        """
        return await self._put(work, _each, patience)

    async def write_together(self, work: S, together: Together[S, T], patience: float | None = None) -> T:
        """Let `together` do this and all such work that waits; it gives what comes of each, or why it was refused."""
        return await self._put(work, together, patience)

    def close(self) -> None:
        """Write what is on its way, and end."""
        with self._lock:
            self._is_closed = True
            self._changes.put(None)
        self._thread.join()

    async def _put(self, work: Any, together: Together[Any, T], patience: float | None) -> T:
        answer: Future[T] = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._is_closed:
                raise ResourceFailure("The queue is closed.", hint="Its process is ending; ask again in a moment.")
            self._changes.put(_Change(work, answer, together))
        if patience is None:
            return await asyncio.shield(answer)
        try:
            async with asyncio.timeout(patience):
                return await answer
        except TimeoutError as error:
            raise silent() from error

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
        group = [change for change in group if not change.answer.cancelled()]  # whose patience has ended
        if not group:
            return
        try:
            answers = self._settle(group)
        except Exception as error:  # noqa: BLE001 - it is handed to those who wait for it
            if len(group) > 1 and not is_lasting(error):
                for change in group:
                    self._write([change])
            else:
                _hand_over((change.answer, _told(error)) for change in group)
            return
        _hand_over(zip((change.answer for change in group), answers, strict=True))

    def _settle(self, group: list[_Change]) -> list[Any]:
        """Commit a group, again where others got in its way."""
        for _ in range(TRIES - 1):
            try:
                return self._commit(group)
            except SQLAlchemyError as error:
                if not is_collision(error):
                    raise
        return self._commit(group)

    def _commit(self, group: list[_Change]) -> list[Any]:
        answers: list[Any] = []
        with writing(self._engine) as connection:
            for together, changes in groupby(group, key=lambda change: change.together):
                answers += together(connection, [change.work for change in changes])
        return answers


def _hand_over(answers: Iterable[tuple[Future[Any], Any]]) -> None:
    """Give a group its answers, all of them in one step of each event loop: every waking costs as much as a change."""
    by_loop: dict[AbstractEventLoop, list[tuple[Future[Any], Any]]] = {}
    for future, answer in answers:
        by_loop.setdefault(future.get_loop(), []).append((future, answer))
    for loop, theirs in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed, and nobody waits any more
            loop.call_soon_threadsafe(_answer_all, theirs)


def _answer_all(answers: Iterable[tuple[Future[Any], Any]]) -> None:
    for future, answer in answers:
        if future.cancelled():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def _each(connection: Connection, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
    """One after the other."""
    return [_answer(connection, work) for work in works]


def _answer(connection: Connection, work: Callable[[Connection], Any]) -> Any:
    try:
        return work(connection)
    except StorygenError as refusal:
        return refusal


def _told(error: Exception) -> Exception:
    if not isinstance(error, SQLAlchemyError):
        return error
    told = failure(error, "written to")
    told.__cause__ = error
    return told
