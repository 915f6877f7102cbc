"""The past that baselines of yesterday and last week stand on."""

from __future__ import annotations

from storygen.drill import past
from storygen.mixin.config import load

NOW = 1_800_000_000.0
SERIES = [
    {"metric": {"__name__": "job_stage:pace:ratio", "job": "storygen", "stage": 'a "b"'}, "value": [NOW, "0.5"]},
    {"metric": {"__name__": "job_stage:pace:ratio", "job": "storygen", "stage": "voice"}, "value": [NOW, "2"]},
]


def test_it_reaches_from_eight_days_ago_to_before_now_with_the_value_of_now() -> None:
    found = [line for line in past.lines(SERIES, NOW) if 'stage="voice"' in line]
    assert {line.split()[-2] for line in found} == {"2"}
    moments = [int(line.split()[-1]) for line in found]
    assert moments == sorted(moments)
    assert NOW - moments[0] > 8 * 86_400
    assert 0 < NOW - moments[-1] < 3600


def test_it_is_openmetrics_with_one_type_a_name_and_escaped_labels() -> None:
    found = [*past.lines(SERIES, NOW)]
    assert found[0] == "# TYPE job_stage:pace:ratio gauge"
    assert sum(line.startswith("# TYPE") for line in found) == 1
    assert found[-1] == "# EOF"
    assert r'stage="a \"b\""' in found[1]


def test_every_series_that_rules_compare_with_a_day_ago_gets_a_past() -> None:
    compared = past.compared(load())
    assert "job_pipeline:storygen_cost_usd_per_film:ratio" in compared
    assert "job_stage:storygen_stage_seconds_per_film_second:ratio_rate1h" in compared
    assert "job_cache:storygen_cache_hits_per_requests:ratio" in compared
