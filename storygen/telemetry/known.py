"""Creates every series that is known in advance.

A counter that first appears at its first failure gives `increase()` nothing, and the failure is invisible. Histograms
are created for success only, and only for what is configured, or the budget of series would break; that of runs, of
which there are few, also for what error budgets count.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import combinations
from pathlib import Path

from storygen.telemetry import words
from storygen.telemetry.families import Allowed, Families
from storygen.telemetry.process import installed_version

SERVED: Mapping[str, tuple[str, ...]] = {
    "text": ("idea", "script", "revise"),
    "speech": ("voice",),
    "images": ("visuals",),
    "video": ("visuals",),
    "transcription": ("voice",),
}
_CALLED_AS = {"text": "chat"}
_PROVIDER_ERRORS = (
    *("", "timeout", "rate_limited", "unavailable", "invalid_output", "quota_exceeded"),
    *("authentication_failed", "content_rejected", "cancelled", "error"),
)
_STAGE_ERRORS = (
    *("budget_exceeded", "circuit_open", "disk_full", "invalid_script", "render_failed", "stage_timeout"),
    *("stalled", *(kind for kind in _PROVIDER_ERRORS if kind not in {"", "cancelled"})),
)
_UNITS = {
    "speech": ("storygen_tts_characters_total", "storygen_audio_generated_seconds_total"),
    "images": ("storygen_images_generated_total",),
    "video": ("storygen_video_generated_seconds_total",),
}


def create_known(families: Families, allowed: Allowed) -> None:
    """Bind all children that the configuration names."""
    _create_runs(families, (*words.PIPELINES, *allowed.pipelines))
    _create_stages(families)
    _create_caches(families, allowed)
    for capability, chain in allowed.chains.items():
        _create_calls(families, capability, chain, allowed.chains.get("images", ()))
        _create_attempts(families, capability, chain, allowed)
        for name in _UNITS.get(capability, ()):
            families.counter(name).create(chain)
    for provider in allowed.providers():
        families.counter("storygen_retry_wait_seconds_total").create(provider)
        families.counter("storygen_unpriced_calls_total").create(provider, allowed.models.get(provider, ()))
    for capability, chain in allowed.chains.items():
        _create_breakers(families, capability, tuple(name for name in chain if name != words.BUILTIN))
    families.counter("storygen_budget_rejections_total").create(words.WINDOWS)
    families.counter("storygen_script_elements_total").create(words.ELEMENTS)
    families.counter("storygen_telemetry_dropped_total").create(words.SIGNALS)
    version = (installed_version(), ".".join(map(str, sys.version_info[:3])))
    families.gauge("storygen_build_info").metric.labels(*version).set(1)


def _create_runs(families: Families, pipelines: tuple[str, ...]) -> None:
    families.counter("storygen_runs_started_total").create(pipelines)
    families.gauge("storygen_runs_in_progress").create(pipelines)
    families.histogram("storygen_run_duration_seconds").create(pipelines, ("success", "failed", "timeout"))
    families.counter("storygen_films_total").create(pipelines, words.FIDELITIES)
    families.histogram("storygen_film_duration_seconds").create(pipelines)
    families.histogram("storygen_run_cost_usd").create(pipelines)


def _create_stages(families: Families) -> None:
    families.histogram("storygen_stage_duration_seconds").create(words.STAGES, "success")
    families.counter("storygen_stage_critical_seconds_total").create(words.STAGES)
    families.counter("storygen_stage_failures_total").create(words.STAGES, _STAGE_ERRORS)
    families.counter("storygen_stalls_total").create(words.STAGES)


def _create_caches(families: Families, allowed: Allowed) -> None:
    caches = (*allowed.chains, *words.STEPS, words.OBSERVED)
    families.counter("storygen_cache_requests_total").create(caches, words.CACHE_RESULTS)
    families.counter("storygen_cache_saved_usd_total").create(caches)
    families.counter("storygen_cache_saved_seconds_total").create(caches)
    operations = (*words.STEPS, *words.PARTS, *allowed.operations)
    families.histogram("storygen_operation_duration_seconds").create(operations, "success")
    families.counter("storygen_cache_evictions_total").create(words.STORE)
    for artifact, checks in words.CHECKS.items():
        families.counter("storygen_quality_checks_total").create(artifact, checks, words.VERDICTS)


def _create_calls(families: Families, capability: str, chain: tuple[str, ...], pictures: tuple[str, ...] = ()) -> None:
    stages = SERVED.get(capability, ())
    families.counter("storygen_calls_total").create(stages, chain, words.CALL_RESULTS)
    families.counter("storygen_retries_total").create(stages, chain, words.REASONS)
    families.counter("storygen_retries_exhausted_total").create(stages, chain)
    families.counter("storygen_wasted_cost_usd_total").create(stages, chain, words.WASTE_REASONS)
    families.counter("storygen_uncertain_cost_usd_total").create(stages, chain)
    for left, taken in combinations(chain, 2):
        families.counter("storygen_fallbacks_total").create(stages, left, taken)
    if chain:
        # Where all of a chain fail: a drawn card, the built-in voice or writer; instead of a clip its first picture.
        stand_ins = (pictures or words.BUILTIN) if capability == "video" else words.BUILTIN
        families.counter("storygen_fallbacks_total").create(stages, chain[-1], stand_ins)


def _create_attempts(families: Families, capability: str, chain: tuple[str, ...], allowed: Allowed) -> None:
    operation, stages = _CALLED_AS.get(capability, "generate_content"), SERVED.get(capability, ())
    families.counter("storygen_attempts_total").create(chain, operation, _PROVIDER_ERRORS)
    families.histogram("storygen_call_attempts").create(chain, operation)
    for provider in chain:
        models = allowed.models_for(capability, provider)
        families.histogram("gen_ai_client_operation_duration_seconds").create(operation, provider, models, "")
        families.counter("storygen_cost_usd_total").create(stages, provider, models)
        if capability == "text":
            families.counter("storygen_tokens_total").create(stages, provider, models, ("input", "output"))


def _create_breakers(families: Families, capability: str, chain: tuple[str, ...]) -> None:
    """Breakers begin closed, those that are there stay as they are; built-ins have none."""
    families.counter("storygen_circuit_breaker_transitions_total").create(chain, capability, words.BREAKER_STATES)
    families.counter("storygen_circuit_breaker_calls_total").create(chain, capability, words.BREAKER_RESULTS)
    states = families.gauge("storygen_circuit_breaker_state")
    for provider in chain:
        if not states.has(provider, capability, "closed"):
            for state in words.BREAKER_STATES:
                states.of(provider, capability, state).set(state == "closed")


def set_budgets(families: Families, budgets: Mapping[str, float | None]) -> None:
    """Show the configured budgets by window, in US dollars; one that is not set is absent."""
    for window, usd in budgets.items():
        if usd is not None:
            families.gauge("storygen_budget_usd").of(window).set(usd)
        else:
            families.gauge("storygen_budget_usd").remove(window)


def set_limits(families: Families, timeouts: Mapping[str, float], limits: Mapping[str, int]) -> None:
    """Show the configured timeout of each stage, in seconds, and the size of each limit."""
    for stage, seconds in timeouts.items():
        families.gauge("storygen_stage_timeout_seconds").of(stage).set(seconds)
    for limit, size in limits.items():
        families.gauge("storygen_concurrency_limit").of(limit).set(size)
        families.gauge("storygen_concurrency_in_use").create(limit)


def watch_disks(families: Families, volumes: Mapping[str, Path]) -> None:
    """Show the free space and size of the disks where things are kept, read when somebody looks."""
    for volume, folder in volumes.items():
        place = next(path for path in _upwards(folder) if path.exists())
        families.gauge("storygen_disk_free_bytes").of(volume).set_function(partial(_disk, place, "free"))
        families.gauge("storygen_disk_size_bytes").of(volume).set_function(partial(_disk, place, "total"))


def _disk(place: Path, part: str) -> float:
    return float(getattr(shutil.disk_usage(place), part))


def _upwards(folder: Path) -> Iterator[Path]:
    absolute = folder.absolute()
    yield absolute
    yield from absolute.parents
