"""A run's trace as a trace store gives it back: found by what people search for, and from a metric's exemplar.

The store is the one of `storygen stack`; where a `jaeger` is on the PATH the same tests run against it, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storygen.errors import ResourceFailure
from storygen.mixin.config import load
from storygen.stack import programs
from storygen.stack.query import TraceServer
from storygen.stack.stack import Stack, scaled
from storygen.stack.web import ask, free_ports
from storygen.vendors.server import Simulation
from tests.e2e.conftest import STORY, Shell
from tests.servers import eventually, need

PATIENCE = 60.0
KINDS = {"INTERNAL": 1, "CLIENT": 3}
BROKEN = {
    "STORYGEN_PROVIDERS__SPEECH": "openai",
    "STORYGEN_DEGRADE__VOICE": "fail",
    "STORYGEN_VENDORS__OPENAI__BASE_URL": "http://127.0.0.1:9/v1",
    "STORYGEN_VENDORS__OPENAI__ATTEMPTS": "1",
    "OPENAI_API_KEY": "sk-planted0123456789",
}


@dataclass(frozen=True)
class Store:
    """A trace store that answers Jaeger's query API."""

    url: str
    otlp: str

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        try:
            return _spans(ask(f"{self.url}/api/v3/traces/{trace_id}"))
        except ResourceFailure:
            return []

    def search(self, **attributes: str) -> set[str]:
        """Ids of the traces of which a span has all of these attributes, written with `__` for a dot."""
        now = datetime.now(UTC)
        wanted = {
            "query.serviceName": "storygen",
            "query.startTimeMin": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "query.startTimeMax": f"{now + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}",
            "query.searchDepth": "100",
            "query.attributes": json.dumps({name.replace("__", "."): value for name, value in attributes.items()}),
        }
        try:
            return {span["traceId"] for span in _spans(ask(f"{self.url}/api/v3/traces", **wanted))}
        except ResourceFailure:
            return set()


def _spans(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = answer.get("result", {}).get("resourceSpans", [])
    return [span for part in parts for scope in part["scopeSpans"] for span in scope["spans"]]


def values(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values()), "") for pair in holder.get("attributes", ())}


@contextmanager
def builtin(_: Path) -> Iterator[Store]:
    server = TraceServer()
    server.start()
    try:
        yield Store(f"http://127.0.0.1:{server.port}", f"http://127.0.0.1:{server.grpc_port}")
    finally:
        server.stop()


@contextmanager
def jaeger(folder: Path) -> Iterator[Store]:
    with Stack(folder, load(None)) as stack:
        yield Store(stack.traces_url, stack.otlp_endpoint)


@dataclass(frozen=True)
class Told:
    """Three runs and the store that holds their traces, by the ids of run and trace."""

    store: Store
    runs: Mapping[str, tuple[str, str]]

    def trace(self, name: str) -> list[dict[str, Any]]:
        return self.store.spans(self.runs[name][1])

    def root(self, name: str) -> dict[str, Any]:
        (root,) = [span for span in self.trace(name) if not span.get("parentSpanId")]
        return root


@pytest.fixture(scope="module", params=["built-in", "jaeger"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A run that broke in the voice, one that goes on from it, and one that paid a vendor and had to ask it again."""
    if request.param == "jaeger":
        need("prometheus")  # without which the stack does not start
        if programs.locate("jaeger") is None:
            pytest.skip("there is no jaeger on the PATH; https://www.jaegertracing.io/download has it")
    home = tmp_path_factory.mktemp("told")
    opened = jaeger if request.param == "jaeger" else builtin
    with ExitStack() as stack:
        store = stack.enter_context(opened(home / "stack"))
        vendors = stack.enter_context(Simulation())
        shell = Shell(home, stack)
        yield Told(store, _make(shell, store, vendors))


def _make(shell: Shell, store: Store, vendors: Simulation) -> dict[str, tuple[str, str]]:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": store.otlp, "HOME": str(shell.home)}
    vendors.plan([{"vendor": "elevenlabs", "fault": "rate_limit", "first": 1, "retry_after": 0}])
    paid = {
        "STORYGEN_PROVIDERS__SPEECH": "elevenlabs",
        "STORYGEN_VENDORS__ELEVENLABS__BASE_URL": vendors.url("elevenlabs"),
        "ELEVENLABS_API_KEY": "sk-planted9876543210",
        "STORYGEN_PRICES": '{"elevenlabs/*": {"characters": 0.01}}',
    }
    (shell.home / "state").mkdir()
    made = {}
    for name, story, more, code in (
        ("broken", shell.write(), BROKEN, 1),
        ("resumed", shell.write(), {}, 0),
        ("paid", shell.write(STORY.replace("# The Jar", "# The Bill"), "bill.md"), paid, 0),
    ):
        done = shell.run("run", story, "-q", env=env | more)
        assert done.returncode == code, done.stderr
        run = json.loads(shell.run("explain", "--json").stdout)
        made[name] = (run["run_id"], run["trace_id"])
        eventually(lambda trace=run["trace_id"]: store.spans(trace), seconds=PATIENCE)
    return made


def test_a_story_is_one_trace_with_the_names_and_kinds_of_the_contract(told: Told) -> None:
    spans = told.trace("paid")
    root = told.root("paid")
    assert root["name"] == "invoke_workflow story"
    names = {span["name"] for span in spans}
    assert {f"stage {stage}" for stage in ("revise", "voice", "subtitles", "visuals", "assembly")} <= names
    assert {"call generate_content", "ffmpeg render", "ffmpeg join"} <= names
    ids = {span["spanId"] for span in spans}
    assert {span["parentSpanId"] for span in spans if span.get("parentSpanId")} <= ids
    clients = [span for span in spans if span["kind"] == KINDS["CLIENT"]]
    assert {span["name"].split()[0] for span in clients} <= {"chat", "generate_content"}
    assert {span["kind"] for span in spans if span not in clients} == {KINDS["INTERNAL"]}
    found = values(root)
    assert found["storygen.run.id"] == told.runs["paid"][0]
    assert found["storygen.outcome"] == "success"
    assert found["storygen.fidelity"] == "full"
    assert float(found["storygen.cost.usd"]) > 0


def test_each_attempt_is_a_span_and_the_retry_an_event_of_the_call(told: Told) -> None:
    spans = told.trace("paid")
    attempts = [span for span in spans if values(span).get("gen_ai.provider.name") == "elevenlabs"]
    failed = [span for span in attempts if values(span).get("error.type")]
    assert [values(span)["error.type"] for span in failed] == ["rate_limited"]
    assert len(attempts) == 3  # two scenes, one of them twice
    assert all(values(span)["gen_ai.output.type"] == "speech" for span in attempts)
    (call,) = [span for span in spans if span["spanId"] == failed[0]["parentSpanId"]]
    assert call["name"] == "call generate_content"
    events = [(event["name"], values(event).get("reason")) for event in call.get("events", ())]
    assert ("retry", "rate_limited") in events
    assert "error.type" not in values(call)


def test_a_run_that_goes_on_links_to_the_root_of_the_earlier(told: Told) -> None:
    links = [(link["traceId"], link["spanId"]) for link in told.root("resumed").get("links", ())]
    earlier = told.root("broken")
    assert links == [(earlier["traceId"], earlier["spanId"])]


def test_a_trace_is_found_by_the_id_of_its_run(told: Told) -> None:
    for run_id, trace_id in told.runs.values():
        assert told.store.search(**{"storygen.run.id": run_id}) == {trace_id}


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"storygen.failed.stage": "voice"}, {"broken"}),
        ({"storygen.failed.provider": "openai"}, {"broken"}),
        ({"storygen.stage.name": "voice", "error": "true"}, {"broken", "paid"}),
        ({"gen_ai.provider.name": "elevenlabs"}, {"paid"}),
        ({"storygen.provider": "elevenlabs"}, {"paid"}),
        ({"error.type": "rate_limited"}, {"paid"}),
        ({"storygen.cost.band": "below 0.01"}, {"broken", "resumed"}),
        ({"storygen.cost.band": "0.1 to 1"}, {"paid"}),
    ],
    ids=lambda given: " and ".join([*given]),
)
def test_traces_are_found_by_what_people_look_for(told: Told, attributes: dict[str, str], found: set[str]) -> None:
    assert told.store.search(**attributes) == {told.runs[name][1] for name in found}


def test_the_story_and_the_keys_are_in_no_trace(told: Told) -> None:
    whole = json.dumps([told.trace(name) for name in told.runs])
    assert [word for word in ("glowed", "Nobody answered", "sk-planted") if word in whole] == []


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[tuple[Stack, int]]:
    """The stack with Prometheus looking four times a second at one port, where storygen will come."""
    need("prometheus")
    (port,) = free_ports(1)
    with Stack(tmp_path / "stack", scaled(load(None), 60), targets=[f"127.0.0.1:{port}"]) as running:
        yield running, port


@pytest.mark.parametrize("metric", ["storygen_stage_duration_seconds", "storygen_run_duration_seconds"])
def test_an_exemplar_leads_to_its_trace(stack: tuple[Stack, int], tmp_path: Path, metric: str) -> None:
    running, port = stack
    began = time.time()
    with ExitStack() as children:
        shell = Shell(tmp_path, children)
        done = shell.run(
            "run", shell.write(), "-q", "--metrics-port", str(port),
            env={"OTEL_EXPORTER_OTLP_ENDPOINT": running.otlp_endpoint},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    series = eventually(
        lambda: running.query_exemplars(f"{metric}_bucket", began - 1, time.time() + 1), seconds=PATIENCE
    )
    labels = series[0]["exemplars"][0]["labels"]
    spans = eventually(lambda: Store(running.traces_url, "").spans(labels["trace_id"]), seconds=PATIENCE)
    (span,) = [span for span in spans if span["spanId"] == labels["span_id"]]
    expected = {"storygen_run_duration_seconds": "invoke_workflow story"}
    stage = series[0]["seriesLabels"].get("stage")
    assert span["name"] == expected.get(metric, f"stage {stage}")
