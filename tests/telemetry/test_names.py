from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry

import storygen.quality
from storygen.errors import kinds
from storygen.telemetry import names, spans, words
from storygen.telemetry.families import allowed_from
from storygen.telemetry.known import set_limits
from storygen.telemetry.metrics import Metrics
from tests.telemetry import contract

LATER = {
    "text": ("openai", "anthropic", "gemini", "ollama", "builtin"),
    "speech": ("elevenlabs", "openai", "gemini", "piper", "builtin"),
    "images": ("openai", "gemini", "builtin"),
    "video": ("runway", "builtin"),
    "transcription": ("faster_whisper", "openai"),
}


def test_the_metrics_are_those_of_the_contract_and_no_others() -> None:
    declared = {m.name: (m.type, tuple(label.name for label in m.labels)) for m in names.METRICS}
    assert declared == contract.metrics()
    assert {metric.name for metric in names.METRICS if metric.exemplar} == contract.EXEMPLARS


def test_the_spans_are_those_of_the_contract_and_no_others() -> None:
    assert {kind: (span.prefix, span.kind) for kind, span in spans.SPANS.items()} == contract.SPANS


def test_what_a_process_exposes_is_declared_and_what_is_declared_for_now_is_exposed() -> None:
    registry = CollectorRegistry()
    Metrics(registry, allowed_from(LATER, {}))
    exposed = {m.name + ("_total" if m.type == "counter" else "") for m in registry.collect()}
    assert exposed == {metric.name for metric in names.METRICS if not metric.is_read}


def test_the_standard_buckets_of_durations_come_first_and_read_as_the_standard_writes_them() -> None:
    standard = "0.01 0.02 0.04 0.08 0.16 0.32 0.64 1.28 2.56 5.12 10.24 20.48 40.96 81.92 163.84 327.68 655.36 1310.72"
    assert " ".join(str(bound) for bound in names.GENAI_DURATION_BUCKETS) == standard


def test_every_metric_says_what_it_is_and_histograms_have_buckets() -> None:
    assert all(metric.help.endswith(".") for metric in names.METRICS)
    assert all(bool(metric.buckets) == (metric.type == "histogram") for metric in names.METRICS)


def test_error_types_are_the_kinds_of_the_error_tree() -> None:
    assert kinds() == words.ERROR_TYPES


def test_all_vendors_together_stay_far_below_the_budget_of_series() -> None:
    registry = CollectorRegistry()
    models = {provider: (f"{provider}-model",) for chain in LATER.values() for provider in chain}
    metrics = Metrics(registry, allowed_from(LATER, models))
    set_limits(metrics.families, dict.fromkeys(words.STAGES, 1.0), {"scenes": 16, "cores": 2})
    series = sum(len(metric.samples) for metric in registry.collect())
    assert 1000 < series < 2400


def test_every_check_that_quality_makes_may_be_a_label() -> None:
    found = {name for path in Path(storygen.quality.__file__).parent.glob("*.py") for name in checked_in(path)}
    known = {name for checks in words.CHECKS.values() for name in checks}
    assert found
    assert found - known == set()


def checked_in(path: Path) -> Iterator[str]:
    """The names of checks that stand in a module: the first word given to what makes a check, or its `name`."""
    makers = {"Check", "_check", "_within", "_at_most", "_equal", "_none"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers:
            given = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "name")]
            yield from (str(g.value) for g in given if isinstance(g, ast.Constant) and isinstance(g.value, str))
