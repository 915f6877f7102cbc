"""How a page is made: its template, the words in it, and the tag by which a live part says that nothing has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException

from storygen.cli.estimate import money, span
from storygen.errors import NotAuthenticated, NotFound, StorygenError
from storygen.service.base import Caller, House
from storygen.service.console import looks
from storygen.service.console.assets import address
from storygen.service.problems import status_of
from storygen.service.sessions import csrf_token
from storygen.telemetry.process import installed_version
from storygen.telemetry.report_text import found
from storygen.telemetry.report_words import dollars, percent, plain, seconds, times

_FOR_PROGRAMS = ("/api/", "/health", "/metrics")
TAG = "HX-PTag"  # what htmx sends back with the next request for the same part


def house_of(request: Request) -> House:
    """What the process has put together."""
    house: House = request.app.state.house
    return house


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page; it is never kept, since it shows what is now."""
    return HTMLResponse(_render(request, template, values), status, headers={"Cache-Control": "no-store"})


def live(request: Request, template: str, **values: Any) -> Response:
    """A part of a page that is asked for again and again; 304 where it is as it was."""
    body = _render(request, template, values)
    tag = blake2b(body.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    headers = {TAG: tag, "Cache-Control": "no-store"}
    if request.headers.get(TAG) == tag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(body, headers=headers)


def is_part(request: Request) -> bool:
    """Whether htmx asks, which puts the answer into the page that is there."""
    return request.headers.get("HX-Request") == "true"


def see(path: str) -> RedirectResponse:
    """Go on at `path` with GET."""
    return RedirectResponse(path, 303)


def install(app: FastAPI) -> None:
    """Let people who ask for a page that there is not find one that leads on; programs get what they got."""
    answer: Any = app.exception_handlers[HTTPException]

    async def shown(request: Request, error: Exception) -> Response:
        if getattr(error, "status_code", 0) == HTTPStatus.NOT_FOUND and _is_for_people(request):
            missing = NotFound("There is no such page.", hint="It may have been moved, or its address is mistyped.")
            return page(request, "error.html", status_of(missing), error=missing)
        response: Response = await answer(request, error)
        return response

    app.add_exception_handler(HTTPException, shown)


def _is_for_people(request: Request) -> bool:
    asks = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    return asks and not request.url.path.startswith(_FOR_PROGRAMS)


class PageRoute(APIRoute):
    """A route whose errors are pages that say what to do; who is not logged in is led to where that is done."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the errors of our own tree shown."""
        handle = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                return await handle(request)
            except NotAuthenticated as error:
                if request.method == "GET" and not is_part(request):
                    return see(f"/login?next={request.url.path}")
                return page(request, "error.html", 401, error=error)
            except StorygenError as error:
                return page(request, "error.html", status_of(error), error=error)

        return shown


def _render(request: Request, template: str, values: dict[str, Any]) -> str:
    settings, caller = house_of(request).settings().service, getattr(request.state, "caller", None)
    standing = {
        "path": request.url.path,
        "now": time.time(),
        "csrf": csrf_token(request),
        "is_operator": isinstance(caller, Caller) and caller.sees_all,
        "links": {"Grafana": settings.grafana_url, "Jaeger": settings.jaeger_url},
    }
    return _environment().get_template(template).render(standing | values)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("storygen.service.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "seconds": seconds,
        "dollars": dollars,
        "percent": percent,
        "plain": plain,
        "moment": _moment,
        "stamp": _stamp,
        "left": _left,
        "whole": _whole,
        "coded": _coded,
    }
    made.globals |= {"asset": address, "times": times, "looks": looks, "version": installed_version(), "since": _since}
    made.globals |= {"money": money, "span": span, "found_check": found}
    return made


def _moment(unix: float | None) -> str:
    """A point in time for people: the day and the minute, in UTC."""
    return "" if unix is None else f"{datetime.fromtimestamp(unix, UTC):%d %b %Y, %H:%M} UTC"


def _stamp(unix: float) -> str:
    """A point in time for machines."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds")


def _since(now: float, unix: float) -> str:
    """How long ago something was, in the largest unit that fits."""
    passed = max(0.0, now - unix)
    for size, unit in ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute")):
        if passed >= size:
            return f"{times(int(passed // size), unit)} ago"
    return "just now"


def _whole(value: float) -> str:
    """A time that still grows, in whole seconds."""
    return f"{round(value)} s" if value < 99 else seconds(value)


def _coded(text: str) -> Markup:
    """A sentence whose names of settings, between backticks, are set as such."""
    parts = enumerate(plain(text).split("`"))
    return Markup("").join(Markup("<code>{}</code>").format(part) if odd % 2 else escape(part) for odd, part in parts)


def _left(value: float | None) -> str:
    """What is left of a run, in whole seconds: more would be a promise."""
    if value is None:
        return ""
    return f"about {max(1, round(value))} s left" if value < 99 else f"about {round(value / 60)} min left"
