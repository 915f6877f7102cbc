"""What passes between an adapter and those who carry its calls, beside the request and the answer.

Both ways go through the context, so that an adapter needs no more parameters: it tells what the vendor's headers say of
limits, and may send the key under which a vendor remembers a request that it has already answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

_headers: ContextVar[dict[str, str] | None] = ContextVar("storygen_headers", default=None)
_idempotency: ContextVar[str] = ContextVar("storygen_idempotency_key", default="")


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
    return _idempotency.get()


class hinting:  # noqa: N801 - it is used as a function is
    """An attempt under `key`; what its adapter notes is in what this gives. It runs at each call, so it is lean."""

    __slots__ = ("_before", "_key", "_offered")

    def __init__(self, key: str = "") -> None:
        self._key = key

    def __enter__(self) -> Mapping[str, str]:
        noted: dict[str, str] = {}
        self._before, self._offered = _headers.set(noted), _idempotency.set(self._key)
        return noted

    def __exit__(self, *failure: object) -> None:
        _headers.reset(self._before)
        _idempotency.reset(self._offered)
