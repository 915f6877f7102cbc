"""What webhooks are still to be told: each a function of a connection, as `changes` are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select, update

from storygen.jobs.base import Delivery
from storygen.jobs.rows import plain
from storygen.jobs.tables import deliveries


def owe(connection: Connection, job: str, number: int, url: str, now: float) -> None:
    """Put down that the event `number` of a job is to be told."""
    connection.execute(insert(deliveries).values(job=job, number=number, url=url, due=now))


def is_due(connection: Connection, now: float) -> bool:
    """Whether anything is due."""
    return connection.execute(select(deliveries.c.job).where(deliveries.c.due <= now).limit(1)).first() is not None


def due(connection: Connection, now: float, limit: int, hold: float) -> list[Delivery]:
    """Take what is due; it is due again after `hold` seconds, should whoever took it die."""
    query = select(deliveries).where(deliveries.c.due <= now).order_by(deliveries.c.due, deliveries.c.job).limit(limit)
    rows = connection.execute(query.with_for_update(skip_locked=True)).all()
    for row in rows:
        connection.execute(update(deliveries).where(_is(row.job, row.number)).values(due=now + hold))
    return [_delivery(row) for row in rows]


def delivered(connection: Connection, job: str, number: int, ok: bool, next_due: float | None, said: str) -> None:
    """Put down what an attempt came to; what was removed meanwhile stays away, what was delivered stays so."""
    values = {"attempts": deliveries.c.attempts + 1, "said": plain(said), "due": None if ok else next_due}
    open_ = and_(_is(job, number), deliveries.c.is_delivered.is_(False))
    connection.execute(update(deliveries).where(open_).values(**values, is_delivered=ok))


def told(connection: Connection, job: str) -> list[Delivery]:
    """All that a job's webhook was and will be told."""
    query = select(deliveries).where(deliveries.c.job == job).order_by(deliveries.c.number)
    return [_delivery(row) for row in connection.execute(query)]


def _is(job: str, number: int) -> Any:
    return and_(deliveries.c.job == job, deliveries.c.number == number)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        job=row.job,
        number=row.number,
        url=row.url,
        attempts=row.attempts,
        due=row.due,
        is_delivered=row.is_delivered,
        said=row.said,
    )
