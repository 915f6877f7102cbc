"""Plain pages of traces, so that links in alerts lead somewhere where there is no Jaeger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from storygen.stack import page
from storygen.stack.traces import Search, TraceStore

SHOWN = 50
SHOWN_SPANS = 2_000
_ERROR = 2


def search(store: TraceStore, parameters: Mapping[str, list[str]]) -> str:
    """The traces that a link of Jaeger's form asks for: `service`, and `tags` as a JSON object."""
    wanted = Search(service=parameters.get("service", [""])[0], attributes=_tags(parameters), depth=SHOWN)
    rows = [_row(trace, store.get(trace)) for trace in store.search(wanted)]
    said = " ".join(f"{key}={value}" for key, value in {"service": wanted.service, **wanted.attributes}.items())
    return page.document("Traces", [f"<p><code>{page.text(said)}</code></p>", *(rows or ["<p>None is here.</p>"])])


def trace(store: TraceStore, trace_id: str) -> str:
    """One trace: its spans as a tree, with their times and attributes."""
    spans = list(_spans(store.get(trace_id)))
    if not spans:
        return page.document("Trace", ["<p>This trace is not here (any more).</p>"])
    began = min(_start(span) for span in spans)
    return page.document(f"Trace {trace_id}", [_span(span, depth, began) for span, depth in _tree(spans)])


def _tags(parameters: Mapping[str, list[str]]) -> dict[str, str]:
    try:
        pairs = json.loads(parameters.get("tags", ["{}"])[0])
    except (ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in pairs.items()} if isinstance(pairs, dict) else {}


def _row(trace_id: str, parts: Sequence[Mapping[str, Any]]) -> str:
    spans = list(_spans(parts))
    roots = [span for span in spans if not span.get("parentSpanId")] or spans
    failed = sum(_is_error(span) for span in spans)
    said = f"{len(spans)} spans, {failed} with errors, {_seconds(roots[0]):.3f} s"
    return (
        f'<article class="{"critical" if failed else "info"}">'
        f'<h2><a href="/trace/{trace_id}">{page.text(roots[0].get("name", ""))}</a></h2>'
        f"<p><small>{said}</small></p><p><code>{trace_id}</code></p></article>"
    )


def _span(span: Mapping[str, Any], depth: int, began: int) -> str:
    tint = "critical" if _is_error(span) else "info"
    pairs = " ".join(f"{pair.get('key')}={_plain(pair.get('value', {}))}" for pair in span.get("attributes", ()))
    at = (_start(span) - began) / 1e9
    return (
        f'<article class="{tint}" style="margin-left:{min(depth, 12)}rem"><h2>{page.text(span.get("name", ""))}</h2>'
        f"<p><small>at {at:.3f} s, {_seconds(span):.3f} s long {page.text(span.get('status', {}).get('message', ''))}"
        f"</small></p><p><code>{page.text(pairs)}</code></p></article>"
    )


def _tree(spans: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Spans in the order of a tree, children by their start; those whose parent never came stand at the top."""
    known = {span.get("spanId") for span in spans}
    children: dict[Any, list[Mapping[str, Any]]] = {}
    for span in sorted(spans, key=_start, reverse=True):
        parent = span.get("parentSpanId")
        children.setdefault(parent if parent in known else None, []).append(span)
    waiting = [(span, 0) for span in children.pop(None, [])]
    for _ in range(SHOWN_SPANS):
        if not waiting:
            return
        span, depth = waiting.pop()
        yield span, depth
        waiting += [(child, depth + 1) for child in children.pop(span.get("spanId"), [])]


def _spans(parts: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (span for part in parts for scope in part.get("scopeSpans", ()) for span in scope.get("spans", ()))


def _start(span: Mapping[str, Any]) -> int:
    return int(span.get("startTimeUnixNano", 0))


def _seconds(span: Mapping[str, Any]) -> float:
    return max(0, int(span.get("endTimeUnixNano", 0)) - _start(span)) / 1e9


def _is_error(span: Mapping[str, Any]) -> bool:
    return bool(span.get("status", {}).get("code") == _ERROR)


def _plain(value: Mapping[str, Any]) -> str:
    return str(next(iter(value.values()), ""))
