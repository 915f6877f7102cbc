"""How much and how often somebody may ask, and how slowly."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_network

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope

from storygen.errors import Refused, TooLarge, TooMany
from storygen.service.browsers import Headed
from storygen.settings import ServiceSettings

MOST_HEADER_BYTES = 32 * 1024
MOST_HEADERS = 100
MOST_PATH_BYTES = 8 * 1024
MOST_CONNECTIONS = 4_000
MOST_SPILT_BYTES = 1_000_000
HEAD_SECONDS = 10.0
PAUSE_SECONDS = 20.0
BODY_SECONDS = 300.0
READ_SECONDS = 120.0
LOGINS_PER_MINUTE = 10
FAILURES_PER_MINUTE = 60
MOST_METERS = 10_000
_MINUTE = 60.0


class Meter:
    """A bucket that holds a minute's worth and fills evenly."""

    __slots__ = ("_at", "_left")

    def __init__(self, now: float, per_minute: int) -> None:
        self._left = float(per_minute)
        self._at = now

    def wait(self, now: float, per_minute: int) -> float:
        """Seconds until there is room for one more; 0 where there is."""
        self._left = min(float(per_minute), self._left + (now - self._at) * per_minute / _MINUTE)
        self._at = now
        return 0.0 if self._left >= 1 else (1 - self._left) * _MINUTE / per_minute

    def take(self) -> None:
        """Use up one."""
        self._left -= 1


class Meters:
    """Meters by caller, and by address for those who are not known; the least used are forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._meters: OrderedDict[tuple[str, str], Meter] = OrderedDict()

    def count(self, caller: str, per_minute: int) -> None:
        """Count a request. Raises `TooMany`."""
        self._check("caller", caller, per_minute, "requests").take()

    def count_failure(self, scope: Scope) -> None:
        """Count a wrong token. Raises `TooMany` for an address that tries many."""
        self._check("failure", _address(scope), FAILURES_PER_MINUTE, "wrong tokens").take()

    def check_login(self, scope: Scope) -> None:
        """Raise `TooMany` for an address that has tried too often to log in."""
        self._check("login", _address(scope), LOGINS_PER_MINUTE, "attempts to log in")

    def count_login(self, scope: Scope) -> None:
        """Count a failed log-in."""
        self._meter("login", _address(scope), LOGINS_PER_MINUTE).take()

    def _check(self, kind: str, name: str, per_minute: int, what: str) -> Meter:
        meter = self._meter(kind, name, per_minute)
        wait = meter.wait(self._clock(), per_minute)
        if wait:
            raise TooMany(
                f"More than {per_minute} {what} a minute.", hint="Ask less often.", retry_after=math.ceil(wait)
            )
        return meter

    def _meter(self, kind: str, name: str, per_minute: int) -> Meter:
        meter = self._meters.pop((kind, name), None) or Meter(self._clock(), per_minute)
        self._meters[kind, name] = meter
        if len(self._meters) > MOST_METERS:
            self._meters.popitem(last=False)
        return meter


def impatient() -> type[asyncio.Protocol]:
    """The protocol that `uvicorn.Config` is given as `http`: it hangs up on heads, and refused bodies, without end."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Impatient(H11Protocol):
        """Hangs up where a request does not begin in time, its head never ends, or its refused body goes on."""

        _head_timer: asyncio.TimerHandle | None = None
        _spilt = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._watch_head()

        def data_received(self, data: bytes) -> None:
            if self.cycle is not None and self.cycle.response_complete and self.cycle.more_body:
                # Some of a body that was refused is let run out, or the client might not see the answer.
                self._spilt += len(data)
                if self._spilt > MOST_SPILT_BYTES:
                    self.transport.abort()
                    return
            super().data_received(data)
            self._watch_head()

        def _watch_head(self) -> None:
            """A head may take so long from its first byte on, also the second one of a connection."""
            is_waiting = self.cycle is None or self.cycle.response_complete
            if is_waiting and self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)
            elif not is_waiting and self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

        def connection_lost(self, exc: Exception | None) -> None:
            if self._head_timer is not None:
                self._head_timer.cancel()
            super().connection_lost(exc)

    return Impatient


class Bounds:
    """What one request may send and how slowly, and how slowly its answer may be taken."""

    def __init__(self, settings: ServiceSettings, receive: Receive, send: Headed) -> None:
        self._most = int(settings.max_body_mb * 1_000_000)
        self._receive = receive
        self._send = send
        self._had = 0
        self._is_whole = False
        self._refusal: Refused | HTTPException | None = None
        self._until = 0.0

    def check_head(self, scope: Scope, headers: Headers) -> None:
        """Raise where the head alone says that the request is too large, or packed so that its size is not known."""
        if len(headers) > MOST_HEADERS or sum(len(k) + len(v) for k, v in headers.raw) > MOST_HEADER_BYTES:
            raise HTTPException(431, "The headers are too large.")
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MOST_PATH_BYTES:
            raise HTTPException(414, "The address is too long.")
        if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            raise HTTPException(415, "Packed requests are not accepted; send it without Content-Encoding.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self._most:
            raise self._too_large()

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """Answer with `app` unless more comes than may; then raises the refusal, whatever the app made of it."""
        try:
            await app(scope, self._next, self._pass)
        except Exception:
            if self._refusal is None or self._send.has_started:
                raise
        if self._refusal is not None and not self._send.has_started:
            raise self._refusal

    async def _next(self) -> Message:
        if self._is_whole:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        self._until = self._until or now + BODY_SECONDS
        try:
            async with asyncio.timeout_at(min(self._until, now + PAUSE_SECONDS)):
                message = await self._receive()
        except TimeoutError:
            self._refusal = HTTPException(408, "The request came too slowly.", {"Connection": "close"})
            raise self._refusal from None
        self._had += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._had > self._most:
            self._refusal = self._too_large()
            raise self._refusal
        return message

    async def _pass(self, message: Message) -> None:
        if self._refusal is not None:
            return
        async with asyncio.timeout(READ_SECONDS):
            await self._send(message)

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"A request may have at most {self._most / 1_000_000:g} MB.",
            hint="Send less, or raise service.max_body_mb.",
        )


def _address(scope: Scope) -> str:
    """Where a request comes from; in IPv6 the network, since one machine has as many addresses there as it likes."""
    client = scope.get("client")
    host = str(client[0]) if client else ""
    return str(ip_network((host.partition("%")[0], 64), strict=False)) if ":" in host else host
