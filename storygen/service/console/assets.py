"""What the pages are dressed with: files of the package, under addresses that change with their content."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from mimetypes import guess_type

from fastapi import APIRouter, Response

from storygen.errors import NotFound

router = APIRouter(include_in_schema=False)
_YEAR = "public, max-age=31536000, immutable"


@router.get("/static/{name}")
async def asset(name: str) -> Response:
    """A file that a page needs; open to everybody, since the login page has to look like one."""
    if name not in _all():
        raise NotFound("There is no such file.")
    content, _ = _all()[name]
    return Response(content, media_type=guess_type(name)[0] or "text/plain", headers={"Cache-Control": _YEAR})


def address(name: str) -> str:
    """Where a file is found; it may be kept for ever, since another content has another address."""
    return f"/static/{name}?v={_all()[name][1]}"


@cache
def _all() -> dict[str, tuple[bytes, str]]:
    """The files by name, each with the beginning of its hash."""
    there = (file for file in files("storygen.service.console").joinpath("static").iterdir() if file.is_file())
    contents = {file.name: file.read_bytes() for file in there}
    return {name: (content, sha256(content).hexdigest()[:12]) for name, content in contents.items()}
