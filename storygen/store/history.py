"""The runs that were, in one SQLite file: found again by id, summed up over days, and asked how long things take.

Every change is one transaction on a file in WAL mode: several processes may write at once, and a kill leaves it whole.
"""

from __future__ import annotations

import difflib
import json
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
_NO_RECORDING = zlib.compress(b"{}")


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
    """How long the stages of an earlier run took, for estimates: seconds of each that was made, and their number."""

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
        with self._open(create=True) as database:
            database.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            database.execute("DELETE FROM runs WHERE started < ?", (time.time() - self.keep_days * DAY_SECONDS,))

    def find(self, run: str | None = None) -> PastRun:
        """The run with this id, else in this output folder, else the only one whose id begins so; the latest for None.

        Raises `CallerMistake` where there is none or more than one; it names those that come close.
        """
        with self._open() as database:
            if run is None:
                rows = database.execute("SELECT * FROM runs ORDER BY started DESC LIMIT 1").fetchall()
                if not rows:
                    raise CallerMistake("no run is on record yet", hint="make one: storygen run SOURCE")
                return _run(dict(rows[0]))
            found = self._matching(database, run)
            if len(found) == 1:
                return _run(dict(found[0]))
            raise _unknown(database, run, [row["run_id"] for row in found])

    def since(self, moment: float) -> list[PastRun]:
        """The runs that started at `moment` (Unix) or later, oldest first, without their recordings."""
        with self._open() as database:
            rows = database.execute("SELECT * FROM runs WHERE started >= ? ORDER BY started", (moment,)).fetchall()
        return [_run({**dict(row), "recording": _NO_RECORDING}) for row in rows]

    def durations(self, limit: int = 20) -> list[PastDurations]:
        """The latest successful runs, for estimates, newest first."""
        query = "SELECT * FROM runs WHERE outcome = 'success' ORDER BY started DESC LIMIT ?"
        with self._open() as database:
            rows = database.execute(query, (limit,)).fetchall()
        return [_durations(row) for row in rows]

    def last_success(self) -> float | None:
        """When the latest run that succeeded ended (Unix), None where none has."""
        with self._open() as database:
            found = database.execute("SELECT max(started + seconds) FROM runs WHERE outcome = 'success'").fetchone()
        return float(found[0]) if found and found[0] is not None else None

    def _matching(self, database: sqlite3.Connection, run: str) -> list[sqlite3.Row]:
        if not run or "\0" in run:
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


def _run(row: dict[str, Any]) -> PastRun:
    recording = json.loads(zlib.decompress(row["recording"]))
    return PastRun(**{**row, "report": json.loads(row["report"]), "recording": recording})


def _durations(row: sqlite3.Row) -> PastDurations:
    report = json.loads(row["report"])
    return PastDurations(
        scenes=row["scenes"],
        seconds=row["seconds"],
        film_seconds=row["film_seconds"],
        durations={name: tuple(values) for name, values in report["durations"].items()},
        counts={stage["name"]: stage["count"] for stage in report["stages"]},
    )


def _unknown(database: sqlite3.Connection, run: str, several: list[str]) -> CallerMistake:
    if several:
        return CallerMistake(f"several runs begin with {run!r}: {', '.join(several)}", hint="give more of the id")
    known = [row["run_id"] for row in database.execute("SELECT run_id FROM runs ORDER BY started DESC LIMIT 200")]
    near = difflib.get_close_matches(run, known, n=3, cutoff=0.4) or known[:3]
    hint = f"did you mean {', '.join(near)}?" if near else "no run is on record yet; make one: storygen run SOURCE"
    return CallerMistake(f"no run {run!r} is on record", hint=hint)
