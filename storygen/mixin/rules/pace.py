"""Pace: how long stages work for a second of film, against their own past, and which one holds a film up."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Recording, Runbook
from storygen.mixin.config import Config, seconds, spoken
from storygen.mixin.promql import LABELS, rate, selector
from storygen.mixin.proofs import after, percent, ramp, steps
from storygen.mixin.rules.stages import DONE

SHARE = "job_stage:storygen_stage_critical_seconds:share_rate30m"
CRITICAL = "job_stage:storygen_stage_critical_seconds:rate30m"
PACE = "job_stage:storygen_stage_seconds_per_film_second:ratio_rate1h"
PAST = "job_stage:storygen_stage_seconds_per_film_second:past"
_WORKED = "job_stage:storygen_stage_seconds:rate5m"
_FILMED = "job:storygen_film_seconds:rate5m"
_FELT = 0.02  # seconds of work for a second of film
_BY = LABELS["stage"]
_SECONDS = "storygen_stage_duration_seconds"
_CRITICAL = "storygen_stage_critical_seconds_total"
_FILM = "storygen_film_duration_seconds"


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    return (Group(name="storygen-pace", recordings=_recordings(config), alerts=(_slower(config), _bottleneck(config))),)


def _recordings(config: Config) -> tuple[Recording, ...]:
    done = selector(f"{_SECONDS}_sum", job=config.job, outcome="success")
    hour, five = config.window("1h"), config.window("5m")
    worked, filmed = (f"avg_over_time({name}[{hour}])" for name in (_WORKED, _FILMED))
    return (
        Recording(record=_WORKED, expr=rate(_BY, done, five)),
        Recording(record=_FILMED, expr=rate("job", selector(f"{_FILM}_sum", job=config.job), five)),
        Recording(record=CRITICAL, expr=rate(_BY, selector(_CRITICAL, job=config.job), config.window("30m"))),
        Recording(record=SHARE, expr=f"{CRITICAL} / on (job) group_left () (sum by (job) ({CRITICAL}) > 0)"),
        Recording(record=PACE, expr=f"{worked} / on (job) group_left () ({filmed} > 0)"),
        # The slower of the hours that ended a day and a week ago, or the one that is known. Never scaled.
        Recording(
            record=PAST,
            expr=f"avg_over_time({PACE}[1h] offset 1d) > avg_over_time({PACE}[1h] offset 1w)\n"
            f"or avg_over_time({PACE}[1h] offset 1w)\nor avg_over_time({PACE}[1h] offset 1d)",
        ),
    )


def _voice(config: Config, metric: str, **more: str) -> str:
    return selector(metric, job=config.job, stage="voice", **more)


def _slower(config: Config) -> Alert:
    knobs = config.of("StageSlowdown")
    window = config.window(knobs.window)
    return Alert(
        name="StageSlowdown",
        # What takes a few milliseconds doubles by chance, and nobody feels it.
        expr=f"{PACE} / on ({_BY}) {PAST} > {knobs.limit:g}\n"
        f"and on ({_BY}) {PACE} > {_FELT:g}\n"
        f"and on ({_BY}) avg_over_time({DONE}[{window}]) * {seconds(window):g} >= {knobs.minimum:g}",
        knobs=knobs,
        summary='{{ $labels.stage }} takes {{ $value | printf "%.1f" }} times as long as before',
        description=f"For a second of film the stage {{{{ $labels.stage }}}} worked in the last {spoken(window)} "
        '{{ $value | printf "%.1f" }} times as long as at this hour a day and a week ago.',
        dashboard="storygen-stage",
        variables={"stage": "stage"},
        traces={"storygen.stage.name": "$stage"},
        runbook=Runbook(
            means="The stage became slow compared with its own past, whatever the length of the stories: it is "
            "measured by the second of film.",
            felt="Films come later than yesterday.",
            look="Stage detail, seconds of work for a second of film, with the line of a day and of a week ago.",
            do=(
                (
                    "Look what changed since yesterday: the version (`storygen_build_info`), the settings, the "
                    "provider's model."
                ),
                "For stages that ask providers: the board of providers, duration by model, and their status page.",
                "For assembly: is the machine busy with something else? `storygen report` tells how fast ffmpeg was.",
                "Compare two traces of the stage, one of today and one of yesterday, in Jaeger.",
            ),
            over="The ratio is below the limit; where the slower pace is the new normal, that is in a day.",
        ),
        proofs=_slow_proofs(config),
    )


def _slow_proofs(config: Config) -> tuple[Proof, ...]:
    """A second of work for a second of film, as it was recorded; now just over and just under so many times that.

    What was as slow a week ago, though not yesterday, is silent.
    """
    knobs, interval = config.of("StageSlowdown"), "1m"
    day, week = steps("1d", interval), steps("7d", interval)
    hours = steps("1h", interval) + steps(knobs.window, interval) + steps(knobs.hold, interval) + 20
    low, high = knobs.limit * 0.95, knobs.limit * 1.06

    def series(*phases: tuple[float, int]) -> dict[str, str]:
        minutes = sum(count for _, count in phases)
        return {
            selector(f"{_FILM}_sum", job=config.job, pipeline="story"): ramp((12, minutes)),
            _voice(config, f"{_SECONDS}_sum", outcome="success"): ramp(*((12 * pace, count) for pace, count in phases)),
            _voice(config, f"{_SECONDS}_count", outcome="success"): ramp((1, minutes)),
        }

    def proof(below: dict[str, str], above: dict[str, str], past: str) -> Proof:
        return Proof(
            below=below,
            above=above,
            at=after(past, "1h", knobs.window, knobs.hold),
            labels={"job": config.job, "stage": "voice"},
            value=f"{high:.1f}",
            interval=interval,
            pace="5m",
        )

    now, since = (high, hours), week - hours
    return (
        proof(series((1, day), (low, hours)), series((1, day), now), "1d"),
        proof(series((high, hours), (1, since), now), series((1, hours), (1, since), now), "7d"),
    )


def _bottleneck(config: Config) -> Alert:
    knobs = config.of("StageBottleneck")
    minutes = steps("30m") + steps(knobs.hold) + 30

    def series(share: float, busy: float) -> dict[str, str]:
        return {
            _voice(config, _CRITICAL): ramp((share * busy, minutes)),
            selector(_CRITICAL, job=config.job, stage="assembly"): ramp(((1 - share) * busy, minutes)),
        }

    above = series(knobs.limit * 1.02, 60)
    shared = {"at": after("30m", knobs.hold), "labels": {"job": config.job, "stage": "voice"}}
    shared |= {"above": above, "value": percent(knobs.limit * 1.02)}
    return Alert(
        name="StageBottleneck",
        expr=f"{SHARE} > {knobs.limit:g}\nand on (job) sum by (job) ({CRITICAL}) >= {knobs.minimum:g}",
        knobs=knobs,
        summary="{{ $labels.stage }} is {{ $value | humanizePercentage }} of the way to a film",
        description="Were the stage {{ $labels.stage }} instant, films would come {{ $value | humanizePercentage }} "
        "sooner: that is its share of the critical path.",
        dashboard="storygen-stage",
        variables={"stage": "stage"},
        traces={"storygen.stage.name": "$stage"},
        runbook=Runbook(
            means="Nearly all the time to a film goes into one stage. Nothing is broken; work on any other stage is "
            "wasted.",
            felt="Films take as long as that stage does.",
            look="Overview, share of the critical path by stage; Stage detail of the stage that is named.",
            do=(
                (
                    "`storygen report`: what the stage did in that time: computed, waited for a limit, waited for a "
                    "provider."
                ),
                (
                    "voice and visuals: raise `at_once` or `per_minute` of the provider if its contract allows, or "
                    "give it another key."
                ),
                "assembly: more cores (`run.cores`), or a smaller frame (`film.height`).",
                "`storygen compare STORY --a WISH --b WISH` tells whether another provider is faster, and its cost.",
            ),
            over="The share falls below the limit. Where it cannot, set `enabled = false`: this alert is a hint.",
        ),
        proofs=tuple(
            Proof(below=below, **shared)  # type: ignore[arg-type]
            for below in (series(knobs.limit * 0.98, 60), series(knobs.limit * 1.02, knobs.minimum * 60 * 0.9))
        ),
    )
