"""What a summary says of a period, and in which forms."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from storygen.summaries import Period, last_whole, latest, summarise
from tests.summaries.past import DAY, NOW, Past, run

YESTERDAY = last_whole("daily", NOW + 60)


def hours(*moments: float, **figures: float) -> list:
    return [run(NOW - moment * 3600, **figures) for moment in moments]


def test_a_day_is_that_of_utc_and_a_week_begins_on_monday() -> None:
    assert (YESTERDAY.began, YESTERDAY.ended, YESTERDAY.id) == (NOW - DAY, NOW, "daily-2026-11-20")
    week = last_whole("weekly", NOW + 60)
    assert (week.ended - week.began, week.id) == (7 * DAY, "weekly-2026-11-09")
    assert week.ended == NOW - 5 * DAY


def test_a_run_counts_for_the_period_in_which_it_ended() -> None:
    told = summarise(
        Past(run(NOW - 1), run(NOW + 1), run(NOW - DAY - 1), run(NOW - DAY + 5), run(NOW - 3 * DAY)), YESTERDAY
    )
    assert (told.digest.now.runs, told.digest.before.runs) == (2, 1)


def test_cost_is_set_against_the_period_before_and_shared_out_among_the_films() -> None:
    told = summarise(Past(*hours(1, 2, cost=0.3), *hours(25, cost=0.4)), YESTERDAY)
    assert told.digest.cost_change == pytest.approx(1.5)
    assert told.digest.cost_per_film_usd == pytest.approx(0.3)
    assert "(50 % more than before)" in told.sentence


def test_without_a_past_no_change_is_told() -> None:
    told = summarise(Past(*hours(1)), YESTERDAY)
    assert told.digest.cost_change is None
    assert "than before" not in told.sentence


def test_a_stage_that_became_slower_per_second_of_film_is_a_regression() -> None:
    told = summarise(Past(*hours(*range(1, 7), voice=12.0), *hours(*range(25, 31), voice=6.0)), YESTERDAY)
    (worst,) = told.digest.regressions
    assert (worst.stage, worst.runs) == ("voice", 6)
    assert (worst.before, worst.now, worst.factor) == (pytest.approx(0.1), pytest.approx(0.2), pytest.approx(2.0))
    assert "Voice takes 2.0 times as long as before." in told.sentence


@pytest.mark.parametrize(("count", "slow"), [(4, 12.0), (6, 7.4)], ids=["too few runs", "too little of a difference"])
def test_chance_is_no_regression(count: int, slow: float) -> None:
    told = summarise(Past(*hours(*range(1, 1 + count), voice=slow), *hours(*range(25, 31), voice=6.0)), YESTERDAY)
    assert told.digest.regressions == ()


def test_one_slow_run_among_many_is_no_regression() -> None:
    told = summarise(
        Past(*hours(1, voice=600.0), *hours(*range(2, 8), voice=6.0), *hours(*range(25, 31), voice=6.0)), YESTERDAY
    )
    assert told.digest.regressions == ()


def test_runs_that_found_a_stage_in_the_cache_say_nothing_of_its_speed() -> None:
    cached = hours(*range(25, 31), voice=1.0)
    for each in cached:
        next(row for row in each.report["stages"] if row["name"] == "voice")["cached"] = 1
    told = summarise(Past(*hours(*range(1, 7), voice=6.0), *cached), YESTERDAY)
    assert told.digest.regressions == ()


def test_what_ended_runs_is_counted_by_kind_stage_and_provider() -> None:
    lost = {"outcome": "failed", "error": "rate_limited", "error_stage": "voice", "error_provider": "elevenlabs"}
    told = summarise(Past(*(run(NOW - at, **lost) for at in (60, 120, 180)), run(NOW - 240)), YESTERDAY)
    worst = next(one for one in told.digest.broken if one.what == "run")
    assert (worst.kind, worst.stage, worst.provider, worst.count) == ("rate_limited", "voice", "elevenlabs", 3)
    assert any(one.what == "fallback" and one.provider == "elevenlabs" for one in told.digest.broken)


def test_checks_that_did_not_pass_are_counted_by_what_they_check() -> None:
    quality = summarise(Past(*hours(1, 2)), YESTERDAY).digest.quality
    assert quality.failing
    assert sum(quality.failing.values()) == quality.warned + quality.failed


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")


def test_the_page_has_no_script_no_style_sheet_and_nothing_from_outside() -> None:
    page = _Page(summarise(Past(*hours(1, 2, 25)), YESTERDAY).html)
    assert not {"script", "style", "link", "img", "iframe", "form", "svg"} & set(page.tags)
    assert not {"src", "href", "class", "onload"} & set(page.attributes)
    assert not [style for style in page.attributes["style"] if "url(" in style]


def test_nothing_on_the_page_but_heads_and_short_figures_is_kept_from_being_broken() -> None:
    many = Past(*(run(NOW - at, title="A" * 200, outcome="failed", error="e" * 60) for at in (1, 2, 3)))
    html = summarise(many, YESTERDAY).html
    assert not re.findall(r"<td[^>]*nowrap", html)
    assert max(map(len, re.findall(r"[^\s<>]*&nbsp;[^\s<>]*", html))) < 40


def test_only_an_address_of_the_web_becomes_a_link() -> None:
    past = Past(*hours(1))
    assert _Page(summarise(past, YESTERDAY, "https://films.example").html).attributes["href"] == [
        "https://films.example"
    ]
    assert "href" not in _Page(summarise(past, YESTERDAY, "javascript:alert(1)").html).attributes


def test_hostile_titles_stages_and_kinds_are_words_on_the_page() -> None:
    mark = "<img src=x onerror=alert(1)>\u202e"
    bad = {"title": mark, "outcome": "failed", "error": mark, "error_stage": mark, "error_provider": mark}
    told = summarise(Past(*(run(NOW - at, **bad) for at in (1, 2, 3))), YESTERDAY)
    page = _Page(told.html)
    assert "img" not in page.tags
    assert "\u202e" not in told.html + told.sentence


def test_a_period_without_runs_says_so() -> None:
    told = summarise(Past(), YESTERDAY)
    assert told.sentence == "Nothing was made."
    assert "Nothing was made." in told.html


def test_the_document_holds_both_forms_and_is_plain_json() -> None:
    told = summarise(Past(*hours(1, 25)), latest(7 * DAY, "7d", NOW))
    document = json.loads(json.dumps(told.to_json()))
    assert document["type"] == "summary"
    assert document["data"]["now"]["runs"] == 2
    assert document["data"]["html"] == told.html
    assert re.fullmatch(r"2026-11-21T00:00:00\+00:00", document["timestamp"])


def test_the_period_before_is_equally_long() -> None:
    assert Period(id="a", name="a", began=100.0, ended=130.0).before == 70.0
