"""The records of the durable queue, and what a queue can do.

The guarantee: a submission that `submit` has returned ends as success, failed, timeout or cancelled. A job belongs to
the worker that claimed it for as long as it beats; when the beats stop its lease runs out and the next claim takes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol


class JobState(StrEnum):
    """Where a job is; the last four are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to the job by itself."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What somebody asked for.

    `text` is the story or, where `format` is `topic`, the topic; `name` is what people call it. `settings` are those
    that a caller may choose for one run, nested like `Settings`. `webhook` is an address that is told of the end.
    `takes` says how often scenes, by their numbers, were made anew. `key` makes a repeated submission of the same
    caller the same job. `traceparent` is the W3C trace context of the request. `content` is the SHA-256 of all that
    shapes the film. `batch` is the id of the batch it came in, which the queue fills in.
    """

    caller: str
    name: str
    text: str
    format: Literal["topic", "text"]
    settings: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    batch: str = ""
    webhook: str = ""
    seed: int = 0
    traceparent: str = ""
    takes: Mapping[str, int] = field(default_factory=dict)
    content: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a finished run left: its film's folder in the film store, and its figures."""

    folder: str
    fidelity: str
    reasons: tuple[str, ...]
    film_seconds: float
    cost_usd: float | None
    seconds: float
    trace_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A submission and what became of it; times are Unix seconds, None where they have not come.

    `id` is the run's id, `available` when it was last put into the queue by somebody. `claims` counts how often a
    worker took it: one that kills every worker ends as failed. `error` holds the fields of the error that ended it.
    `changed` grows with every change of the row.
    """

    id: str
    submission: Submission
    state: JobState
    created: float
    available: float | None = None
    started: float | None = None
    ended: float | None = None
    claims: int = 0
    worker: str = ""
    lease_until: float | None = None
    is_cancelling: bool = False
    title: str = ""
    stage: str = ""
    progress: float = 0.0
    eta_seconds: float | None = None
    result: Result | None = None
    error: Mapping[str, Any] | None = None
    changed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """Something that happened to a job, for those who watch it live; `number` counts from 1 within the job, no gaps."""

    job: str
    number: int
    at: float
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some jobs, newest first, and the cursor that continues behind them, empty at the end.

    The submissions of these jobs come without their `text`, which `get` has: a page of long stories would be megabytes.
    """

    jobs: tuple[Job, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Several submissions of one caller with a common name; `states` counts its jobs by state."""

    id: str
    caller: str
    name: str
    created: float
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which jobs a list shows; empty values show all."""

    caller: str = ""
    states: tuple[JobState, ...] = ()
    batch: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The end of a job as it is told to a webhook; `number` is that of the event which ended it.

    `due` is when to try next (Unix seconds), None where that is over: it was delivered, or it was given up. `said` is
    what the last attempt came to.
    """

    job: str
    number: int
    url: str
    attempts: int
    due: float | None
    is_delivered: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was submitted since a moment, and what ended since.

    `days` counts submissions by day (UTC, `2026-11-20`) and by the state that they are in now, `callers` by caller and
    state. `hours` counts ends by the hour (Unix seconds of its beginning).
    """

    days: Mapping[str, Mapping[str, int]]
    callers: Mapping[str, Mapping[str, int]]
    hours: Mapping[int, int]


class Jobs(Protocol):
    """A durable queue. Every change is on the disk before its coroutine returns."""

    async def submit(self, submissions: Sequence[Submission], batch: str = "") -> list[Job]:
        """Accept all or none; with `batch` under that name. The same caller and key again gives the same job.

        Raises `Conflict` where a key was used for something else, and `TooMany` above the open runs per caller.
        """

    async def claim(self, worker: str, limit: int, lease_seconds: float, holding: Sequence[str] = ()) -> list[Job]:
        """Take running jobs whose lease has run out and the oldest queued ones; a job past its claims fails.

        `holding` are the jobs that the worker is at: it is not given these again, however late its beat is.
        """

    async def take(self, job: str, worker: str, lease_seconds: float) -> Job | None:
        """Take this job where it is queued or its lease has run out: how a message of a broker is followed."""

    async def beat(self, worker: str, jobs: Sequence[str], lease_seconds: float) -> set[str]:
        """Hold on to jobs; returns those that the worker has to stop: cancelled ones, and ones it has lost."""

    async def note(self, job: str, worker: str, events: Sequence[tuple[str, Mapping[str, Any]]], **seen: Any) -> None:
        """Put down what happened (kind and data), and what changed of `title`, `stage`, `progress`, `eta_seconds`."""

    async def finish(
        self,
        job: str,
        worker: str,
        state: JobState,
        result: Result | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> bool:
        """End a job, unless it is no longer the worker's."""

    async def release(self, job: str, worker: str) -> None:
        """Put a job back into the queue, as one that was not claimed: its worker shuts down."""

    async def cancel(self, job: str) -> Job:
        """End a queued job; tell the worker of a running one. Raises `NotFound`; one that is over stays as it is."""

    async def retry(self, job: str) -> Job:
        """Queue a job again that failed, timed out or was cancelled. Raises `NotFound`, and `Conflict` for others."""

    async def delete(self, job: str) -> Job:
        """Forget a job that is over. Raises `NotFound`, and `Conflict` while it is not."""

    async def get(self, job: str) -> Job:
        """Raises `NotFound`."""

    async def page(self, wanted: Filter, limit: int = 50, cursor: str = "") -> Page:
        """Jobs, newest first."""

    async def batch(self, batch: str) -> Batch:
        """Raises `NotFound`."""

    async def events(self, job: str, after: int = 0, limit: int = 500) -> list[JobEvent]:
        """What happened to a job after event number `after`, oldest first."""

    async def changed(self, job: str, after: int, seconds: float) -> None:
        """Return when there are events after number `after`, or after `seconds`."""

    async def counts(self) -> Mapping[str, int]:
        """How many jobs are in each state."""

    async def oldest(self) -> Mapping[str, float]:
        """The age in seconds of the oldest queued and running job, by state, where there is one."""

    async def usage(self, since: float, caller: str = "") -> Usage:
        """What was asked for and what ended since a moment (Unix seconds), of one caller where one is named."""

    async def old(self, before: float, limit: int = 100) -> list[Job]:
        """Jobs that ended before a moment (Unix seconds), the oldest end first, without their texts."""

    async def due_deliveries(self, now: float, limit: int, hold_seconds: float = 60.0) -> list[Delivery]:
        """Take the deliveries that are due, the longest due first; nobody else is given them for `hold_seconds`."""

    async def delivered(self, job: str, number: int, ok: bool, next_due: float | None, said: str) -> None:
        """Put down what an attempt came to, and when to try again; None gives it up."""

    async def deliveries(self, job: str) -> list[Delivery]:
        """What was and will be told of a job, oldest first."""

    async def close(self) -> None:
        """Write what is on its way, and let go."""
