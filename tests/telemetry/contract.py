"""The names that dashboards, rules and runbooks rely on, written down once more, so that none changes by accident."""

from __future__ import annotations

METRICS = """
storygen_runs_started_total counter pipeline
storygen_run_duration_seconds histogram pipeline outcome
storygen_runs_in_progress gauge pipeline
storygen_last_success_timestamp_seconds gauge pipeline
storygen_films_total counter pipeline fidelity
storygen_film_duration_seconds histogram pipeline
storygen_run_cost_usd histogram pipeline
storygen_stage_duration_seconds histogram stage outcome
storygen_operation_duration_seconds histogram operation outcome
storygen_stage_critical_seconds_total counter stage
storygen_stage_failures_total counter stage error_type
storygen_stage_timeout_seconds gauge stage
storygen_stalls_total counter stage
storygen_queue_wait_seconds histogram queue
storygen_jobs gauge queue state
storygen_job_oldest_age_seconds gauge queue state
storygen_job_silent_seconds gauge queue
gen_ai_client_operation_duration_seconds histogram gen_ai_operation_name gen_ai_provider_name gen_ai_request_model error_type
gen_ai_client_token_usage histogram gen_ai_operation_name gen_ai_provider_name gen_ai_request_model gen_ai_token_type
storygen_tokens_total counter stage provider model token_type
storygen_cost_usd_total counter stage provider model
storygen_uncertain_cost_usd_total counter stage provider
storygen_wasted_cost_usd_total counter stage provider reason
storygen_unpriced_calls_total counter provider model
storygen_budget_usd gauge window
storygen_budget_rejections_total counter window
storygen_tts_characters_total counter provider
storygen_images_generated_total counter provider
storygen_audio_generated_seconds_total counter provider
storygen_video_generated_seconds_total counter provider
storygen_script_elements_total counter element
storygen_calls_total counter stage provider outcome
storygen_attempts_total counter provider operation error_type
storygen_call_attempts histogram provider operation
storygen_retries_total counter stage provider reason
storygen_retries_exhausted_total counter stage provider
storygen_retry_wait_seconds_total counter provider
storygen_fallbacks_total counter stage from_provider to_provider
storygen_circuit_breaker_state gauge provider capability state
storygen_circuit_breaker_transitions_total counter provider capability to_state
storygen_sharing_up gauge service
storygen_circuit_breaker_calls_total counter provider capability result
storygen_cache_requests_total counter cache result
storygen_cache_saved_usd_total counter cache
storygen_cache_saved_seconds_total counter cache
storygen_cache_size_bytes gauge cache
storygen_cache_evictions_total counter cache
storygen_quality_checks_total counter artifact check result
storygen_audio_loudness_lufs histogram provider
storygen_subtitle_coverage_ratio histogram provider
storygen_subtitle_drift_seconds histogram provider
storygen_artifact_size_bytes histogram kind
storygen_disk_free_bytes gauge volume
storygen_disk_size_bytes gauge volume
http_server_request_duration_seconds histogram method route status
storygen_webhook_deliveries_total counter result
storygen_concurrency_in_use gauge limit
storygen_concurrency_limit gauge limit
storygen_telemetry_dropped_total counter signal
storygen_label_overflow_total counter metric
storygen_build_info gauge version python_version
"""
EXEMPLARS = {
    "storygen_run_duration_seconds",
    "storygen_stage_duration_seconds",
    "storygen_operation_duration_seconds",
    "gen_ai_client_operation_duration_seconds",
    "storygen_cost_usd_total",
}
SPANS = {
    "run": ("invoke_workflow", "INTERNAL"),
    "stage": ("stage", "INTERNAL"),
    "call": ("call", "INTERNAL"),
    "attempt": ("", "CLIENT"),
    "operation": ("operation", "INTERNAL"),
    "ffmpeg": ("ffmpeg", "INTERNAL"),
    "send": ("send", "PRODUCER"),
    "process": ("process", "CONSUMER"),
    "request": ("", "SERVER"),
}


def metrics() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Type and labels by name."""
    rows = (line.split() for line in METRICS.strip().splitlines())
    return {name: (kind, tuple(labels)) for name, kind, *labels in rows}
