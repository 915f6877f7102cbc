"""The built-in trace store: what exporters send comes back as Jaeger would answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode, format_span_id, format_trace_id

from storygen.errors import InvalidSettings
from storygen.stack.query import TraceServer
from storygen.stack.traces import TraceStore

NOW = datetime.now(UTC)
WINDOW = {
    "query.startTimeMin": (NOW - timedelta(hours=1)).isoformat(),
    "query.startTimeMax": (NOW + timedelta(hours=1)).isoformat(),
}


@pytest.fixture(scope="module")
def server() -> Iterator[TraceServer]:
    running = TraceServer()
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _empty(server: TraceServer) -> None:
    server.store.clear()


def tracer(exporter: SpanExporter, service: str = "storygen") -> Tracer:
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("storygen", "1.0")


@pytest.fixture(scope="module")
def exporters(server: TraceServer) -> Iterator[dict[str, SpanExporter]]:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

    http = f"http://127.0.0.1:{server.http_port}/v1/traces"
    made: dict[str, SpanExporter] = {
        "grpc": Grpc(endpoint=f"http://127.0.0.1:{server.grpc_port}"),
        "http": Http(endpoint=http),
        "gzip": Http(endpoint=http, compression=Compression.Gzip),
    }
    yield made
    for exporter in made.values():
        exporter.shutdown()


def get(server: TraceServer, path: str, **parameters: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.port}{path}", params=parameters)


def find(server: TraceServer, attributes: dict[str, str] | None = None, **more: str) -> list[dict[str, Any]]:
    answer = get(server, "/api/v3/traces", **WINDOW, **{"query.attributes": json.dumps(attributes or {})}, **more)
    if answer.status_code == 404:
        return []
    return spans(answer)


def spans(answer: httpx.Response) -> list[dict[str, Any]]:
    parts = answer.json()["result"]["resourceSpans"]
    return [span for part in parts for scope in part["scopeSpans"] for span in scope["spans"]]


@pytest.mark.parametrize("protocol", ["grpc", "http", "gzip"])
def test_what_exporters_send_comes_back_by_its_id(
    server: TraceServer, exporters: dict[str, SpanExporter], protocol: str
) -> None:
    with tracer(exporters[protocol]).start_as_current_span("stage voice", kind=SpanKind.CLIENT) as span:
        span.set_attribute("storygen.scene.index", 3)
        context = span.get_span_context()
    trace_id = format_trace_id(context.trace_id)
    (found,) = spans(get(server, f"/api/v3/traces/{trace_id}"))
    assert (found["traceId"], found["spanId"]) == (trace_id, format_span_id(context.span_id))
    assert (found["name"], found["kind"]) == ("stage voice", 3)
    assert found["attributes"] == [{"key": "storygen.scene.index", "value": {"intValue": "3"}}]
    assert get(server, "/api/v3/services").json() == {"services": ["storygen"]}


def test_traces_are_found_by_service_name_attributes_and_error(
    server: TraceServer, exporters: dict[str, SpanExporter]
) -> None:
    ours = tracer(exporters["grpc"])
    with ours.start_as_current_span("invoke_workflow story") as root:
        root.set_attributes({"storygen.run.id": "r1", "storygen.resumed": True, "storygen.cost.usd": 0.25})
        with ours.start_as_current_span("stage voice") as failed:
            failed.add_event("retry", {"reason": "timeout"})
            failed.set_status(Status(StatusCode.ERROR))
    with tracer(exporters["grpc"], "other").start_as_current_span("invoke_workflow story"):
        pass
    assert {span["name"] for span in find(server, {"storygen.run.id": "r1"})} == {
        "invoke_workflow story",
        "stage voice",
    }
    assert len(find(server, {}, **{"query.serviceName": "storygen"})) == 2
    assert len(find(server, {}, **{"query.service_name": "other"})) == 1
    assert len(find(server, {}, **{"query.operationName": "invoke_workflow story"})) == 3
    for matching in (
        {"storygen.resumed": "true"},
        {"storygen.cost.usd": "0.25"},
        {"reason": "timeout"},
        {"error": "true"},
        {"resource.service.name": "storygen"},
        {"scope.version": "1.0", "span.kind": "internal", "storygen.run.id": "r1"},
    ):
        assert len(find(server, matching, **{"query.serviceName": "storygen"})) == 2, matching
    for other in ({"storygen.run.id": "r2"}, {"storygen.run.id": "r1", "error": "true"}, {"error": "perhaps"}):
        assert find(server, other) == []
    assert len(find(server, {}, **{"query.searchDepth": "1"})) == 1
    assert find(server, {}, **{"query.durationMin": "1h10m"}) == []
    assert len(find(server, {}, **{"query.durationMax": "1m"})) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"query.startTimeMin": ""},
        {"query.startTimeMin": "yesterday"},
        {"query.startTimeMin": "2999-01-01T00:00:00Z"},
        {"query.attributes": "[" * 100_00},
        {"query.attributes": '{"a": 1}'},
        {"query.searchDepth": "0"},
        {"query.searchDepth": "many"},
        {"query.durationMin": "long"},
    ],
)
def test_a_search_that_cannot_be_read_is_refused_as_jaeger_refuses_it(
    server: TraceServer, wrong: dict[str, str]
) -> None:
    answer = get(server, "/api/v3/traces", **{**WINDOW, **wrong})
    assert answer.status_code == 400
    assert answer.json()["error"]["httpCode"] == 400


def test_an_unknown_trace_is_not_found_and_a_strange_id_refused(server: TraceServer) -> None:
    assert get(server, f"/api/v3/traces/{'a' * 32}").status_code == 404
    assert get(server, "/api/v3/traces/..%2fetc").status_code == 400
    assert get(server, "/elsewhere").status_code == 404


def test_links_of_alerts_lead_to_pages_that_show_the_trace_and_obey_none_of_its_texts(
    server: TraceServer, exporters: dict[str, SpanExporter]
) -> None:
    with tracer(exporters["http"]).start_as_current_span("<script>x</script>") as span:
        span.set_attribute("storygen.provider", "<img src=x>")
        trace_id = format_trace_id(span.get_span_context().trace_id)
    listed = get(server, "/search", service="storygen", tags='{"storygen.provider":"<img src=x>"}').text
    assert f'href="/trace/{trace_id}"' in listed
    shown = get(server, f"/trace/{trace_id}").text
    assert "storygen.provider=&lt;img" in shown
    for page in (listed, shown):
        assert "<script" not in page
        assert "<img" not in page
    assert (
        "None is here"
        in get(server, "/search", service="storygen", tags="[").text + get(server, "/search", service="x").text
    )


@pytest.mark.parametrize("body", [b"nonsense" * 9, b"\x1f\x8bbroken"])
def test_what_is_not_otlp_is_refused(server: TraceServer, body: bytes) -> None:
    url = f"http://127.0.0.1:{server.http_port}"
    for encoding in ("identity", "gzip"):
        answer = httpx.post(f"{url}/v1/traces", content=body, headers={"Content-Encoding": encoding})
        assert answer.status_code == 400
    assert httpx.post(f"{url}/v1/metrics", content=body).status_code == 404


def test_what_grows_without_end_when_unpacked_is_refused(server: TraceServer) -> None:
    import gzip

    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    answer = httpx.post(
        f"http://127.0.0.1:{server.http_port}/v1/traces", content=bomb, headers={"Content-Encoding": "gzip"}
    )
    assert answer.status_code == 400


def batch(number: int, name: str = "x") -> ResourceSpans:
    part = ResourceSpans()
    part.scope_spans.add().spans.add(trace_id=number.to_bytes(16, "big"), name=name)
    return part


def test_only_the_latest_traces_are_kept() -> None:
    store = TraceStore(traces=3)
    store.add([batch(number) for number in range(1, 6)])
    assert [bool(store.get(f"{number:x}")) for number in range(1, 6)] == [False, False, True, True, True]


def test_big_traces_push_out_older_ones_and_one_that_is_too_big_is_not_kept() -> None:
    store = TraceStore(total_bytes=3_000)
    store.add([batch(1, "x" * 2_000), batch(2, "x" * 2_000)])
    assert not store.get("1")
    assert store.get("2")
    store.add([batch(3, "x" * 4_000)])
    assert not store.get("3")
    store.add([batch(4)])
    assert store.get("4")


def test_spans_of_two_traces_in_one_batch_are_told_apart() -> None:
    store = TraceStore()
    part = batch(1, "one")
    part.scope_spans[0].spans.add(trace_id=(2).to_bytes(16, "big"), name="two")
    store.add([part])
    (found,) = store.get("2")
    assert [span["name"] for span in found["scopeSpans"][0]["spans"]] == ["two"]


def test_a_taken_port_says_so_and_leaves_nothing_open(server: TraceServer) -> None:
    for taken in ({"port": server.port}, {"grpc_port": server.grpc_port}, {"http_port": server.http_port}):
        other = TraceServer(**taken)
        with pytest.raises(InvalidSettings, match="cannot be used"):
            other.start()
