"""How each shape of panel looks: the foundation SDK's builders with what all panels of a shape share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from storygen.mixin.dashboards.base import Panel
from storygen.mixin.dashboards.sdk import (
    bargauge,
    common,
    commons,
    dashboard,
    heatmap,
    heatmaps,
    models,
    stat,
    statetimeline,
    table,
    timeseries,
)


def _stat(panel: Panel) -> Any:
    several = len(panel.queries) > 1 or "{{" in panel.queries[0].legend
    return (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
        .color_mode(commons.BigValueColorMode.VALUE)
        .graph_mode(commons.BigValueGraphMode.NONE)
        .text_mode(commons.BigValueTextMode.VALUE_AND_NAME if several else commons.BigValueTextMode.VALUE)
    )


def _series(panel: Panel) -> Any:
    many = len(panel.queries) > 1 or "{{" in panel.queries[0].legend
    legend = (
        common.VizLegendOptions()
        .show_legend(many)
        .display_mode(commons.LegendDisplayMode.TABLE if panel.height > 6 else commons.LegendDisplayMode.LIST)
        .placement(commons.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"] if panel.height > 6 else [])
    )
    tooltip = common.VizTooltipOptions().mode(commons.TooltipDisplayMode.MULTI).sort(commons.SortOrder.DESCENDING)
    stacking = commons.StackingMode.NORMAL if panel.stacked else commons.StackingMode.NONE
    limits = commons.GraphThresholdsStyleMode.DASHED if panel.steps else commons.GraphThresholdsStyleMode.OFF
    return (
        timeseries.Panel()
        .legend(legend)
        .tooltip(tooltip)
        .line_width(1)
        .fill_opacity(30 if panel.stacked else 5)
        .show_points(commons.VisibilityMode.AUTO)
        .stacking(common.StackingConfig().mode(stacking).group("A"))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(limits))
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    )


def _bars(_: Panel) -> Any:
    last = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields("")
    return (
        bargauge.Panel()
        .reduce_options(last)
        .display_mode(commons.BarGaugeDisplayMode.BASIC)
        .orientation(commons.VizOrientation.HORIZONTAL)
        .value_mode(commons.BarGaugeValueMode.TEXT)
        .show_unfilled(True)
    )


def _heatmap(panel: Panel) -> Any:
    return (
        heatmap.Panel()
        .calculate(False)
        .color(heatmap.HeatmapColorOptions().mode(heatmaps.HeatmapColorMode.SCHEME).scheme("Oranges").steps(64))
        .y_axis(heatmap.YAxisConfig().unit(panel.unit))
        .cell_values(heatmap.CellValues().unit("short"))
        .tooltip(heatmap.HeatmapTooltip().mode(commons.TooltipDisplayMode.SINGLE))
        .exemplars_color("rgba(255,0,255,0.7)")
        .show_legend()
    )


def _timeline(_: Panel) -> Any:
    return (
        statetimeline.Panel()
        .show_value(commons.VisibilityMode.NEVER)
        .merge_values(True)
        .row_height(0.8)
        .legend(common.VizLegendOptions().show_legend(True).display_mode(commons.LegendDisplayMode.LIST))
    )


def _table(panel: Panel) -> Any:
    """Merges the answers into one table with a column for each label and each query."""
    heads = dict(panel.columns)
    for number, query in enumerate(panel.queries):
        heads["Value" if len(panel.queries) == 1 else f"Value #{chr(ord('A') + number)}"] = query.legend
    organised = {"renameByName": heads, "includeByName": dict.fromkeys(heads, True)}
    organised["indexByName"] = {name: index for index, name in enumerate(heads)}
    builder = table.Panel().show_header(True).cell_height(commons.TableCellHeight.SM)
    builder.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    builder.with_transformation(models.DataTransformerConfig(id_val="organize", options=organised))
    for head, unit in panel.units.items():
        builder.override_by_name(head, [models.DynamicConfigValue(id_val="unit", value=unit)])
    if panel.queries[0].legend:
        builder.sort_by([common.TableSortByFieldState().display_name(panel.queries[0].legend).desc(True)])
    return builder


SHAPES: Mapping[str, Callable[[Panel], Any]] = {
    "stat": _stat,
    "series": _series,
    "bars": _bars,
    "heatmap": _heatmap,
    "table": _table,
    "timeline": _timeline,
}
