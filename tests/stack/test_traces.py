"""The built-in trace store: what exporters send comes back as Jaeger would answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode, format_span_id, format_trace_id

from storygen.errors import InvalidSettings
from storygen.mixin.config import load
from storygen.stack.query import TraceServer
from storygen.stack.stack import Stack
from storygen.stack.traces import TraceStore
from storygen.telemetry import receiver
from tests.servers import eventually, need

NOW = datetime.now(UTC)
WINDOW = {
    "query.startTimeMin": (NOW - timedelta(hours=1)).isoformat(),
    "query.startTimeMax": (NOW + timedelta(hours=1)).isoformat(),
}


class Asked:
    """Where a trace store listens."""

    def __init__(self, *, port: int, grpc_port: int, http_port: int) -> None:
        self.port, self.grpc_port, self.http_port = port, grpc_port, http_port


@pytest.fixture(scope="module")
def server() -> Iterator[TraceServer]:
    running = TraceServer()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["built-in", "jaeger"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """The built-in store, and a real Jaeger where there is one: both have to answer alike."""
    if request.param == "built-in":
        store: TraceServer = request.getfixturevalue("server")
        yield Asked(port=store.port, grpc_port=store.grpc_port, http_port=store.http_port)
        return
    need("prometheus", "jaeger")
    with Stack(tmp_path_factory.mktemp("jaeger"), load()) as stack:
        ports = (
            int(url.rpartition(":")[2]) for url in (stack.traces_url, stack.otlp_endpoint, stack.otlp_http_endpoint)
        )
        yield Asked(**dict(zip(("port", "grpc_port", "http_port"), ports, strict=True)))


def tracer(exporter: SpanExporter, service: str = "storygen") -> Tracer:
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("storygen", "1.0")


@pytest.fixture(scope="module")
def exporters(either: Asked) -> Iterator[dict[str, SpanExporter]]:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

    http = f"http://127.0.0.1:{either.http_port}/v1/traces"
    made: dict[str, SpanExporter] = {
        "grpc": Grpc(endpoint=f"http://127.0.0.1:{either.grpc_port}"),
        "http": Http(endpoint=http),
        "gzip": Http(endpoint=http, compression=Compression.Gzip),
    }
    yield made
    for exporter in made.values():
        exporter.shutdown()


@pytest.fixture
def own(server: TraceServer) -> Iterator[SpanExporter]:
    """An exporter to the built-in store."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{server.http_port}/v1/traces")
    yield exporter
    exporter.shutdown()


def get(server: Asked | TraceServer, path: str, **parameters: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.port}{path}", params=parameters)


def find(
    server: Asked | TraceServer, service: str, attributes: dict[str, str] | None = None, **more: str
) -> list[dict[str, Any]]:
    more = {f"query.{name}": value for name, value in more.items()}
    asked = {**WINDOW, "query.serviceName": service, "query.attributes": json.dumps(attributes or {}), **more}
    answer = get(server, "/api/v3/traces", **asked)
    return [] if answer.status_code == 404 else spans(answer)


def spans(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    parts = answer.json()["result"]["resourceSpans"]
    return [span for part in parts for scope in part["scopeSpans"] for span in scope["spans"]]


@pytest.mark.parametrize("protocol", ["grpc", "http", "gzip"])
def test_what_exporters_send_comes_back_by_its_id(
    either: Asked, exporters: dict[str, SpanExporter], protocol: str
) -> None:
    with tracer(exporters[protocol], protocol).start_as_current_span("stage voice", kind=SpanKind.CLIENT) as span:
        span.set_attribute("storygen.scene.index", 3)
        context = span.get_span_context()
    trace_id = format_trace_id(context.trace_id)
    path = f"/api/v3/traces/{trace_id}"
    eventually(lambda: get(either, path).status_code == 200)
    (found,) = spans(get(either, path))
    assert (found["traceId"], found["spanId"]) == (trace_id, format_span_id(context.span_id))
    assert (found["name"], found["kind"]) == ("stage voice", 3)
    assert found["attributes"] == [{"key": "storygen.scene.index", "value": {"intValue": "3"}}]
    assert protocol in get(either, "/api/v3/services").json()["services"]


def record(exporter: SpanExporter, service: str) -> None:
    """A run with a failed stage in one trace, and a run of another service."""
    ours = tracer(exporter, service)
    with ours.start_as_current_span("invoke_workflow story") as root:
        root.set_attributes({"storygen.run.id": "r1", "storygen.resumed": True, "storygen.cost.usd": 0.25})
        with ours.start_as_current_span("stage voice") as failed:
            failed.add_event("retry", {"reason": "timeout"})
            failed.set_status(Status(StatusCode.ERROR))
    with tracer(exporter, f"{service}-other").start_as_current_span("invoke_workflow story"):
        pass


def test_traces_are_found_by_service_name_attributes_and_error(
    either: Asked, exporters: dict[str, SpanExporter]
) -> None:
    record(exporters["grpc"], "found")
    eventually(lambda: len(find(either, "found")) == 2 and len(find(either, "found-other")) == 1)
    assert {span["name"] for span in find(either, "found", {"storygen.run.id": "r1"})} == {
        "invoke_workflow story",
        "stage voice",
    }
    assert len(find(either, "found", operationName="stage voice")) == 2
    for matching in (
        {"storygen.resumed": "true"},
        {"storygen.cost.usd": "0.25"},
        {"reason": "timeout"},
        {"error": "true"},
        {"storygen.run.id": "r1", "storygen.resumed": "true"},
    ):
        assert len(find(either, "found", matching)) == 2, matching
    assert find(either, "found", {"storygen.run.id": "r2"}) == []
    assert find(either, "found-other", {"error": "true"}) == []
    assert find(either, "nobody") == []
    assert find(either, "found", durationMin="1h10m") == []
    assert len(find(either, "found", durationMax="1m")) == 2
    assert len(find(either, "found", searchDepth="1")) == 2


def test_spans_are_also_found_by_what_jaegers_store_in_memory_knows_of_them(
    server: TraceServer, own: SpanExporter
) -> None:
    record(own, "known")
    for matching in ({"resource.service.name": "known"}, {"scope.version": "1.0", "span.kind": "internal"}):
        assert len(find(server, "known", matching)) == 2, matching
    assert len(find(server, "", operationName="invoke_workflow story", searchDepth="1")) == 1
    for other in ({"error": "perhaps"}, {"storygen.run.id": "r1", "error": "true"}):  # no one span has both
        assert find(server, "known", other) == []


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
    server: TraceServer, own: SpanExporter
) -> None:
    with tracer(own).start_as_current_span("<script>x</script>") as span:
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

    grown = batch(1, "x" * (receiver.LONGEST_BODY + 1))
    bomb = gzip.compress(ExportTraceServiceRequest(resource_spans=[grown]).SerializeToString())
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
