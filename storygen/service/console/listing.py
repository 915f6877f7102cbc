"""The list of films, live, and a batch of them: found by state and words, cancelled and tried again in place."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from storygen.jobs.base import Filter, Job, JobState, Page
from storygen.service.base import Caller
from storygen.service.console.render import PageRoute, house_of, live, page
from storygen.service.runs import batch_for
from storygen.service.security import require
from storygen.telemetry.report_words import times

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Reader = Annotated[Caller, Depends(require("read"))]
SIZE = 25
_STATES = {"open": (JobState.QUEUED, JobState.RUNNING), "broken": (JobState.FAILED, JobState.TIMEOUT)} | {
    state.value: (state,) for state in JobState
}
_NAMES = (
    ("", "All"), ("open", "Not over yet"), ("running", "Being made"), ("queued", "Waiting"), ("success", "Ready"),
    ("broken", "Failed"), ("cancelled", "Cancelled"),
)  # fmt: skip


@router.get("/runs")
async def films(
    request: Request, caller: Reader, text: str = "", state: str = "", batch: str = "", cursor: str = ""
) -> Response:
    """The page of the list."""
    wanted = {"text": text.strip(), "state": state if state in _STATES else "", "batch": batch, "cursor": cursor}
    return page(request, "runs.html", wanted=wanted, states=_NAMES, **await rows(request, caller, wanted))


@router.get("/live/runs")
async def live_films(
    request: Request, caller: Reader, text: str = "", state: str = "", batch: str = "", cursor: str = ""
) -> Response:
    """The list alone."""
    return await films_part(request, caller, {"text": text, "state": state, "batch": batch, "cursor": cursor})


@router.get("/batches/{batch}")
async def one_batch(request: Request, caller: Reader, batch: str, cursor: str = "") -> Response:
    """The page of a batch: how many of its films are where, and the list of them."""
    found = await batch_for(request, batch, caller)
    wanted = {"batch": batch, "cursor": cursor}
    return page(request, "batch.html", batch=found, **await rows(request, caller, wanted))


@router.get("/live/batches/{batch}")
async def live_batch(request: Request, caller: Reader, batch: str) -> Response:
    """The figures of a batch alone."""
    found = await batch_for(request, batch, caller)
    return live(request, "parts/batch.html", batch=found)


async def films_part(request: Request, caller: Caller, wanted: dict[str, str], said: str = "") -> Response:
    """The list as a part of a page, with what went wrong when something was done with it."""
    return live(request, "parts/rows.html", **await rows(request, caller, wanted) | {"said": said})


async def rows(request: Request, caller: Caller, wanted: dict[str, str]) -> dict[str, Any]:
    """What the list shows, and where it is asked for again."""
    found = await _page(request, caller, wanted)
    asked = {name: value for name, value in wanted.items() if value}
    beyond = {name: value for name, value in asked.items() if name != "cursor"}
    where = f"/batches/{asked['batch']}" if set(asked) <= {"batch", "cursor"} and "batch" in asked else "/runs"
    return {
        "jobs": found.jobs,
        "said": "",
        "summary": _summary(found),
        "address": f"/live/runs?{urlencode(asked)}",
        "older": f"{where}?{urlencode(beyond | {'cursor': found.cursor})}" if found.cursor else "",
        "newer": f"{where}?{urlencode(beyond)}" if wanted.get("cursor") else "",
        "is_filtered": bool(asked),
    }


async def newest(request: Request, caller: Caller, limit: int) -> tuple[Job, ...]:
    """The latest films that a caller sees."""
    whose = "" if caller.sees_all else caller.name
    return (await house_of(request).jobs.page(Filter(caller=whose), limit)).jobs


async def _page(request: Request, caller: Caller, wanted: dict[str, str]) -> Page:
    asked = Filter(
        caller="" if caller.sees_all else caller.name,
        states=_STATES.get(wanted.get("state", ""), ()),
        batch=wanted.get("batch", ""),
        text=wanted.get("text", "").strip(),
    )
    return await house_of(request).jobs.page(asked, SIZE, wanted.get("cursor", ""))


def _summary(found: Page) -> str:
    """What a screen reader says when it changes: not the progress, which always does."""
    going = sum(job.state is JobState.RUNNING for job in found.jobs)
    waiting = sum(job.state is JobState.QUEUED for job in found.jobs)
    ready = sum(job.state is JobState.SUCCESS for job in found.jobs)
    return f"{times(len(found.jobs), 'film')} shown: {going} being made, {waiting} waiting, {ready} ready."
