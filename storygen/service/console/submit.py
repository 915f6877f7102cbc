"""Submitting a story: a form, what the film will be and cost while the form is filled in, and the submission."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from storygen.errors import CallerMistake, InvalidScript, StorygenError
from storygen.jobs.base import Submission
from storygen.scripts.decoding import decode
from storygen.service.base import Caller
from storygen.service.catalogue import guess, understood
from storygen.service.console import choices
from storygen.service.console.listing import newest
from storygen.service.console.render import PageRoute, house_of, live, page, see
from storygen.service.problems import status_of
from storygen.service.requests import RunRequest
from storygen.service.security import require
from storygen.service.submitting import accept, submission_of
from storygen.settings import Settings

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Submitter = Annotated[Caller, Depends(require("submit"))]
Reader = Annotated[Caller, Depends(require("read"))]
RECENT = 4
_ONCE = re.compile(r"[\w-]{8,40}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filled:
    """A form that was filled in: its fields as text, the story's text where a file brought it, and the file's name."""

    fields: Mapping[str, str]
    text: str = ""
    file_name: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether there is no story in it yet."""
        return not (self.text.strip() if self.kind == "file" else self.fields.get(self.kind, "").strip())

    @property
    def kind(self) -> str:
        """What the story is given as."""
        asked = self.fields.get("kind", "topic")
        return asked if asked in {"topic", "text", "file"} else "topic"


@router.get("/")
async def form(request: Request, caller: Reader) -> Response:
    """The form, with the operator's choices, and the films that came last."""
    return await _form(request, caller, {})


@router.get("/live/recent")
async def recent(request: Request, caller: Reader) -> Response:
    """The films that came last, alone."""
    return live(request, "parts/recent.html", jobs=await newest(request, caller, RECENT))


@router.get("/voices")
async def voices(request: Request, caller: Reader) -> Response:  # noqa: ARG001 - asked for, so that strangers are refused
    """The narrator's voices that speak the chosen language."""
    settings = house_of(request).settings()
    language = request.query_params.get("film.language", "") or settings.film.language
    return page(request, "parts/voices.html", voices=choices.voices(settings, language), chosen="")


@router.post("/preview")
async def preview(request: Request, caller: Submitter) -> Response:
    """What the film would be and cost as the form stands; nothing is asked, made or paid."""
    settings = house_of(request).settings()
    values: dict[str, Any] = {"found": None, "error": None, "scenes": (), "issues": ()}
    try:
        filled = await _filled(request)
        if not filled.is_blank:
            asked, name = _request(filled, settings), filled.file_name
            found = await guess(house_of(request), asked, name, caller)
            read = await understood(asked, name, caller, settings)
            values |= {"found": found, "scenes": read["scenes"], "issues": read["issues"]}
    except StorygenError as error:
        values["error"] = error
    return page(request, "parts/preview.html", **values)


@router.post("/runs")
async def submit(request: Request, caller: Submitter) -> Response:
    """Accept the story and go on to its page, or show the form again with what is wrong."""
    settings, filled = house_of(request).settings(), _Filled(fields={})
    try:
        filled = await _filled(request)
        submission = await submission_of(_request(filled, settings), filled.file_name, caller, settings)
        parent = request.headers.get("traceparent", "")
        job = (await accept(house_of(request), [_once(submission, filled)], parent=parent))[0]
    except StorygenError as error:
        return await _form(request, caller, filled.fields, error)
    return see(f"/runs/{job.id}")


async def _form(
    request: Request, caller: Caller, fields: Mapping[str, str], error: StorygenError | None = None
) -> Response:
    settings = house_of(request).settings()
    language = fields.get("film.language") or settings.film.language
    return page(
        request,
        "submit.html",
        status=status_of(error) if error else 200,
        error=error,
        fields=fields,
        may_submit="submit" in caller.scopes,
        kind=_Filled(fields=fields).kind,
        once=secrets.token_urlsafe(12),
        values=choices.values(fields, settings),
        allowed=choices.allowed(settings),
        makers=choices.makers(settings),
        tongues=choices.tongues(),
        voices=choices.voices(settings, language),
        jobs=await newest(request, caller, RECENT),
        found=None,
        scenes=(),
        issues=(),
    )


def _once(submission: Submission, filled: _Filled) -> Submission:
    """The submission with a key of its form: two clicks give one run, and another story in the same form another."""
    once = filled.fields.get("once", "")
    return replace(submission, key=f"form:{once}:{submission.content[:16]}") if _ONCE.fullmatch(once) else submission


def _request(filled: _Filled, settings: Settings) -> RunRequest:
    """What a form asks for. Raises `InvalidScript` where there is no story in it, `CallerMistake` for wrong fields."""
    if filled.is_blank:
        raise InvalidScript("There is no story yet.", hint="Write a topic or a text, or choose a file.")
    said: dict[str, Any] = {
        "name": filled.fields.get("name", ""),
        "seed": filled.fields.get("seed") or 0,
        "settings": choices.chosen(filled.fields, settings),
    }
    said["topic" if filled.kind == "topic" else "text"] = filled.text or filled.fields[filled.kind]
    try:
        return RunRequest.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise CallerMistake(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


async def _filled(request: Request) -> _Filled:
    """The form of a request; a file counts only where a file is what is given. Raises `InvalidScript`."""
    async with request.form(max_files=1, max_fields=40) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        upload = form.get("file")
        if fields.get("kind") != "file" or not isinstance(upload, UploadFile) or not upload.filename:
            return _Filled(fields=fields)
        name = PurePosixPath(upload.filename.replace("\\", "/")).name or "upload"
        data = await upload.read()
    return _Filled(fields=fields, text=(await asyncio.to_thread(decode, data, name)).text, file_name=name)
