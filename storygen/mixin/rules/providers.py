"""Providers: errors, retries, rate limits, breakers, fallbacks."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Runbook
from storygen.mixin.config import Config, spoken
from storygen.mixin.inhibitions import unless_told
from storygen.mixin.promql import increase, rate, selector

BOARD = "storygen-providers"
ATTEMPTS = "storygen_attempts_total"
RETRIES = "storygen_retries_total"
EXHAUSTED = "storygen_retries_exhausted_total"
FALLBACKS = "storygen_fallbacks_total"
STATE = "storygen_circuit_breaker_state"
TRANSITIONS = "storygen_circuit_breaker_transitions_total"
_SPEECH = 'job="storygen", provider="elevenlabs", operation="generate_content"'
_VOICE = 'job="storygen", stage="voice", provider="elevenlabs"'
_BREAKER = 'job="storygen", provider="elevenlabs", capability="speech"'
# An attempt that was stopped with its run, or by its stage's limit, says nothing of the vendor.
_JUDGED = "!=cancelled"
_FAILED = "!~|cancelled"


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room; what silences others comes first."""
    breakers = (_open(config), _flapping(config))
    attempts = (_limited(config), _errors(config), _retries(config), _exhausted(config))
    return (Group(name="storygen-providers", alerts=(*breakers, *attempts, _fallback(config))),)


def _open(config: Config) -> Alert:
    knobs = config.of("CircuitBreakerOpen")
    window = config.window(knobs.window)
    # While a probe is on its way the breaker is half open and rejects all others: a vendor that hangs is left alone too.
    away = selector(STATE, job=config.job, state="=~open|half_open")
    return Alert(
        name="CircuitBreakerOpen",
        expr=(
            "max by (job, provider, capability) (sum by (job, instance, provider, capability) "
            f"(avg_over_time({away}[{window}]))) > {knobs.limit:g}"
        ),
        knobs=knobs,
        summary="{{ $labels.provider }} is left alone for {{ $labels.capability }}, because it kept failing",
        description="The breaker of {{ $labels.provider }} for {{ $labels.capability }} was open for more than "
        f"{knobs.limit:.0%} of the last {spoken(window)}. Calls go to the next provider of the chain, or wait.",
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={"gen_ai.provider.name": "$provider", "error": "true"},
        runbook=Runbook(
            means="Several calls in a row failed, so the vendor is not asked; a probe goes out about once a minute. On a "
            "process without work the breaker stays open until the next call.",
            felt="Films ship with stand-ins of the next provider in the chain. Without a next one, runs wait and then fail.",
            look="State of breakers, then attempts by kind of error: the kind says what to do.",
            do=(
                "`storygen doctor --live` asks each vendor with each key; it tells a wrong key, an empty account and an "
                "outage apart.",
                "`authentication_failed` or `quota_exceeded`: renew the key or the credit; the next probe closes the "
                "breaker, no restart is needed.",
                "`unavailable` or `timeout`: see the vendor's status page. To go on without it, name another provider "
                "first in its chain under `[providers]`.",
                "`invalid_output`: what comes is broken; open the trace, and name another model.",
            ),
            over="The breaker is closed and stays closed: its state on the board is `closed` for five minutes.",
        ),
        proofs=(
            Proof(
                below={f'{STATE}{{{_BREAKER}, instance="a:9464", state="open"}}': "0x24 1x15"},
                above={
                    f'{STATE}{{{_BREAKER}, instance="a:9464", state="open"}}': "0x23 1x16",
                    f'{STATE}{{{_BREAKER}, instance="b:9464", state="open"}}': "0x40",
                },
                at="10m",
                interval="15s",
                labels={"job": "storygen", "provider": "elevenlabs", "capability": "speech"},
            ),
            Proof(
                below={
                    f'{STATE}{{{_BREAKER}, instance="a:9464", state="open"}}': "0 1" + " 0 1" * 10,
                    f'{STATE}{{{_BREAKER}, instance="a:9464", state="half_open"}}': "0x20",
                },
                above={
                    f'{STATE}{{{_BREAKER}, instance="a:9464", state="open"}}': "0 1" + " 0 1" * 10,
                    f'{STATE}{{{_BREAKER}, instance="a:9464", state="half_open"}}': "1 0" + " 1 0" * 10,
                },
                at="10m",
                labels={"job": "storygen", "provider": "elevenlabs", "capability": "speech"},
            ),
        ),
    )


def _flapping(config: Config) -> Alert:
    knobs = config.of("CircuitBreakerFlapping")
    window = config.window(knobs.window)
    closed = selector(TRANSITIONS, job=config.job, to_state="closed")
    return Alert(
        name="CircuitBreakerFlapping",
        # Of one process: each of a fleet closes its own breaker once when an outage ends.
        expr=f"max by (job, provider, capability) (increase({closed}[{window}])) >= {knobs.minimum:g}\n"
        + unless_told("CircuitBreakerFlapping", window),
        knobs=knobs,
        summary="{{ $labels.provider }} comes and goes for {{ $labels.capability }}",
        description="The breaker of {{ $labels.provider }} for {{ $labels.capability }} closed "
        f'{{{{ $value | printf "%.0f" }}}} times in the last {spoken(window)}, and opened again.',
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={"gen_ai.provider.name": "$provider", "error": "true"},
        runbook=Runbook(
            means="The vendor answers a probe, is used again, and fails again soon.",
            felt="Films take longer, and some scenes are made by the next provider, so they look or sound different.",
            look="State of breakers over the hour, beside attempts by kind of error and the use of limits.",
            do=(
                "Where attempts fail with `rate_limited` or `timeout` just after it closes, ask less at once: lower "
                "`vendors.NAME.at_once` or set `vendors.NAME.per_minute`.",
                "Where the vendor itself comes and goes, raise `vendors.NAME.breaker.seconds`, so that it is asked less "
                "often, or name another provider first until it is well.",
                "`storygen report --since 1d` shows how much of the work it still does.",
            ),
            over="The breaker is closed and has not opened for the length of the window.",
        ),
        proofs=(
            Proof(
                below={
                    f'{TRANSITIONS}{{{_BREAKER}, instance="a:9464", to_state="closed"}}': "0x10 1x5 2x5 3x60",
                    f'{TRANSITIONS}{{{_BREAKER}, instance="b:9464", to_state="closed"}}': "0x10 1x5 2x5 3x60",
                },
                above={
                    f'{TRANSITIONS}{{{_BREAKER}, instance="a:9464", to_state="closed"}}': "0x8 1x5 2x5 3x5 4x60",
                    f'{TRANSITIONS}{{{_BREAKER}, instance="b:9464", to_state="closed"}}': "0x90",
                },
                at="30m",
                labels={"job": "storygen", "provider": "elevenlabs", "capability": "speech"},
                value="4",
            ),
        ),
    )


def _limited(config: Config) -> Alert:
    knobs = config.of("ProviderRateLimited")
    by, window = "job, provider, operation", config.window(knobs.window)
    judged = selector(ATTEMPTS, job=config.job, error_type=_JUDGED)
    refused = selector(ATTEMPTS, job=config.job, error_type="rate_limited")
    return Alert(
        name="ProviderRateLimited",
        expr=(
            f"{rate(by, refused, window)} / {rate(by, judged, window)} > {knobs.limit:g}\n"
            f"and on ({by}) {increase(by, judged, window)} >= {knobs.minimum:g}\n"
            + unless_told("ProviderRateLimited", window)
        ),
        knobs=knobs,
        summary="{{ $labels.provider }} refuses {{ $value | humanizePercentage }} of requests as too many",
        description=f"In the last {spoken(window)}, {{{{ $labels.provider }}}} answered {{{{ $value | humanizePercentage }}}} of "
        "the attempts at {{ $labels.operation }} with 429.",
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={"gen_ai.provider.name": "$provider", "error.type": "rate_limited"},
        runbook=Runbook(
            means="More is asked of the vendor than the account may ask.",
            felt="Runs wait as long as the vendor says before they ask again; films come later.",
            look="Attempts by kind of error, back-off seconds, and the limit in use beside the limit that was learnt.",
            do=(
                "Compare with what the account allows, and set `vendors.NAME.per_minute` a little below it.",
                "Lower `vendors.NAME.at_once`, or run fewer films at once.",
                "List a second key of another account under `vendors.NAME.api_keys`; keys are used in turn. "
                "`storygen doctor --live` shows whether it works.",
                "Ask the vendor for a higher tier.",
            ),
            over="The share of 429 stays below the limit for the length of the window.",
        ),
        proofs=(_share(below=9, above=11, error_type="rate_limited"), _few("rate_limited")),
    )


def _errors(config: Config) -> Alert:
    knobs = config.of("ProviderErrorRatioHigh")
    by, window = "job, provider, operation", config.window(knobs.window)
    judged = selector(ATTEMPTS, job=config.job, error_type=_JUDGED)
    failed = selector(ATTEMPTS, job=config.job, error_type=_FAILED)
    return Alert(
        name="ProviderErrorRatioHigh",
        expr=(
            f"{rate(by, failed, window)} / {rate(by, judged, window)} > {knobs.limit:g}\n"
            f"and on ({by}) {increase(by, judged, window)} >= {knobs.minimum:g}\n"
            + unless_told("ProviderErrorRatioHigh", window)
        ),
        knobs=knobs,
        summary="{{ $labels.provider }} fails in {{ $value | humanizePercentage }} of attempts",
        description=f"In the last {spoken(window)}, {{{{ $value | humanizePercentage }}}} of the attempts at "
        "{{ $labels.operation }} with {{ $labels.provider }} failed. Retries cure some of it.",
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={
            "gen_ai.provider.name": "$provider",
            "gen_ai.operation.name": "$operation",
            "error": "true",
        },
        runbook=Runbook(
            means="The vendor fails often, but not so often in a row that its breaker opens.",
            felt="Films take longer, and cost more where failed attempts are billed; some scenes get a stand-in.",
            look="Attempts by kind of error: whether it is one kind, one model, or everything.",
            do=(
                "`storygen doctor --live` says whether the keys work and the vendor answers.",
                "One kind of error: `timeout` asks for a longer `vendors.NAME.timeout` or another model, "
                "`invalid_output` for another model, `content_rejected` for a look at the story.",
                "`storygen explain RUN` for a run that suffered lists its attempts with reasons and waits.",
                "To go on without the vendor, name another provider first in its chain under `[providers]`.",
            ),
            over="The share of failed attempts stays below the limit for the length of the window.",
        ),
        proofs=(_share(below=19, above=21, error_type="unavailable"), _few("unavailable")),
    )


def _retries(config: Config) -> Alert:
    knobs = config.of("RetryRatioHigh")
    by, window = "job, provider", config.window(knobs.window)
    attempts = selector(ATTEMPTS, job=config.job, error_type=_JUDGED)
    repeated = selector(RETRIES, job=config.job)
    return Alert(
        name="RetryRatioHigh",
        expr=(
            f"{rate(by, repeated, window)} / {rate(by, attempts, window)} > {knobs.limit:g}\n"
            f"and on ({by}) {increase(by, attempts, window)} >= {knobs.minimum:g}\n"
            + unless_told("RetryRatioHigh", window)
        ),
        knobs=knobs,
        summary="{{ $value | humanizePercentage }} of attempts at {{ $labels.provider }} are repeated",
        description=f"In the last {spoken(window)}, {{{{ $value | humanizePercentage }}}} of the attempts at "
        "{{ $labels.provider }} had to be made again. Calls succeed in the end.",
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={"gen_ai.provider.name": "$provider", "error": "true"},
        runbook=Runbook(
            means="Retries cure what fails, and hide it: too little for an alert about errors, too much to leave it.",
            felt="Nothing breaks. Films take longer, and cost more where failed attempts are billed.",
            look="Retries by reason, back-off seconds, and attempts per call.",
            do=(
                "`storygen report --since 1d` shows what the repeated attempts cost.",
                "By reason: `timeout` asks for a longer `vendors.NAME.timeout`, `rate_limited` for a lower "
                "`vendors.NAME.at_once`, `invalid_output` for another model.",
            ),
            over="The share of repeated attempts stays below the limit for the length of the window.",
        ),
        proofs=(
            Proof(
                below={
                    f'{ATTEMPTS}{{{_SPEECH}, error_type=""}}': "0+91x60",
                    f'{ATTEMPTS}{{{_SPEECH}, error_type="timeout"}}': "0+9x60",
                    f'{RETRIES}{{{_VOICE}, reason="timeout"}}': "0+9x60",
                },
                above={
                    f'{ATTEMPTS}{{{_SPEECH}, error_type=""}}': "0+89x60",
                    f'{ATTEMPTS}{{{_SPEECH}, error_type="timeout"}}': "0+11x60",
                    f'{RETRIES}{{{_VOICE}, reason="timeout"}}': "0+11x60",
                },
                at="45m",
                labels={"job": "storygen", "provider": "elevenlabs"},
                value="11%",
            ),
        ),
    )


def _exhausted(config: Config) -> Alert:
    knobs = config.of("RetriesExhausted")
    by, window = "job, stage, provider", config.window(knobs.window)
    return Alert(
        name="RetriesExhausted",
        expr=(
            f"{increase(by, selector(EXHAUSTED, job=config.job), window)} >= {knobs.minimum:g}\n"
            + unless_told("RetriesExhausted", window)
        ),
        knobs=knobs,
        summary="Calls of {{ $labels.stage }} to {{ $labels.provider }} fail in spite of all retries",
        description=f'In the last {spoken(window)}, {{{{ $value | printf "%.0f" }}}} calls of {{{{ $labels.stage }}}} to '
        "{{ $labels.provider }} failed at their last allowed attempt.",
        dashboard=BOARD,
        variables={"provider": "provider", "stage": "stage"},
        traces={"storygen.stage.name": "$stage", "gen_ai.provider.name": "$provider", "error": "true"},
        runbook=Runbook(
            means="Single requests fail again and again while others go well, so the breaker stays closed: mostly it is "
            "what is asked, such as one long or odd scene, and not the vendor.",
            felt="These scenes get a stand-in of the next provider, or are left out.",
            look="The traces of failed attempts: which scene, which kind of error, always the same one?",
            do=(
                "`storygen explain RUN` names the scene, the attempts and the waits.",
                "`storygen check FILE` shows what is doubtful in a script; make the scene shorter, or say it otherwise.",
                "Where everything is slow, raise `vendors.NAME.timeout`.",
            ),
            over="No call has used up its attempts for the length of the window.",
        ),
        proofs=(
            Proof(
                below={f"{EXHAUSTED}{{{_VOICE}}}": "0+0.19x60"},
                above={f"{EXHAUSTED}{{{_VOICE}}}": "0+0.21x60"},
                at="45m",
                labels={"job": "storygen", "stage": "voice", "provider": "elevenlabs"},
                value="3",
            ),
        ),
    )


def _fallback(config: Config) -> Alert:
    knobs = config.of("FallbackInUse")
    window = config.window(knobs.window)
    went_on = increase("job, stage, from_provider, to_provider", selector(FALLBACKS, job=config.job), window)
    chain = 'job="storygen", stage="voice", from_provider="elevenlabs", to_provider="builtin"'
    return Alert(
        name="FallbackInUse",
        # Alerts about a vendor name it in the same label, so that they can be matched.
        expr=f'label_replace({went_on} >= {knobs.minimum:g}, "provider", "$1", "from_provider", "(.+)")',
        knobs=knobs,
        summary="{{ $labels.to_provider }} stands in for {{ $labels.provider }} in {{ $labels.stage }}",
        description=f'In the last {spoken(window)}, {{{{ $value | printf "%.0f" }}}} calls of {{{{ $labels.stage }}}} went on from '
        "{{ $labels.provider }} to {{ $labels.to_provider }}.",
        dashboard=BOARD,
        variables={"provider": "provider", "stage": "stage"},
        traces={"storygen.stage.name": "$stage", "storygen.call.result": "fallback"},
        runbook=Runbook(
            means="The first provider does not deliver, and the next one of the chain does its work.",
            felt="Films ship, but these scenes are another voice, another picture, or a built-in's.",
            look="Fallbacks by provider, then the attempts that failed before them, or the budget that refused them.",
            do=(
                "See whether another alert about this provider, or about the budget, says why; start there.",
                "`storygen explain RUN` says for each call why it went on.",
                "When the provider is well, run the story again: what it made is kept, and only what stood in is made "
                "anew where the first provider now delivers.",
            ),
            over="No call has gone on to the next provider for the length of the window.",
        ),
        proofs=(
            Proof(
                below={f"{FALLBACKS}{{{chain}}}": "0+0.19x60"},
                above={f"{FALLBACKS}{{{chain}}}": "0+0.21x60"},
                at="30m",
                labels={
                    "job": "storygen",
                    "stage": "voice",
                    "from_provider": "elevenlabs",
                    "to_provider": "builtin",
                    "provider": "elevenlabs",
                },
                value="3",
            ),
        ),
    )


def _share(*, below: int, above: int, error_type: str) -> Proof:
    """A hundred attempts a minute, so many of which fail; those that were stopped do not count."""

    def series(failed: int) -> dict[str, str]:
        return {
            f'{ATTEMPTS}{{{_SPEECH}, error_type=""}}': f"0+{100 - failed}x60",
            f'{ATTEMPTS}{{{_SPEECH}, error_type="{error_type}"}}': f"0+{failed}x60",
            f'{ATTEMPTS}{{{_SPEECH}, error_type="cancelled"}}': "0+50x60",
        }

    return Proof(
        below=series(below),
        above=series(above),
        at="40m",
        labels={"job": "storygen", "provider": "elevenlabs", "operation": "generate_content"},
        value=f"{above}%",
    )


def _few(error_type: str) -> Proof:
    """Attempts that all fail, but nine in ten minutes, and then eleven."""
    failed = f'{ATTEMPTS}{{{_SPEECH}, error_type="{error_type}"}}'
    return Proof(
        below={failed: "0+0.9x60"},
        above={failed: "0+1.1x60"},
        at="40m",
        labels={"job": "storygen", "provider": "elevenlabs", "operation": "generate_content"},
        value="100%",
    )
