"""What passes between the server and a vendor's rooms: a call comes in, a reply goes out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from storygen.vendors.faults import Fault, Job, Vendor
from storygen.vendors.plan import Hit

if TYPE_CHECKING:
    from storygen.vendors.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as a vendor's room sees it; `address` is the vendor's own base URL, `digest` stands for the content."""

    address: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    files: Mapping[str, bytes]
    digest: str
    turn: int
    hit: Hit | None = None

    def meets(self, *faults: Fault) -> bool:
        """Whether it meets one of these faults."""
        return self.hit is not None and self.hit.fault in faults

    @property
    def id(self) -> str:
        """A name for what is made of it: the same for the same content at the same turn."""
        return f"{self.digest[:20]}{self.turn:04x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What answering used, by unit and under which model's price."""

    model: str
    units: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: one part with its length said before, or many as a stream. `place` is set where it was billed."""

    parts: Sequence[bytes]
    media_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    used: Used | None = None
    place: int | None = None
    is_stream: bool = False


Handler = Callable[["Call", "World"], Awaitable[Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a vendor listens, for which capability, what can go wrong there, and who answers."""

    method: str
    path: str
    capability: Job
    handler: Handler
    shows: frozenset[Fault]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one vendor behaves whatever is asked of it.

    `refuse` turns a short word (missing_key, invalid_key, quota, rate_limit, server_error, unavailable, not_found,
    invalid) and what is wrong into its answer; `limits` are the headers that tell how much is left.
    """

    name: Vendor
    key: Callable[[Mapping[str, str], Mapping[str, str]], str]
    refuse: Callable[[str, str], Reply]
    limits: Callable[[int, int, float], Mapping[str, str]]
    endpoints: Sequence[Endpoint]
    has_idempotency: bool = False


def as_json(value: Any, *, status: int = 200, used: Used | None = None, **headers: str) -> Reply:
    """A reply that is one JSON text; underscores in names of headers stand for hyphens."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(parts=(dumps(value),), status=status, used=used, headers=named)


def dumps(value: Any) -> bytes:
    """JSON as vendors write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def as_events(events: Sequence[tuple[str, Any]], *, used: Used | None = None, end: str = "") -> Reply:
    """Server-sent events: each a name, which may be empty, and a value for its data."""
    parts = [
        (f"event: {name}\n" if name else "").encode() + b"data: " + dumps(value) + b"\n\n" for name, value in events
    ]
    if end:
        parts.append(f"data: {end}\n\n".encode())
    return Reply(parts=parts, media_type="text/event-stream; charset=utf-8", used=used, is_stream=True)
