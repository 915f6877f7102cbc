"""Every metric that storygen has, declared once; spans stand in `spans`, label values in `words`.

These names are an API: dashboards, rules, runbooks and the docs are built from them. The `gen_ai` ones follow
OpenTelemetry's GenAI conventions (semantic-conventions-genai, in development); `words` maps ours to theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from storygen.telemetry import words


@dataclass(frozen=True, slots=True)
class Label:
    """A label and its closed set; where `grows`, settings may add to the set. Everything else becomes `other`."""

    name: str
    values: tuple[str, ...]
    grows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric.

    What `is_read` is read from the durable queue when somebody looks, by one process, and counted by none.
    """

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    exemplar: bool = False
    unit: str = ""
    is_read: bool = False


RUN_BUCKETS = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
STAGE_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
OPERATION_BUCKETS = (0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0)
COST_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
QUEUE_BUCKETS = (0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0)
# The conventions' fourteen, continued, because a video takes minutes.
GENAI_DURATION_BUCKETS = tuple(0.01 * 2**n for n in range(18))
GENAI_TOKEN_BUCKETS = tuple(float(4**n) for n in range(14))
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
FILM_BUCKETS = (5.0, 10.0, 15.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0)
SIZE_BUCKETS = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)

_PIPELINE = Label("pipeline", words.PIPELINES, grows=True)
_STAGE = Label("stage", (*words.STAGES, words.NO_STAGE))
_PROVIDER = Label("provider", words.PROVIDERS, grows=True)
_MODEL = Label("model", (), grows=True)
_CAPABILITY = Label("capability", (*words.CAPABILITIES, words.NO_CAPABILITY))
_OPERATION = Label("operation", words.OPERATIONS, grows=True)
_CALL_OPERATION = Label("operation", words.GENAI_OPERATIONS)
_OUTCOME = Label("outcome", words.STAGE_OUTCOMES)
_CACHE = Label("cache", words.CACHES, grows=True)
_QUEUE = Label("queue", ("calls", "renders", "runs"), grows=True)
_ERROR_TYPE = Label("error_type", words.ERROR_TYPES)
_ATTEMPT_ERROR = Label("error_type", ("", *words.ERROR_TYPES))
_TOKEN_TYPE = Label("token_type", ("input", "output"))
_WINDOW = Label("window", words.WINDOWS)
_LIMIT = Label("limit", (*words.LIMITS, *words.PROVIDERS), grows=True)
_VOLUME = Label("volume", ("output", "cache"))
_GENAI = (
    Label("gen_ai_operation_name", words.GENAI_OPERATIONS),
    Label("gen_ai_provider_name", words.PROVIDERS, grows=True),
    Label("gen_ai_request_model", (), grows=True),
)
_CHECK = Label("check", tuple(sorted({name for names in words.CHECKS.values() for name in names})))


def _counter(name: str, says: str, *labels: Label, exemplar: bool = False, unit: str = "") -> Metric:
    return Metric(name=name, type="counter", help=says, labels=labels, exemplar=exemplar, unit=unit)


def _gauge(name: str, says: str, *labels: Label, unit: str = "", is_read: bool = False) -> Metric:
    return Metric(name=name, type="gauge", help=says, labels=labels, unit=unit, is_read=is_read)


def _histogram(
    name: str,
    says: str,
    *labels: Label,
    buckets: tuple[float, ...],
    exemplar: bool = False,
    unit: str = "seconds",
) -> Metric:
    return Metric(
        name=name,
        type="histogram",
        help=says,
        labels=labels,
        buckets=buckets,
        exemplar=exemplar,
        unit=unit,
    )


METRICS: tuple[Metric, ...] = (
    _counter("storygen_runs_started_total", "Runs that began.", _PIPELINE),
    _histogram(
        "storygen_run_duration_seconds",
        "How long runs took, from start to end.",
        _PIPELINE,
        Label("outcome", words.RUN_OUTCOMES),
        buckets=RUN_BUCKETS,
        exemplar=True,
    ),
    _gauge("storygen_runs_in_progress", "Runs under way in this process.", _PIPELINE),
    _gauge(
        "storygen_last_success_timestamp_seconds",
        "When a run last succeeded (Unix time); absent until one has.",
        _PIPELINE,
        unit="seconds",
    ),
    _counter(
        "storygen_films_total",
        "Films made, by how real they are.",
        _PIPELINE,
        Label("fidelity", words.FIDELITIES),
    ),
    _histogram("storygen_film_duration_seconds", "Length of finished films.", _PIPELINE, buckets=FILM_BUCKETS),
    _histogram("storygen_run_cost_usd", "What a run paid.", _PIPELINE, buckets=COST_BUCKETS, unit="usd"),
    _histogram(
        "storygen_stage_duration_seconds",
        "How long stages took, per scene where a stage has scenes; outcome `cached` is a look-up.",
        _STAGE,
        _OUTCOME,
        buckets=STAGE_BUCKETS,
        exemplar=True,
    ),
    _histogram(
        "storygen_operation_duration_seconds",
        "How long named parts of a stage, and work that users observe, took.",
        _OPERATION,
        _OUTCOME,
        buckets=OPERATION_BUCKETS,
        exemplar=True,
    ),
    _counter(
        "storygen_stage_critical_seconds_total",
        "The stage's share of the critical path of runs.",
        _STAGE,
        unit="seconds",
    ),
    _counter("storygen_stage_failures_total", "Stages that failed, by kind of error.", _STAGE, _ERROR_TYPE),
    _gauge("storygen_stage_timeout_seconds", "The configured limit of a stage.", _STAGE, unit="seconds"),
    _counter("storygen_stalls_total", "Work that was ended because nothing moved for too long.", _STAGE),
    _histogram(
        "storygen_queue_wait_seconds",
        "From submission to the start of work.",
        _QUEUE,
        buckets=QUEUE_BUCKETS,
    ),
    _gauge(
        "storygen_jobs",
        "Jobs in the durable queue.",
        _QUEUE,
        Label("state", ("queued", "running", "success", "failed", "timeout", "cancelled")),
        is_read=True,
    ),
    _gauge(
        "storygen_job_oldest_age_seconds",
        "Age of the oldest job in a state.",
        _QUEUE,
        Label("state", ("queued", "running")),
        unit="seconds",
        is_read=True,
    ),
    _gauge(
        "storygen_job_silent_seconds",
        "How long nothing was heard of the running job that was heard of longest ago; absent where none runs.",
        _QUEUE,
        unit="seconds",
        is_read=True,
    ),
    _histogram(
        "gen_ai_client_operation_duration_seconds",
        "GenAI operation duration, one per attempt; `error_type` is empty when it went well.",
        *_GENAI,
        _ATTEMPT_ERROR,
        buckets=GENAI_DURATION_BUCKETS,
        exemplar=True,
    ),
    _histogram(
        "gen_ai_client_token_usage",
        "Tokens used by one GenAI operation.",
        *_GENAI,
        Label("gen_ai_token_type", _TOKEN_TYPE.values),
        buckets=GENAI_TOKEN_BUCKETS,
        unit="tokens",
    ),
    _counter("storygen_tokens_total", "Tokens used.", _STAGE, _PROVIDER, _MODEL, _TOKEN_TYPE, unit="tokens"),
    _counter(
        "storygen_cost_usd_total",
        "What calls cost, failed and repeated ones included; calls of unknown price are not in it.",
        _STAGE,
        _PROVIDER,
        _MODEL,
        exemplar=True,
        unit="usd",
    ),
    _counter(
        "storygen_uncertain_cost_usd_total",
        "Estimated cost of calls whose answer was lost on the way and that may have been billed.",
        _STAGE,
        _PROVIDER,
        unit="usd",
    ),
    _counter(
        "storygen_wasted_cost_usd_total",
        "What was paid for nothing.",
        _STAGE,
        _PROVIDER,
        Label("reason", words.WASTE_REASONS),
        unit="usd",
    ),
    _counter("storygen_unpriced_calls_total", "Calls whose price is not known.", _PROVIDER, _MODEL),
    _gauge("storygen_budget_usd", "Configured budget; absent when unset.", _WINDOW, unit="usd"),
    _counter(
        "storygen_budget_rejections_total",
        "Calls that were not made because they would break the budget.",
        _WINDOW,
    ),
    _counter("storygen_tts_characters_total", "Characters spoken.", _PROVIDER, unit="characters"),
    _counter("storygen_images_generated_total", "Pictures made.", _PROVIDER, unit="images"),
    _counter("storygen_audio_generated_seconds_total", "Seconds of sound made.", _PROVIDER, unit="seconds"),
    _counter("storygen_video_generated_seconds_total", "Seconds of video made.", _PROVIDER, unit="seconds"),
    _counter("storygen_script_elements_total", "Elements of scripts.", Label("element", words.ELEMENTS)),
    _counter(
        "storygen_calls_total",
        "Logical calls; `fallback` went well with another provider than the first.",
        _STAGE,
        _PROVIDER,
        Label("outcome", words.CALL_RESULTS),
    ),
    _counter(
        "storygen_attempts_total",
        "Attempts that reached a provider; `error_type` is empty when it went well.",
        _PROVIDER,
        _CALL_OPERATION,
        _ATTEMPT_ERROR,
    ),
    _histogram(
        "storygen_call_attempts",
        "Attempts that a call took.",
        _PROVIDER,
        _CALL_OPERATION,
        buckets=(1.0, 2.0, 3.0, 4.0, 5.0, 8.0),
        unit="attempts",
    ),
    _counter(
        "storygen_retries_total", "Attempts that were repeated.", _STAGE, _PROVIDER, Label("reason", words.REASONS)
    ),
    _counter("storygen_retries_exhausted_total", "Calls whose last allowed attempt failed.", _STAGE, _PROVIDER),
    _counter("storygen_retry_wait_seconds_total", "Time spent waiting before retries.", _PROVIDER, unit="seconds"),
    _counter(
        "storygen_fallbacks_total",
        "Calls that went on to the next provider.",
        _STAGE,
        Label("from_provider", words.PROVIDERS, grows=True),
        Label("to_provider", words.PROVIDERS, grows=True),
    ),
    _gauge(
        "storygen_circuit_breaker_state",
        "1 for the state that a breaker is in.",
        _PROVIDER,
        _CAPABILITY,
        Label("state", words.BREAKER_STATES),
    ),
    _counter(
        "storygen_circuit_breaker_transitions_total",
        "Changes of state of a breaker.",
        _PROVIDER,
        _CAPABILITY,
        Label("to_state", words.BREAKER_STATES),
    ),
    _gauge(
        "storygen_sharing_up",
        "0 from when what workers share could not be reached, 1 from when it could again; absent until it was lost.",
        Label("service", ("redis",)),
    ),
    _counter(
        "storygen_circuit_breaker_calls_total",
        "What a breaker saw of calls.",
        _PROVIDER,
        _CAPABILITY,
        Label("result", words.BREAKER_RESULTS),
    ),
    _counter("storygen_cache_requests_total", "Look-ups in a cache.", _CACHE, Label("result", words.CACHE_RESULTS)),
    _counter(
        "storygen_cache_saved_usd_total",
        "Estimate: what the hits cost when they were made.",
        _CACHE,
        unit="usd",
    ),
    _counter(
        "storygen_cache_saved_seconds_total",
        "Estimate: how long the hits took when they were made.",
        _CACHE,
        unit="seconds",
    ),
    _gauge("storygen_cache_size_bytes", "What a cache holds.", _CACHE, unit="bytes"),
    _counter("storygen_cache_evictions_total", "Entries that left a cache.", _CACHE),
    _counter(
        "storygen_quality_checks_total",
        "Checks of artifacts.",
        Label("artifact", words.ARTIFACTS),
        _CHECK,
        Label("result", words.VERDICTS),
    ),
    _histogram(
        "storygen_audio_loudness_lufs",
        "Integrated loudness (EBU R 128) of narrations, by who made them, and of whole films (local).",
        _PROVIDER,
        buckets=(-40.0, -30.0, -25.0, -20.0, -18.0, -17.0, -16.0, -15.0, -14.0, -12.0, -9.0),
        unit="lufs",
    ),
    _histogram(
        "storygen_subtitle_coverage_ratio",
        "Share of the speech that has subtitles.",
        _PROVIDER,
        buckets=(0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0),
        unit="ratio",
    ),
    _histogram(
        "storygen_subtitle_drift_seconds",
        "Farthest that a subtitle is from the words that it shows, in a scene.",
        _PROVIDER,
        buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
    ),
    _histogram(
        "storygen_artifact_size_bytes",
        "Size of stored artifacts.",
        Label("kind", words.ARTIFACTS),
        buckets=SIZE_BUCKETS,
        unit="bytes",
    ),
    _gauge("storygen_disk_free_bytes", "Free space where something is kept.", _VOLUME, unit="bytes"),
    _gauge("storygen_disk_size_bytes", "Size of the disk where something is kept.", _VOLUME, unit="bytes"),
    _histogram(
        "http_server_request_duration_seconds",
        "Duration of HTTP server requests.",
        Label("method", ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")),
        Label("route", (), grows=True),
        Label("status", words.HTTP_STATUSES),
        buckets=HTTP_BUCKETS,
    ),
    _counter(
        "storygen_webhook_deliveries_total",
        "Webhooks that were sent.",
        Label("result", ("success", "failed", "retried")),
    ),
    _gauge("storygen_concurrency_in_use", "How much of a limit is in use; operations have no limit.", _LIMIT),
    _gauge("storygen_concurrency_limit", "The limit.", _LIMIT),
    _counter("storygen_telemetry_dropped_total", "Telemetry that was lost.", Label("signal", words.SIGNALS)),
    _counter(
        "storygen_label_overflow_total",
        "Label values outside the allowed set, recorded as `other`.",
        Label("metric", (), grows=True),
    ),
    _gauge(
        "storygen_build_info",
        "1, with the version of storygen and Python.",
        Label("version", (), grows=True),
        Label("python_version", (), grows=True),
    ),
)
BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}


def registered() -> Iterator[Metric]:
    """The metrics that every process counts now."""
    return (metric for metric in METRICS if not metric.is_read)
