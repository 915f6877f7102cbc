"""What can be read of the queue: each a function of a connection."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, tuple_

from storygen.errors import CallerMistake, NotFound
from storygen.jobs.base import OPEN, Batch, Filter, Job, JobEvent, JobState, Page, Usage
from storygen.jobs.rows import event_of, job_of, plain
from storygen.jobs.tables import batches, events, jobs, texts

DAY_SECONDS = 86_400
HOUR_SECONDS = 3_600


def get(connection: Connection, job: str) -> Job:
    """One job."""
    row = connection.execute(select(jobs, texts.c.text).join(texts).where(jobs.c.id == plain(job))).one_or_none()
    if row is None:
        raise NotFound(f"There is no run {job[:64]!r}.", hint="The list shows the runs that there are.")
    return job_of(row, row.text)


def page(connection: Connection, wanted: Filter, limit: int, cursor: str) -> Page:
    """Jobs, newest first."""
    query = select(jobs).where(*_conditions(wanted)).order_by(jobs.c.created.desc(), jobs.c.id.desc())
    if cursor:
        query = query.where(tuple_(jobs.c.created, jobs.c.id) < tuple_(*_place(cursor)))
    rows = connection.execute(query.limit(limit + 1)).all()
    return Page(jobs=tuple(map(job_of, rows[:limit])), cursor=_cursor(rows[limit - 1]) if len(rows) > limit else "")


def batch(connection: Connection, wanted: str) -> Batch:
    """One batch, with its jobs counted by state."""
    row = connection.execute(select(batches).where(batches.c.id == plain(wanted))).one_or_none()
    if row is None:
        raise NotFound(f"There is no batch {wanted[:64]!r}.", hint="Its id is in the answer to its submission.")
    counted = select(jobs.c.state, func.count()).where(jobs.c.batch == wanted).group_by(jobs.c.state)
    states: dict[str, int] = {row[0]: row[1] for row in connection.execute(counted)}
    return Batch(id=row.id, caller=row.caller, name=row.name, created=row.created, states=states)


def happened(connection: Connection, job: str, after: int, limit: int) -> list[JobEvent]:
    """What happened to a job, behind event number `after`."""
    later = select(events).where(events.c.job == plain(job), events.c.number > after)
    return [event_of(row) for row in connection.execute(later.order_by(events.c.number).limit(limit))]


def counts(connection: Connection) -> Mapping[str, int]:
    """How many jobs are in each state."""
    counted = select(jobs.c.state, func.count()).group_by(jobs.c.state)
    found: dict[str, int] = {row[0]: row[1] for row in connection.execute(counted)}
    return {state.value: found.get(state.value, 0) for state in JobState}


def oldest(connection: Connection, now: float) -> Mapping[str, float]:
    """The age of the oldest job in each open state."""
    since = func.min(func.coalesce(jobs.c.started, jobs.c.available))
    query = select(jobs.c.state, since).where(jobs.c.state.in_(OPEN)).group_by(jobs.c.state)
    return {state: max(0.0, now - moment) for state, moment in connection.execute(query)}


def usage(connection: Connection, since: float, caller: str) -> Usage:
    """What was asked for and what ended since a moment."""
    whose = [jobs.c.caller == plain(caller)] if caller else []
    day = func.floor(jobs.c.created / DAY_SECONDS)
    asked = select(day, jobs.c.caller, jobs.c.state, func.count()).where(jobs.c.created >= since, *whose)
    days: defaultdict[str, Counter[str]] = defaultdict(Counter)
    callers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for number, name, state, count in connection.execute(
        asked.group_by(day, jobs.c.caller, jobs.c.state).order_by(day)
    ):
        days[f"{datetime.fromtimestamp(number * DAY_SECONDS, UTC):%Y-%m-%d}"][state] += count
        callers[name][state] += count
    hour = func.floor(jobs.c.ended / HOUR_SECONDS)
    ended = select(hour, func.count()).where(jobs.c.ended >= since, *whose).group_by(hour).order_by(hour)
    hours = {int(number) * HOUR_SECONDS: count for number, count in connection.execute(ended)}
    return Usage(days=dict(days), callers=dict(callers), hours=hours)


def old(connection: Connection, before: float, limit: int) -> list[Job]:
    """Jobs that ended before a moment, the oldest end first."""
    over = jobs.c.state.not_in(OPEN)
    query = select(jobs).where(jobs.c.ended < before, over).order_by(jobs.c.ended, jobs.c.id).limit(limit)
    return [job_of(row) for row in connection.execute(query)]


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.caller:
        conditions.append(jobs.c.caller == plain(wanted.caller))
    if wanted.states:
        conditions.append(jobs.c.state.in_([state.value for state in wanted.states]))
    if wanted.batch:
        conditions.append(jobs.c.batch == plain(wanted.batch))
    if text := plain(wanted.text):
        conditions.append(
            or_(jobs.c.title.icontains(text, autoescape=True), jobs.c.id.startswith(text, autoescape=True))
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
