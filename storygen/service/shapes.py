"""What the API answers: the shapes behind its OpenAPI document, and how records get them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from storygen.jobs.base import Batch, Job, JobState

RUN_ID = "20261120-180312-5f3a9c0b1d2e4f60"
State = Literal["queued", "running", "success", "failed", "timeout", "cancelled"]


class Failure(BaseModel):
    """The typed error that ended a run."""

    kind: str = Field(examples=["quota_exceeded"])
    message: str
    hint: str = Field("", description="What to do about it.")
    stage: str = ""
    scene: int | None = None
    provider: str = ""
    attempt: int = 0
    retryable: bool = False


class Links(BaseModel):
    """Where more is to be had; empty where there is none."""

    self: str = Field(examples=[f"/api/v1/runs/{RUN_ID}"])
    events: str
    artifacts: str = ""
    film: str = ""
    report: str = ""
    explanation: str = ""
    batch: str = ""


class Run(BaseModel):
    """One run; times are RFC 3339 in UTC, null where they have not come."""

    id: str = Field(examples=[RUN_ID])
    state: State
    is_cancelling: bool = Field(description="Whether it was told to stop, and has not yet.")
    title: str
    caller: str
    batch: str = ""
    created: datetime
    started: datetime | None
    ended: datetime | None
    waited_seconds: float | None = Field(description="From its submission to its start.")
    stage: str = Field(description="What is being done.")
    progress: float = Field(ge=0, le=1)
    eta_seconds: float | None = Field(description="How long it will take from now, as far as is known.")
    fidelity: str = Field("", description="full, degraded or placeholder, once there is a film.")
    reasons: list[str] = Field([], description="Why the film is not full.")
    film_seconds: float | None = None
    seconds: float | None = Field(None, description="How long the making took.")
    cost_usd: float | None = Field(None, description="Null where a price is not known.")
    trace_id: str = ""
    claims: int = Field(0, description="How often a worker has begun it.")
    error: Failure | None = None
    links: Links


class AskedFor(BaseModel):
    """What was submitted."""

    format: Literal["topic", "text"]
    name: str
    topic: str
    characters: int
    settings: dict[str, Any]
    seed: int
    takes: dict[str, int] = Field(description="How often scenes, by their numbers, were made anew.")
    webhook: str


class Part(BaseModel):
    """One stage of one scene."""

    stage: str
    outcome: str = Field("running", description="running, success, cached, failed, timeout, cancelled or skipped.")
    cached: bool | None = None
    provider: str | None = None
    seconds: float | None = None
    error: str | None = None


class SceneState(BaseModel):
    """One scene; start and end are seconds of the film, null until there is one."""

    number: int
    title: str
    start: float | None
    end: float | None
    fidelity: str
    failure: str
    made_by: dict[str, str]
    take: int
    is_ready: bool
    parts: list[Part]


class StageState(BaseModel):
    """One stage over all scenes."""

    name: str
    running: int
    done: int
    cached: int
    failed: int
    seconds: float


class ProviderCost(BaseModel):
    """What one provider and model did, and cost; null where no use of it has a price."""

    provider: str
    model: str
    attempts: int
    errors: int
    seconds: float
    cost_usd: float | None


class RunDetail(Run):
    """One run with all that is known of it."""

    story: AskedFor
    scenes: list[SceneState]
    stages: list[StageState]
    calls: int
    attempts: int = Field(description="Tries that reached a provider.")
    retries: list[dict[str, Any]]
    fallbacks: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    costs: list[ProviderCost]
    cost_so_far_usd: float | None
    uncertain_usd: float = Field(description="Answers that were lost on the way, if they were billed.")
    wasted_usd: float
    sentence: str = Field(description="What became of it, in a sentence.")
    next_step: str = Field(description="What to do next, where it failed.")


class Artifact(BaseModel):
    """A file of a film."""

    name: str = Field(examples=["film.mp4"])
    size_bytes: int
    media_type: str = Field(examples=["video/mp4"])
    etag: str
    url: str


class Artifacts(BaseModel):
    """The files of a film."""

    artifacts: list[Artifact]


class Runs(BaseModel):
    """Some runs, newest first, and the cursor of the page behind them, empty at the end."""

    runs: list[Run]
    cursor: str = ""


class BatchState(BaseModel):
    """A batch, with its runs counted by state."""

    id: str
    name: str
    caller: str
    created: datetime
    total: int
    states: dict[State, int]
    progress: float = Field(ge=0, le=1, description="The share of its runs that are over.")
    is_over: bool
    links: dict[str, str]


class BatchAnswer(BatchState):
    """A batch that was accepted, with its runs."""

    runs: list[Run]


def run_of(job: Job) -> dict[str, Any]:
    """A job as `Run` describes it, in plain values."""
    path, result = f"/api/v1/runs/{job.id}", job.result
    is_known = job.state.is_over and job.started is not None
    links = {
        "self": path,
        "events": f"{path}/events",
        "artifacts": f"{path}/artifacts" if result else "",
        "film": f"{path}/film" if result else "",
        "report": f"{path}/report" if is_known else "",
        "explanation": f"{path}/explanation" if is_known else "",
        "batch": f"/api/v1/batches/{job.submission.batch}" if job.submission.batch else "",
    }
    return {
        "id": job.id,
        "state": job.state.value,
        "is_cancelling": job.is_cancelling,
        "title": job.title or job.submission.name,
        "caller": job.submission.caller,
        "batch": job.submission.batch,
        "created": at(job.created),
        "started": at(job.started),
        "ended": at(job.ended),
        "waited_seconds": None if job.started is None else round(max(0.0, job.started - job.created), 3),
        "stage": job.stage,
        "progress": min(1.0, max(0.0, job.progress)),
        "eta_seconds": job.eta_seconds,
        "fidelity": result.fidelity if result else "",
        "reasons": list(result.reasons) if result else [],
        "film_seconds": result.film_seconds if result else None,
        "seconds": result.seconds if result else None,
        "cost_usd": result.cost_usd if result else None,
        "trace_id": result.trace_id if result else "",
        "claims": job.claims,
        "error": {**_NO_ERROR, **job.error} if job.error else None,
        "links": links,
    }


def batch_of(batch: Batch) -> dict[str, Any]:
    """A batch as `BatchState` describes it, in plain values."""
    total = sum(batch.states.values())
    over = sum(count for state, count in batch.states.items() if JobState(state).is_over)
    path = f"/api/v1/batches/{batch.id}"
    return {
        "id": batch.id,
        "name": batch.name,
        "caller": batch.caller,
        "created": at(batch.created),
        "total": total,
        "states": {state.value: batch.states.get(state.value, 0) for state in JobState},
        "progress": over / total if total else 1.0,
        "is_over": over == total,
        "links": {"self": path, "runs": f"/api/v1/runs?batch={batch.id}"},
    }


def at(moment: float | None) -> str | None:
    """A Unix time as RFC 3339 in UTC."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


_NO_ERROR: dict[str, Any] = {
    "kind": "error", "message": "", "hint": "", "stage": "", "scene": None, "provider": "", "attempt": 0,
    "retryable": False,
}  # fmt: skip
