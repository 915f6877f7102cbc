"""Taking submissions in, many at once: one look for their keys, and one insert a table for all of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, insert, select

from storygen.errors import CallerMistake, Conflict, StorygenError, TooMany
from storygen.jobs.base import OPEN, Job, JobState, Submission
from storygen.jobs.rows import event_row, job_of, job_row, plain
from storygen.jobs.tables import batches, events, jobs, texts

LONGEST_NAME = 200
FRESH_SECONDS = 1.0
AT_ONCE = 1000  # values in one query
Key = tuple[str, str]


class Order(NamedTuple):
    """Submissions that are accepted together or not at all, the ids for them, and the id and name of their batch."""

    ids: Sequence[str]
    submissions: Sequence[Submission]
    batch: tuple[str, str]
    now: float


def check(submissions: Sequence[Submission]) -> None:
    """Raise `CallerMistake` where a caller's name or a key cannot be stored."""
    for submission in submissions:
        for what, text in (("caller", submission.caller), ("idempotency key", submission.key)):
            if len(text) > LONGEST_NAME or plain(text) != text:
                raise CallerMistake(f"This {what} cannot be stored.", hint=f"Use at most {LONGEST_NAME} characters.")


class OpenRuns:
    """How many runs each caller has open, at most `most`: counted anew each second, and before anybody is refused."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._known: dict[str, int] = {}
        self._counted: dict[str, float] = {}

    def look(self, connection: Connection, callers: Counter[str]) -> None:
        """Count what these have open, where that was not done just now or so many more would be too many."""
        now = self._clock()
        for caller, more in callers.items():
            is_fresh = now - self._counted.get(caller, float("-inf")) <= FRESH_SECONDS
            if not is_fresh or self._known[caller] + more > self._most:
                open_ = and_(jobs.c.caller == caller, jobs.c.state.in_(OPEN))
                self._known[caller] = connection.execute(
                    select(func.count()).select_from(jobs).where(open_)
                ).scalar_one()
                self._counted[caller] = now

    def add(self, callers: Counter[str]) -> None:
        """Count so many more for each. Raises `TooMany` where that is more than there may be, and counts none."""
        for caller, more in callers.items():
            if self._known[caller] + more > self._most:
                raise TooMany(
                    f"{self._known[caller]} of your runs are not over, and at most {self._most} may be open at once.",
                    hint="Wait, or cancel some.",
                    retry_after=30,
                )
        for caller, more in callers.items():
            self._known[caller] += more


class Acceptance:
    """Writes orders down; one in a process, since it remembers how many runs are open."""

    def __init__(self, most_open: int) -> None:
        self._open = OpenRuns(most_open)

    def accept(self, connection: Connection, orders: Sequence[Order]) -> list[list[Job] | StorygenError]:
        """For each order its jobs, or why it was refused; a job that was accepted before under its key is that one."""
        known = _accepted(connection, orders)
        self._open.look(connection, Counter(one.caller for order in orders for one in order.submissions))
        made: list[Job] = []
        named: list[dict[str, Any]] = []
        answers: list[list[Job] | StorygenError] = []
        for order in orders:
            try:
                asked, fresh = _settle(order, known)
                self._open.add(Counter(job.submission.caller for job in fresh))
            except StorygenError as refusal:
                answers.append(refusal)
                continue
            answers.append(asked)
            made += fresh
            known |= {_key(job.submission): job for job in fresh if job.submission.key}
            if order.batch[0] and fresh:
                named.append(_batch_row(order, fresh[0]))
        _insert(connection, made, named)
        return answers


def _accepted(connection: Connection, orders: Sequence[Order]) -> dict[Key, Job]:
    """The jobs that were accepted before under the keys of these orders."""
    keys: dict[str, set[str]] = {}
    for order in orders:
        for one in order.submissions:
            if one.key:
                keys.setdefault(one.caller, set()).add(one.key)
    found: dict[Key, Job] = {}
    for caller, theirs in keys.items():
        asked = sorted(theirs)
        for start in range(0, len(asked), AT_ONCE):
            wanted = and_(jobs.c.caller == caller, jobs.c.key.in_(asked[start : start + AT_ONCE]))
            for row in connection.execute(select(jobs, texts.c.text).join(texts).where(wanted)):
                found[caller, row.key] = job_of(row, row.text)
    return found


def _settle(order: Order, known: dict[Key, Job]) -> tuple[list[Job], list[Job]]:
    """The job of each submission, and those of them that are new."""
    asked: list[Job] = []
    fresh: dict[Key, Job] = {}
    for id_, given in zip(order.ids, order.submissions, strict=True):
        one = replace(given, batch=order.batch[0])
        key = _key(one) if one.key else ("", id_)
        job = known.get(key) or fresh.get(key)
        if job is None:
            job = fresh[key] = Job(
                id=id_,
                submission=one,
                state=JobState.QUEUED,
                created=order.now,
                available=order.now,
                title=plain(one.name),
                changed=1,
            )
        elif job.submission.content != one.content:
            raise Conflict(
                f"The idempotency key {one.key[:40]!r} was used for another story.", hint="Use a key once per story."
            )
        asked.append(job)
    return asked, list(fresh.values())


def _key(submission: Submission) -> Key:
    return submission.caller, submission.key


def _batch_row(order: Order, first: Job) -> dict[str, Any]:
    id_, name = order.batch
    return {"id": id_, "name": plain(name)[:LONGEST_NAME], "caller": first.submission.caller, "created": order.now}


def _insert(connection: Connection, made: Sequence[Job], named: Sequence[dict[str, Any]]) -> None:
    if named:
        connection.execute(insert(batches), list(named))
    if made:
        connection.execute(insert(jobs), [job_row(job) for job in made])
        connection.execute(insert(texts), [{"job": job.id, "text": plain(job.submission.text)} for job in made])
        connection.execute(insert(events), [event_row(job.id, 1, job.created, "queued", {}) for job in made])
