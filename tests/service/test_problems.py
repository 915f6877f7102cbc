"""Every refusal and failure as a problem document, with the right status."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from storygen import errors
from storygen.errors import StorygenError, kinds
from storygen.service import problems

STATUS = {
    "error": 500,
    "caller_mistake": 400,
    "invalid_script": 422,
    "invalid_settings": 422,
    "refused": 400,
    "not_authenticated": 401,
    "not_allowed": 403,
    "not_found": 404,
    "conflict": 409,
    "too_large": 413,
    "too_many": 429,
    "provider_failure": 502,
    "rate_limited": 503,
    "timeout": 504,
    "unavailable": 502,
    "invalid_output": 502,
    "circuit_open": 503,
    "quota_exceeded": 502,
    "authentication_failed": 502,
    "content_rejected": 422,
    "resource_failure": 503,
    "disk_full": 507,
    "render_failed": 500,
    "stalled": 500,
    "control_signal": 409,
    "cancelled": 409,
    "stage_timeout": 504,
    "budget_exceeded": 409,
    "below_limits": 409,
    "worker_died": 500,
}


def answered(error: Exception) -> httpx.Response:
    """What a client gets where a route raises `error`."""
    app = FastAPI()
    problems.install(app)

    @app.get("/runs/{run}")
    async def route(run: str) -> None:
        raise error

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/runs/r-1")

    return asyncio.run(ask())


def _family(root: type[StorygenError]) -> list[type[StorygenError]]:
    return [root, *(each for child in root.__subclasses__() for each in _family(child))]


OURS = [kind for kind in _family(StorygenError) if kind.__module__.startswith("storygen.")]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_kind_of_error_has_its_status_and_says_what_to_do(kind: type[StorygenError]) -> None:
    answer = answered(kind("Something is wrong.", hint="Do this."))
    assert answer.status_code == STATUS.get(kind.kind, 500)
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["status"], said["kind"], said["type"]) == (answer.status_code, kind.kind, problems.TYPE + kind.kind)
    assert (said["detail"], said["hint"], said["run"]) == ("Something is wrong.", "Do this.", "r-1")


def test_the_table_of_statuses_knows_every_kind() -> None:
    assert {kind.kind for kind in OURS} <= set(STATUS)
    assert set(kinds()) >= set(STATUS)


def test_who_has_to_wait_is_told_how_long() -> None:
    assert answered(errors.TooMany("Too many.", retry_after=2.2)).headers["retry-after"] == "3"
    assert answered(errors.ResourceFailure("Away.")).headers["retry-after"] == "5"
    assert "retry-after" not in answered(errors.NotFound("Gone.")).headers
    assert answered(errors.NotAuthenticated("Who?")).headers["www-authenticate"] == "Bearer"


def test_where_it_happened_is_said() -> None:
    failed = errors.QuotaExceeded("Nothing left.", provider="openai")
    failed.locate(stage="voice")
    assert {"stage": "voice", "provider": "openai"}.items() <= answered(failed).json().items()


def test_a_fault_of_ours_says_nothing_of_what_is_inside() -> None:
    answer = answered(RuntimeError("the key is sk-secret"))
    assert (answer.status_code, answer.json()["kind"]) == (500, "error")
    assert "secret" not in answer.text
    assert "Runtime" not in answer.text


def test_what_the_framework_refuses_looks_the_same() -> None:
    assert answered(HTTPException(415, "Packed.")).json()["detail"] == "Packed."
    said = answered(HTTPException(404)).json()
    assert (said["kind"], said["detail"]) == ("not_found", "Not Found.")


@pytest.mark.parametrize("kind", sorted(STATUS))
def test_the_address_of_a_problem_says_what_it_means(kind: str) -> None:
    said = problems.meaning(kind)
    assert said["status"] == STATUS[kind]
    assert said["means"]
