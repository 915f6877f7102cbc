"""Pieces of PromQL that rules and panels share, as text, and a reader of what an expression asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from storygen.telemetry.names import BY_NAME, Metric

LABELS = {
    "pipeline": "job, pipeline",
    "stage": "job, stage",
    "provider": "job, provider",
}
# What Prometheus itself adds to every series and records of every scrape.
TARGET_LABELS = frozenset({"job", "instance", "service_name", "__name__"})
OF_PROMETHEUS = re.compile(
    r"up|ALERTS(_FOR_STATE)?|scrape_\w+|(prometheus|alertmanager|process|python|go|jaeger|otelcol)_\w+"
)

_STRING = r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
_NAME = r"[a-zA-Z_:][\w:]*"
_TOKEN = re.compile(
    rf"""(?P<clause>\b(?:by|without|on|ignoring|group_left|group_right)\s*\((?P<labels>[^)]*)\))
    |(?P<metric>{_NAME})?\s*\{{(?P<matchers>(?:{_STRING}|[^}}"'])*)\}}
    |(?P<string>{_STRING}) |(?P<range>\[[^\]]*\]) |(?P<number>\$?\d[\w.]*) |(?P<variable>\$\w+|\$\{{[^}}]*\}})
    |(?P<function>{_NAME})\s*\( |(?P<word>{_NAME})""",
    re.VERBOSE,
)
_MATCHER = re.compile(rf"\s*(?P<label>\w+)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>{_STRING})\s*,?")
_KEYWORDS = frozenset(
    {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right"}
    | {"inf", "nan", "atan2", "start", "end"}
    | {"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile", "count_values"}
)
_SUFFIXES = ("_bucket", "_sum", "_count")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; `operator` is `=`, `!=`, `=~` or `!~`."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A metric that an expression asks for, and the conditions on its labels."""

    metric: str
    matchers: frozenset[Matcher] = field(default_factory=frozenset)


# What has thousands of children is read over so much once, and longer windows are the mean of that.
READ = "2m"


def selector(metric: str, **matchers: str) -> str:
    """`metric{label="value"}`; a value that begins with `=~`, `!~` or `!=` brings its own operator."""
    parts = []
    for label, value in matchers.items():
        operator, text = (value[:2], value[2:]) if value[:2] in {"=~", "!~", "!="} else ("=", value)
        parts.append(f'{label}{operator}"{text}"')
    return f"{metric}{{{', '.join(parts)}}}" if parts else metric


def rate(by: str, series: str, window: str) -> str:
    """Sum of rates a second."""
    return f"sum by ({by}) (rate({series}[{window}]))"


def increase(by: str, series: str, window: str) -> str:
    """Sum of increases."""
    return f"sum by ({by}) (increase({series}[{window}]))"


def usual(record: str, baseline: str) -> str:
    """The mean of a recorded series over `baseline`, up to yesterday, so that what is new is not compared with itself.

    Never scaled; silent until there is a day of history.
    """
    return f"avg_over_time({record}[{baseline}] offset 1d)"


def mentioned(expr: str) -> set[Mention]:
    """Every metric that `expr` asks for; Grafana's variables may stand in it."""
    found = set()
    for token in _TOKEN.finditer(expr):
        name = token["metric"] or token["word"]
        if name and name.lower() not in _KEYWORDS:
            found.add(Mention(name, _matchers(token["matchers"] or "")))
    return found


def grouped(expr: str) -> set[str]:
    """Every label that `expr` groups by, joins on or carries over."""
    clauses = (token["labels"] for token in _TOKEN.finditer(expr) if token["clause"])
    return {label.strip() for clause in clauses for label in clause.split(",") if label.strip()}


def strangers(expr: str, recorded: frozenset[str] = frozenset()) -> list[str]:
    """What `expr` mentions and storygen does not declare: metrics, labels of them, and values of closed labels.

    `recorded` are names of recording rules. A label that `expr` groups by has to belong to one of its metrics, unless
    some of them are recorded.
    """
    mentions = mentioned(expr)
    wrong = [line for mention in mentions for line in _wrong(mention, recorded)]
    metrics = [declared for mention in mentions if (declared := declaration(mention.metric)) is not None]
    if metrics and len(metrics) == len(mentions):
        known = TARGET_LABELS | {"le"} | {label.name for metric in metrics for label in metric.labels}
        wrong += [f"no metric of the expression has the label {label}" for label in grouped(expr) - known]
    return sorted(wrong)


def declaration(series: str) -> Metric | None:
    """The declared metric that a series is of, such as a histogram for its `_bucket`; None where there is none."""
    stem = next((series.removesuffix(suffix) for suffix in _SUFFIXES if series.endswith(suffix)), series)
    metric = BY_NAME.get(stem)
    if metric is not None and metric.type == "histogram":
        return metric if stem != series else None
    return BY_NAME.get(series)


def _matchers(text: str) -> frozenset[Matcher]:
    found = _MATCHER.finditer(text)
    return frozenset(Matcher(one["label"], one["operator"], one["value"][1:-1]) for one in found)


def _wrong(mention: Mention, recorded: frozenset[str]) -> list[str]:
    if mention.metric in recorded or OF_PROMETHEUS.fullmatch(mention.metric):
        return []
    metric = declaration(mention.metric)
    if metric is None:
        return [f"{mention.metric} is not declared"]
    labels = {label.name: label for label in metric.labels}
    wrong = []
    for matcher in mention.matchers:
        if matcher.label in TARGET_LABELS:
            continue
        if matcher.label == "le" and mention.metric.endswith("_bucket"):
            edges = {str(float(edge)) for edge in metric.buckets} | {"+Inf"}
            wrong += (
                [] if matcher.value in edges or "$" in matcher.value else [f"{mention.metric}: no bucket {matcher}"]
            )
        elif matcher.label not in labels:
            wrong.append(f"{mention.metric} has no label {matcher.label}")
        elif not labels[matcher.label].grows and "$" not in matcher.value:
            closed = {*labels[matcher.label].values, "other", ""}
            unknown = [word for word in matcher.value.split("|") if word.isidentifier() and word not in closed]
            wrong += [f"{mention.metric}: {matcher.label} is never {word}" for word in unknown]
    return wrong
