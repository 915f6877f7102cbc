"""Media quality: how real films are, which checks fail, and what the listener gets."""

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
    table,
)

_SCOPE = Scope("pipeline", "provider")
_CHECKS = "storygen_quality_checks_total"
_FILMS = "storygen_films_total"


def board(config: Config) -> Board:
    """Read it when films look or sound wrong, or ship with stand-ins."""
    return Board(
        uid="storygen-quality",
        title="Storygen / Media quality",
        says="What viewers get. Films first, then checks, then sound, subtitles and files by who made them.",
        variables=("pipeline", "provider"),
        rows=(
            Row(title="Films", panels=tuple(_films(config))),
            Row(title="Checks", panels=tuple(_checks(config))),
            Row(title="Sound", panels=tuple(_sound())),
            Row(title="Subtitles", panels=(*_subtitles(), *_drift())),
            Row(title="Files", panels=tuple(_files())),
        ),
    )


def _films(config: Config) -> Iterator[Panel]:
    full = increase("", _SCOPE.raw(_FILMS, fidelity="full"), "24h")
    limit = config.of("FilmsDegraded").limit
    yield stat(
        "Films as meant, 24 h",
        "percentunit",
        "Without fallbacks, missing scenes or stand-ins. The manifest of a film says why it is not.",
        ratio(full, increase("", _SCOPE.raw(_FILMS), "24h")),
        alert="FilmsDegraded",
        steps=((1 - limit, "green"),),
        base="orange",
        empty="No films",
        height=8,
        width=6,
    )
    yield series(
        "Films by fidelity",
        "short",
        "In an hour. degraded: a fallback was used or a scene left out; see fallbacks in Providers and models. "
        "placeholder: made of stand-ins, because no provider is set up.",
        ask(increase("fidelity", _SCOPE.raw(_FILMS), "1h"), "{{fidelity}}"),
        alert="FilmsDegraded",
        board="storygen-providers",
        stacked=True,
        least=0,
        width=9,
    )
    yield series(
        "Length of films",
        "s",
        "A fall while stories stay the same means that scenes are missing: see films by fidelity, beside it.",
        *quantiles("", _SCOPE.raw("storygen_film_duration_seconds_bucket"), window="1h"),
        alert="FilmsDegraded",
        empty="No films",
        least=0,
        width=9,
    )


def _checks(config: Config) -> Iterator[Panel]:
    failed, doubtful = _SCOPE.raw(_CHECKS, result="fail"), _SCOPE.raw(_CHECKS, result="=~warn|fail")
    yield series(
        "Share of checks that fail",
        "percentunit",
        "By kind of artifact. What fails is made again or replaced; above the dashed line QualityChecksFailing fires.",
        ask(
            ratio(increase("artifact", failed, "1h"), increase("artifact", _SCOPE.raw(_CHECKS), "1h")),
            "{{artifact}}",
        ),
        alert="QualityChecksFailing",
        steps=red_above(config, "QualityChecksFailing"),
        empty="No checks",
        least=0,
    )
    yield series(
        "Checks by result",
        "short",
        "In an hour. warn passes, and is worth a look before it fails; fail is made again: see the list beside it.",
        ask(increase("artifact, result", _SCOPE.raw(_CHECKS), "1h"), "{{artifact}} {{result}}"),
        alert="QualityChecksFailing",
        stacked=True,
        least=0,
    )
    yield table(
        "Checks that did not pass, in the time shown",
        "short",
        "The most frequent first. The check's name says what to listen or look for in the film.",
        ask(f"{increase('artifact, check, result', doubtful, '$__range')} > 0", "Times"),
        alert="QualityChecksFailing",
        columns={"artifact": "Artifact", "check": "Check", "result": "Result"},
        empty="All passed",
        width=8,
    )


def _sound() -> Iterator[Panel]:
    loudness = _SCOPE.raw("storygen_audio_loudness_lufs_bucket")
    yield series(
        "Loudness of narrations and films",
        "suffix: LUFS",
        "The median by provider; louder is nearer to 0, and `local` is the finished film. Apart by more than 2, "
        "listeners reach for the knob: set the voice's volume or check normalisation.",
        ask(percentile(0.5, "provider", loudness, "1h"), "{{provider}}"),
        alert="QualityChecksFailing",
        empty="No narrations",
    )
    yield heatmap(
        "Loudness, how often",
        "suffix: LUFS",
        "A second band is a provider or a voice that is set differently; choose a provider above to find it.",
        ask(rate("le", loudness, "1h"), "{{le}}"),
    )
    yield series(
        "Sound for a second of film",
        "none",
        "Seconds of sound made over seconds of film. Far above 1: sound is made again and again; below: it is cut "
        "short.",
        ratio(
            increase("", _SCOPE.raw("storygen_audio_generated_seconds_total"), "1h"),
            increase("", _SCOPE.raw("storygen_film_duration_seconds_sum"), "1h"),
        ),
        empty="No films",
        least=0,
    )


def _subtitles() -> Iterator[Panel]:
    coverage = "storygen_subtitle_coverage_ratio"
    yield series(
        "Speech that has subtitles",
        "percentunit",
        "The mean by the provider whose word times they rest on. Below 0.98 words are missing.",
        ask(
            ratio(
                increase("provider", _SCOPE.raw(f"{coverage}_sum"), "1h"),
                increase("provider", _SCOPE.raw(f"{coverage}_count"), "1h"),
            ),
            "{{provider}}",
        ),
        alert="QualityChecksFailing",
        empty="No subtitles",
        most=1,
    )
    yield series(
        "Share with full subtitles",
        "percentunit",
        "Narrations with subtitles for more than 99 % of the speech. A fall: the provider's word times have gaps.",
        ask(
            "1 - "
            + ratio(
                increase("provider", _SCOPE.raw(f"{coverage}_bucket", le="0.99"), "1h"),
                increase("provider", _SCOPE.raw(f"{coverage}_count"), "1h"),
            ),
            "{{provider}}",
        ),
        alert="QualityChecksFailing",
        empty="No subtitles",
        least=0,
        most=1,
    )


def _drift() -> Iterator[Panel]:
    drift = _SCOPE.raw("storygen_subtitle_drift_seconds_bucket")
    yield series(
        "Drift of subtitles: 95 % are nearer than",
        "s",
        "How far subtitles are from the words that they show. Above 0.5 one sees it: the voice is too fast to be read.",
        ask(percentile(0.95, "provider", drift, "1h"), "{{provider}}"),
        alert="QualityChecksFailing",
        empty="No subtitles",
        least=0,
    )


def _files() -> Iterator[Panel]:
    size = "storygen_artifact_size_bytes"
    yield series(
        "Mean size of artifacts",
        "bytes",
        "By kind. Pictures or sound that shrink suddenly are often empty or broken: look at the newest film.",
        ask(
            ratio(
                increase("kind", _SCOPE.raw(f"{size}_sum"), "1h"), increase("kind", _SCOPE.raw(f"{size}_count"), "1h")
            ),
            "{{kind}}",
        ),
        board="storygen-cache",
        empty="Nothing stored",
        least=0,
        width=12,
    )
    yield series(
        "Artifacts stored",
        "short",
        "In an hour, by kind. What came from the cache is not stored again.",
        ask(increase("kind", _SCOPE.raw(f"{size}_count"), "1h"), "{{kind}}"),
        board="storygen-cache",
        stacked=True,
        least=0,
        width=12,
    )
