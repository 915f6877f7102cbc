"""Breakers: vendors that are left alone, that come and go, and who stands in for them."""

from __future__ import annotations

from math import floor

from storygen.mixin.base import Alert, Group, Proof, Runbook
from storygen.mixin.config import Config, spoken
from storygen.mixin.inhibitions import unless_told
from storygen.mixin.promql import increase, selector
from storygen.mixin.proofs import after, counts, flat, steps

BOARD = "storygen-providers"
STATE = "storygen_circuit_breaker_state"
TRANSITIONS = "storygen_circuit_breaker_transitions_total"
FALLBACKS = "storygen_fallbacks_total"
_BY = "job, provider, capability"


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    return (Group(name="storygen-breakers", alerts=(_open(config), _flapping(config), _fallback(config))),)


def _open(config: Config) -> Alert:
    knobs = config.of("CircuitBreakerOpen")
    window = config.window(knobs.window)
    # While a probe is on its way the breaker is half open and rejects all others: so a vendor that hangs is seen too.
    closed = f"avg_over_time({selector(STATE, job=config.job, state='closed')}[{window}])"
    return Alert(
        name="CircuitBreakerOpen",
        expr=f"min by ({_BY}) ({closed}) < {1 - knobs.limit:.6g}",
        knobs=knobs,
        summary="{{ $labels.provider }} is left alone for {{ $labels.capability }}, because it kept failing",
        description="The breaker of {{ $labels.provider }} for {{ $labels.capability }} was open for more than "
        f"{knobs.limit:.0%} of the last {spoken(window)}. Calls go to the next provider of the chain, or wait.",
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={"gen_ai.provider.name": "$provider", "error": "true"},
        runbook=Runbook(
            means="Several calls in a row failed, so the vendor is not asked; a probe goes out about once a minute. "
            "In a process without work the breaker stays open until the next call.",
            felt="Films ship with what the next provider of the chain makes. Without a next one, runs wait, then fail.",
            look="State of breakers, then attempts by kind of error: the kind says what to do.",
            do=(
                "`storygen doctor --live` asks each vendor with each key, and tells a wrong key from an outage.",
                (
                    "`authentication_failed` or `quota_exceeded`: renew the key or the credit. The next probe closes "
                    "the breaker; nothing has to be restarted, unless the key is a new one."
                ),
                (
                    "`unavailable` or `timeout`: see the vendor's status page. To go on without the vendor, put "
                    "another provider before it in its chain under `[providers]`."
                ),
                "`rate_limited`: the page of ProviderRateLimited says how to ask less.",
                "`invalid_output`: what comes is broken. Open the trace, and try another model.",
            ),
            over="The board shows the breaker as closed, and it stays so.",
        ),
        proofs=(_open_proof(config),),
    )


def _open_proof(config: Config) -> Proof:
    """Open at the end of the window; another process is well."""
    knobs, interval = config.of("CircuitBreakerOpen"), "15s"
    size = steps(knobs.window, interval)
    labels = {"job": config.job, "provider": "elevenlabs", "capability": "speech"}

    def series(samples: int) -> dict[str, str]:
        one = {**labels, "instance": "worker-1:9464"}
        return {
            selector(STATE, **one, state="closed"): flat((1, 2 * size + 1 - samples), (0, samples)),
            selector(STATE, **{**one, "instance": "worker-2:9464"}, state="closed"): flat((1, 2 * size + 1)),
        }

    # A window of Prometheus 3 holds one sample less than one of 2.42; these are right for both.
    below, above = floor(knobs.limit * size) - 1, floor(knobs.limit * (size + 1)) + 1
    return Proof(below=series(below), above=series(above), at=f"{2 * size * 15}s", interval=interval, labels=labels)


def _flapping(config: Config) -> Alert:
    knobs = config.of("CircuitBreakerFlapping")
    window = config.window(knobs.window)
    closed = selector(TRANSITIONS, job=config.job, to_state="closed")
    return Alert(
        name="CircuitBreakerFlapping",
        # Of one process: each of a fleet closes its own breaker once when an outage ends.
        expr=f"max by ({_BY}) (increase({closed}[{window}])) >= {knobs.minimum:g}\n"
        + unless_told("CircuitBreakerFlapping", window),
        knobs=knobs,
        summary="{{ $labels.provider }} comes and goes for {{ $labels.capability }}",
        description="The breaker of {{ $labels.provider }} for {{ $labels.capability }} closed "
        f'{{{{ $value | printf "%.0f" }}}} times in the last {spoken(window)}, so it opened as often.',
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={"gen_ai.provider.name": "$provider", "error": "true"},
        runbook=Runbook(
            means="The vendor answers a probe, is used again, and fails again soon.",
            felt="Films take longer, and some scenes are made by the next provider: they look or sound different.",
            look="State of breakers over the hour, beside attempts by kind of error and the limits in use.",
            do=(
                (
                    "`rate_limited` or `timeout` just after it closes: ask less at once. Lower `vendors.NAME.at_once`, "
                    "or set `vendors.NAME.per_minute`."
                ),
                (
                    "The vendor itself comes and goes: raise `vendors.NAME.breaker.seconds`, so that it is asked less "
                    "often, or put another provider before it until it is well."
                ),
                "`storygen report --since 1d` shows how much of the work it still does.",
            ),
            over="The breaker is closed, and has not opened within the window.",
        ),
        proofs=(_flapping_proof(config),),
    )


def _flapping_proof(config: Config) -> Proof:
    """Closings a minute apart; many processes that close once less are no reason."""
    knobs = config.of("CircuitBreakerFlapping")
    labels = {"job": config.job, "provider": "elevenlabs", "capability": "speech"}

    def series(*closings: float) -> dict[str, str]:
        return {
            selector(TRANSITIONS, **labels, instance=f"worker-{place}:9464", to_state="closed"): flat(
                (0, 10), *((number, 1) for number in range(1, int(count))), (count, steps(knobs.window))
            )
            for place, count in enumerate(closings, 1)
        }

    few, enough = knobs.minimum - 1, knobs.minimum
    return Proof(
        below=series(few, few, few),
        above=series(few, enough),
        at=after(knobs.window),
        labels=labels,
        value=f"{enough:.0f}",
    )


def _fallback(config: Config) -> Alert:
    knobs = config.of("FallbackInUse")
    window = config.window(knobs.window)
    went_on = increase("job, stage, from_provider, to_provider", selector(FALLBACKS, job=config.job), window)
    said = {"job": config.job, "stage": "voice", "from_provider": "elevenlabs", "to_provider": "builtin"}
    return Alert(
        name="FallbackInUse",
        # Alerts about a vendor name it in the same label, so that they can be matched.
        expr=f'label_replace({went_on} >= {knobs.minimum:g}, "provider", "$1", "from_provider", "(.+)")',
        knobs=knobs,
        summary="{{ $labels.to_provider }} stands in for {{ $labels.provider }} in {{ $labels.stage }}",
        description=f'In the last {spoken(window)}, {{{{ $value | printf "%.0f" }}}} calls of {{{{ $labels.stage }}}} '
        "went on from {{ $labels.provider }} to {{ $labels.to_provider }}.",
        dashboard=BOARD,
        variables={"provider": "provider", "stage": "stage"},
        traces={"storygen.stage.name": "$stage", "storygen.call.result": "fallback"},
        runbook=Runbook(
            means="The first provider does not deliver, and the next one of the chain does its work.",
            felt="Films ship, but these scenes have another voice or another picture than was asked for.",
            look="Fallbacks by provider, then the attempts that failed before them, or the budget that refused them.",
            do=(
                "Another alert about this provider, or about the budget, says why: start there.",
                "`storygen explain RUN` says of each call why it went on.",
                (
                    "`storygen run FILE` again when the provider is well: what was made is kept, and only what stood "
                    "in is made anew."
                ),
            ),
            over="No call has gone on to the next provider within the window.",
        ),
        proofs=(
            counts(
                knobs, lambda growth: {selector(FALLBACKS, **said): growth}, labels={**said, "provider": "elevenlabs"}
            ),
        ),
    )
