"""Providers and models: calls, attempts, latency, errors, retries, breakers, fallbacks, limits."""

from __future__ import annotations

from collections.abc import Iterator

from storygen.mixin.config import Config
from storygen.mixin.dashboards.base import (
    Board,
    Panel,
    Row,
    Scope,
    ask,
    heatmap,
    increase,
    percentile,
    quantiles,
    rate,
    ratio,
    red_above,
    series,
    stat,
    timeline,
)

_SCOPE = Scope("stage", "provider", "model")
_ATTEMPTS = "storygen_attempts_total"
# An attempt that was stopped with its run says nothing of the provider.
_JUDGED = _SCOPE.raw(_ATTEMPTS, error_type="!=cancelled")
_FAILED = _SCOPE.raw(_ATTEMPTS, error_type="!~|cancelled")
_SECONDS = "gen_ai_client_operation_duration_seconds"

BREAKER_COLOURS = {"0": "closed|green", "1": "half open|orange", "2": "open|red"}


def board(config: Config) -> Board:
    """Read it when a provider fails, slows down, refuses or is not called any more."""
    return Board(
        uid="storygen-providers",
        title="Storygen / Providers and models",
        says="A call is what a stage asks for; an attempt is one try of it that reached a provider. Calls first, then "
        "what it took to make them.",
        variables=("stage", "provider", "model"),
        rows=(
            Row(title="In short", panels=tuple(_short(config))),
            Row(title="Calls and attempts", panels=tuple(_calls(config))),
            Row(title="How long attempts take", panels=tuple(_latency())),
            Row(title="Errors and retries", panels=(*_retries(config), *_patience())),
            Row(title="Breakers and fallbacks", panels=tuple(_breakers())),
            Row(title="Limits", panels=tuple(_limits())),
        ),
    )


def _short(config: Config) -> Iterator[Panel]:
    calls = _SCOPE.raw("storygen_calls_total")
    good = _SCOPE.raw("storygen_calls_total", outcome="=~success|fallback")
    limit = config.of("ProviderErrorRatioHigh").limit
    yield stat(
        "Calls that go well, 1 h",
        "percentunit",
        "With whatever provider and after however many attempts. Below 1, stages lack something: see calls by outcome.",
        ratio(increase("", good, "1h"), increase("", calls, "1h")),
        alert="RetriesExhausted",
        steps=((0.95, "orange"), (0.99, "green")),
        base="red",
        empty="No calls",
        width=6,
    )
    yield stat(
        "Attempts that fail, 1 h",
        "percentunit",
        "Those that a retry cured are in it. High while calls go well: it costs time and money, not films.",
        ratio(increase("", _FAILED, "1h"), increase("", _JUDGED, "1h")),
        alert="ProviderErrorRatioHigh",
        steps=((limit / 2, "orange"), (limit, "red")),
        empty="No attempts",
        width=6,
    )
    yield stat(
        "95 % of attempts answer within, 1 h",
        "s",
        "Over the chosen providers and models, without what failed. When it rises, see below which provider or "
        "model is slow.",
        percentile(0.95, "", _SCOPE.raw(f"{_SECONDS}_bucket", error_type=""), "1h"),
        empty="No attempts",
        width=6,
        base="text",
    )
    yield stat(
        "Waited before retries, 1 h",
        "s",
        "Time that calls slept between attempts. Much of it with rate_limited below: lower the limit of calls.",
        increase("", _SCOPE.raw("storygen_retry_wait_seconds_total"), "1h"),
        alert="ProviderRateLimited",
        width=6,
        base="text",
    )


def _calls(config: Config) -> Iterator[Panel]:
    yield series(
        "Calls by outcome",
        "ops",
        "error: nobody in the chain could answer. rejected: not made, because a breaker was open or the budget "
        "reached.",
        ask(rate("provider, outcome", _SCOPE.raw("storygen_calls_total")), "{{provider}} {{outcome}}"),
        alert="RetriesExhausted",
        stacked=True,
        least=0,
    )
    yield series(
        "Attempts by provider",
        "ops",
        "What reached the providers. More than the calls means retries; none at all while runs are under way means "
        "that "
        "everything comes from the cache or a breaker is open.",
        ask(rate("provider, operation", _SCOPE.raw(_ATTEMPTS)), "{{provider}} {{operation}}"),
        stacked=True,
        least=0,
    )
    yield series(
        "Attempts that fail",
        "percentunit",
        "Above the dashed line for a while, ProviderErrorRatioHigh fires. See the kinds of error below, and the "
        "provider's status page.",
        ask(
            ratio(rate("provider, operation", _FAILED), rate("provider, operation", _JUDGED)),
            "{{provider}} {{operation}}",
        ),
        alert="ProviderErrorRatioHigh",
        steps=red_above(config, "ProviderErrorRatioHigh"),
        least=0,
        traces={"gen_ai.provider.name": "$provider", "error": "true"},
    )


def _latency() -> Iterator[Panel]:
    buckets = _SCOPE.raw(f"{_SECONDS}_bucket")
    yield series(
        "By provider",
        "s",
        "Every attempt, failed ones too; a point leads to its trace. A p99 at the timeout is a provider that hangs.",
        *quantiles("gen_ai_provider_name", buckets, "{{gen_ai_provider_name}}"),
        alert="StageSlowdown",
        least=0,
        traces={"gen_ai.provider.name": "$gen_ai_provider_name"},
    )
    yield series(
        "By model: 95 % answer within",
        "s",
        "When one model is slow and its neighbours are not, try another model before another provider.",
        ask(percentile(0.95, "gen_ai_request_model", buckets), "{{gen_ai_request_model}}", exemplar=True),
        least=0,
        traces={"gen_ai.request.model": "$gen_ai_request_model"},
    )
    yield heatmap(
        "Durations of attempts",
        "s",
        "How many attempts took how long. A band near the timeout is hanging; a wide one is a queue at the provider.",
        ask(rate("le", buckets), "{{le}}", exemplar=True),
    )


def _retries(config: Config) -> Iterator[Panel]:
    yield series(
        "Failed attempts by kind of error",
        "short",
        "In an hour. authentication_failed and quota_exceeded need you: a key or a payment. The others often pass.",
        ask(f"{increase('provider, error_type', _FAILED, '1h')} > 0", "{{provider}} {{error_type}}"),
        alert="ProviderErrorRatioHigh",
        empty="No failed attempts",
        stacked=True,
        least=0,
        traces={"gen_ai.provider.name": "$provider", "error.type": "$error_type"},
    )
    yield series(
        "Attempts that are repeated",
        "percentunit",
        "Calls go well in the end; it costs time, and money where answers are refused. Above the dashed line "
        "RetryRatioHigh fires.",
        ask(
            ratio(rate("provider", _SCOPE.raw("storygen_retries_total"), "1h"), rate("provider", _JUDGED, "1h")),
            "{{provider}}",
        ),
        alert="RetryRatioHigh",
        steps=red_above(config, "RetryRatioHigh"),
        least=0,
    )
    yield series(
        "Retries by reason",
        "short",
        "In an hour. rate_limited: lower the limit of calls at once. invalid_output: the model's answers are refused.",
        ask(increase("provider, reason", _SCOPE.raw("storygen_retries_total"), "1h"), "{{provider}} {{reason}}"),
        alert="ProviderRateLimited",
        stacked=True,
        least=0,
    )


def _patience() -> Iterator[Panel]:
    tries = "storygen_call_attempts"
    yield series(
        "Calls given up after the last attempt",
        "short",
        "In an hour. The stage then takes the next provider of its chain, or fails.",
        ask(
            increase("stage, provider", _SCOPE.raw("storygen_retries_exhausted_total"), "1h"), "{{stage}} {{provider}}"
        ),
        alert="RetriesExhausted",
        least=0,
    )
    yield series(
        "Attempts for a call",
        "none",
        "1 is a call that went well at once; the limit of attempts is the most that it can be.",
        ask(
            ratio(
                rate("provider, operation", _SCOPE.raw(f"{tries}_sum")),
                rate("provider, operation", _SCOPE.raw(f"{tries}_count")),
            ),
            "{{provider}} {{operation}}",
        ),
        alert="RetryRatioHigh",
        least=1,
    )
    yield series(
        "Waiting before retries",
        "s",
        "Seconds slept in a second, by provider. 1 means that one call is always asleep.",
        ask(rate("provider", _SCOPE.raw("storygen_retry_wait_seconds_total")), "{{provider}}"),
        alert="ProviderRateLimited",
        least=0,
    )


def _breakers() -> Iterator[Panel]:
    changes = _SCOPE.raw("storygen_circuit_breaker_transitions_total")
    yield breakers(_SCOPE)
    yield series(
        "What breakers saw",
        "ops",
        "success and failure reached the provider, rejected did not. ignored was our own fault, such as a bad request.",
        ask(
            rate("provider, capability, result", _SCOPE.raw("storygen_circuit_breaker_calls_total")),
            "{{provider}} {{capability}} {{result}}",
        ),
        alert="CircuitBreakerOpen",
        stacked=True,
        least=0,
    )
    yield series(
        "Changes of state",
        "short",
        "In 30 minutes. A breaker that closes again and again hides a provider that is half well: see its errors.",
        ask(increase("provider, capability, to_state", changes, "30m"), "{{provider}} {{capability}} {{to_state}}"),
        alert="CircuitBreakerFlapping",
        least=0,
    )
    yield series(
        "Fallbacks",
        "short",
        "In an hour, from which provider to which. Films made so are degraded; mend the first or make the second "
        "first.",
        ask(
            increase("stage, from_provider, to_provider", _SCOPE.raw("storygen_fallbacks_total"), "1h"),
            "{{stage}}: {{from_provider}} → {{to_provider}}",
        ),
        alert="FallbackInUse",
        board="storygen-quality",
        least=0,
        width=24,
        height=7,
    )


def _limits() -> Iterator[Panel]:
    yield series(
        "Limits in use",
        "percentunit",
        "Share of each limit, at the busiest process. Always at 1: calls wait for each other; raise the limit if the "
        "provider allows.",
        ask(
            f"max by (limit) ({_SCOPE.now('storygen_concurrency_in_use')}"
            f" / {_SCOPE.now('storygen_concurrency_limit')})",
            "{{limit}}",
        ),
        board="storygen-queue",
        least=0,
        most=1,
        width=24,
        height=7,
    )


def breakers(scope: Scope) -> Panel:
    """The state of each breaker over time, as one line each: 0 closed, 1 half open, 2 open."""

    def state(name: str) -> str:
        return f"max by (provider, capability) ({scope.now('storygen_circuit_breaker_state', state=name)})"

    return timeline(
        "Breakers",
        "none",
        "Open: the provider is not called, its fallback is. It tries one call after a pause; see the provider's own "
        "status page before forcing anything.",
        ask(f"2 * {state('open')} + {state('half_open')}", "{{provider}} {{capability}}"),
        alert="CircuitBreakerOpen",
        board="storygen-providers",
        values=BREAKER_COLOURS,
        empty="No breakers",
    )
