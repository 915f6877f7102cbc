"""How the whole is: the queue and those who work on it, providers, money, and what was slow or broke lately."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from storygen.service import checks
from storygen.service.base import Caller, House
from storygen.service.checks import Kept
from storygen.service.console.render import PageRoute, house_of, live, page
from storygen.service.security import require

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Operator = Annotated[Caller, Depends(require("operate"))]
HOURS = 24
SIZES_SECONDS = 30.0


@router.get("/system")
async def system(request: Request, caller: Operator) -> Response:  # noqa: ARG001 - who has no scope does not get here
    """The page of the system."""
    return page(request, "system.html", **await _shown(request))


@router.get("/live/system")
async def live_system(request: Request, caller: Operator) -> Response:  # noqa: ARG001
    """The same, as a part that is kept up to date."""
    return live(request, "parts/system.html", **await _shown(request))


async def _shown(request: Request) -> dict[str, Any]:
    """What the health pages say, in one view; they keep what they looked up for those who ask every second."""
    house, kept = house_of(request), Kept.of(request.app)
    stats, machine, providers, figures, stored = await asyncio.gather(
        checks.stats(house, kept, 7, ""),
        checks.system(house, kept),
        checks.services(house, kept, HOURS),
        checks.figures(house, kept, HOURS),
        kept.get("console.stored", lambda: _stored(house), fresh=SIZES_SECONDS),
    )
    settings = house.settings()
    return {
        "stats": stats,
        "machine": machine,
        "services": providers["services"],
        "figures": figures,
        "stored": stored,
        "at_once": settings.queue.runs_at_once,
        "engine": settings.queue.engine,
        "budget": settings.budget,
    }


async def _stored(house: House) -> dict[str, int]:
    sizes = await house.films.sizes()
    return {"films": len(sizes), "bytes": sum(sizes.values())}
