"""Submissions: read, checked and on the disk before they are answered."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from storygen.choices import with_choices
from storygen.errors import CallerMistake, TooLarge
from storygen.jobs.base import Job, Submission
from storygen.jobs.traces import sending
from storygen.jobs.working import reading_of
from storygen.scripts import Reading
from storygen.scripts.cleaning import squeeze
from storygen.scripts.decoding import decode
from storygen.service.addresses import check_webhook
from storygen.service.base import Caller, House
from storygen.service.problems import answers
from storygen.service.requests import MAX_KEY, MAX_NAME, BatchRequest, RunRequest, Story, body_schema
from storygen.service.security import require
from storygen.service.shapes import BatchAnswer, Run, batch_of, run_of
from storygen.service.threads import apart
from storygen.settings import Settings

router = APIRouter(prefix="/api/v1", tags=["runs"])
Submitter = Annotated[Caller, Depends(require("submit"))]
LONG = 2_000
"""A text of more characters is read in a thread, so that nobody waits for it."""
_KEY = re.compile(rf"[\x21-\x7e]{{1,{MAX_KEY}}}")
STORY, _RUN, _BATCH = TypeAdapter(Story), TypeAdapter(RunRequest), TypeAdapter(BatchRequest)
_ANY: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
_JSON = "application/json"


def _body(model: type[BaseModel], *, has_form: bool = True) -> dict[str, Any]:
    """How a route's body stands in the OpenAPI document; a form has the same fields, and a file for the text."""
    schema = body_schema(model)
    content: dict[str, Any] = {_JSON: {"schema": schema}}
    if has_form:
        fields = {name: {"type": "string"} for name in schema["properties"] if name != "text"}
        file = {"type": "string", "format": "binary", "description": "A story or a script, in any encoding."}
        form = {"type": "object", "properties": {"file": file, **fields}, "required": ["file"]}
        content["multipart/form-data"] = {"schema": form}
    return {"requestBody": {"required": True, "content": content}}


STORY_BODY = _body(Story)
M = TypeVar("M")


@router.post(
    "/runs",
    status_code=202,
    response_model=Run,
    responses={202: {"headers": {"Location": {"schema": {"type": "string"}}}}, **answers(409, 415)},
    openapi_extra=_body(RunRequest),
    summary="Submit a story",
)
async def submit(request: Request, caller: Submitter) -> Response:
    """Accept a story, as JSON or as an uploaded script; it is on the disk before this is answered.

    The same `Idempotency-Key` again gives the same run; with another story it is refused.
    """
    house: House = request.app.state.house
    asked, name = await body_of(request, _RUN)
    submission = await submission_of(asked, name, caller, house.settings(), key_of(request))
    job = (await accept(house, [submission], parent=request.headers.get("traceparent", "")))[0]
    return _answer(run_of(job), f"/api/v1/runs/{job.id}")


@router.post(
    "/batches",
    status_code=202,
    response_model=BatchAnswer,
    responses={202: {"headers": {"Location": {"schema": {"type": "string"}}}}, **answers(409, 415)},
    openapi_extra=_body(BatchRequest, has_form=False),
    summary="Submit many stories",
)
async def submit_batch(request: Request, caller: Submitter) -> Response:
    """Accept all stories, or none; they are on the disk before this is answered."""
    house: House = request.app.state.house
    settings, key = house.settings(), key_of(request)
    asked, _ = await body_of(request, _BATCH)
    submissions = [
        await submission_of(one, "", caller, settings, f"{key}#{place}" if key else "")
        for place, one in enumerate(asked.runs)
    ]
    jobs = await accept(house, submissions, asked.name, request.headers.get("traceparent", ""))
    batch = batch_of(await house.jobs.batch(jobs[0].submission.batch))
    return _answer({**batch, "runs": [run_of(job) for job in jobs]}, batch["links"]["self"])


async def accept(house: House, submissions: Sequence[Submission], batch: str = "", parent: str = "") -> list[Job]:
    """Put submissions onto the disk and tell those who work on them; `parent` is the trace context of the request."""
    observers = house.telemetry.observers
    if not observers:
        return await house.jobs.submit(submissions, batch)
    with sending(observers, parent=parent, count=len(submissions)) as traceparent:
        traced = [replace(one, traceparent=traceparent) for one in submissions] if traceparent else submissions
        return await house.jobs.submit(traced, batch)


async def submission_of(
    asked: Story, file_name: str, caller: Caller, settings: Settings, key: str = "", *, is_strict: bool = True
) -> Submission:
    """What somebody asked for; unless `is_strict` is False, once it is known that a film can be made of it.

    Raises `InvalidScript`, `InvalidSettings` and `TooLarge`, and `NotAllowed` for a webhook that is not public.
    """
    text = asked.topic if asked.topic is not None else asked.text or ""
    if len(text) > settings.service.max_script_characters:
        raise TooLarge(
            f"The story has {len(text):,} characters, more than {settings.service.max_script_characters:,}.",
            hint="Split it into several stories.",
        )
    webhook = getattr(asked, "webhook", "")
    if webhook:
        check_webhook(webhook, private=settings.service.private_webhooks)
    submission = Submission(
        caller=caller.name,
        name=squeeze(asked.name or file_name)[:MAX_NAME],
        text=text,
        format="text" if asked.topic is None else "topic",
        settings=asked.settings,
        key=key,
        webhook=webhook,
        seed=asked.seed,
    )
    if is_strict:
        slow = len(text) > LONG
        reading = await apart(reading_in, submission, settings) if slow else reading_in(submission, settings)
        submission = replace(submission, name=submission.name or _title(reading))
    return replace(submission, content=content_of(submission))


def reading_in(submission: Submission, settings: Settings, *, is_strict: bool = True) -> Reading:
    """How the text of a submission is understood under its settings. Raises `InvalidScript` and `InvalidSettings`."""
    reading = reading_of(submission, with_choices(settings, submission.settings))
    if is_strict:
        reading.story()
    return reading


def _title(reading: Reading) -> str:
    """What people call a story that was given no name."""
    return (reading.script.title if reading.script else reading.brief.topic if reading.brief else "")[:MAX_NAME]


def content_of(submission: Submission) -> str:
    """The SHA-256 of all that shapes a film, and of who is told of its end."""
    shaping = (
        submission.format,
        submission.text,
        submission.name,
        submission.settings,
        submission.seed,
        submission.takes,
        submission.webhook,
    )
    told = json.dumps(shaping, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


async def body_of(request: Request, adapter: TypeAdapter[M]) -> tuple[M, str]:
    """What a request asks for, as JSON or as a form with a file; and the name of that file.

    Raises `RequestValidationError`, and `HTTPException` for other kinds of content.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        fields, name = await _form(request)
        return _checked(adapter.validate_python, fields), name
    if kind not in {_JSON, ""}:
        raise HTTPException(415, "Send application/json, or multipart/form-data with a file.")
    return _checked(adapter.validate_json, await request.body()), ""


def key_of(request: Request) -> str:
    """The idempotency key of a request, empty where there is none. Raises `CallerMistake`."""
    key = request.headers.get("idempotency-key", "")
    if key and not _KEY.fullmatch(key):
        raise CallerMistake(
            f"Idempotency-Key: it has to be 1 to {MAX_KEY} visible ASCII characters.", hint="A UUID is a good one."
        )
    return key


async def _form(request: Request) -> tuple[dict[str, Any], str]:
    """The fields of a form; a file stands for the text, in any encoding."""
    async with request.form(max_files=1, max_fields=20) as form:
        fields: dict[str, Any] = {}
        name = ""
        for field, value in form.multi_items():
            if isinstance(value, UploadFile):
                name = PurePosixPath((value.filename or "").replace("\\", "/")).name
                fields["text"] = await apart(_decoded, await value.read(), name or "upload")
            elif field == "settings":
                fields[field] = _checked(_ANY.validate_json, value or "{}")
            elif value or field not in {"topic", "text"}:
                fields[field] = value
        return fields, name


def _decoded(data: bytes, name: str) -> str:
    return decode(data, name).text


def _checked(validate: Callable[[Any], M], given: Any) -> M:
    try:
        return validate(given)
    except ValidationError as error:
        raise RequestValidationError(
            error.errors(include_url=False, include_context=False, include_input=False)
        ) from None


def _answer(said: Mapping[str, Any], location: str) -> Response:
    return Response(to_json(said), status_code=202, media_type=_JSON, headers={"Location": location})
