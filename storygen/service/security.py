"""Who may ask for what: at the door every request is told apart, then each route asks for its scope.

Everything that is not in `OPEN` needs a caller, also where a route forgets to ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from html import escape
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from storygen.errors import InvalidSettings, NotAllowed, NotAuthenticated, Refused, ResourceFailure
from storygen.service import base, sessions
from storygen.service.base import LOCAL, SCOPES, Caller, House
from storygen.service.browsers import (
    SAFE_METHODS,
    Headed,
    check_direct,
    check_host,
    check_page,
    is_loopback,
    is_strange_page,
)
from storygen.service.limits import Bounds, Meters
from storygen.service.tokens import HOW, SCRAPER, Tokens, read_tokens
from storygen.settings import ServiceSettings, Settings

PROBES = frozenset({"/health/live", "/health/ready"})
LOGIN = "/login"
OPEN = PROBES | {LOGIN}
OPEN_FOLDER = "/static/"
EVERYTHING = Caller(name=LOCAL, scopes=frozenset(SCOPES))
_SCHEMES: dict[str, dict[str, str]] = {
    "HTTPBearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of service.tokens_file; on loopback none is needed.",
    },
    "APIKeyCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": sessions.COOKIE,
        "description": "The console's, given at /login.",
    },
}


def check_binding(settings: Settings) -> None:
    """Raise `InvalidSettings` where the service would listen beyond loopback without tokens, or with wrong ones."""
    if settings.service.tokens_file is not None:
        read_tokens(settings.service.tokens_file)
    elif not is_loopback(settings.service.host):
        raise InvalidSettings(
            f"service.host: {settings.service.host} can be reached by others, and there are no tokens.",
            hint=f"Set service.tokens_file to a file that only you can read. {HOW} Or listen on 127.0.0.1.",
        )


@cache
def require(scope: base.Scope) -> Callable[..., Awaitable[Caller]]:
    """A dependency that gives the caller. Raises `NotAuthenticated` and `NotAllowed`, also for a missing CSRF token."""

    async def allowed(request: Request) -> Caller:
        caller = await _caller(request)
        if scope not in caller.scopes:
            raise NotAllowed(f"This token may not {scope}.", hint="Ask the operator for the scope.")
        return caller

    return allowed


async def may_scrape(request: Request) -> Caller:
    """A dependency that lets operators in, and the token `[metrics]` of the tokens file."""
    caller = await _caller(request)
    if caller.name != SCRAPER and "operate" not in caller.scopes:
        raise NotAllowed("This token may not see the metrics.", hint="Use one that may operate, or that of [metrics].")
    return caller


async def _caller(request: Request) -> Caller:
    caller = getattr(request.state, "caller", None)
    if not isinstance(caller, Caller):
        raise NotAuthenticated("This needs a token.", hint="Send it as `Authorization: Bearer TOKEN`.")
    if request.method not in SAFE_METHODS and request.state.session is not None:
        await sessions.check_form(request)
    return caller


def install(app: FastAPI, house: House) -> None:
    """Put the door before everything in `app`, and add log-in and log-out. The binding is taken as it is now."""
    settings = house.settings()
    check_binding(settings)
    app.state.door = Door(house, is_private=is_loopback(settings.service.host))
    app.include_router(sessions.router)
    app.add_middleware(_Entrance, door=app.state.door)


def describe(document: dict[str, Any]) -> None:
    """Write into an OpenAPI document how one says who asks; all but what is open needs that.

    Here, since FastAPI's own classes for it would look at every request a second time.
    """
    document["components"]["securitySchemes"] = _SCHEMES
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if not _is_open(path):
                operation["security"] = [{name: []} for name in _SCHEMES]


class Door:
    """Tells who asks, from what the request's head says; one for a process."""

    def __init__(self, house: House, *, is_private: bool) -> None:
        self.house = house
        self.meters = Meters()
        self.seal = sessions.Seal(house.settings().folders.state)
        self._is_private = is_private
        self._tokens: Tokens | None = None
        self._tokens_of: object = None

    @property
    def settings(self) -> ServiceSettings:
        """Those that hold now."""
        return self.house.settings().service

    @property
    def tokens(self) -> Tokens | None:
        """Those of the file that the settings name; a process that has had tokens never opens up without a restart."""
        path = self.settings.tokens_file
        if path is not None and path != self._tokens_of:
            self._tokens, self._tokens_of = Tokens(path), path
        return self._tokens

    def admit(self, scope: Scope, headers: Headers) -> tuple[Caller | None, sessions.Session | None]:
        """Who asks, and by which session; None where nobody is known, as for what is open. Raises `Refused`."""
        if scope["path"] in PROBES:
            return None, None
        tokens, settings = self.tokens, self.settings
        caller, session = (EVERYTHING, None) if tokens is None else self._known(tokens, scope, headers)
        if tokens is None:
            if not self._is_private:
                raise NotAuthenticated("The service has no tokens.", hint="Set service.tokens_file and start it again.")
            check_direct(headers)
        if tokens is None or ((self._is_private or settings.allowed_hosts) and (caller is None or session is not None)):
            check_host(headers, settings)
        check_page(scope["method"], headers, settings)
        return caller, session

    def _known(self, tokens: Tokens, scope: Scope, headers: Headers) -> tuple[Caller | None, sessions.Session | None]:
        said = headers.get("authorization")
        if said is not None:
            kind, _, token = said.partition(" ")
            known = tokens.find(token.strip()) if kind.lower() == "bearer" else None
            if known is None:
                self.meters.count_failure(scope)
                raise NotAuthenticated("Nobody has this token.", hint="Send one of service.tokens_file.")
            return known.caller, None
        session = self.seal.open(headers, tokens)
        return (None, None) if session is None else (session.caller, session)


class _Entrance:
    """The door as middleware: admits, bounds what is sent, and puts the headers on every answer."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = Headed(send)
        headers = Headers(scope=scope)
        bounds = Bounds(self._door.settings, receive, guarded)
        try:
            bounds.check_head(scope, headers)
            caller, session = self._door.admit(scope, headers)
            if caller is None and not _is_open(scope["path"]):
                await _turned_away(scope, headers)(scope, receive, guarded)
                return
            if caller is not None:
                self._door.meters.count(caller.name, self._door.settings.requests_per_minute)
            scope.setdefault("state", {}).update(caller=caller, session=session)
            guarded.cookie = self._door.seal.renewed(session, scope, self._door.settings)
            await bounds.run(self._app, scope)
        except (Refused, ResourceFailure, HTTPException) as refusal:
            await (await _answer(scope, receive, refusal))(scope, receive, guarded)


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_FOLDER)


def _turned_away(scope: Scope, headers: Headers) -> Response:
    """People go to the log-in, and come back; programs are told what is missing."""
    if scope["method"] != "GET" or "text/html" not in headers.get("accept", ""):
        raise NotAuthenticated("This needs a token.", hint="Send it as `Authorization: Bearer TOKEN`.")
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    where = sessions.local_path(scope["raw_path"].decode("latin-1").partition("?")[0] + query)
    if is_strange_page(headers):
        # A strict cookie stays behind when a link from elsewhere is followed; from a page of ours it comes along.
        page = f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(where)}">'
        return Response(page, media_type="text/html")
    return RedirectResponse(f"{LOGIN}?next={quote(where, safe='')}", status_code=HTTPStatus.SEE_OTHER)


async def _answer(scope: Scope, receive: Receive, refusal: Refused | ResourceFailure | HTTPException) -> Response:
    """What the app's own handler makes of a refusal, so that all of them look alike."""
    handlers = scope["app"].exception_handlers
    handler = next(handlers[kind] for kind in type(refusal).__mro__ if kind in handlers)
    response: Response = await handler(Request(scope, receive), refusal)
    return response
