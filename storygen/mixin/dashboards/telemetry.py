"""The health of what watches: scrapes, series, lost telemetry, rules, notifications."""

from __future__ import annotations

from collections.abc import Iterator

from storygen.mixin.config import Config
from storygen.mixin.dashboards.base import (
    RATE,
    Board,
    Panel,
    Row,
    Scope,
    ask,
    increase,
    rate,
    red_above,
    series,
    stat,
    table,
    timeline,
    total,
)
from storygen.mixin.dashboards.cache import free_space

_SCOPE = Scope()
_UP = {"0": "down|red", "1": "up|green"}


def board(config: Config) -> Board:
    """Read it first when the other boards are empty or seem wrong."""
    return Board(
        uid="storygen-telemetry",
        title="Storygen / Telemetry health",
        says="Whether the other boards can be trusted: scrapes, series, lost telemetry, rules, notifications.",
        rows=(
            Row(title="In short", panels=tuple(_short(config))),
            Row(title="Scrapes", panels=tuple(_scrapes(config))),
            Row(title="What is lost", panels=tuple(_lost())),
            Row(title="Rules and notifications", panels=(*_rules(), *_alerts())),
            Row(title="Processes and disks", panels=tuple(_processes(config))),
        ),
    )


def _short(config: Config) -> Iterator[Panel]:
    yield stat(
        "Processes that answer",
        "percentunit",
        "Below all, see which in the row below: the process, its port, or the network between.",
        f"avg ({_SCOPE.raw('up')})",
        alert="AllTargetsDown",
        steps=((1, "green"),),
        base="red",
        width=6,
    )
    yield stat(
        "Watchdog",
        "none",
        "This alert always fires, so that its silence means that the chain from rule to receiver is broken.",
        total('count (ALERTS{alertname="StorygenWatchdog", alertstate="firing"})'),
        alert="Watchdog",
        values={"0": "silent|red", "1": "fires|green"},
        width=6,
    )
    yield stat(
        "Most series of a process",
        "short",
        f"The limit is {config.of('SeriesCountHigh').limit:g}. Above it a label has too many values: see what "
        "overflows, below.",
        f"max ({_SCOPE.raw('scrape_samples_post_metric_relabeling')})",
        alert="SeriesCountHigh",
        steps=red_above(config, "SeriesCountHigh"),
        decimals=0,
        width=6,
    )
    yield stat(
        "Telemetry lost, 1 h",
        "none",
        "Spans and log lines that were dropped. Any: the collector is gone or too slow; runs are not harmed.",
        increase("", _SCOPE.raw("storygen_telemetry_dropped_total"), "1h"),
        alert="TelemetryDropped",
        steps=((1, "red"),),
        decimals=0,
        width=6,
    )


def _scrapes(config: Config) -> Iterator[Panel]:
    yield timeline(
        "Up",
        "none",
        "One line for each process. Gaps of all at once are Prometheus's own; a red line is a process to restart or "
        "to reach.",
        ask(_SCOPE.raw("up"), "{{job}} {{instance}}"),
        alert="TargetDown",
        values=_UP,
        empty="No targets",
    )
    yield series(
        "How long scrapes take",
        "s",
        "A scrape stops the process for as long. Above 0.05 look at the number of series beside it.",
        ask(_SCOPE.raw("scrape_duration_seconds"), "{{job}} {{instance}}"),
        alert="SeriesCountHigh",
        least=0,
    )
    yield series(
        "Series of each process",
        "short",
        "Above the dashed line a label has too many values, or too many models and providers are configured.",
        ask(_SCOPE.raw("scrape_samples_post_metric_relabeling"), "{{job}} {{instance}}"),
        alert="SeriesCountHigh",
        steps=red_above(config, "SeriesCountHigh"),
        least=0,
    )


def _lost() -> Iterator[Panel]:
    yield series(
        "Telemetry lost",
        "short",
        "In an hour, by signal. See whether the collector or Jaeger is up and reachable; what was lost does not "
        "come back.",
        ask(increase("signal", _SCOPE.raw("storygen_telemetry_dropped_total"), "1h"), "{{signal}}"),
        alert="TelemetryDropped",
        least=0,
    )
    yield series(
        "Label values recorded as other",
        "short",
        "In an hour, by metric. A model or pipeline that the settings do not name: add it there to see it by name.",
        ask(increase("metric", _SCOPE.raw("storygen_label_overflow_total"), "1h"), "{{metric}}"),
        alert="SeriesCountHigh",
        empty="None",
        least=0,
    )
    yield series(
        "Spans that Jaeger took and refused",
        "ops",
        "Refused: its memory limit or its disk. Nothing while runs are under way: the processes send elsewhere.",
        ask(rate("receiver", "otelcol_receiver_accepted_spans"), "{{receiver}} taken"),
        ask(rate("receiver", "otelcol_receiver_refused_spans"), "{{receiver}} refused"),
        alert="TelemetryDropped",
        empty="No Jaeger is scraped",
        least=0,
    )


def _rules() -> Iterator[Panel]:
    yield series(
        "Rules that fail",
        "short",
        "In an hour, by group. Any: Prometheus's page of rules shows the error; boards that use the group are stale.",
        ask(
            f"sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[{RATE}]))",
            "{{rule_group}}",
        ),
        alert="Watchdog",
        empty="Prometheus does not scrape itself",
        least=0,
    )
    yield series(
        "How long groups of rules take",
        "s",
        "All together they should stay below 0.05. A group that climbs has too many series or too long windows.",
        ask("sum by (rule_group) (prometheus_rule_group_last_duration_seconds)", "{{rule_group}}"),
        alert="SeriesCountHigh",
        empty="Prometheus does not scrape itself",
        stacked=True,
        least=0,
    )


def _alerts() -> Iterator[Panel]:
    yield series(
        "Notifications that failed",
        "short",
        "In an hour: from Prometheus to Alertmanager, and from there to each receiver. Any: alerts do not arrive.",
        ask("sum (increase(prometheus_notifications_dropped_total[1h]))", "to Alertmanager"),
        ask(
            "sum by (integration) (increase(alertmanager_notifications_failed_total[1h]))",
            "to {{integration}}",
        ),
        alert="Watchdog",
        empty="Neither is scraped",
        least=0,
    )
    yield timeline(
        "Alerts",
        "none",
        "When each alert was pending or firing. Its notification leads to the runbook, the dashboard and the traces.",
        ask(
            'max by (alertname) ((ALERTS{service="storygen", alertstate="pending"} * 0 + 1)'
            ' or (ALERTS{service="storygen", alertstate="firing"} * 0 + 2))',
            "{{alertname}}",
        ),
        alert="Watchdog",
        values={"1": "pending|orange", "2": "firing|red"},
        width=24,
        height=7,
    )


def _processes(config: Config) -> Iterator[Panel]:
    yield table(
        "Versions",
        "none",
        "Which version each process runs. Two versions at once: a release is under way, or stuck.",
        ask(f"count by (version, python_version, instance) ({_SCOPE.now('storygen_build_info')})", "Processes"),
        alert="TargetAbsent",
        columns={"instance": "Process", "version": "Storygen", "python_version": "Python"},
        empty="No process is scraped",
        width=6,
    )
    yield series(
        "Since the start",
        "s",
        "A line that falls to nothing is a restart. Many: see why it ends, in its log.",
        ask(f"time() - {_SCOPE.now('process_start_time_seconds')}", "{{job}} {{instance}}"),
        alert="TargetDown",
        least=0,
        width=6,
    )
    yield series(
        "Series in Prometheus",
        "short",
        "All that Prometheus holds in memory. A jump is a new label value with many series.",
        ask("sum (prometheus_tsdb_head_series)", "series"),
        alert="SeriesCountHigh",
        empty="Prometheus does not scrape itself",
        least=0,
        width=6,
    )
    yield free_space(config, _SCOPE, width=6)
