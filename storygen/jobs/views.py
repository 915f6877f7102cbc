"""What can be read of the queue: each a function of a connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, tuple_

from storygen.errors import CallerMistake, NotFound
from storygen.jobs.base import Batch, Filter, Job, JobEvent, JobState, Page
from storygen.jobs.changes import OPEN
from storygen.jobs.rows import event_of, job_of
from storygen.jobs.tables import batches, events, jobs


def get(connection: Connection, job: str) -> Job:
    """One job."""
    row = connection.execute(select(jobs).where(jobs.c.id == job)).one_or_none()
    if row is None:
        raise NotFound(f"There is no run {job[:64]!r}.", hint="The list shows the runs that there are.")
    return job_of(row)


def page(connection: Connection, wanted: Filter, limit: int, cursor: str) -> Page:
    """Jobs, newest first."""
    query = select(jobs).where(*_conditions(wanted)).order_by(jobs.c.created.desc(), jobs.c.id.desc())
    if cursor:
        query = query.where(tuple_(jobs.c.created, jobs.c.id) < tuple_(*_place(cursor)))
    rows = connection.execute(query.limit(limit + 1)).all()
    return Page(jobs=tuple(map(job_of, rows[:limit])), cursor=_cursor(rows[limit - 1]) if len(rows) > limit else "")


def batch(connection: Connection, wanted: str) -> Batch:
    """One batch, with its jobs counted by state."""
    row = connection.execute(select(batches).where(batches.c.id == wanted)).one_or_none()
    if row is None:
        raise NotFound(f"There is no batch {wanted[:64]!r}.", hint="Its id is in the answer to its submission.")
    counted = select(jobs.c.state, func.count()).where(jobs.c.batch == wanted).group_by(jobs.c.state)
    states: dict[str, int] = dict(connection.execute(counted).tuples().all())
    return Batch(id=row.id, caller=row.caller, name=row.name, created=row.created, states=states)


def happened(connection: Connection, job: str, after: int, limit: int) -> list[JobEvent]:
    """What happened to a job, behind event number `after`."""
    query = select(events).where(events.c.job == job, events.c.number > after).order_by(events.c.number).limit(limit)
    return [event_of(row) for row in connection.execute(query)]


def counts(connection: Connection) -> Mapping[str, int]:
    """How many jobs are in each state."""
    found: dict[str, int] = dict(
        connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state)).tuples().all()
    )
    return {state.value: found.get(state.value, 0) for state in JobState}


def oldest(connection: Connection, now: float) -> Mapping[str, float]:
    """The age of the oldest job in each open state."""
    since = func.min(func.coalesce(jobs.c.started, jobs.c.available))
    query = select(jobs.c.state, since).where(jobs.c.state.in_(OPEN)).group_by(jobs.c.state)
    return {state: max(0.0, now - moment) for state, moment in connection.execute(query)}


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.caller:
        conditions.append(jobs.c.caller == wanted.caller)
    if wanted.states:
        conditions.append(jobs.c.state.in_([state.value for state in wanted.states]))
    if wanted.batch:
        conditions.append(jobs.c.batch == wanted.batch)
    if wanted.text:
        conditions.append(
            or_(
                jobs.c.title.icontains(wanted.text, autoescape=True), jobs.c.id.startswith(wanted.text, autoescape=True)
            )
        )
    return conditions


def _cursor(row: Row[Any]) -> str:
    return f"{row.created!r}~{row.id}"


def _place(cursor: str) -> tuple[float, str]:
    moment, _, id_ = cursor.partition("~")
    try:
        return float(moment), id_
    except ValueError:
        raise CallerMistake("The cursor is none of ours.", hint="Take it from the page before.") from None
