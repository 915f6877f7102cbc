"""Rows of the queue as records, and the other way round."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from storygen.jobs.base import Job, JobEvent, JobState, Result, Submission


def submission_text(submission: Submission) -> str:
    """A submission as it is stored."""
    return json.dumps(asdict(submission), ensure_ascii=False)


def as_text(document: Mapping[str, Any] | None) -> str | None:
    """A document as it is stored."""
    return None if document is None else json.dumps(document, ensure_ascii=False)


def result_text(result: Result | None) -> str | None:
    """A result as it is stored."""
    return None if result is None else json.dumps(asdict(result), ensure_ascii=False)


def job_of(row: Row[Any]) -> Job:
    """The job of a row."""
    return Job(
        id=row.id,
        submission=Submission(**json.loads(row.submission)),
        state=JobState(row.state),
        created=row.created,
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


def event_of(row: Row[Any]) -> JobEvent:
    """The event of a row."""
    return JobEvent(job=row.job, number=row.number, at=row.at, kind=row.kind, data=json.loads(row.data))


def _result(text: str | None) -> Result | None:
    if not text:
        return None
    values = json.loads(text)
    return Result(**{**values, "reasons": tuple(values["reasons"])})
