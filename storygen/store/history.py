"""The runs that were, in one SQLite file: found again by id, summed up over days, and asked how long things take.

Every change is one transaction on a file in WAL mode, so several processes may write at once and a kill leaves a whole file.
"""

from __future__ import annotations

import difflib
import json
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storygen.errors import CallerMistake, ResourceFailure

VERSION = 1
LOCK_SECONDS = 10.0
DAY_SECONDS = 86_400.0
_TABLE = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY,
    started REAL NOT NULL,
    seconds REAL NOT NULL,
    outcome TEXT NOT NULL,
    fidelity TEXT NOT NULL,
    film_seconds REAL,
    scenes INTEGER NOT NULL,
    title TEXT NOT NULL,
    cost_usd REAL,
    folder TEXT NOT NULL,
    report TEXT NOT NULL,
    recording BLOB NOT NULL
)
"""
_COLUMNS = (
    "run_id, started, seconds, outcome, fidelity, film_seconds, scenes, title, cost_usd, folder, report, recording"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run: when it started (Unix), its figures, its output folder, its report and what the report was built from.

    `report` and `recording` are documents of plain values; `folder` is empty and `cost_usd`, `film_seconds` are None
    where there is none.
    """

    run_id: str
    started: float
    seconds: float
    outcome: str
    report: Mapping[str, Any]
    recording: Mapping[str, Any]
    fidelity: str = ""
    film_seconds: float | None = None
    scenes: int = 0
    title: str = ""
    cost_usd: float | None = None
    folder: str = ""

    @classmethod
    def from_report(
        cls, report: Mapping[str, Any], recording: Mapping[str, Any], folder: Path | None = None
    ) -> PastRun:
        """A run by its report's JSON form and the recording of it."""
        run = report["run"]
        return cls(
            run_id=run["run_id"],
            started=recording["began_at"],
            seconds=run["seconds"],
            outcome=run["outcome"],
            fidelity=run["fidelity"],
            film_seconds=run["film_seconds"],
            scenes=run["scenes"],
            title=run["title"],
            cost_usd=report["cost"]["usd"],
            folder=str(folder.resolve()) if folder else "",
            report=report,
            recording=recording,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDurations:
    """How long the stages of one earlier run took, for estimates: seconds of each that was made, and how many there were."""

    scenes: int
    seconds: float
    film_seconds: float | None
    durations: Mapping[str, tuple[float, ...]]
    counts: Mapping[str, int]


class History:
    """The history in the file `path`; runs older than `keep_days` leave it when a new one comes.

    Raises `CallerMistake` where the file is no history or one of a newer storygen, `ResourceFailure` where it cannot be
    read or written. Nothing is created before the first run is recorded.
    """

    def __init__(self, path: Path, keep_days: int = 90) -> None:
        self.path = path
        self.keep_days = keep_days

    def record(self, run: PastRun) -> None:
        """Put down a run; the same id again replaces it."""
        row = (
            run.run_id,
            run.started,
            run.seconds,
            run.outcome,
            run.fidelity,
            run.film_seconds,
            run.scenes,
            run.title,
            run.cost_usd,
            run.folder,
            json.dumps(run.report),
            zlib.compress(json.dumps(run.recording).encode()),
        )
        marks = ", ".join("?" * len(row))
        with self._open(create=True) as database:
            database.execute(f"INSERT OR REPLACE INTO runs ({_COLUMNS}) VALUES ({marks})", row)
            database.execute("DELETE FROM runs WHERE started < ?", (time.time() - self.keep_days * DAY_SECONDS,))

    def find(self, run: str | None = None) -> PastRun:
        """The run with this id, the only one whose id begins so, or the one whose output folder it is; the latest for None.

        Raises `CallerMistake` where there is none or more than one; it names those that come close.
        """
        with self._open() as database:
            if run is None:
                rows = database.execute(f"SELECT {_COLUMNS} FROM runs ORDER BY started DESC LIMIT 1").fetchall()
                if not rows:
                    raise CallerMistake("no run is on record yet", hint="make one: storygen run SOURCE")
                return _run(rows[0])
            found = self._matching(database, run)
            if len(found) == 1:
                return _run(found[0])
            raise _unknown(database, run, [str(row[0]) for row in found])

    def since(self, moment: float) -> list[PastRun]:
        """The runs that started at `moment` (Unix) or later, oldest first."""
        with self._open() as database:
            query = f"SELECT {_COLUMNS} FROM runs WHERE started >= ? ORDER BY started"
            return [_run(row) for row in database.execute(query, (moment,))]

    def durations(self, limit: int = 20) -> list[PastDurations]:
        """The latest successful runs, for estimates, newest first."""
        query = "SELECT scenes, seconds, film_seconds, report FROM runs WHERE outcome = 'success' ORDER BY started DESC LIMIT ?"
        with self._open() as database:
            rows = database.execute(query, (limit,)).fetchall()
        return [_durations(*row) for row in rows]

    def _matching(self, database: sqlite3.Connection, run: str) -> list[tuple[Any, ...]]:
        exact = f"SELECT {_COLUMNS} FROM runs WHERE run_id = ?"
        folder = f"SELECT {_COLUMNS} FROM runs WHERE folder = ? ORDER BY started DESC LIMIT 1"
        prefix = f"SELECT {_COLUMNS} FROM runs WHERE substr(run_id, 1, ?) = ? ORDER BY started DESC LIMIT 4"
        place = str(Path(run).resolve()) if run and "\0" not in run else ""
        for query, values in ((exact, (run,)), (folder, (place,)), (prefix, (len(run), run))):
            if run and (rows := database.execute(query, values).fetchall()):
                return rows
        return []

    @contextmanager
    def _open(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction; in memory where nothing has been recorded yet."""
        try:
            if create:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            place = self.path if create or self.path.exists() else Path(":memory:")
            database = sqlite3.connect(place, timeout=LOCK_SECONDS, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        try:
            self._prepare(database)
            database.execute("BEGIN IMMEDIATE" if create else "BEGIN")
            yield database
            database.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        finally:
            database.close()

    def _prepare(self, database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise CallerMistake(
                f"the history {self.path} was written by a newer storygen (format {version}, this one reads {VERSION})",
                hint="update storygen, or set folders.state to another folder",
            )
        if version < VERSION:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute(_TABLE)
            database.execute(f"PRAGMA user_version={VERSION}")

    def _unusable(self, error: Exception) -> CallerMistake | ResourceFailure:
        hint = f"move {self.path} away; a new history begins by itself"
        if isinstance(error, sqlite3.OperationalError | OSError):
            hint = "see that the folder of folders.state exists, can be written and has space"
            return ResourceFailure(f"the history {self.path} cannot be used: {error}", hint=hint)
        return CallerMistake(f"the history {self.path} is broken: {error}", hint=hint)


def _run(row: tuple[Any, ...]) -> PastRun:
    names = [name.strip() for name in _COLUMNS.split(",")]
    values = dict(zip(names, row, strict=True))
    values["report"] = json.loads(values["report"])
    values["recording"] = json.loads(zlib.decompress(values["recording"]))
    return PastRun(**values)


def _durations(scenes: int, seconds: float, film_seconds: float | None, report: str) -> PastDurations:
    document = json.loads(report)
    return PastDurations(
        scenes=scenes,
        seconds=seconds,
        film_seconds=film_seconds,
        durations={name: tuple(values) for name, values in document["durations"].items()},
        counts={row["name"]: row["count"] for row in document["stages"]},
    )


def _unknown(database: sqlite3.Connection, run: str, several: list[str]) -> CallerMistake:
    if several:
        return CallerMistake(f"several runs begin with {run!r}: {', '.join(several)}", hint="give more of the id")
    known = [str(row[0]) for row in database.execute("SELECT run_id FROM runs ORDER BY started DESC LIMIT 200")]
    near = difflib.get_close_matches(run, known, n=3, cutoff=0.4) or known[:3]
    hint = f"did you mean {', '.join(near)}?" if near else "no run is on record yet; make one: storygen run SOURCE"
    return CallerMistake(f"no run {run!r} is on record", hint=hint)
