from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from storygen import events
from storygen.errors import DiskFull, ProviderTimeout, RateLimited, StageTimeout
from storygen.events import Watch, emit, timed, watched
from storygen.story import Check, Outcome, Usage, Verdict
from storygen.telemetry.metrics import Metrics
from tests.telemetry.conftest import Measured


def test_a_run_that_succeeds_is_counted_measured_and_remembered(measured: Measured, watch: Watch) -> None:
    with timed("run", "story") as run:
        assert measured.value("storygen_runs_in_progress", pipeline="story") == 1
        emit(events.Shipped(fidelity="degraded", seconds=42.0))
        run.add(cost_usd=0.02)
    assert measured.value("storygen_runs_in_progress", pipeline="story") == 0
    assert measured.value("storygen_runs_started_total", pipeline="story") == 1
    assert measured.value("storygen_run_duration_seconds_count", pipeline="story", outcome="success") == 1
    assert measured.value("storygen_films_total", pipeline="story", fidelity="degraded") == 1
    assert measured.value("storygen_film_duration_seconds_sum", pipeline="story") == 42
    assert measured.value("storygen_run_cost_usd_sum", pipeline="story") == 0.02
    assert (measured.value("storygen_last_success_timestamp_seconds", pipeline="story") or 0) > 1.7e9


def test_a_run_that_fails_leaves_the_time_of_the_last_success_alone(measured: Measured, watch: Watch) -> None:
    with contextlib.suppress(DiskFull), timed("run", "story"), timed("stage", "assembly"):
        raise DiskFull("no space")
    assert measured.value("storygen_last_success_timestamp_seconds", pipeline="story") is None
    assert measured.value("storygen_run_duration_seconds_count", pipeline="story", outcome="failed") == 1
    assert measured.value("storygen_stage_failures_total", stage="assembly", error_type="disk_full") == 1
    assert measured.value("storygen_stage_duration_seconds_count", stage="assembly", outcome="failed") == 1


def test_a_stage_that_ran_out_of_time_is_a_failure_and_one_that_was_cancelled_is_not(
    measured: Measured, watch: Watch
) -> None:
    with contextlib.suppress(StageTimeout), timed("stage", "voice"):
        raise StageTimeout("too slow")
    with contextlib.suppress(KeyboardInterrupt), timed("stage", "voice"):
        raise KeyboardInterrupt
    assert measured.value("storygen_stage_failures_total", stage="voice", error_type="stage_timeout") == 1
    assert measured.total("storygen_stage_failures_total") == 1
    assert measured.value("storygen_stage_duration_seconds_count", stage="voice", outcome="cancelled") == 1


def test_a_redis_that_is_lost_and_found_again_is_shown_and_one_that_never_was_is_not(
    measured: Measured, watch: Watch
) -> None:
    assert measured.value("storygen_sharing_up", service="redis") is None
    emit(events.SharingChanged(service="redis", is_reachable=False, reason="ConnectionError"))
    assert measured.value("storygen_sharing_up", service="redis") == 0
    emit(events.SharingChanged(service="redis", is_reachable=True))
    assert measured.value("storygen_sharing_up", service="redis") == 1


def test_a_stage_from_the_cache_has_an_outcome_of_its_own(measured: Measured, watch: Watch) -> None:
    with timed("stage", "voice") as stage:
        stage.end(Outcome.CACHED)
    assert measured.value("storygen_stage_duration_seconds_count", stage="voice", outcome="cached") == 1
    assert measured.value("storygen_stage_duration_seconds_count", stage="voice", outcome="success") == 0


def test_the_critical_path_of_a_run_is_added_to_its_stages(measured: Measured) -> None:
    watching = Watch((measured.observer,))
    run = events.Timed("run", "story", watching, None, {})
    measured.observer.began(run)
    run.started_at = 100.0
    for stage, scene, began, ended in (("script", None, 100, 101), ("voice", 1, 101, 107), ("visuals", 1, 101, 103)):
        piece = events.Timed("stage", stage, watching, run, {} if scene is None else {"scene": scene})
        piece.started_at, piece.ended_at, piece.outcome = float(began), float(ended), Outcome.SUCCESS
        measured.observer.ended(piece)
    run.ended_at, run.outcome = 107.5, Outcome.SUCCESS
    measured.observer.ended(run)
    assert measured.value("storygen_stage_critical_seconds_total", stage="voice") == pytest.approx(6)
    assert measured.value("storygen_stage_critical_seconds_total", stage="visuals") == 0


def test_an_error_that_a_retry_cured_is_one_of_the_attempt_and_not_of_the_call(
    measured: Measured, watch: Watch
) -> None:
    with timed("stage", "voice"), timed("call", "generate_content", capability="speech") as call:
        with (
            contextlib.suppress(RateLimited),
            timed("attempt", "generate_content", provider="elevenlabs", model="eleven_v3"),
        ):
            raise RateLimited("slow down")
        emit(events.Retried(provider="elevenlabs", reason="rate_limited", attempt=1, wait=1.5))
        with timed("attempt", "generate_content", provider="elevenlabs", model="eleven_v3"):
            pass
        call.add(provider="elevenlabs", attempts=2, result="success")
    assert measured.value("storygen_calls_total", stage="voice", provider="elevenlabs", outcome="success") == 1
    assert measured.value("storygen_calls_total", stage="voice", provider="elevenlabs", outcome="error") == 0
    attempts = {"provider": "elevenlabs", "operation": "generate_content"}
    assert measured.value("storygen_attempts_total", **attempts, error_type="rate_limited") == 1
    assert measured.value("storygen_attempts_total", **attempts, error_type="") == 1
    assert measured.value("storygen_call_attempts_sum", **attempts) == 2
    assert measured.value("storygen_retries_total", stage="voice", provider="elevenlabs", reason="rate_limited") == 1
    assert measured.value("storygen_retry_wait_seconds_total", provider="elevenlabs") == 1.5
    labels = {
        "gen_ai_operation_name": "generate_content",
        "gen_ai_provider_name": "elevenlabs",
        "gen_ai_request_model": "eleven_v3",
    }
    name = "gen_ai_client_operation_duration_seconds_count"
    assert measured.value(name, **labels, error_type="") == 1
    assert measured.value(name, **labels, error_type="rate_limited") == 1


def test_a_call_that_no_provider_could_serve_is_an_error_of_the_last_one(measured: Measured, watch: Watch) -> None:
    with contextlib.suppress(ProviderTimeout), timed("stage", "voice"), timed("call", "generate_content"):
        emit(events.FellBack(from_provider="elevenlabs", to_provider="builtin", reason="timeout"))
        emit(events.GaveUp(provider="builtin", reason="timeout"))
        raise ProviderTimeout("no answer", provider="builtin")
    assert measured.value("storygen_calls_total", stage="voice", provider="builtin", outcome="error") == 1
    fallback = {"stage": "voice", "from_provider": "elevenlabs", "to_provider": "builtin"}
    assert measured.value("storygen_fallbacks_total", **fallback) == 1
    assert measured.value("storygen_retries_exhausted_total", stage="voice", provider="builtin") == 1


def test_what_an_attempt_used_is_counted_in_its_units_and_an_unknown_price_is_not_zero(
    measured: Measured, watch: Watch
) -> None:
    with timed("stage", "script"), timed("attempt", "chat", provider="openai", model="gpt-5"):
        usage = Usage(input_tokens=100, output_tokens=20)
        emit(events.Spent(provider="openai", model="gpt-5", usage=usage, cost_usd=0.5, wasted="invalid_output"))
        emit(events.Spent(provider="openai", model="gpt-5", usage=usage, cost_usd=None))
    spent = {"stage": "script", "provider": "openai", "model": "gpt-5"}
    assert measured.value("storygen_tokens_total", **spent, token_type="input") == 200
    assert measured.value("storygen_cost_usd_total", **spent) == 0.5
    assert measured.value("storygen_wasted_cost_usd_total", stage="script", provider="openai", reason="failed") == 0.5
    assert measured.value("storygen_unpriced_calls_total", provider="openai", model="gpt-5") == 1
    emit(
        events.Spent(provider="elevenlabs", model="eleven_v3", usage=Usage(characters=300, audio_seconds=9), cost_usd=0)
    )
    assert measured.value("storygen_tts_characters_total", provider="elevenlabs") == 300
    assert measured.value("storygen_audio_generated_seconds_total", provider="elevenlabs") == 9
    assert measured.total("storygen_unpriced_calls_total") == 1


def test_hits_checks_elements_stalls_and_sizes_are_counted(measured: Measured, watch: Watch) -> None:
    emit(events.CacheLooked(cache="speech", result="hit", saved_usd=0.25, saved_seconds=4.0))
    emit(events.CacheEvicted(cache="store", count=3, size_bytes=1000))
    emit(events.CacheSized(cache="store", size_bytes=1000))
    check = Check(artifact="audio", name="loudness", verdict=Verdict.WARN, value=-20.0)
    emit(events.Checked(check=check, provider="builtin"))
    emit(events.Measured(figure="audio_loudness_lufs", value=-20.0, provider="builtin"))
    emit(events.Counted(element="joke", count=2))
    emit(events.Stored(kind="audio", size_bytes=5000))
    emit(events.Occupied(name="cores", in_use=1, limit=2))
    with timed("stage", "assembly"):
        emit(events.Halted(seconds=60))
    assert measured.value("storygen_cache_requests_total", cache="speech", result="hit") == 1
    assert measured.value("storygen_cache_saved_usd_total", cache="speech") == 0.25
    assert measured.value("storygen_cache_saved_seconds_total", cache="speech") == 4
    assert measured.value("storygen_cache_evictions_total", cache="store") == 3
    assert measured.value("storygen_cache_size_bytes", cache="store") == 1000
    assert measured.value("storygen_quality_checks_total", artifact="audio", check="loudness", result="warn") == 1
    assert measured.value("storygen_audio_loudness_lufs_bucket", provider="builtin", le="-20.0") == 1
    assert measured.value("storygen_script_elements_total", element="joke") == 2
    assert measured.value("storygen_artifact_size_bytes_sum", kind="audio") == 5000
    assert measured.value("storygen_concurrency_in_use", limit="cores") == 1
    assert measured.value("storygen_concurrency_limit", limit="cores") == 2
    assert measured.value("storygen_stalls_total", stage="assembly") == 1


def test_counters_that_are_known_in_advance_are_there_before_anything_happens(measured: Measured) -> None:
    assert measured.value("storygen_stage_failures_total", stage="voice", error_type="timeout") == 0
    assert measured.value("storygen_calls_total", stage="voice", provider="elevenlabs", outcome="rejected") == 0
    attempts = {"provider": "elevenlabs", "operation": "generate_content"}
    assert measured.value("storygen_attempts_total", **attempts, error_type="unavailable") == 0
    fallback = {"stage": "script", "from_provider": "openai", "to_provider": "builtin"}
    assert measured.value("storygen_fallbacks_total", **fallback) == 0
    assert measured.value("storygen_telemetry_dropped_total", signal="traces") == 0


def test_a_gauge_without_a_value_is_absent_and_histograms_exist_for_success_only(measured: Measured) -> None:
    assert measured.value("storygen_last_success_timestamp_seconds", pipeline="story") is None
    assert measured.value("storygen_cache_size_bytes", cache="store") is None
    assert measured.value("storygen_stage_duration_seconds_count", stage="voice", outcome="success") == 0
    assert measured.value("storygen_stage_duration_seconds_count", stage="voice", outcome="failed") is None


def test_providers_bear_the_names_of_the_conventions(measured: Measured, watch: Watch) -> None:
    with timed("attempt", "chat", provider="gemini", model="gpt-5"):
        pass
    attempts = {"provider": "gcp.gemini", "operation": "chat", "error_type": ""}
    assert measured.value("storygen_attempts_total", **attempts) == 1


def test_ten_thousand_invented_models_and_operations_make_one_series_each_and_are_counted(
    measured: Measured, watch: Watch
) -> None:
    before = sum(len(metric.samples) for metric in measured.registry.collect())
    for number in range(10_000):
        emit(events.Spent(provider="openai", model=f"model-{number}", usage=Usage(), cost_usd=1.0))
        with timed("operation", f"operation {number}"):
            pass
    spent = {"stage": "none", "provider": "openai", "model": "other"}
    assert measured.value("storygen_cost_usd_total", **spent) == 10_000
    overflow = "storygen_label_overflow_total"
    assert measured.value(overflow, metric="storygen_cost_usd_total") == 10_000
    assert measured.value(overflow, metric="storygen_operation_duration_seconds") == 10_000
    assert sum(len(metric.samples) for metric in measured.registry.collect()) - before < 20


def test_operations_that_settings_name_are_labels_of_their_own(measured: Measured, watch: Watch) -> None:
    with timed("operation", "mix"):
        assert measured.value("storygen_concurrency_in_use", limit="operations") == 1
    assert measured.value("storygen_operation_duration_seconds_count", operation="mix", outcome="success") == 1
    assert measured.value("storygen_concurrency_in_use", limit="operations") == 0


def test_nothing_is_exposed_about_when_a_series_began(measured: Measured) -> None:
    assert b"_created" not in generate_latest(measured.registry)


NOTES = {
    "storygen_cache_requests_total": events.CacheLooked(cache="speech", result="miss"),
    "storygen_script_elements_total": events.Counted(element="scene", count=1),
    "storygen_retries_total": events.Retried(provider="openai", reason="unavailable", attempt=1, wait=0.0),
    "storygen_stalls_total": events.Halted(seconds=1.0),
    "storygen_fallbacks_total": events.FellBack(from_provider="openai", to_provider="builtin", reason="timeout"),
    "storygen_retries_exhausted_total": events.GaveUp(provider="openai", reason="timeout"),
    "storygen_calls_total": events.Called(provider="openai", model="gpt-5"),
}


@given(st.lists(st.sampled_from(sorted(NOTES)), max_size=40))
def test_every_counter_equals_the_events_that_it_counts(told: list[str]) -> None:
    registry = CollectorRegistry()
    with watched(Watch((Metrics(registry),))):
        for name in told:
            emit(NOTES[name])
    counted = Counter[str]()
    for metric in registry.collect():
        for sample in metric.samples:
            counted[sample.name] += int(sample.value)
    assert {name: counted[name] for name in NOTES} == {name: told.count(name) for name in NOTES}
