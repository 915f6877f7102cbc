"""Health: whether it lives, whether it takes stories, how providers, the machine and the runs do; and the metrics."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from storygen.errors import NotFound
from storygen.service import checks
from storygen.service.base import Caller, House
from storygen.service.checks import Kept
from storygen.service.problems import answers
from storygen.service.security import may_scrape, require
from storygen.service.threads import apart

router = APIRouter(tags=["health"])
Reader = Annotated[Caller, Depends(require("read"))]
Operator = Annotated[Caller, Depends(require("operate"))]
Hours = Annotated[int, Query(ge=1, le=24 * 90, description="How far back runs are looked at.")]
Days = Annotated[int, Query(ge=1, le=366, description="How far back.")]
_COLUMNS = ("provider", "hour", "attempts", "failures", "availability", "mean_seconds")
_READY: dict[int | str, dict[str, Any]] = {503: {"description": "It does not take stories now; `reasons` says why."}}


@router.get("/health/live", summary="Whether the process answers")
async def live() -> dict[str, bool]:
    """Open to everybody; looks at nothing."""
    return {"live": True}


@router.get("/health/ready", response_model=dict[str, Any], responses=_READY, summary="Whether stories are taken")
async def ready(request: Request) -> Response:
    """Open to everybody; looks at the database and the disk, and never takes longer than 10 s."""
    streams = getattr(request.app.state, "streams", None)
    is_ending = streams is not None and streams.is_closing
    found = await checks.readiness(_house(request), Kept.of(request.app), is_ending=is_ending)
    return JSONResponse(found, status_code=200 if found["ready"] else 503, headers={"Cache-Control": "no-store"})


@router.get(
    "/health/services",
    response_model=dict[str, Any],
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **answers()},
    summary="How the providers do",
)
async def services(
    request: Request,
    caller: Reader,  # noqa: ARG001 - who has no scope does not get here
    hours: Hours = 24,
    format: Annotated[Literal["json", "csv"], Query(description="csv has a row per provider and hour.")] = "json",  # noqa: A002 - the query's name
) -> Any:
    """Breakers, last success, response times, availability and failures, now and by the hour."""
    found = await checks.services(_house(request), Kept.of(request.app), hours)
    if format == "json":
        return found
    text = io.StringIO()
    table = csv.DictWriter(text, _COLUMNS)
    table.writeheader()
    table.writerows(row for service in found["services"] for row in service["history"])
    name = 'attachment; filename="services.csv"'
    return Response(text.getvalue(), media_type="text/csv", headers={"Content-Disposition": name})


@router.get("/health/system", response_model=dict[str, Any], responses=answers(), summary="How the machine does")
async def system(request: Request, caller: Operator) -> Any:  # noqa: ARG001
    """CPU, memory, disk, open files, threads, ffmpeg, and why no run is begun where that is so."""
    return await checks.system(_house(request), Kept.of(request.app))


@router.get("/health/metrics", response_model=dict[str, Any], responses=answers(), summary="The figures of the runs")
async def figures(request: Request, caller: Operator, hours: Hours = 24) -> Any:  # noqa: ARG001
    """What the reports of the runs within a window add up to."""
    return await checks.figures(_house(request), Kept.of(request.app), hours)


@router.get("/health/stats", response_model=dict[str, Any], responses=answers(), summary="Runs, throughput, use")
async def stats(request: Request, caller: Reader, days: Days = 7) -> Any:
    """Of everybody for those who operate, else one's own."""
    return await checks.stats(_house(request), Kept.of(request.app), days, "" if caller.sees_all else caller.name)


@router.get("/metrics", response_class=Response, responses=answers(), summary="For Prometheus")
async def metrics(request: Request, caller: Annotated[Caller, Depends(may_scrape)]) -> Response:  # noqa: ARG001
    """OpenMetrics, with exemplars, to those who ask for it, else text."""
    from storygen.telemetry.endpoint import expose

    registry = _house(request).telemetry.registry
    if registry is None:
        raise NotFound("Telemetry is switched off.", hint="Set telemetry.enabled.")
    body, content_type = await apart(expose, registry, request.headers.get("accept", ""))
    return Response(body, media_type=content_type)


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house
