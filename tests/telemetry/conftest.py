"""What the tests of telemetry share: tracers that remember, metrics on a registry of their own, and a receiver."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from storygen.events import Observer, Watch, watched
from storygen.telemetry.families import allowed_from
from storygen.telemetry.metrics import Metrics
from storygen.telemetry.observe import enable
from storygen.telemetry.receiver import Receiver, receiving
from storygen.telemetry.tracing import Tracing

CHAINS = {"text": ("openai", "builtin"), "speech": ("elevenlabs", "builtin"), "images": ("builtin",)}
MODELS = {"openai": ("gpt-5",), "elevenlabs": ("eleven_v3",), "builtin": ("grammar", "espeak", "cards")}


class Traced:
    """Tracing into memory."""

    def __init__(self, *, content: bool = False) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.observer = Tracing(provider.get_tracer("test"), content=content)

    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.spans() if span.name == name]
        return found


class Measured:
    """Metrics on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        allowed = allowed_from(CHAINS, MODELS, operations=("mix",), pipelines=("episode",))
        self.observer = Metrics(self.registry, allowed)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def total(self, name: str) -> float:
        """The sum over all series of a name."""
        return sum(s.value for metric in self.registry.collect() for s in metric.samples if s.name == name)


@pytest.fixture
def traced() -> Traced:
    return Traced()


@pytest.fixture
def measured() -> Measured:
    return Measured()


@pytest.fixture
def watch(traced: Traced, measured: Measured) -> Iterator[Watch]:
    """Everything in the test is traced and measured."""
    observers: tuple[Observer, ...] = (traced.observer, measured.observer)
    with watched(Watch(observers, "run-1")) as watching:
        yield watching


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture(autouse=True)
def switched_on() -> Iterator[None]:
    """The door's switch and default observers are those of a fresh process, before and after."""
    enable()
    yield
    enable()
