"""The way in, where tokens are needed."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from storygen.service.console.render import PageRoute, page, see
from storygen.service.sessions import local_path

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/login")
async def login(request: Request, next: str = "/", refused: str = "", wait: str = "") -> Response:  # noqa: A002 - the query's name
    """Ask for a token; who needs none, or has shown one, goes on."""
    where = local_path(next)
    if getattr(request.state, "caller", None) is not None:
        return see(where)
    seconds = int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 7 else 0
    return page(request, "login.html", next=where, refused=bool(refused), wait=seconds)
