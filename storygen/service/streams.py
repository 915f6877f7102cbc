"""What happens to a run, live, as server-sent events; a client that comes back goes on where it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic_core import to_json
from starlette.responses import StreamingResponse

from storygen.errors import NotFound
from storygen.jobs.base import JobEvent, JobState
from storygen.jobs.store import SqlJobs
from storygen.service.base import Caller
from storygen.service.problems import answers
from storygen.service.runs import house_of, job_for
from storygen.service.security import require
from storygen.service.shapes import at

router = APIRouter(prefix="/api/v1", tags=["runs"])
HEARTBEAT_SECONDS = 15.0
RETRY_MS = 1000
AT_ONCE = 500
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_ENDS = {state.value for state in JobState if state.is_over}
_EXAMPLE = f'retry: {RETRY_MS}\n\nid: 1\nevent: queued\ndata: {{"number":1,"at":"2026-11-20T18:03:12.000+00:00"}}\n\n'
Number = Annotated[int, Query(ge=0, le=2**53, description="Only events behind this number.")]


class Streams:
    """The streams of a process, which end when it does: their clients go on at the next one."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_closing = False

    async def of(self, jobs: SqlJobs, run: str, after: int) -> AsyncIterator[bytes]:
        """The events of a run behind number `after`, until its end; a comment now and then where there are none."""
        yield f"retry: {RETRY_MS}\n\n".encode()
        spoken = time.monotonic()
        while not self.is_closing:
            told = await jobs.events(run, after, AT_ONCE)
            if told:
                after, spoken = told[-1].number, time.monotonic()
                yield b"".join(map(frame, told))
                if told[-1].kind in _ENDS and await _is_over(jobs, run, after):
                    return
            if (quiet := time.monotonic() - spoken) >= HEARTBEAT_SECONDS:
                spoken, quiet = time.monotonic(), 0.0
                yield b": still here\n\n"
                if await _is_over(jobs, run, after):
                    return
            await self._wait(jobs, run, after, HEARTBEAT_SECONDS - quiet)

    def close(self) -> None:
        """End them all."""
        self.is_closing = True
        for task in self._tasks:
            task.cancel()

    async def _wait(self, jobs: SqlJobs, run: str, after: int, seconds: float) -> None:
        """Return when there is more, after so many seconds, or when all streams are to end."""
        if self.is_closing:  # since the last look: whoever closes ends only those that wait already
            return
        task = asyncio.ensure_future(jobs.changed(run, after, seconds))
        self._tasks.add(task)
        try:
            await asyncio.wait({task})
        finally:
            self._tasks.discard(task)
            task.cancel()
        if not task.cancelled():
            task.result()


def frame(event: JobEvent) -> bytes:
    """An event as it is sent; its id is its number."""
    said = to_json({**event.data, "number": event.number, "at": at(event.at)}, inf_nan_mode="null").decode()
    return f"id: {event.number}\nevent: {event.kind}\ndata: {said}\n\n".encode()


@router.get(
    "/runs/{run}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events until the end of the run; `id` is the event's number, `data` is JSON.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        204: {"description": "The run is over and nothing is left to be told."},
        **answers(),
    },
    summary="Watch a run",
)
async def watch(
    request: Request,
    run: str,
    caller: Annotated[Caller, Depends(require("read"))],
    after: Number = 0,
    last_event_id: Annotated[str, Header(description="As `after`; browsers send it by themselves.")] = "",
) -> Response:
    """What happens to a run, from its first event on; with `Last-Event-ID` or `after` from there, without a gap.

    Events that are over are told, too. It also works while another process makes the film.
    """
    job, jobs = await job_for(request, run, caller), house_of(request).jobs
    if last_event_id.isdecimal():
        after = max(after, int(last_event_id[:16]))
    if job.state.is_over and not await jobs.events(run, after, 1):
        return Response(status_code=204)
    streams: Streams = request.app.state.streams
    return StreamingResponse(streams.of(jobs, run, after), media_type="text/event-stream", headers=_HEADERS)


async def _is_over(jobs: SqlJobs, run: str, after: int) -> bool:
    """Whether nothing comes behind an event any more, also because the run was forgotten."""
    try:
        return (await jobs.get(run)).state.is_over and not await jobs.events(run, after, 1)
    except NotFound:
        return True
