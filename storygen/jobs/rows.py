"""Rows of the queue as records, and the other way round."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Row

from storygen.jobs.base import Job, JobEvent, JobState, Result, Submission

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

_ASKED = {field.name for field in fields(Submission)}  # a newer storygen beside this one may store more


def plain(text: str) -> str:
    """Text as every database takes it: NUL and halves of characters are replaced."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def as_text(document: Mapping[str, Any] | None) -> str | None:
    """A document as it is stored; in ASCII, which every database takes."""
    return None if document is None else json.dumps(document)


def submission_text(submission: Submission) -> str:
    """A submission as it is stored, without its story, which has a table of its own."""
    values = asdict(submission)
    del values["text"]
    return json.dumps(values)


def result_text(result: Result | None) -> str | None:
    """A result as it is stored."""
    return None if result is None else json.dumps(asdict(result))


def job_of(row: Row[Any], text: str = "") -> Job:
    """The job of a row of its table, with the text of its story where one is given."""
    asked = {name: value for name, value in json.loads(row.submission).items() if name in _ASKED}
    return Job(
        id=row.id,
        submission=Submission(**asked, text=text),
        state=JobState(row.state),
        created=row.created,
        available=row.available,
        started=row.started,
        ended=row.ended,
        claims=row.claims,
        worker=row.worker,
        lease_until=row.lease_until,
        is_cancelling=bool(row.is_cancelling),
        title=row.title,
        stage=row.stage,
        progress=row.progress,
        eta_seconds=row.eta_seconds,
        result=_result(row.result),
        error=json.loads(row.error) if row.error else None,
        changed=row.changed,
    )


def job_row(job: Job) -> dict[str, Any]:
    """The row of a job that has just been accepted."""
    submission = job.submission
    return {
        "id": job.id,
        "caller": submission.caller,
        "key": submission.key or None,
        "content": submission.content,
        "batch": submission.batch,
        "submission": submission_text(submission),
        "state": job.state.value,
        "created": job.created,
        "available": job.created,
        "title": job.title,
        "changed": 1,
        "events": 1,
    }


def event_row(job: str, number: int, at: float, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The row of an event."""
    return {"job": job, "number": number, "at": at, "kind": kind, "data": json.dumps(data)}


def event_of(row: Row[Any]) -> JobEvent:
    """The event of a row."""
    return JobEvent(job=row.job, number=row.number, at=row.at, kind=row.kind, data=json.loads(row.data))


def _result(text: str | None) -> Result | None:
    if not text:
        return None
    values = json.loads(text)
    return Result(**{**values, "reasons": tuple(values["reasons"])})
