"""The app: every router of the service in one place, and an OpenAPI document that says what they do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from storygen.choices import choosable
from storygen.service import (
    artifacts,
    catalogue,
    console,
    health,
    measuring,
    problems,
    runs,
    security,
    streams,
    submitting,
)
from storygen.service.base import Caller, House
from storygen.service.console import render
from storygen.service.requests import SETTINGS, settings_schema
from storygen.telemetry.process import installed_version

DESCRIPTION = """Submit stories, watch them become films, and fetch the films.

A submission that was answered with 202 is on the disk: it ends as `success`, `failed`, `timeout` or `cancelled`,
whatever is killed in between. Problems are RFC 9457 documents; their `kind` is the word that logs, reports and metrics
use, too."""
_document = APIRouter(prefix="/api/v1", tags=["catalogue"])


def create_app(house: House) -> FastAPI:
    """The service around what a process has put together; it starts and ends nothing.

    Raises `InvalidSettings` where it would be open to everybody.
    """
    app = FastAPI(
        title="storygen",
        version=installed_version(),
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.house = house
    app.state.streams = streams.Streams()
    for room in (submitting, runs, streams, artifacts, catalogue, health, console):
        app.include_router(room.router)
    app.include_router(_document)
    problems.install(app)
    render.install(app)
    security.install(app, house)
    measuring.install(app, house)
    return app


@_document.get("/openapi.json", response_model=dict[str, Any], responses=problems.answers(), summary="This document")
async def openapi(request: Request, caller: Annotated[Caller, Depends(security.require("read"))]) -> Response:  # noqa: ARG001 - who has no scope does not get here
    """What the API takes and gives, as OpenAPI 3.1."""
    said: dict[str, Any] = request.app.openapi()
    allowed = choosable(runs.house_of(request).settings().service.per_run)
    said["components"]["schemas"][SETTINGS] = settings_schema(allowed)
    security.describe(said)
    return runs.as_json(said)
