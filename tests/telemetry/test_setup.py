from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.request import urlopen

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as parse_text

from storygen.errors import InvalidSettings
from storygen.events import BreakerChanged, Spent, Watch, emit, timed, watched
from storygen.providers.registry import models, serving
from storygen.settings import (
    ElevenLabsSettings,
    FolderSettings,
    LogSettings,
    OpenAISettings,
    ProviderSettings,
    Settings,
    TelemetrySettings,
    VendorsSettings,
)
from storygen.story import Usage
from storygen.telemetry import export
from storygen.telemetry.receiver import Receiver
from storygen.telemetry.setup import start

QUIET = LogSettings(level="error")


def endpoint(receiver: Receiver, protocol: str) -> dict[str, str]:
    port = receiver.grpc_port if protocol == "grpc" else receiver.http_port
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_spans_arrive_at_a_receiver_with_who_sent_them(
    receiver: Receiver, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in endpoint(receiver, protocol).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
    with start(Settings(logs=QUIET)) as telemetry, watched(Watch(telemetry.observers)), timed("run", "story") as run:
        for number in range(1000):
            with timed("operation", "work", number=number):
                pass
    assert len(receiver.spans()) == 1001
    (root,) = [span for span in receiver.spans() if not span.parent_span_id]
    assert root.name == "invoke_workflow story"
    assert root.trace_id.hex() == run.trace_id
    resource = {item.key: item.value.string_value for item in receiver.received[0].resource.attributes}
    assert resource["service.name"] == "storygen"
    assert resource["deployment.environment.name"] == "staging"
    assert resource["service.version"]
    assert resource["service.instance.id"]


@pytest.mark.parametrize(
    "switch", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}]
)
def test_without_a_collector_nothing_is_traced(switch: dict[str, str]) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"} | switch
    with start(Settings(logs=QUIET), environ=environ) as telemetry:
        watch = Watch(telemetry.observers)
    with watched(watch), timed("run", "story") as run:
        pass
    assert run.trace_id == ""


def test_a_protocol_that_does_not_exist_is_said() -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon"}
    with pytest.raises(InvalidSettings, match="pigeon"):
        start(Settings(logs=QUIET), environ=environ)


def test_switched_off_nobody_observes() -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    settings = Settings(telemetry=TelemetrySettings(enabled=False, metrics_port=0))
    with start(settings, environ=environ, registry=CollectorRegistry()) as telemetry:
        assert telemetry.observers == ()
        assert telemetry.url == ""


def test_a_run_can_be_scraped_with_its_limits_disks_and_the_last_success(tmp_path: Path) -> None:
    settings = Settings(
        logs=QUIET,
        telemetry=TelemetrySettings(metrics_port=0),
        folders=FolderSettings(films=tmp_path / "not" / "yet", cache=tmp_path, state=tmp_path),
    )
    with start(settings, last_success={"story": 1_700_000_000.0}, environ={}) as telemetry:
        with watched(Watch(telemetry.observers)), timed("run", "story"), timed("stage", "voice"):
            pass
        with urlopen(telemetry.url, timeout=10) as answer:
            families = {family.name: family for family in parse_text(answer.read().decode())}
    assert {"process_cpu_seconds", "storygen_build_info"} <= set(families)
    values = {(s.name, *s.labels.values()): s.value for family in families.values() for s in family.samples}
    assert values["storygen_stage_timeout_seconds", "voice"] == 600
    assert values["storygen_concurrency_limit", "scenes"] == 16
    assert values["storygen_disk_free_bytes", "output"] > 0
    assert values["storygen_last_success_timestamp_seconds", "story"] > 1_700_000_000


def test_models_and_providers_of_settings_that_are_read_again_have_their_own_series() -> None:
    before = Settings(logs=QUIET, providers=ProviderSettings(text=("openai",), speech=("openai",)))
    chosen = VendorsSettings(openai=OpenAISettings(text_model="gpt-next"), elevenlabs=ElevenLabsSettings(at_once=3))
    after = before.model_copy(
        update={"vendors": chosen, "providers": ProviderSettings(text=("openai",), speech=("openai", "elevenlabs"))}
    )
    registry = CollectorRegistry()
    with start(before, models=models(before), serving=serving(before), registry=registry, environ={}) as telemetry:
        with watched(Watch(telemetry.observers)):
            emit(BreakerChanged(provider="openai", capability="text", to_state="open"))
        telemetry.adopt(after, models(after), serving(after))
        with watched(Watch(telemetry.observers)), timed("stage", "script"):
            for model in (
                "gpt-next",
                "gpt-5.4-mini",
            ):  # a run under way still names the old one
                emit(Spent(provider="openai", model=model, usage=Usage(input_tokens=5), cost_usd=0.25))
    found = {(s.name, *s.labels.values()): s.value for family in registry.collect() for s in family.samples}
    assert found["storygen_cost_usd_total", "script", "openai", "gpt-next"] == 0.25
    assert found["storygen_cost_usd_total", "script", "openai", "gpt-5.4-mini"] == 0.25
    assert found["storygen_calls_total", "voice", "elevenlabs", "success"] == 0
    assert found["storygen_concurrency_limit", "elevenlabs"] == 3
    assert found["storygen_circuit_breaker_state", "openai", "text", "open"] == 1
    assert sum(value for (name, *_), value in found.items() if name == "storygen_label_overflow_total") == 0


class Refusing(SpanExporter):
    """A collector that takes nothing."""

    def __init__(self) -> None:
        self.asked = 0

    def export(self, spans: object) -> SpanExportResult:
        self.asked += 1
        return SpanExportResult.FAILURE

    def shutdown(self) -> None: ...


def test_at_the_exit_a_collector_that_failed_is_not_asked_again() -> None:
    lost: list[int] = []
    refusing = Refusing()
    delivery = export.Delivery(refusing, lost.append)
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    span = tracer.start_span("work")._readable_span()  # type: ignore[attr-defined]
    delivery.export([span])
    delivery.export([span])
    delivery.close()
    delivery.export([span, span])
    assert refusing.asked == 2
    assert lost == [1, 1, 2]


def test_every_span_that_is_lost_is_counted() -> None:
    lost: list[int] = []
    provider = export.create_provider(Refusing(), lost.append)
    tracer = provider.get_tracer("test")
    for _ in range(2000):
        tracer.start_span("work").end()
    provider.shutdown()
    assert sum(lost) == 2000


def test_a_full_queue_counts_what_it_throws_away() -> None:
    lost: list[int] = []
    release = threading.Event()

    class Stuck(Refusing):
        def export(self, spans: object) -> SpanExportResult:
            release.wait(30)
            return SpanExportResult.SUCCESS

    provider: TracerProvider = export.create_provider(Stuck(), lost.append)
    tracer = provider.get_tracer("test")
    for _ in range(export.QUEUE + export.BATCH + 100):
        tracer.start_span("work").end()
    thrown = sum(lost)
    release.set()
    provider.shutdown()
    assert thrown >= 100
    assert sum(lost) == thrown


def test_lost_spans_and_the_dead_collector_show_in_metrics_and_log() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        stream, registry = io.StringIO(), CollectorRegistry()
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{closed.getsockname()[1]}"}
        os.environ |= environ
        try:
            telemetry = start(
                Settings(logs=LogSettings(format="json", level="warning")),
                environ=environ,
                registry=registry,
                stream=stream,
            )
        finally:
            del os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
        with watched(Watch(telemetry.observers)), timed("run", "story"):
            pass
        telemetry.shutdown()
    assert registry.get_sample_value("storygen_telemetry_dropped_total", {"signal": "traces"}) == 1
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["telemetry.export_failed"]


def test_a_process_with_a_silent_collector_ends_by_itself(tmp_path: Path) -> None:
    program = (
        "from storygen.settings import Settings\n"
        "from storygen.telemetry.setup import start\n"
        "from storygen.events import Watch, timed, watched\n"
        "with start(Settings()) as telemetry, watched(Watch(telemetry.observers)), timed('run', 'story'):\n"
        "    pass\n"
    )
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        environ = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True, timeout=30
        )
    assert "Traceback" not in done.stderr


def test_only_what_is_asked_for_is_imported() -> None:
    program = (
        "import sys\n"
        "from storygen.settings import Settings\n"
        "from storygen.telemetry.setup import start\n"
        "start(Settings(), environ={}).shutdown()\n"
        "print(*(name for name in ('prometheus_client', 'opentelemetry', 'grpc') if name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == ""
