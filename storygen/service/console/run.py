"""One film: being made, played, taken apart, and made again where that helps."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import APIRouter, Depends, Form, Request, Response

from storygen.errors import StorygenError
from storygen.jobs.base import Job, JobEvent
from storygen.service.artifacts import FILMS
from storygen.service.base import Caller, House
from storygen.service.console.listing import films_part
from storygen.service.console.looks import ASPECTS
from storygen.service.console.noticing import noticed, trouble
from storygen.service.console.render import PageRoute, house_of, is_part, live, page, see
from storygen.service.console.telling import Told, told_of, under_way
from storygen.service.details import AT_ONCE, detail_of, record_of
from storygen.service.runs import forget, job_for, remade
from storygen.service.security import require
from storygen.story import Stage

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Reader = Annotated[Caller, Depends(require("read"))]
Submitter = Annotated[Caller, Depends(require("submit"))]
_PART = re.compile(r"parts/(\d{2,})-[^/]*/(voice|picture)\.\w+", re.ASCII)


@router.get("/runs/{run}")
async def film(request: Request, run: str, caller: Reader) -> Response:
    """The page of a film."""
    return page(request, "run.html", **await _shown(request, run, caller))


@router.get("/live/runs/{run}")
async def live_film(request: Request, run: str, caller: Reader) -> Response:
    """All of the page that changes while the film is made."""
    return live(request, "parts/run.html", **await _shown(request, run, caller))


@router.post("/runs/{run}/cancel")
async def cancel(request: Request, run: str, caller: Submitter, back: str = "") -> Response:
    """Stop a film being made."""
    await job_for(request, run, caller)
    await house_of(request).jobs.cancel(run)
    return await _after(request, run, caller, back)


@router.post("/runs/{run}/retry")
async def retry(request: Request, run: str, caller: Submitter, back: str = "") -> Response:
    """Make a film again that was not finished; what is finished of it is not made again."""
    await job_for(request, run, caller)
    try:
        await house_of(request).jobs.retry(run)
    except StorygenError as error:
        if not (await job_for(request, run, caller)).state.is_over:  # somebody else, or a second click, was faster
            return await _after(request, run, caller, back)
        if is_part(request) and back:
            return await films_part(request, caller, _wanted(back), said=error.message)
        raise
    return await _after(request, run, caller, back)


@router.post("/runs/{run}/remake")
async def remake(request: Request, run: str, caller: Submitter, scene: Annotated[int, Form(ge=1, le=2000)]) -> Response:
    """Make one scene anew, which gives a new film; go on to its page."""
    job = await job_for(request, run, caller)
    again = await remade(house_of(request), job, scene, caller, f"remake:{run}:{scene}")  # two clicks are one
    return see(f"/runs/{again.id}")


@router.post("/runs/{run}/delete")
async def delete(request: Request, run: str, caller: Submitter) -> Response:
    """Forget a film that is over, and its files."""
    await job_for(request, run, caller)
    await forget(house_of(request), run)
    return see("/runs")


async def _after(request: Request, run: str, caller: Caller, back: str) -> Response:
    """The list as it is now where the list asked, else the page of the film."""
    if is_part(request) and back:
        return await films_part(request, caller, _wanted(back))
    return see(f"/runs/{run}")


def _wanted(back: str) -> dict[str, str]:
    """What the list that asked shows, from its address."""
    known = {"text", "state", "batch", "cursor"}
    return {name: value for name, value in parse_qsl(urlsplit(back).query) if name in known}


async def _shown(request: Request, run: str, caller: Caller) -> dict[str, Any]:
    house, job = house_of(request), await job_for(request, run, caller)
    detail, told, picture = await detail_of(house, job), None, ""
    if job.state.is_over:
        told = await _told(house, job)
    else:
        picture = under_way(await _events(house, run), time.time())
    files = await house.films.names(run) if job.result else []
    return {
        "job": job,
        "detail": detail,
        "told": told,
        "waits_for": house.worker.waits_for if house.worker is not None else "",
        "noticed": noticed(detail),
        "trouble": _trouble(detail, job),
        "picture": picture,
        "stages": _stages(detail),
        "film": next((name for name in FILMS if name in files), ""),
        "files": {name for name in files if "/" not in name},
        "parts": _parts(files),
        "at": f"/api/v1/runs/{run}",
        "shape": _shape(house, job),
        "is_burnt": _asked(house, job, "mode", "subtitles") != "soft",
        "language": _asked(house, job, "language"),
        "may_submit": "submit" in caller.scopes,
        "trace_url": _trace_url(house, job),
    }


async def _told(house: House, job: Job) -> Told | None:
    """What the record says; None where a run was never begun, or its record is gone."""
    past = await record_of(house, job.id)
    return await asyncio.to_thread(told_of, past, house.settings().telemetry.trace_url) if past else None


async def _events(house: House, run: str) -> list[JobEvent]:
    found: list[JobEvent] = []
    while more := await house.jobs.events(run, found[-1].number if found else 0, AT_ONCE):
        found += more
    return found


def _stages(detail: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All stages in the order of the flow, also those that nobody has told anything of."""
    known = {stage["name"]: stage for stage in detail["stages"]}
    blank = dict.fromkeys(("running", "done", "cached", "failed"), 0) | {"seconds": 0.0}
    return [{"name": stage.value, **blank, **known.get(stage.value, {})} for stage in Stage]


def _parts(files: Iterable[str]) -> Mapping[int, Mapping[str, str]]:
    """The pictures and the sound of each scene, by its number, as they stand in an address."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for name in files:
        if match := _PART.fullmatch(name):
            found[int(match[1])][match[2]] = quote(name)
    return found


def _asked(house: House, job: Job, name: str, group: str = "film") -> Any:
    """What was asked of the film, else what the operator has set."""
    return job.submission.settings.get(group, {}).get(name, getattr(getattr(house.settings(), group), name))


def _shape(house: House, job: Job) -> str:
    return ASPECTS.get(str(_asked(house, job, "aspect")), "r9x16")


def _trouble(detail: Mapping[str, Any], job: Job) -> str:
    """Whom a film waits or waited for in vain, where its error does not name anybody."""
    if not job.state.is_over:
        return trouble(detail)
    error = job.error or {}
    return trouble(detail, error["stage"]) if error.get("stage") and not error.get("provider") else ""


def _trace_url(house: House, job: Job) -> str:
    trace = job.result.trace_id if job.result else ""
    is_there = bool(trace and house.settings().service.jaeger_url)
    return f"{house.settings().service.jaeger_url.rstrip('/')}/trace/{trace}" if is_there else ""
