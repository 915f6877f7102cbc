"""The runs that were: found again by id, summed up over days, and asked how long things take.

`History` keeps them in one SQLite file of this machine: every change is one transaction on a file in WAL mode, so that
several processes may write at once, and a kill leaves it whole. Runs of many machines are kept by `jobs.history`.
"""

from __future__ import annotations

import difflib
import json
import re
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from storygen.errors import CallerMistake, ResourceFailure

VERSION = 1
LOCK_SECONDS = 10.0
DAY_SECONDS = 86_400.0
NEAREST_OF = 200
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

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> PastRun:
        """A run as it was stored; with an empty recording where that was not read."""
        recording = json.loads(zlib.decompress(row["recording"])) if "recording" in row else {}
        return cls(**{**row, "report": json.loads(row["report"]), "recording": recording})

    def to_row(self) -> dict[str, Any]:
        """The run as it is stored, column by column."""
        return {
            "run_id": self.run_id,
            "started": self.started,
            "seconds": self.seconds,
            "outcome": self.outcome,
            "fidelity": self.fidelity,
            "film_seconds": self.film_seconds,
            "scenes": self.scenes,
            "title": self.title,
            "cost_usd": self.cost_usd,
            "folder": self.folder,
            "report": json.dumps(self.report),
            "recording": zlib.compress(json.dumps(self.recording).encode()),
        }


_SUMMARY = ", ".join(field.name for field in fields(PastRun) if field.name != "recording")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDurations:
    """How long the stages of an earlier run took, for estimates: seconds of each that was made, and their number."""

    scenes: int
    seconds: float
    film_seconds: float | None
    durations: Mapping[str, tuple[float, ...]]
    counts: Mapping[str, int]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> PastDurations:
        """What the stored row of a run says."""
        report = json.loads(row["report"])
        return cls(
            scenes=row["scenes"],
            seconds=row["seconds"],
            film_seconds=row["film_seconds"],
            durations={name: tuple(values) for name, values in report["durations"].items()},
            counts={stage["name"]: stage["count"] for stage in report["stages"]},
        )


class Runs(Protocol):
    """A history of runs, which forgets old ones when a new one comes.

    Raises `ResourceFailure` where it cannot be read or written.
    """

    def record(self, run: PastRun) -> None:
        """Put down a run; the same id again replaces it."""

    def find(self, run: str | None = None) -> PastRun:
        """The run with this id, else in this output folder, else the only one whose id begins so; the latest for None.

        Raises `CallerMistake` where there is none or more than one; it names those that come close.
        """

    def each(self, moment: float) -> Iterator[PastRun]:
        """The runs that started at `moment` (Unix) or later, oldest first, without their recordings.

        They are read while they are asked for, so that thousands need no more memory than a few.
        """

    def since(self, moment: float) -> list[PastRun]:
        """All that `each` gives, at once."""

    def durations(self, limit: int = 20) -> list[PastDurations]:
        """The latest successful runs, for estimates, newest first."""

    def last_success(self) -> float | None:
        """When the latest run that succeeded ended (Unix), None where none has."""


class History:
    """The history in the file `path`, as `Runs` describes it; runs older than `keep_days` leave it.

    Raises `CallerMistake` where the file is no history or one of a newer storygen, `ResourceFailure` where it cannot be
    read or written. Nothing is created before the first run is recorded.
    """

    def __init__(self, path: Path, keep_days: int = 90) -> None:
        self.path = path
        self.keep_days = keep_days

    def record(self, run: PastRun) -> None:
        """Put down a run; the same id again replaces it."""
        row = run.to_row()
        names = ", ".join(f":{name}" for name in row)
        with self._open(create=True) as database:
            database.execute(f"INSERT OR REPLACE INTO runs VALUES ({names})", row)  # noqa: S608 - our own columns
            database.execute("DELETE FROM runs WHERE started < ?", (time.time() - self.keep_days * DAY_SECONDS,))

    def find(self, run: str | None = None) -> PastRun:
        """One run."""
        with self._open() as database:
            if run is None:
                rows = database.execute("SELECT * FROM runs ORDER BY started DESC LIMIT 1").fetchall()
                return the_one([dict(row) for row in rows], None, ())
            found = [dict(row) for row in self._matching(database, run)]
            known = database.execute("SELECT run_id FROM runs ORDER BY started DESC LIMIT ?", (NEAREST_OF,))
            return the_one(found, run, [row["run_id"] for row in known])

    def each(self, moment: float) -> Iterator[PastRun]:
        """The runs from a moment on, one after the other."""
        query = f"SELECT {_SUMMARY} FROM runs WHERE started >= ? ORDER BY started"  # noqa: S608 - our own columns
        with self._open() as database:
            for row in database.execute(query, (moment,)):
                yield PastRun.from_row(dict(row))

    def since(self, moment: float) -> list[PastRun]:
        """The runs from a moment on."""
        return list(self.each(moment))

    def durations(self, limit: int = 20) -> list[PastDurations]:
        """The latest successful runs, for estimates, newest first."""
        query = f"SELECT {_SUMMARY} FROM runs WHERE outcome = 'success' ORDER BY started DESC LIMIT ?"  # noqa: S608 - our own columns
        with self._open() as database:
            rows = database.execute(query, (limit,)).fetchall()
        return [PastDurations.from_row(dict(row)) for row in rows]

    def last_success(self) -> float | None:
        """When the latest run that succeeded ended (Unix), None where none has."""
        with self._open() as database:
            found = database.execute("SELECT max(started + seconds) FROM runs WHERE outcome = 'success'").fetchone()
        return float(found[0]) if found and found[0] is not None else None

    def _matching(self, database: sqlite3.Connection, run: str) -> list[sqlite3.Row]:
        if not is_askable(run):
            return []
        lookups: dict[str, tuple[Any, ...]] = {
            "SELECT * FROM runs WHERE run_id = ?": (run,),
            "SELECT * FROM runs WHERE folder = ? ORDER BY started DESC LIMIT 1": (str(Path(run).resolve()),),
            "SELECT * FROM runs WHERE substr(run_id, 1, ?) = ? ORDER BY started DESC LIMIT 4": (len(run), run),
        }
        found = (database.execute(query, values).fetchall() for query, values in lookups.items())
        return next((rows for rows in found if rows), [])

    @contextmanager
    def _open(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction; in memory where nothing has been recorded yet."""
        try:
            if create:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            place = self.path if create or self.path.exists() else Path(":memory:")
            database = sqlite3.connect(place, timeout=LOCK_SECONDS, isolation_level=None)
            database.row_factory = sqlite3.Row
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        try:
            self._prepare(database)
            database.execute("BEGIN")
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
            with suppress(sqlite3.OperationalError):  # another process is doing the same this very moment
                database.execute("PRAGMA journal_mode=WAL")
            database.execute(_TABLE)
            database.execute(f"PRAGMA user_version={VERSION}")

    def _unusable(self, error: Exception) -> CallerMistake | ResourceFailure:
        hint = f"move {self.path} away; a new history begins by itself"
        if isinstance(error, sqlite3.OperationalError | OSError):
            hint = "see that the folder of folders.state exists, can be written and has space"
            return ResourceFailure(f"the history {self.path} cannot be used: {error}", hint=hint)
        return CallerMistake(f"the history {self.path} is broken: {error}", hint=hint)


def is_askable(run: str) -> bool:
    """Whether there can be a run of this name; databases stumble over some."""
    return bool(run) and re.search("[\0\ud800-\udfff]", run) is None


def the_one(found: Sequence[Mapping[str, Any]], run: str | None, known: Sequence[str]) -> PastRun:
    """The only row that was found for `run`. Raises `CallerMistake` else, with the nearest of the `known` ids."""
    if len(found) == 1:
        return PastRun.from_row(found[0])
    if found:
        several = ", ".join(row["run_id"] for row in found)
        raise CallerMistake(f"several runs begin with {run!r}: {several}", hint="give more of the id")
    if run is None:
        raise CallerMistake("no run is on record yet", hint="make one: storygen run SOURCE")
    near = difflib.get_close_matches(run, known, n=3, cutoff=0.4) or known[:3]
    hint = f"did you mean {', '.join(near)}?" if near else "no run is on record yet; make one: storygen run SOURCE"
    raise CallerMistake(f"no run {run!r} is on record", hint=hint)
