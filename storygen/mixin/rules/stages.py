"""Stages: failures, time limits, stalls."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Recording, Runbook
from storygen.mixin.config import Config, seconds, spoken
from storygen.mixin.promql import LABELS, READ, increase, rate, selector
from storygen.mixin.proofs import after, flat, percent, ramp, steps

_FAILED = "job_stage:storygen_stage_failures:rate2m"
_SPREAD = "job_stage_le:storygen_stage_duration_seconds_bucket:rate2m"
P50 = "job_stage:storygen_stage_duration_seconds:p50_rate30m"
P95 = "job_stage:storygen_stage_duration_seconds:p95_rate30m"
DONE = "job_stage:storygen_stages_done:rate2m"
_BY = LABELS["stage"]
_SECONDS = "storygen_stage_duration_seconds"
_FAILURES = "storygen_stage_failures_total"
_LIMIT = "storygen_stage_timeout_seconds"
_MEAN = 0.75


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    alerts = (_failing(config), _near_limit(config), _stalled(config))
    return (Group(name="storygen-stages", recordings=_recordings(config), alerts=alerts),)


def _recordings(config: Config) -> tuple[Recording, ...]:
    # Those that ran into the limit belong to how long a stage takes; what came from a cache does not.
    buckets = selector(f"{_SECONDS}_bucket", job=config.job, outcome="=~success|timeout")
    half, read = f"avg_over_time({_SPREAD}[{config.window('30m')}])", config.window(READ)
    return (
        # There are thousands of buckets and kinds of failure: they are read over two minutes, and longer windows are
        # the mean of these.
        Recording(record=_SPREAD, expr=rate(f"{_BY}, le", buckets, read)),
        Recording(record=P50, expr=f"histogram_quantile(0.5, {half})"),
        Recording(record=P95, expr=f"histogram_quantile(0.95, {half})"),
        Recording(record=_FAILED, expr=rate(_BY, selector(_FAILURES, job=config.job), read)),
        Recording(record=DONE, expr=rate(_BY, selector(f"{_SECONDS}_count", job=config.job, outcome="success"), read)),
    )


def _voice(config: Config, metric: str, **more: str) -> str:
    return selector(metric, job=config.job, stage="voice", **more)


def _failing(config: Config) -> Alert:
    knobs = config.of("StageFailureRatioHigh")
    window = config.window(knobs.window)
    failed = f"avg_over_time({_FAILED}[{window}])"
    whole = f"({failed} + avg_over_time({DONE}[{window}]))"
    minutes, least = steps(knobs.window) + steps(knobs.hold) + 10, knobs.minimum / steps(knobs.window)

    def series(ratio: float, rated: float) -> dict[str, str]:
        return {
            _voice(config, f"{_SECONDS}_count", outcome="success"): ramp(((1 - ratio) * rated, minutes)),
            _voice(config, _FAILURES, error_type="unavailable"): ramp((ratio * rated, minutes)),
        }

    labels, above = {"job": config.job, "stage": "voice"}, series(knobs.limit * 1.05, 10)
    at, value = after(knobs.window, knobs.hold), percent(knobs.limit * 1.05)
    return Alert(
        name="StageFailureRatioHigh",
        expr=f"{failed} / {whole} > {knobs.limit:g}\nand on ({_BY}) {whole} * {seconds(window):g} >= {knobs.minimum:g}",
        knobs=knobs,
        summary="{{ $labels.stage }} fails in {{ $value | humanizePercentage }} of its work",
        description=f"Of what the stage {{{{ $labels.stage }}}} did in the last {spoken(window)}, "
        "{{ $value | humanizePercentage }} failed or ran out of time.",
        dashboard="storygen-stage",
        variables={"stage": "stage"},
        traces={"storygen.stage.name": "$stage", "error": "true"},
        runbook=Runbook(
            means="More of the stage's work fails than is usual, after retries and fallbacks: what a retry or a second "
            "provider cured is not counted here.",
            felt="Scenes are left out of films, or runs fail.",
            look="Stage detail, failures by kind of error; then a trace that failed there.",
            do=(
                "Look whether an alert of a provider or of a disk is on, and follow that page first.",
                "`storygen explain RUN` for a run that failed: the provider, the attempts and the next step.",
                (
                    "By kind of error: `timeout` and `stage_timeout`, raise `run.stage_timeout` or find what became "
                    "slow; `render_failed`, the end of what ffmpeg said is in `storygen explain`; `invalid_output`, "
                    "`storygen validate FILE` measures what came; `authentication_failed`, `storygen doctor --live`."
                ),
            ),
            over="The ratio stays below the limit for as long as the window.",
        ),
        proofs=(
            Proof(below=series(knobs.limit * 0.95, 10), above=above, at=at, labels=labels, value=value),
            # Too little work says nothing.
            Proof(below=series(knobs.limit * 1.05, least * 0.9), above=above, at=at, labels=labels, value=value),
        ),
    )


def _near_limit(config: Config) -> Alert:
    knobs = config.of("StageNearTimeout")
    window = config.window(knobs.window)
    limit = f"max by ({_BY}) ({selector(_LIMIT, job=config.job)})"
    ended = "=~success|timeout"
    count = f'sum by ({_BY}) (avg_over_time({_SPREAD}{{le="+Inf"}}[{window}]))'
    mean = f"{rate(_BY, selector(f'{_SECONDS}_sum', job=config.job, outcome=ended), window)} / {count}"
    return Alert(
        name="StageNearTimeout",
        # The quantile is guessed within a bucket that may be as wide as half the limit. Where most work falls into it,
        # the mean is asked too, or a stage of 310 s were taken for one of 580; where little does, the guess will do.
        expr=f"{P95} / on ({_BY}) {limit} > {knobs.limit:g}\n"
        f"and on ({_BY}) (\n{mean} / {limit} > {_MEAN * knobs.limit:g}\nor {P50} / on ({_BY}) {limit} < 0.5\n)\n"
        f"and on ({_BY}) {count} * {seconds(window):g} >= {knobs.minimum:g}",
        knobs=knobs,
        summary="{{ $labels.stage }} takes {{ $value | humanizePercentage }} of its time limit",
        description="One in twenty times the stage {{ $labels.stage }} takes {{ $value | humanizePercentage }} of "
        "what it may take, or more. Beyond its limit its work is thrown away.",
        dashboard="storygen-stage",
        variables={"stage": "stage"},
        traces={"storygen.stage.name": "$stage"},
        runbook=Runbook(
            means="The stage still ends in time, but hardly: its longest work comes close to `run.stage_timeout`.",
            felt="Nothing yet; soon scenes or films fail with a timeout.",
            look="Stage detail, 95th percentile against the limit; the slowest traces of the stage.",
            do=(
                "`storygen report` for a slow run: did it compute, wait for a limit, or wait for a provider?",
                "If a provider became slow, see the board of providers; another one may be put before it.",
                "If the machine is too busy, lower `run.cores`, or make fewer films at a time.",
                "If stories have become longer, raise the stage's limit in `run.stage_timeout`.",
            ),
            over="The 95th percentile is below the limit of this alert.",
        ),
        proofs=_limit_proofs(config),
    )


def _limit_proofs(config: Config) -> tuple[Proof, ...]:
    """Work of 30 to 60 s, with a limit that its 95th percentile is just below or just above so large a share of."""
    knobs = config.of("StageNearTimeout")
    minutes = steps("30m") + steps(knobs.hold) + 40

    def series(share: float, short: float, mean: float) -> dict[str, str]:
        p95 = 30 + 30 * (0.95 - short) / (1 - short)
        buckets = {
            _voice(config, f"{_SECONDS}_bucket", outcome="success", le=le): ramp((2 * below, minutes))
            for le, below in (("30.0", short), ("60.0", 1.0), ("+Inf", 1.0))
        }
        return buckets | {
            _voice(config, f"{_SECONDS}_count", outcome="success"): ramp((2, minutes)),
            _voice(config, f"{_SECONDS}_sum", outcome="success"): ramp((2 * mean, minutes)),
            _voice(config, _LIMIT): flat((p95 / share, minutes + 1)),
        }

    low, high = knobs.limit * 0.95, knobs.limit * 1.05
    enough = 58.5 * _MEAN / 1.05
    pairs = (
        (series(low, 0, 55), series(high, 0, 55)),
        # All in one bucket: the mean says that the quantile exaggerates.
        (series(high, 0, enough * 0.98), series(high, 0, enough * 1.02)),
        # A slow minority, which the mean does not show.
        (series(low, 0.55, 25), series(high, 0.55, 25)),
    )
    at, labels = after("30m", knobs.hold), {"job": config.job, "stage": "voice"}
    return tuple(Proof(below=below, above=above, at=at, labels=labels, value=percent(high)) for below, above in pairs)


def _stalled(config: Config) -> Alert:
    knobs = config.of("RunStalled")
    window = config.window(knobs.window)
    stalls, quiet = _voice(config, "storygen_stalls_total"), steps(knobs.window) + 10
    return Alert(
        name="RunStalled",
        expr=f"{increase(_BY, selector('storygen_stalls_total', job=config.job), window)} > 0",
        knobs=knobs,
        summary="{{ $labels.stage }} stood still",
        description=f"In the last {spoken(window)} work of the stage {{{{ $labels.stage }}}} made no progress for "
        "longer than `run.stall_seconds`, and was ended.",
        dashboard="storygen-stage",
        variables={"stage": "stage"},
        traces={"storygen.stage.name": "$stage", "error.type": "stalled"},
        runbook=Runbook(
            means="Something ran but nothing moved, such as an ffmpeg that no longer writes; it was ended after "
            "`run.stall_seconds`, long before the stage's time limit.",
            felt="A scene or a film is late or missing.",
            look="The trace of the run, its span `ffmpeg`: how far it came and with what exit code.",
            do=(
                "`storygen explain RUN` prints the end of what ffmpeg said and where it stood.",
                (
                    "Run it again: it goes on from the stages that were done. If it stands still at the same place, "
                    "keep the bundle (`storygen explain RUN --bundle`) for a report."
                ),
                "`df -h` and `dmesg`: slow or broken disks show as stalls.",
            ),
            over="No stall within the window.",
        ),
        proofs=(
            # The first that ever happens is seen, because the counter was there before; an old one is forgotten.
            Proof(
                below={stalls: flat((0, 3), (1, quiet + 10))},
                above={stalls: flat((0, quiet - 2), (1, 20))},
                at=f"{quiet}m",
                labels={"job": config.job, "stage": "voice"},
            ),
        ),
    )
