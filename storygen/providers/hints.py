"""What passes between an adapter and those who carry its calls, beside the request and the answer.

Both ways go through the context, so that an adapter needs no more parameters: it tells what the vendor's headers say of
limits, and may send the key under which a vendor remembers a request that it has already answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_headers: ContextVar[dict[str, str] | None] = ContextVar("storygen_headers", default=None)
_key: ContextVar[str] = ContextVar("storygen_idempotency_key", default="")


def note_headers(headers: Mapping[str, str]) -> None:
    """Tell those who keep the limits what the headers of an answer say; the names' case does not matter."""
    noted = _headers.get()
    if noted is not None:
        noted.update((str(name).lower(), str(value)) for name, value in headers.items())


def collected() -> Mapping[str, str]:
    """The headers that were noted in this attempt, by lower-case name."""
    return _headers.get() or {}


def idempotency_key() -> str:
    """The key of this request, the same when it is sent again because its answer was lost; empty outside a call."""
    return _key.get()


@contextmanager
def hinting(key: str = "") -> Iterator[Mapping[str, str]]:
    """An attempt under `key`; what its adapter notes is in what this yields."""
    noted: dict[str, str] = {}
    before, offered = _headers.set(noted), _key.set(key)
    try:
        yield noted
    finally:
        _headers.reset(before)
        _key.reset(offered)
