"""What can be changed in the queue: each a function of a connection, whose transaction is somebody else's business.

Each raises errors of our own tree before it writes anything, as `writer` asks for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from storygen.errors import Conflict, NotFound, StorygenError, TooMany
from storygen.jobs.base import Job, JobState, Result, Submission
from storygen.jobs.rows import as_text, job_of, result_text, submission_text
from storygen.jobs.tables import batches, deliveries, events, jobs

OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)
AGAIN = {JobState.FAILED, JobState.TIMEOUT, JobState.CANCELLED}


class WorkerDied(StorygenError):
    """Every worker that took the job died with it."""

    kind = "worker_died"


def submit(
    connection: Connection,
    ids: Sequence[str],
    submissions: Sequence[Submission],
    batch: tuple[str, str],
    now: float,
    most: int,
) -> list[Job]:
    """Accept all or none; one that was accepted before under its key is that one. `batch` is its id and name."""
    found = [_accepted(connection, submission) for submission in submissions]
    fresh = [(id_, one) for id_, one, old in zip(ids, submissions, found, strict=True) if old is None]
    _refuse_many(connection, [one.caller for _, one in fresh], most)
    if batch[0] and fresh:
        connection.execute(insert(batches).values(id=batch[0], name=batch[1], caller=fresh[0][1].caller, created=now))
    rows = [_new_row(id_, one, batch[0], now) for id_, one in fresh]
    if rows:
        connection.execute(insert(jobs), rows)
        connection.execute(insert(events), [_event(row["id"], 1, now, "queued", {}) for row in rows])
    made = {row["id"]: row for row in rows}
    return [
        old or Job(id=id_, submission=one, state=JobState.QUEUED, created=now, title=made[id_]["title"], changed=1)
        for id_, one, old in zip(ids, submissions, found, strict=True)
    ]


def claim(connection: Connection, worker: str, limit: int, now: float, lease: float, most: int) -> list[Job]:
    """Take the oldest jobs that wait or whose lease has run out; those with more than `most` claims fail."""
    ready = and_(jobs.c.state == JobState.QUEUED.value, jobs.c.available <= now)
    lost = and_(jobs.c.state == JobState.RUNNING.value, jobs.c.lease_until < now)
    query = select(jobs).where(or_(ready, lost)).order_by(jobs.c.available, jobs.c.id).limit(limit)
    rows = connection.execute(query.with_for_update(skip_locked=True)).all()
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
    connection.execute(update(jobs).where(mine).values(lease_until=until))
    held = connection.execute(select(jobs.c.id, jobs.c.is_cancelling).where(mine)).all()
    return set(ids) - {row.id for row in held if not row.is_cancelling}


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
        _tell(connection, row, said, now, **seen)


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
    return job_of(_row(connection, job))


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
    return job_of(_row(connection, job))


def remove(connection: Connection, job: str) -> Job:
    """Forget a job that is over."""
    row = _row(connection, job)
    if row.state in OPEN:
        raise Conflict(f"Run {job} is {row.state}.", hint="Cancel it first.")
    for table in (events, deliveries):
        connection.execute(delete(table).where(table.c.job == job))
    connection.execute(delete(jobs).where(jobs.c.id == job))
    return job_of(row)


def _accepted(connection: Connection, submission: Submission) -> Job | None:
    """The job that was accepted for this caller under this key. Raises `Conflict` where it is about something else."""
    if not submission.key:
        return None
    wanted = select(jobs).where(jobs.c.caller == submission.caller, jobs.c.key == submission.key)
    row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    if row.content != submission.content:
        raise Conflict(
            f"The idempotency key {submission.key[:40]!r} was used for another story.", hint="Use a key once per story."
        )
    return job_of(row)


def _refuse_many(connection: Connection, callers: Sequence[str], most: int) -> None:
    """Raise `TooMany` where a caller would have more open runs than `most`; counted once in a transaction."""
    known: dict[str, int] = connection.info.setdefault("open", {})
    for caller in dict.fromkeys(callers):
        if caller not in known:
            open_ = and_(jobs.c.caller == caller, jobs.c.state.in_(OPEN))
            known[caller] = connection.execute(select(func.count()).select_from(jobs).where(open_)).scalar_one()
        if known[caller] + callers.count(caller) > most:
            raise TooMany(
                f"{known[caller]} runs of yours are not over, and {most} may be.",
                hint="Wait, or cancel some.",
                retry_after=30,
            )
    for caller in callers:
        known[caller] += 1


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
    return job_of(_row(connection, row.id))


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
        earlier = select(func.count()).select_from(deliveries).where(deliveries.c.job == row.id)
        number = connection.execute(earlier).scalar_one() + 1
        connection.execute(insert(deliveries).values(job=row.id, number=number, url=url, due=now))


def _tell(
    connection: Connection, row: Row[Any], said: Sequence[tuple[str, Mapping[str, Any]]], now: float, **values: Any
) -> None:
    """Add events behind those that there are, and change the row."""
    if said:
        known = [_event(row.id, row.events + place, now, kind, data) for place, (kind, data) in enumerate(said, 1)]
        connection.execute(insert(events), known)
    counted = {"events": row.events + len(said), "changed": row.changed + 1}
    connection.execute(update(jobs).where(jobs.c.id == row.id).values(**values, **counted))


def _row(connection: Connection, job: str) -> Row[Any]:
    row = connection.execute(select(jobs).where(jobs.c.id == job).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no run {job[:64]!r}.", hint="The list shows the runs that there are.")
    return row


def _mine(connection: Connection, job: str, worker: str) -> Row[Any] | None:
    held = and_(jobs.c.id == job, jobs.c.worker == worker, jobs.c.state == JobState.RUNNING.value)
    return connection.execute(select(jobs).where(held).with_for_update()).one_or_none()


def _event(job: str, number: int, now: float, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"job": job, "number": number, "at": now, "kind": kind, "data": json.dumps(data, ensure_ascii=False)}


def _new_row(id_: str, submission: Submission, batch: str, now: float) -> dict[str, Any]:
    return {
        "id": id_,
        "caller": submission.caller,
        "key": submission.key or None,
        "content": submission.content,
        "batch": batch,
        "submission": submission_text(submission),
        "state": JobState.QUEUED.value,
        "created": now,
        "available": now,
        "title": submission.name,
        "changed": 1,
        "events": 1,
    }
