"""What is known before anything is made, and what is remembered afterwards: estimates, voices, providers, reports."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from storygen.choices import choosable, with_choices
from storygen.cli.language import with_language
from storygen.cli.voices import listed
from storygen.errors import NotFound
from storygen.estimating import estimate
from storygen.explaining import explain
from storygen.providers.base import Capability
from storygen.providers.registry import VENDORS, asked, names, serving
from storygen.readiness import lacks
from storygen.scripts import Reading
from storygen.scripts.cleaning import count_words
from storygen.service import problems
from storygen.service.base import Caller, House
from storygen.service.details import record_of
from storygen.service.known import Guess, Meaning, Providers, Understood, Voices
from storygen.service.problems import answers
from storygen.service.requests import Story
from storygen.service.runs import as_json, house_of, job_for
from storygen.service.security import require
from storygen.service.submitting import STORY, STORY_BODY, body_of, reading_in, submission_of
from storygen.service.threads import apart
from storygen.settings import Settings
from storygen.store.history import PastRun
from storygen.story import Scene
from storygen.telemetry.context import redactor

router = APIRouter(prefix="/api/v1", tags=["catalogue"])
Reader = Annotated[Caller, Depends(require("read"))]
Submitter = Annotated[Caller, Depends(require("submit"))]
_Document = dict[str, Any]


@router.post(
    "/estimate", response_model=Guess, responses=answers(415), openapi_extra=STORY_BODY, summary="Estimate a film"
)
async def estimate_story(request: Request, caller: Submitter) -> Response:
    """What a film of a story will cost and how long it will take; nothing is asked, made or paid."""
    house = house_of(request)
    story, name = await body_of(request, STORY)
    return as_json(await guess(house, story, name, caller))


@router.post(
    "/check", response_model=Understood, responses=answers(415), openapi_extra=STORY_BODY, summary="Check a story"
)
async def check_story(request: Request, caller: Submitter) -> Response:
    """How a story is understood, scene by scene, and what is doubtful about it; nothing is made."""
    settings = house_of(request).settings()
    story, name = await body_of(request, STORY)
    return as_json(await understood(story, name, caller, settings))


@router.get("/voices", response_model=list[Voices], responses=answers(502, 504), summary="List voices")
async def voices(
    request: Request,
    caller: Reader,  # noqa: ARG001 - who has no scope does not get here
    language: Annotated[
        str, Query(max_length=35, pattern=r"^[A-Za-z0-9-]*$", description="Only those that speak it.")
    ] = "",
) -> Response:
    """The voices of the providers in the operator's chain; an id goes into `voice.voices` of a run."""
    settings = house_of(request).settings()
    found = [
        {"provider": name, "voices": [dataclasses.asdict(one) for one in await apart(listed, name, settings, language)]}
        for name in settings.providers.speech
    ]
    return as_json(found)


@router.get("/providers", response_model=Providers, responses=answers(), summary="List providers")
async def providers(request: Request, caller: Reader) -> Response:  # noqa: ARG001 - who has no scope does not get here
    """Who can do what, who is in the operator's chains, and what is missing before others can be."""
    return as_json(known_providers(house_of(request).settings()))


@router.get("/runs/{run}/report", response_model=_Document, responses=answers(), summary="Read a run's report")
async def report(request: Request, run: str, caller: Reader) -> Response:
    """Where the time and the money of a run went, as `storygen report --json` says it."""
    return as_json((await _record(request, run, caller)).report)


@router.get("/runs/{run}/explanation", response_model=_Document, responses=answers(), summary="Have a run explained")
async def explanation(request: Request, run: str, caller: Reader) -> Response:
    """What became of a run, what was tried, and what to do next, as `storygen explain --json` says it."""
    past, settings = await _record(request, run, caller), house_of(request).settings()

    def tell() -> Mapping[str, Any]:
        told = explain(past, settings.telemetry.trace_url)
        return dict(redactor(settings, os.environ).redact_all(told.to_json()))

    return as_json(await apart(tell))


@router.get("/problems/{kind}", response_model=Meaning, responses=answers(), summary="Look up a problem")
async def problem(kind: str, caller: Reader) -> Response:  # noqa: ARG001 - who has no scope does not get here
    """What a kind of problem means: its `type` leads here."""
    return as_json(problems.meaning(kind))


async def guess(house: House, story: Story, name: str, caller: Caller) -> dict[str, Any]:
    """What a film of a story is expected to cost and take. Raises `InvalidScript`, `InvalidSettings`, `TooLarge`."""
    submission = await submission_of(story, name, caller, house.settings())
    settings = with_choices(house.settings(), submission.settings)

    def go_through() -> Any:
        past = house.history.durations()
        return asyncio.run(estimate(reading_in(submission, settings).story(), settings, past))

    return dataclasses.asdict(await apart(go_through))


async def understood(story: Story, name: str, caller: Caller, settings: Settings) -> dict[str, Any]:
    """How a story is understood, also one of which no film can be made. Raises `InvalidScript` for no words at all."""
    submission = await submission_of(story, name, caller, settings, is_strict=False)
    reading = with_language(await apart(reading_in, submission, settings, is_strict=False))
    script = reading.script
    return {
        "format": reading.format,
        "title": script.title if script else (reading.brief.topic if reading.brief else ""),
        "language": script.language if script else (reading.brief.language if reading.brief else ""),
        "is_usable": not reading.errors,
        "scenes": [_scene(number, scene) for number, scene in enumerate(script.scenes, 1)] if script else [],
        "issues": _issues(reading),
    }


def known_providers(settings: Settings) -> dict[str, Any]:
    """Providers by capability, and what may be chosen for one run."""
    return {
        **{capability.value: _entries(capability, settings) for capability in Capability},
        "per_run": list(_choosable(settings.service.per_run)),
    }


@lru_cache(maxsize=8)
def _choosable(allowed: tuple[str, ...]) -> tuple[str, ...]:
    return choosable(allowed)


def _entries(capability: Capability, settings: Settings) -> list[dict[str, Any]]:
    chain, models = asked(capability, settings), serving(settings).get(str(capability), {})
    return [
        {
            "name": name,
            "model": models.get(name, ""),
            "is_chosen": name in chain,
            "missing": "; ".join(lacks(VENDORS[name], settings)),
        }
        for name in names(capability)
    ]


def _scene(number: int, scene: Scene) -> dict[str, Any]:
    return {
        "number": number,
        "title": scene.title,
        "subtitle": scene.subtitle,
        "speakers": list(dict.fromkeys(line.speaker for line in scene.lines)),
        "words": count_words(scene.spoken),
        "picture": scene.picture,
        "mood": scene.mood.value,
        "spoken": scene.spoken,
        "on_screen": list(scene.on_screen),
        "directions": list(scene.directions),
    }


def _issues(reading: Reading) -> list[dict[str, Any]]:
    return [
        {"line": one.line, "severity": one.severity.value, "message": one.message, "hint": one.hint}
        for one in reading.issues
    ]


async def _record(request: Request, run: str, caller: Caller) -> PastRun:
    await job_for(request, run, caller)
    past = await record_of(house_of(request), run)
    if past is None:
        raise NotFound("There is no report of this run yet.", hint="It is there once a worker has ended it.")
    return past
