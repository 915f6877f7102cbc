"""Money that may be spent: reserved before a call, settled after it, so that no race overspends."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from storygen import events
from storygen.errors import BudgetExceeded, ResourceFailure

DAY_SECONDS = 86_400.0
FILE = "spending.sqlite"
_LOCK_SECONDS = 5.0
_TABLES = """
CREATE TABLE IF NOT EXISTS spent (
    id INTEGER PRIMARY KEY, moment REAL NOT NULL, provider TEXT NOT NULL, usd REAL NOT NULL,
    run TEXT NOT NULL DEFAULT '', is_open INTEGER NOT NULL DEFAULT 0, answer TEXT NOT NULL DEFAULT '',
    is_told INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS spent_moment ON spent (moment);
"""
_NEWER = (  # columns that older books lack
    "run TEXT NOT NULL DEFAULT ''",
    "is_open INTEGER NOT NULL DEFAULT 0",
    "answer TEXT NOT NULL DEFAULT ''",
    "is_told INTEGER NOT NULL DEFAULT 0",
)
_SUM = "SELECT total(usd) FROM spent WHERE moment > ?"
_SPANS = {"run": "this run", "24h": "24 hours"}
_TINY = 1e-9


class Book:
    """What was spent in the last 24 hours, in one SQLite file that several processes share.

    A reservation whose process dies stands until it is a day old: the call may have been billed. An entry is open until
    what it paid for is kept or known to be lost: those that are open after the death of their process paid for nothing,
    but for an answer that was kept by then.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._database: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def spent(self, provider: str = "") -> float:
        """Dollars of the last 24 hours, reservations included; of one provider where it is named."""
        with self._transaction() as database:
            return self._sum(database, provider)

    def reserve(self, provider: str, usd: float, day_usd: float | None, provider_usd: float | None) -> int:
        """Enter `usd` and say under which number. Raises `BudgetExceeded` where a limit would not hold."""
        with self._transaction() as database:
            for limit, whose in ((day_usd, ""), (provider_usd, provider)):
                if limit is not None and (left := limit - self._sum(database, whose)) + _TINY < usd:
                    raise refusal("24h", usd, left, whose)
            row = (self._clock(), provider, usd, events.current_watch().run_id)
            entered = database.execute(
                "INSERT INTO spent (moment, provider, usd, run, is_open) VALUES (?, ?, ?, ?, 1)", row
            )
            return int(entered.lastrowid or 0)

    def settle(self, number: int, usd: float, *, answer: str = "") -> None:
        """Replace a reservation by what the call did cost; open where its `answer` is to be kept under that name."""
        with self._transaction() as database:
            if usd:
                row = (usd, bool(answer), answer, number)
                database.execute("UPDATE spent SET usd = ?, is_open = ?, answer = ? WHERE id = ?", row)
            else:
                database.execute("DELETE FROM spent WHERE id = ?", (number,))

    def close_entry(self, number: int) -> None:
        """What an entry paid for is kept."""
        with self._transaction() as database:
            database.execute("UPDATE spent SET is_open = 0 WHERE id = ?", (number,))

    def inherit(self, run: str, earlier: str, is_kept: Callable[[str], bool]) -> dict[str, float]:
        """What the dead process of an `earlier` run may have paid for nothing, by provider; it is now that of `run`.

        `is_kept` says of an answer's name whether it is there: the process may have died between keeping and saying so.
        """
        answered = "SELECT id, answer FROM spent WHERE run = ? AND is_open AND answer != ''"
        query = "SELECT provider, total(usd) FROM spent WHERE run = ? AND is_open GROUP BY provider"
        with self._transaction() as database:
            for number, answer in database.execute(answered, (earlier,)).fetchall():
                # Asked once: what is kept under this name later was paid for again.
                row = (not is_kept(answer), number)
                database.execute("UPDATE spent SET is_open = ?, answer = '' WHERE id = ?", row)
            database.execute("UPDATE spent SET run = ? WHERE run = ? AND is_open", (run, earlier))
            return dict(database.execute(query, (run,)).fetchall())

    def tell(self, run: str) -> dict[str, float]:
        """What of a run's inheritance was told of before, by provider; from now on all of it was."""
        query = "SELECT provider, total(usd) FROM spent WHERE run = ? AND is_open AND is_told GROUP BY provider"
        with self._transaction() as database:
            told = dict(database.execute(query, (run,)).fetchall())
            database.execute("UPDATE spent SET is_told = 1 WHERE run = ? AND is_open", (run,))
            return told

    def disinherit(self, run: str) -> None:
        """What a run may have paid for nothing is kept elsewhere: nobody inherits it any more."""
        with self._transaction() as database:
            database.execute("UPDATE spent SET is_open = 0 WHERE run = ? AND is_open", (run,))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _sum(self, database: sqlite3.Connection, provider: str) -> float:
        since = self._clock() - DAY_SECONDS
        if provider:
            row = database.execute(f"{_SUM} AND provider = ?", (since, provider)).fetchone()
        else:
            row = database.execute(_SUM, (since,)).fetchone()
        return float(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                database = self._database = self._database or self._open()
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                except BaseException:
                    database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                raise ResourceFailure(
                    f"What was spent in the last 24 hours cannot be kept in {self.path}: {error}.",
                    hint="See that the folder of folders.state can be written and has space.",
                ) from error

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self.path, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False)
        # Whole after a kill, and no wait for the disk at each call.
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.executescript(_TABLES)
        for column in _NEWER:
            with suppress(sqlite3.OperationalError):  # it is there
                database.execute(f"ALTER TABLE spent ADD COLUMN {column}")
        database.execute("DELETE FROM spent WHERE moment < ?", (self._clock() - 2 * DAY_SECONDS,))
        return database


class Purse:
    """What one run may spend, within what all runs may."""

    def __init__(self, run_usd: float | None = None, day_usd: float | None = None, book: Book | None = None) -> None:
        self._run_usd = run_usd
        self._day_usd = day_usd
        self._book = book
        self._taken = 0.0
        self._has_warned = False

    @property
    def spent(self) -> float:
        """Dollars of this run, reservations included."""
        return self._taken

    def reserve(self, provider: str, usd: float, provider_usd: float | None = None) -> Reservation:
        """Set `usd` aside. Raises `BudgetExceeded` where that is more than is left."""
        if self._run_usd is not None and usd and (left := self._run_usd - self._taken) + _TINY < usd:
            raise refusal("run", usd, left)
        number = None
        if usd and self._book is not None:
            number = self._enter(provider, usd, provider_usd)
        self._taken += usd
        return Reservation(self, provider, usd, number)

    def settle(self, reserved: Reservation, usd: float, *, answer: str) -> None:
        """Replace what was set aside by what was spent."""
        self._taken += usd - reserved.usd
        if self._book is None:
            return
        if reserved.number is None and usd:
            reserved.number = self._enter(reserved.provider, usd, None, is_spent=True)
        if reserved.number is not None:
            self._book.settle(reserved.number, usd, answer=answer)

    def close(self, reserved: Reservation) -> None:
        """What was set aside was well spent: the answer is kept."""
        if self._book is not None and reserved.number is not None:
            self._book.close_entry(reserved.number)

    def _enter(self, provider: str, usd: float, provider_usd: float | None, *, is_spent: bool = False) -> int | None:
        """Enter into the book; where no budget depends on it, a book that is broken stops nobody."""
        assert self._book is not None  # noqa: S101 - asked by those who call
        day_usd = None if is_spent else self._day_usd
        try:
            return self._book.reserve(provider, usd, day_usd, provider_usd)
        except ResourceFailure as error:
            if self._day_usd is not None or provider_usd is not None:
                raise
            if not self._has_warned:
                self._has_warned = True
                logging.getLogger("storygen.budget").warning("budget.not_kept", extra={"reason": error.message})
            return None


class Reservation:
    """Dollars set aside for one attempt."""

    __slots__ = ("_purse", "number", "provider", "usd")

    def __init__(self, purse: Purse, provider: str, usd: float, number: int | None) -> None:
        self._purse = purse
        self.provider = provider
        self.usd = usd
        self.number = number

    def settle(self, usd: float, *, answer: str = "") -> None:
        """Say what the attempt did cost, or may have cost, and under which name its `answer` is still to be kept."""
        self._purse.settle(self, usd, answer=answer)

    def close(self) -> None:
        """The answer is kept."""
        self._purse.close(self)


def refusal(window: Literal["run", "24h"], usd: float, left: float, provider: str = "") -> BudgetExceeded:
    """The error of a call that is not made, told as such."""
    left = max(0.0, left)
    events.emit(events.BudgetRefused(window=window, expected_usd=usd, left_usd=left, provider=provider))
    whose = f"{provider}'s budget of 24 hours" if provider else f"the budget of {_SPANS[window]}"
    setting = f"vendors.{provider}.budget_usd" if provider else f"budget.{'run_usd' if window == 'run' else 'day_usd'}"
    return BudgetExceeded(
        f"The next call would cost about ${usd:.4f}, and ${left:.4f} are left of {whose}.",
        provider=provider,
        hint=f"Raise `{setting}`, or wait; what is finished is kept and not paid again.",
    )
