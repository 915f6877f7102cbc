"""Stages: failures, time limits, slowdowns, the bottleneck, stalls."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Runbook
from storygen.mixin.config import Config
from storygen.mixin.promql import increase, rate, selector

_BY = "job, stage"
_SECONDS = "storygen_stage_duration_seconds_count"
_VOICE = 'job="storygen", stage="voice"'


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    return (Group(name="storygen-stages", alerts=(_failing(config),)),)


def _failing(config: Config) -> Alert:
    knobs = config.of("StageFailureRatioHigh")
    window = config.window(knobs.window)
    ended = selector(_SECONDS, job=config.job, outcome="!~cancelled|skipped|cached")
    failed = selector(_SECONDS, job=config.job, outcome="=~failed|timeout")
    return Alert(
        name="StageFailureRatioHigh",
        expr=(
            f"{rate(_BY, failed, window)} / {rate(_BY, ended, window)} > {knobs.limit:g}\n"
            f"and on ({_BY}) {increase(_BY, ended, window)} >= {knobs.minimum:g}"
        ),
        knobs=knobs,
        summary="{{ $labels.stage }} fails in {{ $value | humanizePercentage }} of its runs",
        description="Of what the stage {{ $labels.stage }} did in the last 15 minutes, "
        "{{ $value | humanizePercentage }} failed or ran out of time.",
        dashboard="storygen-stage",
        variables={"stage": "stage"},
        traces={"storygen.stage.name": "$stage", "error": "true"},
        runbook=Runbook(
            means="More than a fifth of the stage's work fails.",
            felt="Films are missing, or ship with stand-ins.",
            look="Stage detail, failures by kind of error; then a trace that failed there.",
            do=(
                "`storygen explain RUN` for a run that failed: it names the provider, the attempts and the next step.",
            ),
            over="The ratio stays below the limit for as long as the window.",
        ),
        proofs=(
            Proof(
                below={
                    f'{_SECONDS}{{{_VOICE}, outcome="success"}}': "0+8x40",
                    f'{_SECONDS}{{{_VOICE}, outcome="failed"}}': "0+2x40",
                },
                above={
                    f'{_SECONDS}{{{_VOICE}, outcome="success"}}': "0+75x40",
                    f'{_SECONDS}{{{_VOICE}, outcome="failed"}}': "0+25x40",
                },
                at="30m",
                labels={"job": "storygen", "stage": "voice"},
                value="25%",
            ),
        ),
    )
