"""A small store of traces for machines without Jaeger: the latest stay in memory and are found as Jaeger finds them.

Source: Jaeger 2.20, its query API v3 (`apiv3/http_gateway.go`) and its store in memory (`storage/v2/memory/tenant.go`).
"""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]  # ships no types

TRACES = 2_000
TOTAL_BYTES = 32 * 1024 * 1024  # as they are sent; in memory it is about three times as much
SEARCH_DEPTH = 100
_STATUS = {"unset": 0, "ok": 1, "error": 2}
_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}
_IDS = ("traceId", "spanId", "parentSpanId")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a trace must have a span of; times in nanoseconds since 1970, durations in nanoseconds."""

    service: str = ""
    operation: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    start_min: int = 0
    start_max: int = 2**63
    duration_min: int = 0
    duration_max: int = 2**63
    depth: int = SEARCH_DEPTH


class TraceStore:
    """The latest traces, at most `traces` of them and `total_bytes` of spans; the oldest go first."""

    def __init__(self, traces: int = TRACES, total_bytes: int = TOTAL_BYTES) -> None:
        self._most = traces
        self._most_bytes = total_bytes
        self._bytes = 0
        self._parts: OrderedDict[str, list[tuple[Any, int]]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, batch: Sequence[Any]) -> None:
        """Keep a batch of OTLP's `ResourceSpans`."""
        with self._lock:
            for part in batch:
                for trace, own in _by_trace(part):
                    size = own.ByteSize()
                    self._parts.setdefault(trace, []).append((own, size))
                    self._bytes += size
            while self._parts and (len(self._parts) > self._most or self._bytes > self._most_bytes):
                _, gone = self._parts.popitem(last=False)
                self._bytes -= sum(size for _, size in gone)

    def get(self, trace_id: str) -> list[dict[str, Any]]:
        """The trace's `resourceSpans` as OTLP's JSON; empty where it is not here."""
        return [_as_json(part) for part in self._of(trace_id.lower().zfill(32))]

    def services(self) -> list[str]:
        """The names of the services that sent what is kept, sorted."""
        return sorted({name for _, parts in self._all() for part in parts if (name := _service(part))})

    def search(self, wanted: Search) -> list[str]:
        """Ids of traces of which one span matches, newest first."""
        found: list[str] = []
        for trace, parts in self._all():
            if len(found) == wanted.depth:
                break
            if any(_matches(part, scope, span, wanted) for part, scope, span in _spans(parts)):
                found.append(trace)
        return found

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._parts.clear()
            self._bytes = 0

    def _of(self, trace: str) -> list[Any]:
        with self._lock:
            return [part for part, _ in self._parts.get(trace, ())]

    def _all(self) -> list[tuple[str, list[Any]]]:
        """Every trace with its parts, the newest first; what is kept is never changed, so it can be read outside."""
        with self._lock:
            return [(trace, [part for part, _ in parts]) for trace, parts in reversed(self._parts.items())]


def _by_trace(part: Any) -> Iterator[tuple[str, Any]]:
    """Split `ResourceSpans` into one per trace; most are of one trace already."""
    ids = {bytes(span.trace_id) for scope in part.scope_spans for span in scope.spans}
    for trace in ids:
        own = part if len(ids) == 1 else _only(part, trace)
        yield trace.hex().zfill(32), own


def _only(part: Any, trace: bytes) -> Any:
    own = type(part)()
    own.CopyFrom(part)
    for scope in own.scope_spans:
        kept = [span for span in scope.spans if span.trace_id == trace]
        del scope.spans[:]
        scope.spans.extend(kept)
    return own


def _spans(parts: Sequence[Any]) -> Iterator[tuple[Any, Any, Any]]:
    return ((part, scope, span) for part in parts for scope in part.scope_spans for span in scope.spans)


def _service(part: Any) -> str:
    return next((value for value in _values("service.name", part.resource.attributes)), "")


def _matches(part: Any, scope: Any, span: Any, wanted: Search) -> bool:
    start = span.start_time_unix_nano
    return (
        wanted.service in {"", _service(part)}
        and wanted.operation in {"", span.name}
        and wanted.start_min <= start <= wanted.start_max
        and wanted.duration_min <= span.end_time_unix_nano - start <= wanted.duration_max
        and all(_has(part, scope, span, key, value) for key, value in wanted.attributes.items())
    )


def _has(part: Any, scope: Any, span: Any, key: str, value: str) -> bool:
    if key == "error":
        return value in _TRUE | _FALSE and (span.status.code == _STATUS["error"]) == (value in _TRUE)
    if key == "span.status":
        return bool(span.status.code == _STATUS.get(value.lower(), 0))
    if key == "span.kind":
        return bool(span.kind == _KINDS.get(value.lower(), 0))
    if key in {"scope.name", "scope.version"}:
        return bool(getattr(scope.scope, key.removeprefix("scope.")) == value)
    if key.startswith("resource."):
        return value in _values(key.removeprefix("resource."), part.resource.attributes)
    places = chain((span, scope.scope, part.resource), span.events, span.links)
    return any(value in _values(key, place.attributes) for place in places)


def _values(key: str, attributes: Sequence[Any]) -> list[str]:
    return [_text(pair.value) for pair in attributes if pair.key == key]


def _text(value: Any) -> str:
    """A value as Jaeger compares it (`pcommon.Value.AsString`), for the kinds that people search for."""
    kind = value.WhichOneof("value")
    if kind is None:
        return ""
    held = getattr(value, kind)
    if kind == "bool_value":
        return "true" if held else "false"
    if kind == "double_value":
        return str(int(held)) if held.is_integer() else repr(held)
    return str(held)


def _as_json(part: Any) -> dict[str, Any]:
    """OTLP's JSON, which writes ids in hexadecimal and enumerations as numbers, unlike protobuf's own mapping."""
    plain: dict[str, Any] = MessageToDict(part, use_integers_for_enums=True)
    for scope in plain.get("scopeSpans", ()):
        for span in scope.get("spans", ()):
            for holder in (span, *span.get("links", ())):
                holder.update({name: base64.b64decode(holder[name]).hex() for name in _IDS if name in holder})
    return plain
