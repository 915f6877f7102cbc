"""Films: how real they are, and what quality checks say of their parts."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Runbook
from storygen.mixin.config import Config, spoken
from storygen.mixin.promql import increase, rate, selector

FILMS = "storygen_films_total"
CHECKS = "storygen_quality_checks_total"
_STORY = 'job="storygen", pipeline="story"'
_LOUDNESS = 'job="storygen", artifact="audio", check="loudness"'


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    return (Group(name="storygen-films", alerts=(_degraded(config), _failing(config))),)


def _degraded(config: Config) -> Alert:
    knobs = config.of("FilmsDegraded")
    by, window = "job, pipeline", config.window(knobs.window)
    films = selector(FILMS, job=config.job)
    unreal = selector(FILMS, job=config.job, fidelity="!=full")
    return Alert(
        name="FilmsDegraded",
        expr=(
            f"{rate(by, unreal, window)} / {rate(by, films, window)} > {knobs.limit:g}\n"
            f"and on ({by}) {increase(by, films, window)} >= {knobs.minimum:g}"
        ),
        knobs=knobs,
        summary="{{ $value | humanizePercentage }} of films of {{ $labels.pipeline }} are not what was asked for",
        description=f"Of the films of the last {spoken(window)}, {{{{ $value | humanizePercentage }}}} shipped with stand-ins, "
        "without a scene, or as a placeholder.",
        dashboard="storygen-overview",
        variables={"pipeline": "pipeline"},
        traces={"gen_ai.workflow.name": "$pipeline", "storygen.fidelity": "degraded"},
        runbook=Runbook(
            means="Runs succeed, but what they make is less than was asked for.",
            felt="Viewers get another voice, plain cards instead of pictures, or a film without a scene.",
            look="Films by fidelity, then fallbacks by provider and failures by stage.",
            do=(
                "`storygen report RUN` of such a film lists, scene by scene, what stood in and why.",
                "Scenes by another provider: see the alerts about providers and the budget. Scenes left out: see the "
                "failures of their stage.",
                "`storygen run FILE` makes the story again once the cause is mended; only what stood in is made anew.",
            ),
            over="The share of films that are not full stays below the limit for the length of the window.",
        ),
        proofs=(
            _films(full=(91, 89), degraded=(5, 6), placeholder=(4, 5), value="11%"),
            _films(full=(0, 0), degraded=(0.08, 0.09), placeholder=(0, 0), value="100%"),
        ),
    )


def _failing(config: Config) -> Alert:
    knobs = config.of("QualityChecksFailing")
    by, window = "job, artifact, check", config.window(knobs.window)
    checked = selector(CHECKS, job=config.job)
    # A warning is within what may ship, and stands on the board; a failure is sent back to the provider or left out.
    failed = selector(CHECKS, job=config.job, result="fail")
    return Alert(
        name="QualityChecksFailing",
        expr=(
            f"{rate(by, failed, window)} / {rate(by, checked, window)} > {knobs.limit:g}\n"
            f"and on ({by}) {increase(by, checked, window)} >= {knobs.minimum:g}"
        ),
        knobs=knobs,
        summary="{{ $value | humanizePercentage }} of {{ $labels.artifact }} fails the check {{ $labels.check }}",
        description=f"In the last {spoken(window)}, {{{{ $value | humanizePercentage }}}} of {{{{ $labels.artifact }}}} "
        "artifacts did not pass the check {{ $labels.check }}.",
        dashboard="storygen-quality",
        traces={"error.type": "invalid_output"},
        runbook=Runbook(
            means="What providers or this machine make is outside the limits of a check.",
            felt="What fails is asked for again, which costs time and money, or replaced by a stand-in.",
            look="Checks by result; then loudness, coverage and drift by provider, which show who made it.",
            do=(
                "`storygen report RUN` of a recent run lists each check with its value and its limit.",
                "One provider: name another model or voice of it, or another provider first in its chain.",
                "All providers: something here has changed. `storygen doctor` checks ffmpeg and the typefaces.",
                "A limit that does not fit your films: set the wish behind it, such as `voice.loudness_lufs` or "
                "`subtitles.max_characters_per_second`.",
            ),
            over="The share of failed checks stays below the limit for the length of the window.",
        ),
        proofs=(
            Proof(
                below=_checks(passed=80, warned=11, failed=9),
                above=_checks(passed=80, warned=9, failed=11),
                at="45m",
                labels={"job": "storygen", "artifact": "audio", "check": "loudness"},
                value="11%",
            ),
            Proof(
                below=_checks(passed=0, warned=0, failed=0.3),
                above=_checks(passed=0, warned=0, failed=0.35),
                at="45m",
                labels={"job": "storygen", "artifact": "audio", "check": "loudness"},
                value="100%",
            ),
        ),
    )


def _films(
    *, full: tuple[float, float], degraded: tuple[float, float], placeholder: tuple[float, float], value: str
) -> Proof:
    """Films a minute by fidelity, just below and just above."""

    def series(which: int) -> dict[str, str]:
        said = {"full": full, "degraded": degraded, "placeholder": placeholder}
        return {f'{FILMS}{{{_STORY}, fidelity="{name}"}}': f"0+{each[which]:g}x120" for name, each in said.items()}

    labels = {"job": "storygen", "pipeline": "story"}
    return Proof(below=series(0), above=series(1), at="90m", labels=labels, value=value)


def _checks(*, passed: float, warned: float, failed: float) -> dict[str, str]:
    said = {"pass": passed, "warn": warned, "fail": failed}
    return {f'{CHECKS}{{{_LOUDNESS}, result="{name}"}}': f"0+{each:g}x60" for name, each in said.items()}
