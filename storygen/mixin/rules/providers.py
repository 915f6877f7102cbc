"""Providers: attempts that fail, are refused as too many, or have to be repeated."""

from __future__ import annotations

from collections.abc import Callable

from storygen.mixin.base import Alert, Group, Recording, Runbook
from storygen.mixin.config import Config, seconds, spoken
from storygen.mixin.inhibitions import unless_told
from storygen.mixin.promql import READ, increase, rate, selector
from storygen.mixin.proofs import Series, counts, ramp, shares

BOARD = "storygen-providers"
ATTEMPTS = "storygen_attempts_total"
RETRIES = "storygen_retries_total"
EXHAUSTED = "storygen_retries_exhausted_total"
_BY = "job, provider, operation"
# There are thousands of both: they are read over two minutes, and a window is the mean of these.
_ATTEMPTED = "job_provider_operation_error_type:storygen_attempts:rate2m"
_RETRIED = "job_provider:storygen_retries:rate2m"


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room; what silences others comes first."""
    alerts = (_limited(config), _failing(config), _repeated(config), _exhausted(config))
    read, retried = config.window(READ), selector(RETRIES, job=config.job)
    # Attempts, but for those that ended with their run or at their stage's limit: these say nothing of the vendor.
    judged = selector(ATTEMPTS, job=config.job, error_type="!=cancelled")
    recordings = (
        Recording(record=_ATTEMPTED, expr=rate(f"{_BY}, error_type", judged, read)),
        Recording(record=_RETRIED, expr=rate("job, provider", retried, read)),
    )
    return (Group(name="storygen-providers", recordings=recordings, alerts=alerts),)


def _share(alert: str, config: Config, part: str, by: str) -> str:
    """That a share of the attempts passes the limit, of enough of them, and that nothing else has said why."""
    knobs = config.of(alert)
    window = config.window(knobs.window)
    whole = f"sum by ({by}) (avg_over_time({_ATTEMPTED}[{window}]))"
    return (
        f"sum by ({by}) (avg_over_time({part}[{window}])) / {whole} > {knobs.limit:g}\n"
        f"and on ({by}) {whole} * {seconds(window):g} >= {knobs.minimum:g}\n{unless_told(alert, window)}"
    )


def _labels(config: Config) -> dict[str, str]:
    return {"job": config.job, "provider": "elevenlabs", "operation": "generate_content"}


def _attempts(config: Config, error_type: str) -> Callable[[float, float, int], Series]:
    """Attempts of which a share fails; half as many are stopped besides, and do not count."""

    def series(share: float, a_minute: float, minutes: int) -> Series:
        grown = {"": (1 - share) * a_minute, error_type: share * a_minute, "cancelled": a_minute / 2}
        labels = _labels(config)
        return {selector(ATTEMPTS, **labels, error_type=kind): ramp((step, minutes)) for kind, step in grown.items()}

    return series


def _limited(config: Config) -> Alert:
    knobs = config.of("ProviderRateLimited")
    refused = selector(_ATTEMPTED, error_type="rate_limited")
    return Alert(
        name="ProviderRateLimited",
        expr=_share("ProviderRateLimited", config, refused, _BY),
        knobs=knobs,
        summary="{{ $labels.provider }} refuses {{ $value | humanizePercentage }} of attempts as too many",
        description=f"In the last {spoken(config.window(knobs.window))}, {{{{ $labels.provider }}}} answered "
        "{{ $value | humanizePercentage }} of the attempts at {{ $labels.operation }} with 429.",
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={"gen_ai.provider.name": "$provider", "error.type": "rate_limited"},
        runbook=Runbook(
            means="More is asked of the vendor than the account may ask.",
            felt="Runs wait for as long as the vendor says before they ask again; films come later.",
            look="Attempts by kind of error, time spent waiting, and the limit in use beside the one that was learnt.",
            do=(
                "Look up what the account allows, and set `vendors.NAME.per_minute` a little below it.",
                "Lower `vendors.NAME.at_once`, or make fewer films at once.",
                "Add a key of another account to `vendors.NAME.api_keys`; keys are used in turn.",
                "`storygen doctor --live` shows whether each key works.",
                "Ask the vendor for a higher limit.",
            ),
            over="The share of 429 stays below the limit for as long as the window.",
        ),
        proofs=shares(knobs, _attempts(config, "rate_limited"), labels=_labels(config)),
    )


def _failing(config: Config) -> Alert:
    knobs = config.of("ProviderErrorRatioHigh")
    failed = selector(_ATTEMPTED, error_type="!=")
    return Alert(
        name="ProviderErrorRatioHigh",
        expr=_share("ProviderErrorRatioHigh", config, failed, _BY),
        knobs=knobs,
        summary="{{ $labels.provider }} fails in {{ $value | humanizePercentage }} of attempts",
        description=f"In the last {spoken(config.window(knobs.window))}, {{{{ $value | humanizePercentage }}}} of the "
        "attempts at {{ $labels.operation }} by {{ $labels.provider }} failed. Retries cure some of it.",
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={"gen_ai.provider.name": "$provider", "gen_ai.operation.name": "$operation", "error": "true"},
        runbook=Runbook(
            means="The vendor fails often, but not so often in a row that its breaker opens.",
            felt="Films take longer, and cost more where failed attempts are billed; some scenes get a stand-in.",
            look="Attempts by kind of error: is it one kind, one model, or everything?",
            do=(
                "`storygen doctor --live` says whether the keys work and the vendor answers.",
                "`timeout`: raise `vendors.NAME.timeout`, or try another model.",
                "`invalid_output`: try another model. `content_rejected`: look at the story.",
                "`storygen explain RUN` of a run that suffered lists its attempts with reasons and waits.",
                "To go on without the vendor, put another provider before it in its chain under `[providers]`.",
            ),
            over="The share of failed attempts stays below the limit for as long as the window.",
        ),
        proofs=shares(knobs, _attempts(config, "unavailable"), labels=_labels(config)),
    )


def _repeated(config: Config) -> Alert:
    knobs = config.of("RetryRatioHigh")
    labels = {"job": config.job, "provider": "elevenlabs"}

    def series(share: float, a_minute: float, minutes: int) -> Series:
        return {
            selector(ATTEMPTS, **_labels(config), error_type=""): ramp((a_minute, minutes)),
            selector(RETRIES, **labels, stage="voice", reason="timeout"): ramp((share * a_minute, minutes)),
        }

    return Alert(
        name="RetryRatioHigh",
        expr=_share("RetryRatioHigh", config, _RETRIED, "job, provider"),
        knobs=knobs,
        summary="{{ $value | humanizePercentage }} of attempts at {{ $labels.provider }} are repeated",
        description=f"In the last {spoken(config.window(knobs.window))}, {{{{ $value | humanizePercentage }}}} of the "
        "attempts at {{ $labels.provider }} had to be made again. The calls go well in the end.",
        dashboard=BOARD,
        variables={"provider": "provider"},
        traces={"gen_ai.provider.name": "$provider", "error": "true"},
        runbook=Runbook(
            means="Retries cure what fails, and hide it: too little to be an alert about errors, too much to leave it.",
            felt="Nothing breaks. Films take longer, and cost more where failed attempts are billed.",
            look="Retries by reason, time spent waiting, and attempts per call.",
            do=(
                "`storygen report --since 1d` shows what the repeated attempts cost.",
                "`timeout`: raise `vendors.NAME.timeout`. `rate_limited`: lower `vendors.NAME.at_once`.",
                "`invalid_output`: try another model.",
            ),
            over="The share of repeated attempts stays below the limit for as long as the window.",
        ),
        proofs=shares(knobs, series, labels=labels),
    )


def _exhausted(config: Config) -> Alert:
    knobs = config.of("RetriesExhausted")
    window, labels = config.window(knobs.window), {"job": config.job, "stage": "voice", "provider": "elevenlabs"}
    gave_up = increase("job, stage, provider", selector(EXHAUSTED, job=config.job), window)
    return Alert(
        name="RetriesExhausted",
        expr=f"{gave_up} >= {knobs.minimum:g}\n{unless_told('RetriesExhausted', window)}",
        knobs=knobs,
        summary="Calls of {{ $labels.stage }} to {{ $labels.provider }} fail in spite of all retries",
        description=f'In the last {spoken(window)}, {{{{ $value | printf "%.0f" }}}} calls of {{{{ $labels.stage }}}} '
        "to {{ $labels.provider }} failed at their last allowed attempt.",
        dashboard=BOARD,
        variables={"provider": "provider", "stage": "stage"},
        traces={"storygen.stage.name": "$stage", "gen_ai.provider.name": "$provider", "error": "true"},
        runbook=Runbook(
            means="Single requests fail again and again while others go well, so the breaker stays closed. Mostly it "
            "is what is asked, such as a long or odd scene, and not the vendor.",
            felt="These scenes get a stand-in of the next provider, or are left out.",
            look="The traces of failed attempts: which scene, which kind of error, always the same one?",
            do=(
                "`storygen explain RUN` names the scene, the attempts and the waits.",
                "`storygen check FILE` says what is doubtful in a script. Shorten the scene, or say it otherwise.",
                "Where everything is slow, raise `vendors.NAME.timeout`.",
            ),
            over="No call has used up its attempts within the window.",
        ),
        proofs=(counts(knobs, lambda growth: {selector(EXHAUSTED, **labels): growth}, labels=labels),),
    )
