"""How the whole is: the queue, those who work on it, providers, money, and what was slow lately."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from storygen.service.base import Caller
from storygen.service.console.render import PageRoute, house_of, live, page
from storygen.service.security import require

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Operator = Annotated[Caller, Depends(require("operate"))]


@router.get("/system")
async def system(request: Request, caller: Operator) -> Response:  # noqa: ARG001 - strangers are refused
    """The page of the system."""
    return page(request, "system.html", **await _shown(request))


@router.get("/live/system")
async def live_system(request: Request, caller: Operator) -> Response:  # noqa: ARG001
    """What changes on it."""
    return live(request, "parts/system.html", **await _shown(request))


async def _shown(request: Request) -> dict[str, Any]:
    house = house_of(request)
    return {"counts": await house.jobs.counts(), "oldest": await house.jobs.oldest(), "worker": house.worker}
