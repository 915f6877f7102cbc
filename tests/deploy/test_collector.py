"""The gateway's configuration, as data: no collector is started here."""

from __future__ import annotations

import re

import pytest

from storygen.mixin.config import load, seconds
from storygen.settings import StageTimeouts
from storygen.story import Fidelity, Outcome
from storygen.telemetry import names, spans
from tests.deploy.conftest import ROOT

KINDS = ("receivers", "processors", "exporters", "connectors", "extensions")
# What the contrib distribution brings of each kind, as far as it is used here.
CONTRIB = {
    "receivers": {"otlp"},
    "processors": {"attributes", "batch", "memory_limiter", "redaction", "tail_sampling"},
    "exporters": {"otlp_grpc", "prometheus"},
    "connectors": {"span_metrics"},
    "extensions": {"health_check"},
}


def policies(collector) -> dict:
    return {policy["name"]: policy[policy["type"]] for policy in collector["processors"]["tail_sampling"]["policies"]}


def test_components_are_ones_that_the_distribution_has(collector):
    for kind in KINDS:
        assert {name.split("/")[0] for name in collector[kind]} == CONTRIB[kind]


def test_pipelines_use_all_that_is_declared_and_nothing_else(collector):
    pipelines = collector["service"]["pipelines"].values()
    declared = {kind: set(collector[kind]) for kind in KINDS}
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in pipelines for name in pipeline.get(kind, ())}
        extra = declared["connectors"] if kind != "processors" else set()
        assert used == declared[kind] | extra
    assert set(collector["service"]["extensions"]) == declared["extensions"]


def test_memory_is_guarded_first_and_secrets_are_gone_before_anything_is_kept(collector):
    for name, pipeline in collector["service"]["pipelines"].items():
        if name.startswith("traces"):
            assert pipeline["processors"][0] == "memory_limiter"
    kept = collector["service"]["pipelines"]["traces/kept"]["processors"]
    assert kept[1:] == ["attributes/content", "redaction/keys", "tail_sampling", "batch"]


def test_it_listens_on_this_machine_alone_unless_it_is_told_otherwise(collector):
    text = (ROOT / "deploy/collector/collector.yaml").read_text("utf-8")
    endpoints = [
        *(protocol["endpoint"] for protocol in collector["receivers"]["otlp"]["protocols"].values()),
        collector["exporters"]["prometheus"]["endpoint"],
        collector["extensions"]["health_check"]["endpoint"],
    ]
    assert all(endpoint.startswith("${env:COLLECTOR_LISTEN_HOST:-127.0.0.1}:") for endpoint in endpoints)
    assert "0.0.0.0" not in text


def test_span_metrics_are_in_seconds_with_the_buckets_of_the_stages(collector):
    histogram = collector["connectors"]["span_metrics"]["histogram"]
    assert histogram["unit"] == "s"
    buckets = tuple(seconds(bucket) for bucket in histogram["explicit"]["buckets"])
    assert buckets == names.BY_NAME["storygen_stage_duration_seconds"].buckets
    assert buckets[-1] == 1800


def test_span_metrics_have_only_labels_with_few_values(collector):
    dimensions = {one["name"] for one in collector["connectors"]["span_metrics"]["dimensions"]}
    assert dimensions == {spans.STAGE_NAME, spans.OUTCOME, spans.ERROR_TYPE}


def test_a_decision_waits_until_a_run_can_have_failed(collector):
    sampling = collector["processors"]["tail_sampling"]
    longest = max(StageTimeouts().model_dump().values())
    assert seconds(sampling["decision_wait"]) > longest
    assert 0 < seconds(sampling["decision_wait_after_root_received"]) <= 60
    assert min(sampling["decision_cache"].values()) >= 10 * sampling["num_traces"]


def test_traces_that_somebody_will_look_for_are_kept(collector):
    wanted = policies(collector)
    assert wanted["errors"] == {"status_codes": ["ERROR"]}
    assert set(wanted["failed"]["values"]) == {Outcome.FAILED, Outcome.TIMEOUT}
    assert set(wanted["degraded"]["values"]) == set(Fidelity) - {Fidelity.FULL}
    assert wanted["slow"]["threshold_ms"] == 1000 * load().objectives.fast_seconds
    assert wanted["costly"] == {"key": spans.COST_BAND, "values": [spans.cost_band(5), spans.cost_band(50)]}
    assert 0 < wanted["others"]["sampling_percentage"] < 100


def test_decisions_ask_for_attributes_that_spans_carry(collector):
    carried = {attribute for span in spans.SPANS.values() for attribute in span.fields.values()}
    carried |= {spans.OUTCOME, spans.COST_BAND}
    assert {rule["key"] for rule in policies(collector).values() if "key" in rule} <= carried


def test_prompts_and_stories_go_no_further(collector):
    actions = collector["processors"]["attributes/content"]["actions"]
    assert {action["key"] for action in actions} == set(spans.CONTENT.values())
    assert {action["action"] for action in actions} == {"delete"}


@pytest.mark.parametrize(
    "value",
    [
        "sk-abcdefghijklmnop",
        "AIzaSyA1234567890abcdef",
        "Authorization: Bearer abcdefghij",
        "https://a.example/b?X-Amz-Signature=abc&d=1",
    ],
)
def test_values_that_look_like_keys_are_taken_out(collector, value):
    assert any(re.search(pattern, value) for pattern in collector["processors"]["redaction/keys"]["blocked_values"])


def test_attributes_that_are_called_keys_are_taken_out_and_those_of_storygen_stay(collector):
    patterns = collector["processors"]["redaction/keys"]["blocked_key_patterns"]
    carried = {attribute for span in spans.SPANS.values() for attribute in span.fields.values()}
    assert [name for name in carried if any(re.search(pattern, name) for pattern in patterns)] == []
    for name in ("openai.api_key", "http.request.header.authorization", "x-api-key", "db.password"):
        assert any(re.search(pattern, name) for pattern in patterns)
