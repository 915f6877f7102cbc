"""The desk that every request passes: who asks, what goes wrong by plan, who answers, and what it costs."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from storygen.errors import StorygenError
from storygen.vendors.faults import REFUSED, Fault
from storygen.vendors.plan import Asked, Hit
from storygen.vendors.wire import Call, Dialect, Endpoint, Reply, dumps
from storygen.vendors.world import World, text_of

_WORDS = {
    Fault.RATE_LIMIT: "rate_limit",
    Fault.SERVER_ERROR: "server_error",
    Fault.UNAVAILABLE: "unavailable",
    Fault.UNAUTHORIZED: "unauthorized",
    Fault.QUOTA: "quota",
}
_ENOUGH = 10_000  # requests a minute that a vendor allows where no limit is planned


class Dropped(Exception):
    """The connection is to be closed in the middle of an answer."""


class Desk:
    """One endpoint of one vendor as an ASGI application."""

    def __init__(self, world: World, dialect: Dialect, endpoint: Endpoint) -> None:
        self._world = world
        self._dialect = dialect
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive)
        call = await self._read(request)
        entry = self._note(request, call)
        key = self._dialect.key(request.headers, request.query_params)
        hit = None
        reply = self._unwelcome(key) or self._crowded()
        if reply is None:
            hit = self._world.faults.meet(self._asked(call))
            entry["fault"] = hit.fault.value if hit else None
            reply = self._planned(hit) if hit and hit.fault in REFUSED else await self._answer(request, call, hit, key)
        entry["status"] = reply.status
        await self._deliver(self._with_limits(reply), hit, entry, receive, send)

    async def _read(self, request: Request) -> Call:
        """The request without what changes from time to time, such as the boundaries of its parts."""
        body: dict[str, Any] = {}
        files: dict[str, bytes] = {}
        if request.headers.get("content-type", "").startswith("multipart/"):
            async with request.form() as form:
                for name, value in form.multi_items():
                    if isinstance(value, UploadFile):
                        files[name] = await value.read()
                    else:
                        body.setdefault(name.removesuffix("[]"), []).append(value)
            body = {name: values[0] if len(values) == 1 else values for name, values in body.items()}
        elif raw := await request.body():
            parsed = _parsed(raw)
            body = parsed if isinstance(parsed, dict) else {}
        path = request.url.path
        content = json.dumps([request.method, path, sorted(request.query_params.items()), body], sort_keys=True)
        digest = hashlib.sha256(content.encode() + b"".join(files.values())).hexdigest()
        self._world.turns[digest] += 1
        return Call(
            address=str(request.base_url) + self._dialect.name,
            path=path.removeprefix(f"/{self._dialect.name}"),
            params=request.path_params,
            query=dict(request.query_params),
            body=body,
            files=files,
            digest=digest,
            turn=self._world.turns[digest],
        )

    def _note(self, request: Request, call: Call) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "at": round(self._world.faults.seconds, 3),
            "vendor": self._dialect.name,
            "capability": self._endpoint.capability,
            "method": request.method,
            "path": call.path,
            "model": str(call.body.get("model") or call.body.get("model_id") or call.params.get("model", "")),
            "text": text_of(call.body)[-300:],
            "turn": call.turn,
            "fault": None,
            "status": None,
        }
        self._world.requests.append(entry)
        return entry

    def _unwelcome(self, key: str) -> Reply | None:
        """The refusal of a key that is missing, not known, or without quota."""
        if not key:
            return self._dialect.refuse("missing_key", "")
        known = self._world.faults.plan.keys.get(self._dialect.name)
        if known is None:
            return None
        state = known.get(key, "invalid")
        if state == "invalid":
            return self._dialect.refuse("invalid_key", "")
        if isinstance(state, (int, float)):
            state = "quota" if self._world.spent[self._dialect.name, key] >= state else "ok"
        return self._dialect.refuse("quota", "") if state == "quota" else None

    def _crowded(self) -> Reply | None:
        """The refusal of a request beyond the planned limit."""
        count = self._world.count_recent(self._dialect.name)
        limit = self._world.faults.plan.limits.get(self._dialect.name)
        if limit is None or count <= limit.per_minute:
            return None
        self._world.recent[self._dialect.name].pop()  # a refused request does not count
        wait = 60 - (self._world.clock() - self._world.recent[self._dialect.name][0])
        reply = self._dialect.refuse("rate_limit", f"{wait:.3f}")
        return replace(reply, headers={**reply.headers, "retry-after": str(max(1, round(wait + 0.5)))})

    def _asked(self, call: Call) -> Asked:
        return Asked(
            vendor=self._dialect.name,
            capability=self._endpoint.capability,
            path=call.path,
            text=text_of(call.body),
            digest=call.digest,
            turn=call.turn,
            shows=self._endpoint.shows,
        )

    def _planned(self, hit: Hit) -> Reply:
        wait = hit.rule.retry_after
        reply = self._dialect.refuse(_WORDS[hit.fault], "" if wait is None else f"{wait:g}")
        if wait is None or hit.fault not in {Fault.RATE_LIMIT, Fault.UNAVAILABLE}:
            return reply
        return replace(reply, headers={**reply.headers, "retry-after": _written(wait, as_date=hit.rule.as_date)})

    async def _answer(self, request: Request, call: Call, hit: Hit | None, key: str) -> Reply:
        """The vendor's answer, billed; the same again, not billed, for an idempotency key that is known."""
        token = request.headers.get("idempotency-key", "") if self._dialect.has_idempotency else ""
        kept = self._world.kept.get((self._dialect.name, token)) if token else None
        if kept is not None:
            return kept
        try:
            reply = await self._endpoint.handler(replace(call, hit=hit), self._world)
        except StorygenError as error:
            return self._dialect.refuse("invalid", str(error))
        except (KeyError, TypeError, ValueError) as error:
            return self._dialect.refuse("invalid", f"The request cannot be read: {error!r}")
        if reply.used:
            reply = self._billed(reply, key)
        if hit and hit.fault is Fault.BROKEN_JSON and self._endpoint.capability != "text":
            reply = replace(reply, parts=[part[: len(part) * 2 // 3] for part in reply.parts])
        if hit and hit.fault is Fault.WRONG_SHAPE and self._endpoint.capability != "text":
            reply = replace(reply, parts=[dumps({"result": {"status": "done", "items": []}})])
        if token and reply.status < 400:
            self._world.kept[self._dialect.name, token] = reply
        return reply

    def _billed(self, reply: Reply, key: str) -> Reply:
        assert reply.used  # noqa: S101  # the caller asked
        bill = self._world.bill
        place = bill.charge(
            vendor=self._dialect.name,
            capability=self._endpoint.capability,
            model=reply.used.model,
            units=reply.used.units,
            lost=False,
        )
        self._world.spent[self._dialect.name, key] += bill.charges[place].usd or 0.0
        return replace(reply, place=place)

    def _with_limits(self, reply: Reply) -> Reply:
        limit = self._world.faults.plan.limits.get(self._dialect.name)
        most = limit.per_minute if limit else _ENOUGH
        left = max(0, most - len(self._world.recent.get(self._dialect.name, ())))
        return replace(reply, headers={**self._dialect.limits(most, left, self._world.clock()), **reply.headers})

    async def _deliver(
        self, reply: Reply, hit: Hit | None, entry: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        fault = hit.fault if hit else None
        wait = None if fault is Fault.HANG or hit is None else hit.rule.seconds
        if fault in {Fault.SLOW, Fault.HANG} and await _left(receive, wait):
            self._lose(reply, entry)
            return
        length = [] if reply.is_stream else [(b"content-length", str(sum(map(len, reply.parts))).encode())]
        headers = [(b"content-type", reply.media_type.encode()), *length]
        headers += [(name.lower().encode(), text.encode()) for name, text in reply.headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if hit and fault is Fault.DROP:
            self._lose(reply, entry)
            for part in _first(reply, hit.rule.share):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            raise Dropped
        for part in reply.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _lose(self, reply: Reply, entry: dict[str, Any]) -> None:
        entry["status"] = None
        if reply.place is not None:
            self._world.bill.lose(reply.place)


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _written(wait: float, *, as_date: bool) -> str:
    """The value of Retry-After: seconds, or an HTTP date (RFC 9110, section 10.2.3)."""
    if not as_date:
        return f"{wait:g}"
    from datetime import UTC, datetime, timedelta
    from email.utils import format_datetime

    return format_datetime(datetime.now(UTC) + timedelta(seconds=wait), usegmt=True)


async def _left(receive: Receive, seconds: float | None) -> bool:
    """Whether the caller left within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


def _first(reply: Reply, share: float) -> list[bytes]:
    """As much of an answer as arrives before the connection is dropped; never all of it."""
    if reply.is_stream and len(reply.parts) > 1:
        return list(reply.parts[: max(1, round(len(reply.parts) * share))])
    whole = b"".join(reply.parts)
    return [whole[: round(len(whole) * share)]]
