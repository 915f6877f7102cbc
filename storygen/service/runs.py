"""Runs and batches: looked at, stopped, tried again, forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic_core import to_json

from storygen.errors import CallerMistake, Conflict, NotFound
from storygen.jobs.base import Batch, Filter, Job, JobState
from storygen.service.base import Caller, House
from storygen.service.details import detail_of, standing_of
from storygen.service.problems import answers
from storygen.service.requests import Remake
from storygen.service.security import require
from storygen.service.shapes import BatchState, Run, RunDetail, Runs, State, batch_of, run_of
from storygen.service.submitting import accept, content_of, key_of
from storygen.store.films import is_run_id

router = APIRouter(prefix="/api/v1", tags=["runs"])
Reader = Annotated[Caller, Depends(require("read"))]
Submitter = Annotated[Caller, Depends(require("submit"))]
MOST_LISTED = 200
_SHOWN = r"^[^\x00-\x1f]*$"
_LOCATION = {"headers": {"Location": {"schema": {"type": "string"}}}}


@router.get("/runs", response_model=Runs, responses=answers(), summary="List runs")
async def list_runs(
    request: Request,
    caller: Reader,
    state: Annotated[list[State], Query(description="Only runs in these states.")] = [],  # noqa: B006 - FastAPI copies it
    batch: Annotated[str, Query(max_length=64, pattern=_SHOWN)] = "",
    text: Annotated[
        str, Query(max_length=200, pattern=_SHOWN, description="Part of a title, or the beginning of an id.")
    ] = "",
    cursor: Annotated[str, Query(max_length=120, pattern=_SHOWN, description="From the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 50,
) -> Response:
    """Runs, newest first: one's own, and everybody's for those who may operate."""
    wanted = Filter(
        caller="" if caller.sees_all else caller.name,
        states=tuple(JobState(one) for one in dict.fromkeys(state)),
        batch=batch,
        text=text.strip(),
    )
    page = await house_of(request).jobs.page(wanted, limit, cursor)
    return as_json({"runs": [run_of(job) for job in page.jobs], "cursor": page.cursor})


@router.get("/runs/{run}", response_model=RunDetail, responses=answers(), summary="Look at a run")
async def get_run(request: Request, run: str, caller: Reader) -> Response:
    """All that is known of a run: its stages, scenes, attempts, cost, and what to do where it failed."""
    job = await job_for(request, run, caller)
    return as_json({**run_of(job), **await detail_of(house_of(request), job)})


@router.post("/runs/{run}/cancel", response_model=Run, responses=answers(), summary="Stop a run")
async def cancel(request: Request, run: str, caller: Submitter) -> Response:
    """Stop a run: one that waits at once, one that is made within moments; one that is over stays as it is."""
    await job_for(request, run, caller)
    return as_json(run_of(await house_of(request).jobs.cancel(run)))


@router.post(
    "/runs/{run}/retry", status_code=202, response_model=Run, responses=answers(409), summary="Try a run again"
)
async def retry(request: Request, run: str, caller: Submitter) -> Response:
    """Queue a run again that failed, timed out or was cancelled; what it had finished is taken from the cache."""
    await job_for(request, run, caller)
    return as_json(run_of(await house_of(request).jobs.retry(run)), 202)


@router.post(
    "/runs/{run}/remake",
    status_code=202,
    response_model=Run,
    responses={202: _LOCATION, **answers(409)},
    summary="Make one scene anew",
)
async def remake(request: Request, run: str, asked: Remake, caller: Submitter) -> Response:
    """A new run of the same story in which one scene is made anew; all others come from the cache."""
    job = await job_for(request, run, caller)
    again = await remade(house_of(request), job, asked.scene, caller, key_of(request))
    return as_json(run_of(again), 202, {"Location": f"/api/v1/runs/{again.id}"})


@router.delete("/runs/{run}", status_code=204, response_class=Response, responses=answers(409), summary="Forget a run")
async def delete(request: Request, run: str, caller: Submitter) -> Response:
    """Forget a run that is over, and remove its film."""
    await job_for(request, run, caller)
    await forget(house_of(request), run)
    return Response(status_code=204)


@router.get("/batches/{batch}", response_model=BatchState, responses=answers(), summary="Look at a batch")
async def get_batch(request: Request, batch: str, caller: Reader) -> Response:
    """How far a batch is."""
    return as_json(batch_of(await batch_for(request, batch, caller)))


async def remade(house: House, job: Job, scene: int, caller: Caller, key: str = "") -> Job:
    """A new run in which one scene of `job` is made anew. Raises `Conflict` before there is a film of it."""
    if job.state is not JobState.SUCCESS:
        raise Conflict(f"Run {job.id} is {job.state}.", hint="Scenes of a film that is finished can be made anew.")
    scenes = (await standing_of(house.jobs, job.id)).scene_count
    if scenes < scene:
        raise CallerMistake(f"The film has {scenes} scenes.", hint=f"Choose one from 1 to {scenes}.")
    takes = {**job.submission.takes, str(scene): job.submission.takes.get(str(scene), 0) + 1}
    asked = replace(job.submission, takes=takes, caller=caller.name, key=key, batch="", traceparent="")
    return (await accept(house, [replace(asked, content=content_of(asked))]))[0]


async def forget(house: House, run: str) -> None:
    """Forget a run that is over, and remove its film. Raises `NotFound`, and `Conflict` while it is not over."""
    await house.jobs.delete(run)
    await house.films.delete(run)


async def job_for(request: Request, run: str, caller: Caller) -> Job:
    """A run that a caller may see. Raises `NotFound`, also for runs of others, of which nobody learns so."""
    return await visible(house_of(request), run, caller)


async def batch_for(request: Request, batch: str, caller: Caller) -> Batch:
    """A batch that a caller may see. Raises `NotFound`, also for batches of others."""
    found = await house_of(request).jobs.batch(batch) if is_run_id(batch) else None
    if found is None or (found.caller != caller.name and not caller.sees_all):
        raise NotFound(f"There is no batch {batch[:64]!r}.", hint="Its id is in the answer to its submission.")
    return found


async def visible(house: House, run: str, caller: Caller) -> Job:
    """See `job_for`."""
    job = await house.jobs.get(run) if is_run_id(run) else None
    if job is None or (job.submission.caller != caller.name and not caller.sees_all):
        raise NotFound(f"There is no run {run[:64]!r}.", hint="The list shows the runs that there are.")
    return job


def house_of(request: Request) -> House:
    """What the process has put together."""
    house: House = request.app.state.house
    return house


def as_json(
    said: Mapping[str, Any] | Sequence[Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer in JSON."""
    body = to_json(said, inf_nan_mode="null")
    return Response(body, status_code=status, media_type="application/json", headers=dict(headers or {}))
