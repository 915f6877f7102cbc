"""The history of runs in an SQL database, for machines that share one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from storygen.jobs.database import open_address
from storygen.jobs.failures import failure
from storygen.jobs.rows import plain
from storygen.jobs.tables import runs
from storygen.jobs.writer import writing
from storygen.store.history import DAY_SECONDS, NEAREST_OF, PastDurations, PastRun, is_askable, the_one

_SUMMARY = [column for column in runs.c if column is not runs.c.recording]
_AT_ONCE = 50


@lru_cache(maxsize=8)
def _opened(url: str) -> Engine:
    """The database at an address; it is asked once a run, so that it is not worth to stay connected."""
    return open_address(url, 0)


class SqlHistory:
    """The history in the database at the address `url`, as `store.history.Runs` describes it.

    It is opened when it is first asked, once in a process.
    """

    def __init__(self, url: str, *, keep_days: int = 90) -> None:
        self._url = url
        self._keep_days = keep_days

    def record(self, run: PastRun) -> None:
        """Put down a run; the same id again replaces it."""
        row = {name: plain(value) if isinstance(value, str) else value for name, value in run.to_row().items()}
        oldest = time.time() - self._keep_days * DAY_SECONDS
        try:
            with writing(self._engine) as connection:
                connection.execute(delete(runs).where((runs.c.run_id == row["run_id"]) | (runs.c.started < oldest)))
                connection.execute(insert(runs).values(row))
        except SQLAlchemyError as error:
            raise failure(error, "written to") from error

    def find(self, run: str | None = None) -> PastRun:
        """One run."""
        newest = select(runs).order_by(runs.c.started.desc())
        with self._reading() as connection:
            if run is None:
                return the_one(_rows(connection, newest.limit(1)), None, ())
            known = connection.execute(select(runs.c.run_id).order_by(runs.c.started.desc()).limit(NEAREST_OF))
            return the_one(_matching(connection, newest, run), run, list(known.scalars()))

    def each(self, moment: float) -> Iterator[PastRun]:
        """The runs from a moment on, one after the other."""
        query = select(*_SUMMARY).where(runs.c.started >= moment).order_by(runs.c.started)
        with self._reading() as connection:
            for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)).mappings():
                yield PastRun.from_row(dict(row))

    def since(self, moment: float) -> list[PastRun]:
        """The runs from a moment on."""
        return list(self.each(moment))

    def durations(self, limit: int = 20) -> list[PastDurations]:
        """The latest successful runs, for estimates."""
        query = select(*_SUMMARY).where(runs.c.outcome == "success").order_by(runs.c.started.desc()).limit(limit)
        with self._reading() as connection:
            return [PastDurations.from_row(row) for row in _rows(connection, query)]

    def last_success(self) -> float | None:
        """When the latest run that succeeded ended."""
        query = select(func.max(runs.c.started + runs.c.seconds)).where(runs.c.outcome == "success")
        with self._reading() as connection:
            moment: float | None = connection.execute(query).scalar_one()
            return moment

    @property
    def _engine(self) -> Engine:
        return _opened(self._url)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise failure(error, "read") from error


def _matching(connection: Connection, newest: Select[Any], run: str) -> list[dict[str, Any]]:
    if not is_askable(run):
        return []
    begins = func.substr(runs.c.run_id, 1, len(run)) == run
    lookups = (
        newest.where(runs.c.run_id == run),
        newest.where(runs.c.folder == str(Path(run).resolve())).limit(1),
        newest.where(begins).limit(4),
    )
    found = (_rows(connection, query) for query in lookups)
    return next((rows for rows in found if rows), [])


def _rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]
