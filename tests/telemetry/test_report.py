"""The report: what it says of a run is true, on a terminal, as JSON, as a page, and over several runs."""

from __future__ import annotations

import dataclasses
import io
import json
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.errors import RenderFailed
from storygen.events import CacheLooked, Measured, Spent, Watch, timed, watched
from storygen.story import Outcome, Usage
from storygen.telemetry import timeline
from storygen.telemetry.recorder import Recorder, Recording
from storygen.telemetry.report import build
from storygen.telemetry.report_compare import compare, comparison_lines, summarise, summary_lines
from storygen.telemetry.report_figures import busy, percentile
from storygen.telemetry.report_html import page
from storygen.telemetry.report_text import lines, show
from storygen.telemetry.report_words import dollars, plain, seconds
from tests.telemetry.runs import Told, rich, simple

HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202e\n$title"


def text_of(recording: Recording) -> str:
    return "\n".join(text for _, text in lines(build(recording)))


def test_the_sentence_names_the_stage_that_holds_the_run_up_and_what_it_would_take_without() -> None:
    # voice is 6 of 10 s; without it the visuals (2 s) hold up the scene, so 4 s are saved
    assert (
        build(simple()).sentence == "voice took 40 % of the time; with it cached the run takes 6.0 s instead of 10.0 s."
    )


def test_every_stage_has_its_count_mean_p95_total_share_critical_time_and_saving() -> None:
    rows = {row.name: row for row in build(simple()).stages}
    assert list(rows) == ["script", "voice", "visuals", "assembly"]
    assembly = rows["assembly"]
    assert (assembly.count, assembly.failures, assembly.cached) == (2, 0, 0)
    assert (assembly.mean, assembly.p95, assembly.total) == pytest.approx((1.25, 2.0, 2.5))
    assert (assembly.share, assembly.critical_seconds, assembly.saved_if_instant) == pytest.approx((0.25, 2.5, 2.5))
    assert (rows["visuals"].critical_seconds, rows["visuals"].saved_if_instant) == (0.0, 0.0)


def test_the_critical_path_and_the_idle_time_add_up_to_the_run() -> None:
    report = build(simple())
    assert [(step.stage, step.scene) for step in report.critical_path] == [
        ("script", None),
        ("voice", 1),
        ("assembly", 1),
        ("assembly", None),
    ]
    assert sum(step.seconds for step in report.critical_path) + report.idle_seconds == pytest.approx(10.0)
    assert report.idle_seconds == pytest.approx(0.5)


def test_what_came_from_the_cache_is_counted_but_not_averaged() -> None:
    voice = next(row for row in build(rich()).stages if row.name == "voice")
    assert (voice.count, voice.cached) == (6, 2)
    assert voice.mean is not None
    assert voice.mean > 3


def test_the_five_slowest_operations_are_listed_slowest_first() -> None:
    slowest = build(rich()).slowest
    assert len(slowest) == 5
    assert (slowest[0].name, slowest[0].scene) == ("generate_content (speech)", 3)
    assert [step.seconds for step in slowest] == sorted((step.seconds for step in slowest), reverse=True)


def test_only_operations_under_way_for_more_than_a_fifth_of_the_run_are_warned_of() -> None:
    report = build(rich())
    warned = {warning.split(" was ")[0] for warning in report.warnings}
    assert warned == {"generate_content (speech)", "render", "chat (text)"}
    assert {row.name for row in report.operations if row.share > 0.2} == warned


def test_retries_fallbacks_and_failed_attempts_are_counted_apart_from_calls() -> None:
    calls = build(rich()).calls
    assert (calls.calls, calls.cached, calls.errors) == (9, 2, 0)
    assert (calls.attempts, calls.failed_attempts, calls.retries) == (10, 3, 2)
    assert calls.retry_wait_seconds == pytest.approx(1.0)
    assert [(f.from_provider, f.to_provider, f.count) for f in calls.fallbacks] == [("elevenlabs", "builtin", 1)]


def test_an_unknown_price_is_counted_and_never_taken_for_zero() -> None:
    cost = build(rich()).cost
    assert cost.unpriced == 1
    assert cost.usd == pytest.approx(3 * 0.0016 + 4 * 0.021)
    assert cost.wasted == pytest.approx({"retried": 0.042})


def test_a_run_whose_prices_are_all_unknown_has_no_cost() -> None:
    recorder = Recorder("r")
    told = Told(recorder)
    told.note(Spent(provider="x", model="", usage=Usage(), cost_usd=None), told.begin("run", "story", 0))
    report = build(recorder.recording())
    assert report.cost.usd is None
    assert "cost     unpriced" in text_of(recorder.recording())


def test_the_cache_tells_hits_and_what_they_saved() -> None:
    cache = build(rich()).cache
    assert (cache.hits, cache.misses) == (4, 11)
    assert cache.hit_rate == pytest.approx(4 / 15)
    assert (cache.saved_seconds, cache.saved_usd) == pytest.approx((11.6, 0.042))


def test_checks_that_did_not_pass_are_listed_with_value_and_limit() -> None:
    quality = build(rich()).quality
    assert (quality.passed, quality.warned, quality.failed) == (1, 1, 1)
    assert [finding["name"] for finding in quality.findings] == ["true_peak", "coverage"]
    assert "fail  audio true peak: -0.4 dBTP (limit at most -1.0)" in text_of(rich())
    assert "warn  subtitles coverage: 0.91 (limit at least 0.95)" in text_of(rich())


def test_measured_figures_are_averaged() -> None:
    recorder = Recorder("r")
    told = Told(recorder)
    for value in (-16.0, -15.0):
        told.note(Measured(figure="audio_loudness_lufs", value=value, provider="builtin"))
    assert build(recorder.recording()).quality.figures == {"audio_loudness_lufs": -15.5}


def _ended(outcome: Outcome, error: BaseException | None) -> Recording:
    recorder = Recorder("r")
    told = Told(recorder)
    run = told.begin("run", "story", 0, title="T")
    told.work("stage", "visuals", 0, 1, run, scene=2)
    told.work("stage", "assembly", 1, 3, run, outcome, error, scene=2)
    told.end(run, 4, outcome, error)
    return recorder.recording()


def test_a_failed_run_says_where_and_why() -> None:
    report = build(_ended(Outcome.FAILED, RenderFailed("ffmpeg ended with 1")))
    assert report.sentence == "The run failed after 4.0 s in assembly of scene 2: ffmpeg ended with 1"
    assert (report.run.outcome, report.run.error, report.run.error_scene) == ("failed", "render_failed", 2)


def test_a_scene_that_was_left_out_does_not_make_the_run_a_failure() -> None:
    recorder = Recorder("r")
    told = Told(recorder)
    run = told.begin("run", "story", 0)
    told.work("stage", "voice", 0, 3, run, Outcome.FAILED, RenderFailed("no"), scene=1)
    told.work("stage", "voice", 0, 2, run, scene=2)
    told.end(run, 4)
    report = build(recorder.recording())
    assert (report.run.outcome, report.run.error) == ("success", "")
    assert report.stages[0].failures == 1
    assert report.sentence.startswith("voice took 75 %")


def test_where_something_else_would_take_as_long_no_stage_is_promised_to_help() -> None:
    recorder = Recorder("r")
    told = Told(recorder)
    run = told.begin("run", "story", 0)
    told.work("stage", "script", 0, 0.2, run)
    told.work("stage", "voice", 0.2, 9, run, scene=1)
    told.work("stage", "visuals", 0.2, 8.9, run, scene=1)
    told.end(run, 10)
    assert build(recorder.recording()).sentence.startswith("No stage alone would make the run much faster")


def test_work_that_goes_on_side_by_side_counts_once_in_the_share() -> None:
    recorder = Recorder("r")
    told = Told(recorder)
    run = told.begin("run", "story", 0)
    told.work("operation", "draw", 0, 3, run)
    told.work("operation", "draw", 1, 4, run)
    told.end(run, 10)
    (row,) = build(recorder.recording()).operations
    assert (row.total, row.share) == pytest.approx((6.0, 0.4))


def test_a_cancelled_run_is_not_called_a_failure() -> None:
    assert "was cancelled after 4.0 s" in build(_ended(Outcome.CANCELLED, None)).sentence


def test_a_run_found_in_the_cache_says_so() -> None:
    recorder = Recorder("r")
    told = Told(recorder)
    run = told.begin("run", "story", 0)
    told.work("stage", "voice", 0, 0.1, run, Outcome.CACHED, scene=1)
    told.note(CacheLooked(cache="speech", result="hit", saved_seconds=9.0), run)
    told.end(run, 0.2)
    assert build(recorder.recording()).sentence.startswith("Everything was found in the cache")


def test_a_session_of_ones_own_operations_has_a_report_too() -> None:
    recorder = Recorder("mine")
    told = Told(recorder, run_id="mine")
    told.work("operation", "load", 0, 1)
    outer = told.begin("operation", "work", 1)
    told.work("operation", "inner", 1, 3.5, outer)
    told.end(outer, 4)
    report = build(recorder.recording())
    assert report.run.seconds == pytest.approx(4.0)
    assert report.sentence == "work took 75 % of the time; with it cached the run takes 1.0 s instead of 4.0 s."
    assert page(report, recorder.recording()).count("<svg") >= 1


def test_an_empty_session_has_a_report_that_says_so() -> None:
    recording = Recorder("empty").recording()
    assert build(recording).sentence == "Nothing took any time: the run ended after 0 ms."
    assert "<html" in page(build(recording), recording)


def test_a_session_of_thousands_of_operations_has_a_report_of_bearable_size() -> None:
    recorder = Recorder("r")
    told = Told(recorder)
    for number in range(5000):
        told.work("operation", "step", number, number + 0.9)
    report = build(recorder.recording())
    assert len(report.critical_path) == 200
    assert report.idle_seconds == pytest.approx(0.1 * 4999)
    assert len(json.dumps(report.to_json())) < 100_000
    assert len(page(report, recorder.recording())) < 500_000


def test_operations_beyond_the_kept_detail_stay_in_counts_and_totals() -> None:
    recorder = Recorder("r", detail_limit=3)
    with watched(Watch([recorder])):
        for _ in range(10):
            with timed("operation", "step"):
                pass
    report = build(recorder.recording())
    assert report.operations[0].count == 10
    assert "7 operations beyond the first" in " ".join(report.warnings)


def test_the_json_form_is_plain_and_its_keys_are_a_promise() -> None:
    document = json.loads(json.dumps(build(rich()).to_json(), allow_nan=False))
    assert document["schema"] == 1
    assert sorted(document) == [
        "cache", "calls", "cost", "critical_path", "durations", "elements", "idle_seconds", "operations", "quality",
        "run", "schema", "sentence", "slowest", "stages", "warnings",
    ]  # fmt: skip
    assert {"name", "count", "failures", "cached", "mean", "p95", "total", "share", "critical_seconds"} <= set(
        document["stages"][0]
    )


def test_the_text_fits_eighty_columns_and_has_no_control_codes_where_no_terminal_is() -> None:
    out = io.StringIO()
    show(lines(build(rich(title=HOSTILE))), out)
    shown = out.getvalue()
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    stages = shown.split("Stages\n")[1].split("critical:")[0]
    assert max(map(len, stages.splitlines())) <= 84


def test_a_terminal_that_knows_ascii_only_gets_a_report_too() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    show(lines(build(rich(title="Der Wärter"))), out)
    out.flush()
    assert b"Der W\\xe4rter" in raw.getvalue()


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_hostile_title_is_words_on_the_page_and_nothing_else() -> None:
    recording = rich(title=HOSTILE)
    shown = _Page(page(build(recording), recording))
    assert "script" not in shown.tags
    assert any("<script>alert(1)</script>" in words for words in shown.words)
    assert not any("\u202e" in words or "\x1b" in words for words in shown.words)


def test_the_page_asks_for_nothing_from_outside() -> None:
    recording = rich()
    text = page(build(recording), recording)
    shown = _Page(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(shown.tags)
    assert not [name for name, _ in shown.attributes if name in {"src", "href", "srcset"} or name.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text


def _named(mark: str) -> Recording:
    recorder = Recorder(f"id{mark}")
    told = Told(recorder)
    run = told.begin("run", f"run{mark}", 0)
    stage = told.begin("stage", f"stage{mark}", 0, run, scene=1)
    call = told.begin("call", f"call{mark}", 0, stage, capability=f"text{mark}")
    error = ValueError(f"error{mark}")
    told.work("attempt", "a", 0, 1, call, Outcome.FAILED, error, provider=f"who{mark}")
    told.work("attempt", "a", 1, 2, call, provider=f"who{mark}")
    for work in (call, stage, run):
        told.end(work, 3, Outcome.FAILED, error)
    return recorder.recording()


def test_hostile_names_of_stages_providers_and_errors_are_words_too() -> None:
    tame, hostile = (_Page(page(build(recording), recording)) for recording in (_named(""), _named("<b id=x>")))
    assert hostile.tags == tame.tags
    for word in ("id", "stage", "call", "error", "who"):
        assert any(f"{word}<b id=x>" in words for words in hostile.words)


def _svg(recording: Recording) -> ET.Element:
    return ET.fromstring(timeline.draw(recording))


def test_the_picture_has_a_row_per_scene_and_a_bar_per_stage() -> None:
    svg = _svg(rich())
    labels = ["".join(text.itertext()) for text in svg.findall("text[@class='row']")]
    assert [label.split(" ✓")[0] for label in labels] == ["whole story", *(f"scene {n}" for n in range(1, 7))]
    assert len(svg.findall("g")) == len(list(rich().of_kind("stage")))


def test_the_picture_marks_the_critical_path_the_cache_and_failed_attempts() -> None:
    svg = _svg(rich())
    looks = [set(bar.get("class", "").split()) for bar in svg.findall("g")]
    assert sum("critical" in look for look in looks) == len(build(rich()).critical_path)
    assert sum("cached" in look for look in looks) == 6
    assert len(svg.findall(".//rect[@class='attempt missed']")) == 3
    hovers = [bar.findtext("title") or "" for bar in svg.findall("g")]
    assert any("attempt 1: elevenlabs v3" in hover and "rate_limited" in hover for hover in hovers)


def test_no_bar_leaves_the_picture_and_bars_of_one_lane_do_not_overlap() -> None:
    spans: dict[str, list[tuple[float, float]]] = {}
    for bar in _svg(rich()).findall("g/rect[@rx]"):
        left, width = (bar.get(name, "") for name in ("x", "width"))
        if width.endswith("%"):
            spans.setdefault(bar.get("y", ""), []).append((float(left[:-1]), float(left[:-1]) + float(width[:-1])))
    for lane in spans.values():
        assert all(-0.01 <= a <= b <= 100.01 for a, b in lane)
        assert busy(lane) == pytest.approx(sum(b - a for a, b in lane), abs=0.05)


def test_two_runs_side_by_side_show_what_changed() -> None:
    slow, fast = build(rich(speed=2.0)).to_json(), build(rich()).to_json()
    comparison = compare(slow, fast)
    script = next(row for row in comparison.rows if (row.group, row.name) == ("stage", "script"))
    assert script.ratio == pytest.approx(0.5)
    assert script.difference == pytest.approx(-3.68)
    shown = "\n".join(text for _, text in comparison_lines(comparison))
    assert "stage: script" in shown
    assert "-3.7 s" in shown


def test_a_stage_that_only_one_of_two_runs_had_is_shown_without_a_ratio() -> None:
    comparison = compare(build(simple()).to_json(), build(rich()).to_json())
    idea = next(row for row in comparison.rows if (row.group, row.name) == ("stage", "idea"))
    assert (idea.a, idea.difference, idea.ratio) == (None, None, None)
    assert json.loads(json.dumps(comparison.to_json()))


def test_the_history_sums_up_success_time_cost_and_trend() -> None:
    reports = [build(rich(speed=speed)).to_json() for speed in (1.0, 1.0, 2.0, 2.0)]
    reports.append(build(_ended(Outcome.FAILED, RenderFailed("no"))).to_json())
    summary = summarise(reports)
    assert (summary.runs, summary.success_rate) == (5, 0.8)
    assert summary.outcomes == {"success": 4, "failed": 1}
    assert summary.fidelity == {"degraded": 4}
    assert summary.trend is not None
    assert 1.6 < summary.trend < 2.0
    assert summary.cost_usd == pytest.approx(4 * 0.0888)
    assert summary.unpriced_runs == 4
    assert summary.slowest[0]["seconds"] == max(report["run"]["seconds"] for report in reports)
    assert next(row for row in summary.stages if row["name"] == "assembly")["failures"] == 1
    assert "80 % succeeded" in "\n".join(text for _, text in summary_lines(summary, "7d"))


def test_no_runs_at_all_are_a_summary_too() -> None:
    assert [text for _, text in summary_lines(summarise([]), "7d")] == ["no runs in the last 7d"]


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)).map(lambda span: (min(span), max(span)))))
def test_covered_time_is_at_most_the_sum_and_at_least_the_longest(spans: list[tuple[float, float]]) -> None:
    covered = busy(spans)
    assert covered <= sum(b - a for a, b in spans) + 1e-6
    assert covered >= max((b - a for a, b in spans), default=0.0) - 1e-6


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_at_least_95_percent_do_not_exceed_the_p95(values: list[float]) -> None:
    found = percentile(values, 0.95)
    assert found in values
    assert sum(value <= found for value in values) >= 0.95 * len(values)


@given(st.text())
def test_plain_text_never_acts_on_a_terminal(text: str) -> None:
    shown = plain(text)
    assert all(char.isprintable() or char in "\u200d\u3000\u00a0 " or char.isspace() for char in shown)
    assert not set(shown) & set("\x1b\r\n\t\x07\x9b\u202e\u2066\u2028")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 ms"), (0.0004, "< 1 ms"), (0.35, "350 ms"), (0.9999, "1.0 s"), (99.96, "1 min 40 s"), (7620, "2 h 07 min")],
)
def test_durations_read_as_people_say_them(value: float, shown: str) -> None:
    assert seconds(value) == shown


def test_small_sums_keep_the_places_they_need() -> None:
    assert [dollars(value) for value in (None, 0, 0.0016, 12.5)] == ["unpriced", "$0", "$0.0016", "$12.50"]


def test_a_run_that_is_still_going_on_is_reported_up_to_now() -> None:
    recording = rich()
    report = build(dataclasses.replace(recording, entries=recording.entries[:-1]))
    assert report.run.seconds > 10
