"""What dashboards are made of, as values; `drawing` turns them into Grafana's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from storygen.mixin import promql
from storygen.mixin.config import Config
from storygen.mixin.prometheus import SERVICE
from storygen.mixin.promql import OF_PROMETHEUS, declaration, selector

Shape = Literal["stat", "series", "bars", "heatmap", "table", "timeline"]
Step = tuple[float, str]

RATE = "$__rate_interval"
COLUMNS = 24
# Which labels of a metric, or of a recorded series, a variable narrows.
VARIABLES: Mapping[str, tuple[str, ...]] = {
    "pipeline": ("pipeline",),
    "stage": ("stage",),
    "provider": ("provider", "gen_ai_provider_name", "from_provider"),
    "model": ("model", "gen_ai_request_model"),
    "queue": ("queue",),
}
_TARGET: tuple[str, ...] = ("job", "instance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question to Prometheus; `legend` names each line by its labels (`{{stage}}`)."""

    expr: str
    legend: str = ""
    exemplar: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel: `says` tells what it shows and what to do when it looks bad.

    `alert` is the one that watches it, without the prefix; `board` the uid where one reads on; `traces` maps span
    attributes to a label of the line, for a search in Jaeger. `steps` colour what reaches their value, `base` what does
    not. A table shows the labels in `columns` under their headings, and the value of each query under its legend;
    `units` are the units of those that differ from `unit`.
    """

    title: str
    shape: Shape
    unit: str
    says: str
    queries: tuple[Query, ...]
    width: int = 8
    height: int = 8
    alert: str = ""
    board: str = ""
    steps: tuple[Step, ...] = ()
    base: str = "green"
    empty: str = "Nothing yet"
    stacked: bool = False
    least: float | None = None
    most: float | None = None
    decimals: int | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    traces: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A heading and the panels below it, from left to right, a new line wherever the columns are full."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A dashboard; `variables` are those beyond data source, job and instance."""

    uid: str
    title: str
    says: str
    rows: tuple[Row, ...]
    variables: tuple[str, ...] = ()

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All its panels, in reading order."""
        return tuple(panel for row in self.rows for panel in row.panels)


class Scope:
    """Writes selectors narrowed by a board's variables: job, instance and those in `variables` that a series has."""

    def __init__(self, *variables: str) -> None:
        self._variables = variables

    def raw(self, series: str, **matchers: str) -> str:
        """A metric as it is scraped; `matchers` as in `promql.selector`, instead of the variable of their label.

        What every process tells (`up`, `process_...`) is asked of storygen's processes only.
        """
        ours = {"service_name": SERVICE} if OF_PROMETHEUS.fullmatch(series) else {}
        return self._narrowed(series, (*_TARGET, *labels_of(series)), ours | matchers)

    def now(self, gauge: str, **matchers: str) -> str:
        """The newest value of a gauge, which a scrape that failed does not hide."""
        return f"last_over_time({self.raw(gauge, **matchers)}[{RATE}])"

    def recorded(self, series: str, **matchers: str) -> str:
        """A recorded series, such as `job_stage:...`: it has the labels of its level, and no instance."""
        return self._narrowed(series, tuple(series.partition(":")[0].split("_")), matchers)

    def _narrowed(self, series: str, labels: tuple[str, ...], matchers: Mapping[str, str]) -> str:
        chosen: dict[str, str] = {label: f"=~${label}" for label in _TARGET if label in labels}
        for variable in self._variables:
            chosen |= {label: f"=~${variable}" for label in VARIABLES[variable] if label in labels}
        return selector(series, **{**chosen, **matchers})


def labels_of(series: str) -> tuple[str, ...]:
    """The labels of a metric by the name of one of its series, without those that every series has."""
    if OF_PROMETHEUS.fullmatch(series):
        return ()
    metric = declaration(series)
    if metric is None:
        raise LookupError(f"{series} is not declared")
    return tuple(label.name for label in metric.labels)


def panel(shape: Shape, title: str, unit: str, says: str, *queries: Query | str, **more: Any) -> Panel:
    """A panel of a shape; a plain text is a query whose line is named as the panel is."""
    asked = tuple(Query(expr=query, legend=title) if isinstance(query, str) else query for query in queries)
    return Panel(shape=shape, title=title, unit=unit, says=says, queries=asked, **more)


stat = partial(panel, "stat", width=4, height=4)
series = partial(panel, "series")
bars = partial(panel, "bars")
heatmap = partial(panel, "heatmap")
table = partial(panel, "table", width=12)
timeline = partial(panel, "timeline")


def ask(expr: str, legend: str, *, exemplar: bool = False) -> Query:
    """A query and the name of its lines."""
    return Query(expr=expr, legend=legend, exemplar=exemplar)


def rate(by: str, series: str, window: str = RATE) -> str:
    """Sum of rates a second; over everything where `by` is empty."""
    return promql.rate(by, series, window).replace(" by ()", "")


def increase(by: str, series: str, window: str = RATE) -> str:
    """Sum of increases; over everything where `by` is empty."""
    return promql.increase(by, series, window).replace(" by ()", "")


def quantiles(by: str, buckets: str, legend: str = "", window: str = RATE) -> tuple[Query, ...]:
    """The 50th, 95th and 99th percentile of a histogram, with exemplars; `by` may be empty."""
    groups = ", ".join(filter(None, (by, "le")))
    return tuple(
        ask(
            f"histogram_quantile({share}, {rate(groups, buckets, window)})",
            f"{legend} p{share * 100:g}".strip(),
            exemplar=True,
        )
        for share in (0.5, 0.95, 0.99)
    )


def percentile(share: float, by: str, buckets: str, window: str = RATE) -> str:
    """One percentile of a histogram."""
    return f"histogram_quantile({share:g}, {rate(f'{by}, le' if by else 'le', buckets, window)})"


def ratio(part: str, whole: str) -> str:
    """`part` over `whole`; nothing where there is no whole."""
    return f"{part} / ({whole} > 0)"


def total(expr: str) -> str:
    """`expr`, or 0 where there is none of it."""
    return f"({expr}) or vector(0)"


def red_above(config: Config, alert: str) -> tuple[Step, ...]:
    """A step at the limit of an alert."""
    return ((config.of(alert).limit, "red"),)
