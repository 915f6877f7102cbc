"""Dashboards are checked as data: no Grafana runs here. What they ask is checked by Prometheus's own parser."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from storygen.mixin import dashboards, promql, rules
from storygen.mixin.config import Config, load
from storygen.mixin.dashboards.asking import resolved
from storygen.mixin.dashboards.base import COLUMNS
from storygen.mixin.dashboards.sdk import models
from storygen.telemetry.names import METRICS
from storygen.telemetry.spans import SPANS
from storygen.telemetry.words import STAGES
from tests.servers import need

ROOT = Path(__file__).parents[2]
CONFIG = load()
BOARDS = dashboards.boards(CONFIG)
BUILT = dict(dashboards.outputs(CONFIG))
DOCUMENTS = {board.uid: json.loads(BUILT[f"dashboards/{board.uid}.json"]) for board in BOARDS}
GROUPS = rules.groups(CONFIG)
ALERTS = {alert.name: alert for alert in rules.alerts(CONFIG)}
RECORDED = frozenset(rule.record for group in GROUPS for rule in group.recordings)
QUERIES = list(dashboards.queries(CONFIG))
BUILTIN_VARIABLES = {
    "__rate_interval",
    "__range",
    "__interval",
    "__from",
    "__to",
    "__url_time_range",
    "__all_variables",
}
UNITS = {
    *("percentunit", "s", "none", "short", "ops", "reqps", "bytes", "currencyUSD"),
    *("suffix: x", "suffix: LUFS", "dateTimeFromNow"),
}

each_board = pytest.mark.parametrize("uid", list(DOCUMENTS))


def panels(uid: str) -> list[dict[str, Any]]:
    return [panel for panel in DOCUMENTS[uid]["panels"] if panel["type"] != "row"]


def every_panel() -> list[tuple[str, dict[str, Any]]]:
    return [(uid, panel) for uid in DOCUMENTS for panel in panels(uid)]


def variables(uid: str) -> set[str]:
    return {variable["name"] for variable in DOCUMENTS[uid]["templating"]["list"]}


def test_there_are_the_nine_boards_of_the_contract() -> None:
    names = ("overview", "stage", "providers", "cost", "cache", "quality", "queue", "slo", "telemetry")

    assert list(DOCUMENTS) == [f"storygen-{name}" for name in names]


def test_the_files_that_are_checked_in_are_what_is_built() -> None:
    stale = [path for path, text in BUILT.items() if (ROOT / path).read_text("utf-8") != text]

    assert stale == [], "run `storygen mixin build`"


def test_building_twice_gives_the_same_bytes() -> None:
    assert dict(dashboards.outputs(load())) == BUILT


@each_board
def test_a_board_is_one_that_grafanas_generated_models_know(uid: str) -> None:
    document = DOCUMENTS[uid]

    known = json.loads(json.dumps(models.Dashboard.from_json(document), default=lambda value: value.to_json()))

    assert _lost(document, known) == []


@each_board
def test_a_board_cannot_be_edited_and_says_what_it_is_for(uid: str) -> None:
    document = DOCUMENTS[uid]

    assert document["editable"] is False
    assert document["description"]
    assert {"storygen", "storygen-mixin"} <= set(document["tags"])
    assert document["refresh"]
    assert document["time"] == {"from": "now-6h", "to": "now"}


@each_board
def test_a_panel_tells_its_unit_what_to_do_and_what_it_shows_without_data(uid: str) -> None:
    for panel in panels(uid):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"]
        assert defaults["unit"] in UNITS, panel["title"]
        assert defaults["noValue"], panel["title"]
        assert len(panel["description"].split()) >= 10, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        assert all(target["expr"] and target["refId"] for target in panel["targets"])
        assert panel["datasource"]["uid"] == "${datasource}"


@each_board
def test_panels_have_ids_of_their_own(uid: str) -> None:
    ids = Counter(panel["id"] for panel in DOCUMENTS[uid]["panels"])

    assert max(ids.values()) == 1
    assert 0 not in ids


@each_board
def test_titles_are_said_once_on_a_board(uid: str) -> None:
    assert max(Counter(panel["title"] for panel in panels(uid)).values()) == 1


@each_board
def test_lines_are_told_apart_by_their_names(uid: str) -> None:
    for panel in panels(uid):
        legends = [target["legendFormat"] for target in panel["targets"]]
        assert all(legends), panel["title"]
        assert len(set(legends)) == len(legends), panel["title"]
        for target in panel["targets"]:
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            grouped = promql.grouped(target["expr"])
            recorded = any(":" in mention.metric for mention in promql.mentioned(target["expr"]))
            if panel["type"] in {"timeseries", "bargauge"} and grouped and not recorded:
                assert named <= grouped, (panel["title"], target["legendFormat"])
                assert grouped - named <= {"le", "job"}, (panel["title"], target["legendFormat"])


@each_board
def test_panels_fill_the_grid_without_gaps_and_do_not_overlap(uid: str) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in DOCUMENTS[uid]["panels"]:
        place = panel["gridPos"]
        cells = [
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        taken.update(cells)
    height = max(y for _, y in taken) + 1

    assert set(taken.values()) == {1}
    assert len(taken) == COLUMNS * height


def test_the_first_screen_of_the_overview_answers_five_questions_in_order() -> None:
    rows = [panel for panel in DOCUMENTS["storygen-overview"]["panels"] if panel["type"] == "row"]
    asked = [row["title"] for row in rows if row["gridPos"]["y"] < 20]

    assert asked == [
        "Is it well?",
        "How much of the error budget is left?",
        "What does it cost?",
        "Where is the bottleneck, and what broke last?",
    ]
    assert rows[len(asked)]["gridPos"]["y"] == 20
    assert [row["title"].partition(":")[0] for row in rows[len(asked) :]] == ["Runs", "Stages", "Providers"]


def test_stages_stand_in_the_order_of_the_flow() -> None:
    by_stage = [
        [target["legendFormat"] for target in panel["targets"]]
        for panel in panels("storygen-overview")
        if len(panel["targets"]) == len(STAGES)
    ]

    assert len(by_stage) == 5
    assert all(legends == list(STAGES) for legends in by_stage)


def test_queries_ask_only_for_what_is_declared_or_recorded() -> None:
    wrong = {(query.board, query.panel): promql.strangers(query.expr, RECORDED) for query in QUERIES}

    assert {place: lines for place, lines in wrong.items() if lines} == {}


def test_every_metric_is_on_a_panel() -> None:
    asked = {mention.metric for query in QUERIES for mention in promql.mentioned(query.expr)}
    shown = {metric.name for name in asked if (metric := promql.declaration(name)) is not None}

    assert [metric.name for metric in METRICS if metric.name not in shown] == []


def test_prometheus_can_parse_every_query(tmp_path: Path) -> None:
    need("promtool")
    listed = [{"record": f"panel:{number}", "expr": resolved(query.expr)} for number, query in enumerate(QUERIES)]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": listed}]}), "utf-8")

    checked = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(QUERIES)} rules found" in checked.stdout


def test_resolving_leaves_no_variable_and_takes_what_it_is_given() -> None:
    written = 'rate(up{job=~"$job", instance=~"${instance}"}[$__rate_interval])'

    assert resolved(written) == 'rate(up{job=~".*", instance=~".*"}[1m])'
    assert resolved(written, job="storygen", __rate_interval="2s") == 'rate(up{job=~"storygen", instance=~".*"}[2s])'
    assert not [query for query in QUERIES if "$" in resolved(query.expr)]


def test_queries_that_have_no_data_without_a_service_are_marked() -> None:
    unfilled = {query.board for query in QUERIES if not query.filled}
    waiting = {metric.name for metric in METRICS if metric.is_read} | {"http_server_request_duration_seconds"}
    marked = [
        (query.filled, query.of_queue)
        for query in QUERIES
        for mention in promql.mentioned(query.expr)
        if (metric := promql.declaration(mention.metric)) is not None and metric.name in waiting
    ]

    assert set(marked) == {(False, True)}
    assert not any(query.of_queue for query in QUERIES if query.filled)
    assert "storygen-overview" not in unfilled


@each_board
def test_rates_follow_the_zoom_or_a_window_that_is_named(uid: str) -> None:
    for panel in panels(uid):
        for target in panel["targets"]:
            assert not re.search(r"\brate\([^[]*\[5m\]", target["expr"]), panel["title"]
            assert "irate(" not in target["expr"]


@each_board
def test_variables_that_are_used_are_there_and_those_that_are_there_are_used(uid: str) -> None:
    whole = json.dumps(DOCUMENTS[uid]["panels"])
    expressions = " ".join(target["expr"] for panel in panels(uid) for target in panel["targets"])
    used = {name for pair in re.findall(r"\$\{(\w+)\}|\$(\w+)", expressions) for name in pair if name}

    assert used - variables(uid) <= BUILTIN_VARIABLES
    assert variables(uid) - used == {"datasource"}
    assert "${datasource}" in whole


@each_board
def test_variables_come_in_order_and_allow_all_and_several(uid: str) -> None:
    listed = DOCUMENTS[uid]["templating"]["list"]

    assert [variable["name"] for variable in listed[:3]] == ["datasource", "job", "instance"]
    for variable in listed[1:]:
        assert variable["multi"] is variable["includeAll"] is True, variable["name"]
        assert variable["allValue"]
        assert variable["refresh"] == 2
        series = re.match(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
        assert series is not None
        assert promql.strangers(series[1]) == []
        metric = promql.declaration(series[1].partition("{")[0])
        assert series[2] in {"job", "instance"} | {label.name for label in metric.labels}


@each_board
def test_alerts_are_shown_as_annotations(uid: str) -> None:
    (shown,) = DOCUMENTS[uid]["annotations"]["list"]

    assert shown["enable"] is True
    assert {mention.metric for mention in promql.mentioned(shown["expr"])} == {"ALERTS"}


@each_board
def test_boards_lead_to_each_other_with_variables_and_time(uid: str) -> None:
    (boards,) = [link for link in DOCUMENTS[uid]["links"] if link["type"] == "dashboards"]

    assert boards["tags"] == ["storygen-mixin"]
    assert boards["includeVars"] is boards["keepTime"] is True


def test_no_link_or_annotation_is_put_away_in_a_menu() -> None:
    assert not [path for path, text in BUILT.items() if '"placement"' in text]


def test_links_lead_to_boards_runbooks_and_traces_that_exist() -> None:
    pages = {f"{CONFIG.links.runbooks}/{alert.full_name}.md" for alert in ALERTS.values()}
    for uid, panel in every_panel():
        for link in panel["links"]:
            if link["url"].startswith("/d/"):
                board, _, kept = link["url"].removeprefix("/d/").partition("?")
                assert board in DOCUMENTS, (uid, panel["title"])
                assert kept == "${__url_time_range}&${__all_variables}"
            else:
                assert link["url"] in pages, (uid, panel["title"])


def test_every_alert_leads_to_a_board_that_has_its_variables_and_a_panel_that_it_watches() -> None:
    for alert in ALERTS.values():
        watched = {panel.alert for board in BOARDS for panel in board.panels}
        assert alert.dashboard in DOCUMENTS, alert.name
        assert set(alert.variables) <= variables(alert.dashboard), alert.name
        assert alert.name in watched


def test_searches_for_traces_use_attributes_that_spans_have() -> None:
    attributes = {"error", "error.type", "storygen.stage.name", "storygen.operation.name", "gen_ai.provider.name"} | {
        "storygen.cost.band",
        *(name for span in SPANS.values() for name in span.fields.values()),
    }
    for board in BOARDS:
        for panel in board.panels:
            assert set(panel.traces) <= attributes, panel.title
            wanted = {value[1:] for value in panel.traces.values() if value.startswith("$")}
            told = set(panel.columns).union(*(re.findall(r"{{(\w+)}}", query.legend) for query in panel.queries))
            assert wanted <= told, panel.title


def test_durations_and_costs_show_exemplars() -> None:
    kept = {metric.name for metric in METRICS if metric.exemplar}
    with_points = {
        promql.declaration(mention.metric).name
        for _, panel in every_panel()
        for target in panel["targets"]
        if target["exemplar"]
        for mention in promql.mentioned(target["expr"])
    }

    assert kept <= with_points
    for uid, panel in every_panel():
        for target in panel["targets"] if panel["type"] == "timeseries" else []:
            measured = {mention.metric.removesuffix("_bucket") for mention in promql.mentioned(target["expr"])}
            if "histogram_quantile" in target["expr"] and measured & kept:
                assert target["exemplar"], (uid, panel["title"])


def test_a_limit_that_an_operator_changes_is_the_line_on_the_panel() -> None:
    changed = _with(CONFIG, "ProviderErrorRatioHigh", limit=0.33)

    (panel,) = [panel for board in dashboards.boards(changed) for panel in board.panels if _is_watched(panel)]

    assert panel.steps[-1] == (0.33, "red")


def test_steps_of_a_panel_rise() -> None:
    for board in BOARDS:
        for panel in board.panels:
            assert all(low < high for (low, _), (high, _) in pairwise(panel.steps)), panel.title


def test_a_scaled_configuration_has_the_same_boards() -> None:
    scaled = load(changes={"scale": 300, "scrape": "1s"})
    recorded = {rule.record for group in rules.groups(scaled) for rule in group.recordings}

    wrong = [promql.strangers(query.expr, frozenset(recorded)) for query in dashboards.queries(scaled)]

    assert [board.uid for board in dashboards.boards(scaled)] == list(DOCUMENTS)
    assert not any(wrong)


def _is_watched(panel: Any) -> bool:
    return panel.alert == "ProviderErrorRatioHigh" and panel.title == "Attempts that fail"


def _with(config: Config, alert: str, **knobs: float) -> Config:
    return config.model_copy(update={"alerts": {**config.alerts, alert: config.of(alert).model_copy(update=knobs)}})


def _lost(given: Any, read: Any, place: str = "") -> list[str]:
    """What of `given` the models did not keep; they may add defaults of their own."""
    if isinstance(given, dict):
        return [line for key, value in given.items() for line in _lost(value, (read or {}).get(key), f"{place}.{key}")]
    if isinstance(given, list) and isinstance(read, list) and len(given) == len(read):
        return [
            line
            for index, pair in enumerate(zip(given, read, strict=True))
            for line in _lost(*pair, f"{place}[{index}]")
        ]
    return [] if given == read else [place]
