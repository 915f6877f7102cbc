"""Boards as Grafana's JSON, by the foundation SDK; `shapes` knows how each kind of panel looks."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from storygen.mixin.base import PREFIX
from storygen.mixin.config import Config
from storygen.mixin.dashboards.base import Board, Panel, Query
from storygen.mixin.dashboards.sdk import JSONEncoder, dashboard, models, prometheus, questions
from storygen.mixin.dashboards.shapes import SHAPES

TAGS = ["storygen", "storygen-mixin"]
REFRESH = "30s"
SINCE = "now-6h"
_SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_KEPT = "${__url_time_range}&${__all_variables}"
# Where the choices of a variable are read from.
_CHOICES: Mapping[str, str] = {
    "job": "label_values(storygen_build_info, job)",
    "instance": 'label_values(storygen_build_info{job=~"$job"}, instance)',
    "pipeline": 'label_values(storygen_runs_started_total{job=~"$job"}, pipeline)',
    "stage": 'label_values(storygen_stage_duration_seconds_count{job=~"$job"}, stage)',
    "provider": 'label_values(storygen_attempts_total{job=~"$job"}, provider)',
    "queue": 'label_values(storygen_queue_wait_seconds_count{job=~"$job"}, queue)',
    "model": 'label_values(gen_ai_client_operation_duration_seconds_count{job=~"$job"}, gen_ai_request_model)',
}
_ALERTS = 'ALERTS{alertstate="firing", service="storygen", severity!="none", job=~"$job|"}'


def drawn(config: Config, board: Board) -> str:
    """The JSON of a board, with the same bytes every time."""
    document = json.loads(JSONEncoder().encode(_board(config, board).build()))
    return json.dumps(_in_sight(document), sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def _in_sight(document: Any) -> Any:
    """`document` without the placement that the SDK gives links and annotations: it hides them in a menu."""
    if isinstance(document, dict):
        return {name: _in_sight(value) for name, value in document.items() if name != "placement"}
    return [_in_sight(value) for value in document] if isinstance(document, list) else document


def panel_id(title: str) -> int:
    """A panel's number on its board: it follows from the title, so that links outlive panels that come and go."""
    return zlib.crc32(title.encode()) % 100_000 + 1


def _board(config: Config, board: Board) -> dashboard.Dashboard:
    sheet = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.says)
        .tags(TAGS)
        .readonly()
        .refresh(REFRESH)
        .time(SINCE, "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables(list(_variables(board)))
        .annotations([_alerts()])
        .links(_links(config))
    )
    for row in board.rows:
        sheet.with_row(dashboard.Row(row.title).id(panel_id(f"row {row.title}")))
        for panel in row.panels:
            sheet.with_panel(_panel(config, panel))
    return sheet


def _variables(board: Board) -> Iterator[Any]:
    yield dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    for name in ("job", "instance", *board.variables):
        yield (
            dashboard.QueryVariable(name)
            .label(name.capitalize())
            .datasource(_SOURCE)
            .query({"query": _CHOICES[name], "refId": name})
            .definition(_CHOICES[name])
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(models.VariableSort.ALPHABETICAL_ASC)
            .multi(True)
            .include_all(True)
            # What an attempt has no model of has an empty label.
            .all_value(".+" if name in {"job", "instance"} else ".*")
            .current(models.VariableOption(selected=True, text="All", value="$__all"))
        )


def _alerts() -> dashboard.AnnotationQuery:
    return (
        dashboard.AnnotationQuery()
        .name("Alerts")
        .datasource(_SOURCE)
        .enable(True)
        .icon_color("red")
        .expr(_ALERTS)
        .title_format("{{alertname}}")
        .text_format("{{severity}} {{stage}} {{provider}} {{pipeline}}")
        .step("60s")
    )


def _links(config: Config) -> list[Any]:
    boards = dashboard.DashboardLink("Dashboards").type(models.DashboardLinkType.DASHBOARDS).tags([TAGS[-1]])
    return [
        boards.as_dropdown(True).include_vars(True).keep_time(True),
        _link("Alerts", f"{config.links.alertmanager}/#/alerts?filter=%7Bservice%3D%22storygen%22%7D"),
        _link("Traces", f"{config.links.jaeger}/search?service=storygen"),
    ]


def _link(title: str, url: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).type(models.DashboardLinkType.LINK).url(url).target_blank(True)


def _panel(config: Config, panel: Panel) -> Any:
    builder = SHAPES[panel.shape](panel)
    builder.id(panel_id(panel.title)).title(panel.title).description(panel.says).datasource(_SOURCE)
    builder.span(panel.width).height(panel.height).unit(panel.unit).no_value(panel.empty)
    builder.thresholds(_thresholds(panel)).links(_panel_links(config, panel))
    builder.targets([_target(panel, number, query) for number, query in enumerate(panel.queries)])
    if panel.least is not None:
        builder.min(panel.least)
    if panel.most is not None:
        builder.max(panel.most)
    if panel.decimals is not None:
        builder.decimals(panel.decimals)
    if panel.values:
        builder.mappings([models.ValueMap(options=_named(panel.values))])
    if panel.traces:
        builder.data_links([_link("Traces in Jaeger", _search(config, panel))])
    return builder


def _target(panel: Panel, number: int, query: Query) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(chr(ord("A") + number)).expr(query.expr).datasource(_SOURCE)
    target.legend_format(query.legend).exemplar(query.exemplar).editor_mode(questions.QueryEditorMode.CODE)
    if panel.shape == "table":
        return target.instant().format(questions.PromQueryFormat.TABLE)
    if panel.shape in {"bars", "stat"}:
        return target.instant().format(questions.PromQueryFormat.TIME_SERIES)
    if panel.shape == "heatmap":
        return target.range().format(questions.PromQueryFormat.HEATMAP)
    return target.range().format(questions.PromQueryFormat.TIME_SERIES)


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value=None, color=panel.base)]
    steps += [models.Threshold(value=value, color=colour) for value, colour in panel.steps]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _panel_links(config: Config, panel: Panel) -> list[Any]:
    links = []
    if panel.alert:
        links.append(_link(f"Runbook of {PREFIX}{panel.alert}", f"{config.links.runbooks}/{PREFIX}{panel.alert}.md"))
    if panel.board:
        links.append(_link("Read on", f"/d/{panel.board}?{_KEPT}").target_blank(False))
    return links


def _search(config: Config, panel: Panel) -> str:
    """Jaeger's search, in the time shown, for the spans of one line, or of one row of a table."""
    tags = ",".join(f'"{attribute}":"{_looked_up(panel, value)}"' for attribute, value in panel.traces.items())
    pieces = re.split(r"(\$\{.*?\})", "{" + tags + "}")
    encoded = "".join(piece if piece.startswith("${") else quote(piece, safe="") for piece in pieces)
    # Grafana tells milliseconds, Jaeger reads microseconds.
    span = "lookback=custom&start=${__from}000&end=${__to}000"
    return f"{config.links.jaeger}/search?service=storygen&{span}&tags={encoded}"


def _looked_up(panel: Panel, value: str) -> str:
    """A constant, or for a value that begins with `$` the label of that name."""
    if not value.startswith("$"):
        return value
    if panel.shape == "table":
        return f'${{__data.fields["{panel.columns[value[1:]]}"]:percentencode}}'
    return f"${{__field.labels.{value[1:]}:percentencode}}"


def _named(values: Mapping[str, str]) -> dict[str, models.ValueMappingResult]:
    return {
        value: models.ValueMappingResult(text=text.partition("|")[0], color=text.partition("|")[2] or None, index=index)
        for index, (value, text) in enumerate(values.items())
    }
