"""Every refusal and failure as an RFC 9457 problem document, with the kinds that errors have everywhere."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from storygen import errors
from storygen.errors import StorygenError

TYPE = "/api/v1/problems/"
MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger("storygen.service")
_STATUS: Mapping[type[StorygenError], int] = {
    errors.CallerMistake: 400,
    errors.InvalidScript: 422,
    errors.InvalidSettings: 422,
    errors.NotAuthenticated: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.ProviderFailure: 502,
    errors.RateLimited: 503,
    errors.ProviderTimeout: 504,
    errors.CircuitOpen: 503,
    errors.ContentRejected: 422,
    errors.ResourceFailure: 503,
    errors.DiskFull: 507,
    errors.RenderFailed: 500,
    errors.Stalled: 500,
    errors.WorkerDied: 500,
    errors.ControlSignal: 409,
    errors.StageTimeout: 504,
    StorygenError: 500,
}
_HTTP_KINDS = {401: "not_authenticated", 403: "not_allowed", 404: "not_found", 409: "conflict", 413: "too_large",
               429: "too_many"}  # fmt: skip
_FAULT = "The service made a mistake; its log says more."


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(examples=[f"{TYPE}not_found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no run '20261120-180312-5f3a9c0b1d2e4f60'."])
    instance: str = Field("", examples=["/api/v1/runs/20261120-180312-5f3a9c0b1d2e4f60"])
    kind: str = Field(description="The same word as in logs, reports and metrics.", examples=["not_found"])
    hint: str = Field("", description="What to do about it.", examples=["The list shows the runs that there are."])
    stage: str = ""
    provider: str = ""
    run: str = ""
    retryable: bool = False
    errors: list[dict[str, str]] = Field(default=[], description="What is wrong with the request, place by place.")


def status_of(error: StorygenError) -> int:
    """The HTTP status that says what an error of our tree says."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def document(error: StorygenError, instance: str = "") -> dict[str, Any]:
    """An error as a problem document."""
    status = status_of(error)
    return {
        "type": f"{TYPE}{error.kind}",
        "title": _title(error.kind),
        "status": status,
        "detail": error.message,
        "instance": instance,
        "kind": error.kind,
        "hint": error.hint,
        "stage": error.stage,
        "provider": error.provider,
        "run": "",
        "retryable": error.retryable,
        "errors": [],
    }


def response(error: StorygenError, request: Request) -> Response:
    """The answer to a request that ended with an error of our tree."""
    said = document(error, request.url.path)
    said["run"] = str(request.path_params.get("run", ""))
    return _answer(said, _headers(error))


def install(app: FastAPI) -> None:
    """Let all that goes wrong in an app be answered so."""
    app.add_exception_handler(StorygenError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _fault)


def meaning(kind: str) -> dict[str, str | int]:
    """What a kind of problem means. Raises `NotFound`."""
    known = {error.kind: error for error in _family(StorygenError)}
    if kind not in known:
        raise errors.NotFound("There is no such kind of problem.", hint=f"There are: {', '.join(sorted(known))}.")
    said = inspect.cleandoc(known[kind].__doc__ or "").partition("\n\n")[0].replace("`", "")
    status = next(_STATUS[each] for each in known[kind].__mro__ if each in _STATUS)
    return {"type": f"{TYPE}{kind}", "title": _title(kind), "status": status, "means": " ".join(said.split())}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem answers of a route, for its OpenAPI entry; those that every route has are added."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in sorted({400, 401, 403, 404, 405, 413, 422, 429, 500, 503, *statuses}):
        headers = {429: "Retry-After", 401: "WWW-Authenticate", 503: "Retry-After"}
        found[status] = {
            "description": HTTPStatus(status).phrase,
            "model": Problem,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if status in headers:
            found[status]["headers"] = {headers[status]: {"schema": {"type": "string"}}}
    return found


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, StorygenError)  # noqa: S101 - it was registered for nothing else
    if status_of(error) >= 500:
        _LOG.warning("request.failed", extra={"kind": error.kind, "reason": error.message})
    return response(error, request)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it was registered for nothing else
    kind = _HTTP_KINDS.get(error.status_code, "caller_mistake" if error.status_code < 500 else "error")
    phrase = HTTPStatus(error.status_code).phrase
    said = document(errors.CallerMistake(error.detail if error.detail != phrase else f"{phrase}."), request.url.path)
    said |= {"type": f"{TYPE}{kind}", "title": phrase, "status": error.status_code, "kind": kind}
    if error.status_code in {404, 405}:
        said["hint"] = "GET /api/v1/openapi.json lists what there is."
    return _answer(said, error.headers or {})


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it was registered for nothing else
    return invalid(request, error.errors())


def invalid(request: Request, problems: Any) -> Response:
    """The answer to a request whose parts do not have the right form, from pydantic's list of errors."""
    wrong = [
        {"where": ".".join(map(str, one["loc"]))[:200], "what": str(one["msg"]).removeprefix("Value error, ")}
        for one in problems
    ]
    said = document(errors.CallerMistake("The request does not have the right form."), request.url.path)
    said |= {"status": 422, "errors": wrong[:50], "hint": "`errors` says what is wrong where."}
    return _answer(said, {})


async def _fault(request: Request, error: Exception) -> Response:  # noqa: ARG001 - what went wrong stays in the log
    return _answer(document(StorygenError(_FAULT), request.url.path), {})


def _answer(said: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    body = to_json(said, inf_nan_mode="null")
    return Response(body, status_code=int(said["status"]), media_type=MEDIA_TYPE, headers=dict(headers))


def _headers(error: StorygenError) -> dict[str, str]:
    wait = getattr(error, "retry_after", None)
    if wait is None and isinstance(error, errors.ResourceFailure):
        wait = 5.0
    found = {} if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))}
    return found | ({"WWW-Authenticate": "Bearer"} if isinstance(error, errors.NotAuthenticated) else {})


def _title(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _family(root: type[StorygenError]) -> list[type[StorygenError]]:
    return [root, *(each for child in root.__subclasses__() for each in _family(child))]
