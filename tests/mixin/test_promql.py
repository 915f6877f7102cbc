"""What an expression mentions, and what of it nobody declares."""

from __future__ import annotations

import pytest

from storygen.mixin.promql import Matcher, Mention, grouped, mentioned, selector, strangers


def test_metrics_are_found_with_their_conditions_and_without_functions_or_labels() -> None:
    expr = (
        'sum by (job, le) (rate(storygen_queue_wait_seconds_bucket{job="a}b", le="60.0"}[$__rate_interval]\n'
        "offset 1d))\n"
        "/ on (job) group_left (queue) max(avg_over_time(job:some:thing[30d:5m])) > bool 1e3 and vector(1) unless up"
    )
    bucket = frozenset({Matcher("job", "=", "a}b"), Matcher("le", "=", "60.0")})
    assert mentioned(expr) == {
        Mention("storygen_queue_wait_seconds_bucket", bucket),
        Mention("job:some:thing"),
        Mention("up"),
    }
    assert grouped(expr) == {"job", "le", "queue"}


@pytest.mark.parametrize(
    ("expr", "wrong"),
    [
        ("storygen_rums_started_total", "storygen_rums_started_total is not declared"),
        ("storygen_run_duration_seconds", "storygen_run_duration_seconds is not declared"),
        ('storygen_calls_total{vendor="x"}', "storygen_calls_total has no label vendor"),
        ('storygen_jobs{state=~"queued|lost"}', "storygen_jobs: state is never lost"),
        ("sum by (job, stage) (storygen_runs_in_progress)", "no metric of the expression has the label stage"),
        ("job:storygen_forgotten:rate5m", "job:storygen_forgotten:rate5m is not declared"),
    ],
)
def test_what_storygen_does_not_declare_is_named(expr: str, wrong: str) -> None:
    assert strangers(expr) == [wrong]


def test_an_edge_that_no_bucket_has_is_named() -> None:
    assert "no bucket" in strangers('storygen_run_duration_seconds_bucket{le="601.0"}')[0]
    assert strangers('storygen_run_duration_seconds_bucket{le="600.0"}') == []


def test_what_is_declared_recorded_or_of_prometheus_is_no_stranger() -> None:
    expr = 'storygen_calls_total{stage="voice", provider="anybody"} and up{job="$job"} and a:b:c{x="$y"}'
    assert strangers(expr, frozenset({"a:b:c"})) == []


def test_a_value_brings_its_operator() -> None:
    assert selector("m", a="1", b="=~x|y", c="!=z", d="!~w") == 'm{a="1", b=~"x|y", c!="z", d!~"w"}'
