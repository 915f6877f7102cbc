"""A small app behind the real door, on a real socket, and what the tests of the door ask it."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Request
from starlette.responses import Response

from storygen.service import limits, problems, security, sessions
from storygen.service.base import Caller
from storygen.settings import FolderSettings, ServiceSettings, Settings
from tests.servers import eventually

ANNA = "anna-" + "a" * 30
BEN = "ben-" + "b" * 30
OPERA = "opera-" + "o" * 30
SCRAPE = "scrape-" + "s" * 30
TOKENS = f"""
[callers.anna]
token = "{ANNA}"
scopes = ["submit", "read"]
[callers.ben]
token = "{BEN}"
scopes = ["read"]
[callers.opera]
token = "{OPERA}"
scopes = ["submit", "read", "operate"]
[metrics]
token = "{SCRAPE}"
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Site:
    """A served app, and requests to it that say exactly what they are told to say."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"

    def ask(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            data = body.encode() if isinstance(body, str) else body
            if "Host" not in named:
                named["Host"] = self.host
            if data is not None and "Content-Length" not in named and "Transfer-Encoding" not in named:
                named["Content-Length"] = str(len(data))
            for name, value in named.items():
                connection.putheader(name, value)
            connection.endheaders(data)
            found = connection.getresponse()
            return Answer(found.status, found.headers, found.read())
        finally:
            connection.close()

    def raw(self, data: bytes) -> socket.socket:
        """A connection over which `data` was sent."""
        line = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        line.sendall(data)
        return line


def tokens_file(folder: Path, text: str = TOKENS) -> Path:
    path = folder / "tokens.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def settings_in(folder: Path, **service: Any) -> Settings:
    return Settings(folders=FolderSettings(state=folder / "state"), service=ServiceSettings(**service))


def small_app(settings: Settings, now: Callable[[], Settings] | None = None) -> FastAPI:
    """An app whose routes only say who asked; `now` gives settings that change."""
    app = FastAPI()
    problems.install(app)
    security.install(app, SimpleNamespace(settings=now or (lambda: settings)))  # type: ignore[arg-type]

    def said(caller: Caller, request: Request) -> dict[str, str]:
        return {"caller": caller.name, "csrf": sessions.csrf_token(request)}

    @app.get("/runs")
    async def read(caller: Annotated[Caller, Depends(security.require("read"))], request: Request) -> dict[str, str]:
        return said(caller, request)

    @app.post("/runs")
    async def submit(caller: Annotated[Caller, Depends(security.require("submit"))], request: Request) -> Any:
        return said(caller, request) | {"bytes": str(len(await request.body()))}

    @app.get("/system")
    async def system(caller: Annotated[Caller, Depends(security.require("operate"))], request: Request) -> Any:
        return said(caller, request)

    @app.get("/metrics")
    async def metrics(caller: Annotated[Caller, Depends(security.may_scrape)], request: Request) -> Any:
        return said(caller, request)

    @app.get("/forgotten")
    async def forgotten() -> str:
        return "nobody asked who it is for"

    @app.get("/health/live")
    async def live() -> Response:
        return Response()

    return app


@contextmanager
def served(app: FastAPI) -> Iterator[Site]:
    """Serve `app` as `storygen serve` does, on a free port of loopback."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=limits.impatient(),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=2 * limits.MOST_HEADER_BYTES,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    try:
        yield Site(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), os.getpid()
