"""Films: how real they are, and what quality checks say of their parts."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Recording, Runbook
from storygen.mixin.config import Config, seconds, spoken
from storygen.mixin.promql import READ, increase, rate, selector
from storygen.mixin.proofs import Series, ramp, shares

FILMS = "storygen_films_total"
CHECKS = "storygen_quality_checks_total"
# There are thousands of checks: they are read over two minutes, and a window is the mean of these.
CHECKED = "job_artifact_check_result:storygen_quality_checks:rate2m"
_RESULTS = "job, artifact, check, result"


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    checked = rate(_RESULTS, selector(CHECKS, job=config.job), config.window(READ))
    recorded = Recording(record=CHECKED, expr=checked)
    return (Group(name="storygen-films", recordings=(recorded,), alerts=(_degraded(config), _failing(config))),)


def _degraded(config: Config) -> Alert:
    knobs = config.of("FilmsDegraded")
    by, window = "job, pipeline", config.window(knobs.window)
    films, unreal = (selector(FILMS, job=config.job, **narrower) for narrower in ({}, {"fidelity": "!=full"}))
    labels = {"job": config.job, "pipeline": "story"}

    def series(share: float, a_minute: float, minutes: int) -> Series:
        made = {"full": 1 - share, "degraded": share * 0.75, "placeholder": share * 0.25}
        return {selector(FILMS, **labels, fidelity=kind): ramp((a_minute * of, minutes)) for kind, of in made.items()}

    return Alert(
        name="FilmsDegraded",
        expr=(
            f"{rate(by, unreal, window)} / {rate(by, films, window)} > {knobs.limit:g}\n"
            f"and on ({by}) {increase(by, films, window)} >= {knobs.minimum:g}"
        ),
        knobs=knobs,
        summary="{{ $value | humanizePercentage }} of the films of {{ $labels.pipeline }} are not what was asked for",
        description=f"Of the films of the last {spoken(window)}, {{{{ $value | humanizePercentage }}}} shipped with "
        "stand-ins, without a scene, or as a placeholder.",
        dashboard="storygen-overview",
        variables={"pipeline": "pipeline"},
        traces={"gen_ai.workflow.name": "$pipeline", "storygen.fidelity": "degraded"},
        runbook=Runbook(
            means="Runs succeed, but what they make is less than was asked for.",
            felt="Viewers get another voice, plain cards instead of pictures, or a film without a scene.",
            look="Films by fidelity, then fallbacks by provider and failures by stage.",
            do=(
                "`storygen report RUN` of such a film lists, scene by scene, what stood in and why.",
                "Scenes by another provider: see the alerts about providers, and BudgetExceeded.",
                "Scenes left out: see the failures of their stage, and StageFailureRatioHigh.",
                "`storygen run FILE` makes the story again once the cause is mended; what was real is kept.",
            ),
            over="The share of films that are not full stays below the limit for as long as the window.",
        ),
        proofs=shares(knobs, series, labels=labels),
    )


def _failing(config: Config) -> Alert:
    knobs = config.of("QualityChecksFailing")
    by, window = "job, artifact, check", config.window(knobs.window)
    # A warning is within what may ship, and stands on the board; a failure is sent back to the provider or left out.
    checked, failed = (
        f"sum by ({by}) (avg_over_time({series}[{window}]))" for series in (CHECKED, selector(CHECKED, result="fail"))
    )
    labels = {"job": config.job, "artifact": "audio", "check": "loudness"}

    def series(share: float, a_minute: float, minutes: int) -> Series:
        found = {"pass": (1 - share) / 2, "warn": (1 - share) / 2, "fail": share}
        return {selector(CHECKS, **labels, result=kind): ramp((a_minute * of, minutes)) for kind, of in found.items()}

    return Alert(
        name="QualityChecksFailing",
        expr=f"{failed} / {checked} > {knobs.limit:g}\n"
        f"and on ({by}) {checked} * {seconds(window):g} >= {knobs.minimum:g}",
        knobs=knobs,
        summary="{{ $value | humanizePercentage }} of {{ $labels.artifact }} fails the check {{ $labels.check }}",
        description=f"In the last {spoken(window)}, {{{{ $value | humanizePercentage }}}} of what was made of "
        "{{ $labels.artifact }} did not pass the check {{ $labels.check }}.",
        dashboard="storygen-quality",
        traces={"error.type": "invalid_output"},
        runbook=Runbook(
            means="What providers or this machine make is outside the limits of a check.",
            felt="What fails is asked for again, which costs time and money, or replaced by a stand-in.",
            look="Checks by result; then loudness, coverage and drift by provider, which show who made it.",
            do=(
                "`storygen report RUN` of a recent run lists its checks, with values and limits.",
                "`storygen validate FILE` measures a film, a voice or subtitles that you have.",
                "One provider: try another model or voice of it, or put another provider before it.",
                "All providers: something here has changed. `storygen doctor` checks ffmpeg and the typefaces.",
                (
                    "A limit that does not fit your films follows from what they should be, such as "
                    "`voice.loudness_lufs` or `subtitles.max_characters_per_second`."
                ),
            ),
            over="The share of failed checks stays below the limit for as long as the window.",
        ),
        proofs=shares(knobs, series, labels=labels),
    )
