"""The server as one ASGI application: every vendor below a path of its own, and the plan and the bill beside them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from storygen.errors import InvalidSettings
from storygen.vendors import anthropic, elevenlabs, gemini, openai, runway
from storygen.vendors.desk import Desk
from storygen.vendors.plan import as_plan, plain
from storygen.vendors.wire import Dialect
from storygen.vendors.world import World

DIALECTS: tuple[Dialect, ...] = (
    openai.DIALECT,
    anthropic.DIALECT,
    gemini.DIALECT,
    elevenlabs.DIALECT,
    runway.DIALECT,
)


def build(world: World) -> Starlette:
    """The application over a world."""
    mounts = [Mount(f"/{dialect.name}", routes=_routes(world, dialect)) for dialect in DIALECTS]
    return Starlette(routes=[*mounts, *_control(world)])


def _routes(world: World, dialect: Dialect) -> list[Route]:
    def lost(request: Request) -> Response:  # noqa: ARG001  # the routes' shape
        reply = dialect.refuse("not_found", "")
        return Response(b"".join(reply.parts), reply.status, media_type=reply.media_type)

    known = [Route(each.path, Desk(world, dialect, each), methods=[each.method]) for each in dialect.endpoints]
    return [*known, Route("/{rest:path}", lost, methods=["GET", "POST", "PUT", "DELETE"])]


def _control(world: World) -> list[Route]:
    """The plan can be read and set, the bill and the requests read, and all of it forgotten."""

    async def set_plan(request: Request) -> Response:
        try:
            world.set_plan(as_plan(await request.json()))
        except InvalidSettings as error:
            return JSONResponse({"errors": error.message.splitlines(), "hint": error.hint}, 400)
        except ValueError as error:
            return JSONResponse({"errors": [f"the plan is not JSON: {error}"], "hint": ""}, 400)
        return JSONResponse(plain(world.faults.plan))

    async def get_plan(request: Request) -> Response:  # noqa: ARG001  # the routes' shape
        return JSONResponse({**plain(world.faults.plan), "in_force_seconds": round(world.faults.seconds, 3)})

    async def billed(request: Request) -> Response:  # noqa: ARG001  # the routes' shape
        return JSONResponse(world.bill.summary())

    async def requests(request: Request) -> Response:  # noqa: ARG001  # the routes' shape
        return JSONResponse(world.requests)

    async def forget(request: Request) -> Response:  # noqa: ARG001  # the routes' shape
        world.reset()
        return Response(status_code=204)

    rows: tuple[tuple[str, Callable[[Request], Awaitable[Response]], str], ...] = (
        ("/_plan", set_plan, "PUT"),
        ("/_plan", get_plan, "GET"),
        ("/_billed", billed, "GET"),
        ("/_requests", requests, "GET"),
        ("/_state", forget, "DELETE"),
    )
    return [Route(path, handler, methods=[method]) for path, handler, method in rows]
