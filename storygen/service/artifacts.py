"""The files of a film: listed, and sent whole or in ranges, as what they are and nothing else."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from storygen.errors import NotFound
from storygen.service.base import Caller
from storygen.service.problems import answers
from storygen.service.runs import as_json, house_of, job_for
from storygen.service.security import require
from storygen.service.shapes import Artifacts
from storygen.store.films import FilmFile, checked

router = APIRouter(prefix="/api/v1", tags=["films"])
Reader = Annotated[Caller, Depends(require("read"))]
FILMS = ("film.mp4", "film.webm", "film.m4a")
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
# What browsers show as it is; anything else is only ever saved. A report is ours, and still may do nothing.
_SHOWN = {
    "video/mp4", "video/webm", "audio/mp4", "audio/wav", "audio/x-wav", "audio/mpeg", "image/jpeg", "image/png",
    "image/webp", "text/vtt", "application/json", "text/html", "application/x-subrip", "text/x-ssa", "text/plain",
}  # fmt: skip
_TEXT = {"text/vtt", "text/html", "application/x-subrip", "text/x-ssa", "text/plain"}
_INERT = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_BYTES = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_SENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", **_BYTES},
    206: {"description": "The range of it that was asked for.", **_BYTES},
    304: {"description": "It is as it was."},
    412: {"description": "It is not the one that `If-Match` names."},
    416: {
        "description": "The file does not reach so far.",
        "headers": {"Content-Range": {"schema": {"type": "string"}}},
    },
}
_FILE = "/runs/{run}/artifacts/{name:path}"
_GET: dict[int | str, dict[str, Any]] = {**_SENT, **answers()}
_HEAD: dict[int | str, dict[str, Any]] = {status: {"description": said["description"]} for status, said in _GET.items()}
Download = Annotated[bool, Query(description="Save it instead of showing it.")]


@router.get("/runs/{run}/artifacts", response_model=Artifacts, responses=answers(), summary="List the files of a film")
async def list_artifacts(request: Request, run: str, caller: Reader) -> Response:
    """The files of a run's film; none before there is one."""
    job, films = await job_for(request, run, caller), house_of(request).films
    found = [await films.about(run, name) for name in await films.names(run)] if job.result else []
    return as_json({"artifacts": [_told(run, file) for file in found]})


@router.head("/runs/{run}/film", response_class=StreamingResponse, responses=_HEAD, summary="Ask for the film's size")
@router.get("/runs/{run}/film", response_class=StreamingResponse, responses=_GET, summary="Fetch the film")
async def film(request: Request, run: str, caller: Reader, download: Download = False) -> Response:
    """The film itself, whatever kind of file it is."""
    await job_for(request, run, caller)
    names = await house_of(request).films.names(run)
    name = next((name for name in FILMS if name in names), "")
    if not name:
        raise NotFound("There is no film of this run.", hint="It is there once the state is success.")
    return await send(request, run, name, download=download)


@router.head(_FILE, response_class=StreamingResponse, responses=_HEAD, summary="Ask for a file's size")
@router.get(_FILE, response_class=StreamingResponse, responses=_GET, summary="Fetch a file")
async def artifact(request: Request, run: str, name: str, caller: Reader, download: Download = False) -> Response:
    """A file of a run's film, whole or in a range."""
    await job_for(request, run, caller)
    return await send(request, run, name, download=download)


async def send(request: Request, run: str, name: str, *, download: bool = False) -> Response:
    """The answer to a request for a file: whole, a range, or that it has not changed. Raises `NotFound`."""
    checked(run, name)
    films = house_of(request).films
    file = await films.about(run, name)
    headers = _headers(file, download=download)
    if is_named(request.headers.get("if-none-match", ""), file.etag):
        return Response(status_code=304, headers=headers)
    if (wanted := request.headers.get("if-match")) and not is_named(wanted, file.etag):
        return Response(status_code=412)
    span = range_of(request, file)
    if span is not None and span[0] >= span[1]:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{file.size}"})
    start, end = span or (0, file.size)
    headers["Content-Length"] = str(end - start)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    status = 200 if span is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    opened = await films.open(run, name, start, end)
    return StreamingResponse(opened.body, status_code=status, headers=headers)


def range_of(request: Request, file: FilmFile) -> tuple[int, int] | None:
    """The bytes that are asked for, empty where the file has none of them; None for all of it.

    Several ranges at once are answered with the whole file, as RFC 9110 allows; so is one for an older file.
    """
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if found is None or found[0] == "bytes=-" or request.headers.get("if-range", f'"{file.etag}"') != f'"{file.etag}"':
        return None
    first, last = found.groups()
    if not first:
        return max(0, file.size - int(last)), file.size
    if last and int(last) < int(first):
        return None
    return int(first), min(file.size, int(last) + 1 if last else file.size)


def is_named(listed: str, etag: str) -> bool:
    """Whether a list of entity tags names this one."""
    tags = [tag.strip().removeprefix("W/") for tag in listed.split(",")]
    return f'"{etag}"' in tags or tags == ["*"]


def _headers(file: FilmFile, *, download: bool) -> dict[str, str]:
    kind = file.media_type if file.media_type in _SHOWN else "application/octet-stream"
    how = "inline" if kind in _SHOWN and not download else "attachment"
    base = file.name.rpartition("/")[2]
    plain = re.sub(r"[^\w. -]", "_", base, flags=re.ASCII)
    return {
        "Content-Type": f"{kind}; charset=utf-8" if kind in _TEXT else kind,
        "Content-Disposition": f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(base, safe='')}",
        "Content-Security-Policy": _INERT,
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
        "ETag": f'"{file.etag}"',
        "Cache-Control": "private, no-cache",
    }


def _told(run: str, file: FilmFile) -> dict[str, object]:
    path = f"/api/v1/runs/{run}/artifacts/{quote(file.name)}"
    return {"name": file.name, "size_bytes": file.size, "media_type": file.media_type, "etag": file.etag, "url": path}
