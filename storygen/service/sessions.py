"""Log-in to the console: a token is exchanged for a signed cookie, which films and event streams can carry.

The cookie is signed with the standard library's HMAC: a signature over a small document is all that is needed, and a
library for it would be one more thing to keep up to date. It names the session, its caller and which token it came
from, so that a session ends when its token does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import Scope

from storygen.errors import NotAllowed, ResourceFailure, TooMany
from storygen.service.base import Caller
from storygen.service.tokens import SCRAPER, Known, Tokens
from storygen.settings import ServiceSettings
from storygen.store.files import make_folder, writing

if TYPE_CHECKING:
    from storygen.service.security import Door

COOKIE = "storygen"
_SECURE_COOKIE = "__Host-storygen"
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
IDLE_SECONDS = 12 * 3600
LONGEST_SECONDS = 7 * 24 * 3600
ROTATE_SECONDS = 15 * 60
_KEY_FILE = "sessions.key"
_KEY_BYTES = 32
_ENDED_FILE = "sessions.ended"
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who has logged in; `began` and `issued` are Unix seconds, `csrf` goes into forms and htmx headers."""

    id: str
    caller: Caller
    proof: str
    began: int
    issued: int
    csrf: str


class Seal:
    """Makes and opens cookies with a key of the state folder, and remembers which sessions were ended."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._key = b""
        self._ended: frozenset[str] = frozenset()
        self._ended_seen = (-1, -1)

    def begin(self, known: Known) -> Session:
        """A new session; its id is never one that was sent to us."""
        now, id_ = int(self._clock()), secrets.token_urlsafe(18)
        return Session(
            id=id_, caller=known.caller, proof=self._proof(known), began=now, issued=now, csrf=self._csrf(id_)
        )

    def cookie(self, session: Session, scope: Scope, settings: ServiceSettings) -> str:
        """The `Set-Cookie` of a session."""
        said = [session.id, session.caller.name, session.proof, session.began, session.issued]
        body = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
        return _set_cookie(f"{body}.{self._sign(body)}", IDLE_SECONDS, scope, settings)

    def open(self, headers: Headers, tokens: Tokens) -> Session | None:
        """The session of a request, while it and its token hold."""
        cookies = cookie_parser(headers.get("cookie", ""))
        value = cookies.get(_SECURE_COOKIE) or cookies.get(COOKIE) or ""
        body, _, signature = value.rpartition(".")
        if not body or not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            return None
        id_, name, proof, began, issued = json.loads(base64.urlsafe_b64decode(body))
        now, known = self._clock(), tokens.named(name)
        if known is None or not hmac.compare_digest(proof, self._proof(known)):
            return None
        if now > issued + IDLE_SECONDS or now > began + LONGEST_SECONDS or id_ in self._ended_ones():
            return None
        return Session(id=id_, caller=known.caller, proof=proof, began=began, issued=issued, csrf=self._csrf(id_))

    def renewed(self, session: Session | None, scope: Scope, settings: ServiceSettings) -> str:
        """The `Set-Cookie` that goes on with a session which is in use; empty while the last one is young."""
        now = int(self._clock())
        if session is None or now < session.issued + ROTATE_SECONDS:
            return ""
        return self.cookie(replace(session, issued=now), scope, settings)

    def end(self, session: Session) -> None:
        """End a session, also for those who have a copy of its cookie."""
        make_folder(self._folder)
        with writing(self._folder):
            handle = os.open(self._folder / _ENDED_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, f"{session.began + LONGEST_SECONDS} {session.id}\n".encode())
            finally:
                os.close(handle)

    def _ended_ones(self) -> frozenset[str]:
        try:
            found = (self._folder / _ENDED_FILE).stat()
        except FileNotFoundError:
            return frozenset()
        if (found.st_mtime_ns, found.st_size) != self._ended_seen:
            self._ended_seen = (found.st_mtime_ns, found.st_size)
            lines = (self._folder / _ENDED_FILE).read_text("ascii").splitlines()
            self._ended = frozenset(line.partition(" ")[2] for line in lines)
        return self._ended

    def _proof(self, known: Known) -> str:
        return self._sign(f"token {known.digest.hex()}")

    def _csrf(self, id_: str) -> str:
        return self._sign(f"csrf {id_}")

    def _sign(self, text: str) -> str:
        if not self._key:
            self._key = _read_key(self._folder)
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


async def check_form(request: Request) -> None:
    """Raise `NotAllowed` where a request of a session lacks the session's CSRF token."""
    said = request.headers.get(CSRF_HEADER)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said is None and kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        with suppress(RuntimeError):  # the form was read already
            await request.body()  # kept, so that the route can read it, too
        said = (await request.form()).get(CSRF_FIELD)  # type: ignore[assignment]  # a file is refused below
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), request.state.session.csrf.encode()):
        raise NotAllowed("The page is too old, or the request is not one of ours.", hint="Load the page again.")


def csrf_token(request: Request) -> str:
    """What the forms of a page send back as `csrf_token`, or scripts as `X-CSRF-Token`; empty where nobody logs in."""
    session: Session | None = getattr(request.state, "session", None)
    return session.csrf if session is not None else ""


@router.post("/login")
async def log_in(request: Request, token: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Any:  # noqa: A002 - the field's name
    """Go on to `next` with a session, or back to the log-in page, which learns `refused` or `wait` in its query."""
    door: Door = request.app.state.door
    where = local_path(next)
    tokens = door.tokens
    if tokens is None:
        return _see(where)
    try:
        door.meters.check_login(request.scope)
    except TooMany as refusal:
        return _see(f"/login?wait={int(refusal.retry_after or 60)}&next={quote(where, safe='')}")
    known = tokens.find(token.strip())
    if known is None or known.caller.name == SCRAPER:
        door.meters.count_login(request.scope)
        return _see(f"/login?refused=1&next={quote(where, safe='')}")
    response = _see(where)
    cookie = door.seal.cookie(door.seal.begin(known), request.scope, door.settings)
    response.headers.append("set-cookie", cookie)
    return response


@router.post("/logout")
async def log_out(request: Request) -> Any:
    """End the session, and go to the log-in page."""
    door: Door = request.app.state.door
    session: Session | None = request.state.session
    if session is not None:
        await check_form(request)
        door.seal.end(session)
    response = _see("/login" if door.tokens is not None else "/")
    response.headers.append("set-cookie", _set_cookie("", 0, request.scope, door.settings))
    return response


def local_path(text: str) -> str:
    """A path of our own, or `/` for anything that could lead elsewhere."""
    is_own = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_own and text.isascii() and text.isprintable() and "\\" not in text else "/"


def _see(where: str) -> RedirectResponse:
    return RedirectResponse(where, status_code=HTTPStatus.SEE_OTHER)


def _set_cookie(value: str, seconds: int, scope: Scope, settings: ServiceSettings) -> str:
    is_secure = scope.get("scheme") == "https" or settings.public_url.startswith("https:")
    name = _SECURE_COOKIE if is_secure else COOKIE
    end = "; Secure" if is_secure else ""
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{end}"


def _read_key(folder: Path) -> bytes:
    """The key of the state folder, made where there is none; the folder may be shared by several processes.

    Raises `ResourceFailure` for a file that holds no key: with a short one anybody could sign.
    """
    make_folder(folder)
    path = folder / _KEY_FILE
    with writing(folder):
        if not path.exists():
            own = folder / f"{_KEY_FILE}.{secrets.token_hex(8)}"
            handle = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
            with suppress(FileExistsError):  # another process was faster
                os.link(own, path)
            own.unlink()
        key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise ResourceFailure(
            f"{path} holds no key.", hint="Remove it; a new one is made, and everybody logs in again."
        )
    return key
