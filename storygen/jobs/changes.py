"""What can be changed in the queue: each a function of a connection, whose transaction is somebody else's business.

Each raises errors of our own tree before it writes anything, as `writer` asks for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from storygen.errors import Conflict, NotFound, WorkerDied
from storygen.jobs.base import OPEN, Job, JobState, Result
from storygen.jobs.deliveries import owe
from storygen.jobs.rows import as_text, event_row, plain, result_text
from storygen.jobs.tables import batches, deliveries, events, jobs, texts
from storygen.jobs.views import get

AGAIN = {JobState.FAILED, JobState.TIMEOUT, JobState.CANCELLED}


def claim(
    connection: Connection, worker: str, limit: int, now: float, lease: float, most: int, holding: Sequence[str]
) -> list[Job]:
    """Take the oldest jobs whose lease has run out, then those that wait; those with more than `most` claims fail."""
    ready = and_(jobs.c.state == JobState.QUEUED.value, jobs.c.available <= now)
    lost = and_(jobs.c.state == JobState.RUNNING.value, jobs.c.lease_until < now, jobs.c.id.not_in(holding))
    rows: list[Row[Any]] = []
    for free in (lost, ready):  # one after the other: each has its index, both at once would sort all that waits
        query = select(jobs).where(free).order_by(jobs.c.available, jobs.c.id).limit(limit - len(rows))
        rows += connection.execute(query.with_for_update(skip_locked=True)).all()
    return [taken for row in rows if (taken := _take(connection, row, worker, now, lease, most)) is not None]


def take(connection: Connection, job: str, worker: str, now: float, lease: float, most: int) -> Job | None:
    """Take this one, where it is free."""
    row = connection.execute(select(jobs).where(jobs.c.id == job).with_for_update()).one_or_none()
    is_free = row is not None and (
        row.state == JobState.QUEUED or (row.state == JobState.RUNNING and row.lease_until < now)
    )
    return _take(connection, row, worker, now, lease, most) if row is not None and is_free else None


def beat(connection: Connection, worker: str, ids: Sequence[str], until: float) -> set[str]:
    """Prolong leases; returns those that are to be stopped."""
    mine = and_(jobs.c.id.in_(ids), jobs.c.worker == worker, jobs.c.state == JobState.RUNNING.value)
    prolonged = update(jobs).where(mine).values(lease_until=until).returning(jobs.c.id, jobs.c.is_cancelling)
    return set(ids) - {row.id for row in connection.execute(prolonged) if not row.is_cancelling}


def note(
    connection: Connection,
    job: str,
    worker: str,
    said: Sequence[tuple[str, Mapping[str, Any]]],
    seen: Mapping[str, Any],
    now: float,
) -> None:
    """Put down events, while the job is the worker's."""
    row = _mine(connection, job, worker)
    if row is not None:
        _tell(connection, row, said, now, **{name: _stored(value) for name, value in seen.items()})


def finish(
    connection: Connection,
    job: str,
    worker: str,
    state: JobState,
    now: float,
    result: Result | None,
    error: Mapping[str, Any] | None,
) -> bool:
    """End a job, while it is the worker's."""
    row = _mine(connection, job, worker)
    if row is None:
        return False
    _end(connection, row, state, now, result, error)
    return True


def release(connection: Connection, job: str, worker: str, now: float) -> None:
    """Put a job back as one that was never claimed."""
    row = _mine(connection, job, worker)
    if row is None:
        return
    if row.is_cancelling:
        _end(connection, row, JobState.CANCELLED, now, None, None)
        return
    back = {"state": JobState.QUEUED.value, "worker": "", "lease_until": None, "claims": row.claims - 1}
    _tell(connection, row, [("released", {})], now, **back)


def cancel(connection: Connection, job: str, now: float) -> Job:
    """End a waiting job; mark a running one."""
    row = _row(connection, job)
    if row.state == JobState.QUEUED:
        _end(connection, row, JobState.CANCELLED, now, None, None)
    elif row.state == JobState.RUNNING and not row.is_cancelling:
        _tell(connection, row, [("cancelling", {})], now, is_cancelling=True)
    return get(connection, job)


def retry(connection: Connection, job: str, now: float) -> Job:
    """Queue a job again that did not end well."""
    row = _row(connection, job)
    if JobState(row.state) not in AGAIN:
        raise Conflict(
            f"Run {job} is {row.state}.", hint="Only one that failed, timed out or was cancelled can go again."
        )
    fresh = {
        "state": JobState.QUEUED.value,
        "available": now,
        "started": None,
        "ended": None,
        "claims": 0,
        "worker": "",
    }
    clean = {"lease_until": None, "is_cancelling": False, "stage": "", "progress": 0.0, "result": None, "error": None}
    _tell(connection, row, [("queued", {"again": True})], now, **fresh, **clean, eta_seconds=None)
    return get(connection, job)


def remove(connection: Connection, job: str) -> Job:
    """Forget a job that is over."""
    row = _row(connection, job)
    if row.state in OPEN:
        raise Conflict(f"Run {job} is {row.state}.", hint="Cancel it first.")
    removed = get(connection, job)
    for table in (events, deliveries, texts):
        connection.execute(delete(table).where(table.c.job == job))
    connection.execute(delete(jobs).where(jobs.c.id == job))
    others = select(jobs.c.id).where(jobs.c.batch == row.batch)
    if row.batch and connection.execute(others.limit(1)).first() is None:
        connection.execute(delete(batches).where(batches.c.id == row.batch))
    return removed


def _take(connection: Connection, row: Row[Any], worker: str, now: float, lease: float, most: int) -> Job | None:
    if row.is_cancelling:
        _end(connection, row, JobState.CANCELLED, now, None, None)
        return None
    if row.claims >= most:
        died = WorkerDied(
            f"The run was begun {row.claims} times, and its worker died each time.",
            hint="Look at the memory and the logs of the workers, then try it again.",
        )
        _end(connection, row, JobState.FAILED, now, None, died.fields())
        return None
    held = {"state": JobState.RUNNING.value, "worker": worker, "lease_until": now + lease, "claims": row.claims + 1}
    _tell(connection, row, [("started", {"claim": row.claims + 1})], now, started=row.started or now, **held)
    return get(connection, row.id)


def _end(
    connection: Connection,
    row: Row[Any],
    state: JobState,
    now: float,
    result: Result | None,
    error: Mapping[str, Any] | None,
) -> None:
    ended = {"state": state.value, "ended": now, "lease_until": None, "is_cancelling": False, "eta_seconds": None}
    done = {"progress": 1.0} if state is JobState.SUCCESS else {}
    _tell(
        connection,
        row,
        [(state.value, error or {})],
        now,
        result=result_text(result),
        error=as_text(error),
        **ended,
        **done,
    )
    url = json.loads(row.submission)["webhook"]
    if url:
        owe(connection, row.id, row.events + 1, plain(url), now)


def _tell(
    connection: Connection, row: Row[Any], said: Sequence[tuple[str, Mapping[str, Any]]], now: float, **values: Any
) -> None:
    """Add events behind those that there are, and change the row."""
    if said:
        known = [event_row(row.id, row.events + place, now, kind, data) for place, (kind, data) in enumerate(said, 1)]
        connection.execute(insert(events), known)
    counted = {"events": row.events + len(said), "changed": row.changed + 1}
    connection.execute(update(jobs).where(jobs.c.id == row.id).values(**values, **counted))


def _row(connection: Connection, job: str) -> Row[Any]:
    row = connection.execute(select(jobs).where(jobs.c.id == plain(job)).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no run {job[:64]!r}.", hint="The list shows the runs that there are.")
    return row


def _mine(connection: Connection, job: str, worker: str) -> Row[Any] | None:
    held = and_(jobs.c.id == job, jobs.c.worker == worker, jobs.c.state == JobState.RUNNING.value)
    return connection.execute(select(jobs).where(held).with_for_update()).one_or_none()


def _stored(value: Any) -> Any:
    return plain(value) if isinstance(value, str) else value
