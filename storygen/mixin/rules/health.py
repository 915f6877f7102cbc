"""The health of what watches, and of the disks: lost telemetry, too many series, free space, the heartbeat."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Runbook
from storygen.mixin.config import Config, spoken
from storygen.mixin.promql import increase, selector
from storygen.mixin.proofs import after, flat, percent, steps

_DROPPED = "storygen_telemetry_dropped_total"
_SERIES = "scrape_samples_post_metric_relabeling"
_FREE, _SIZE = "storygen_disk_free_bytes", "storygen_disk_size_bytes"
_WORKER = "worker-1:9464"


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    alerts = (_dropped(config), _series_count(config), _disk(config), _watchdog(config))
    return (Group(name="storygen-health", alerts=alerts),)


def _dropped(config: Config) -> Alert:
    knobs = config.of("TelemetryDropped")
    window = config.window(knobs.window)
    lost, quiet = selector(_DROPPED, job=config.job, signal="traces"), steps(knobs.window) + 10
    return Alert(
        name="TelemetryDropped",
        expr=f"{increase('job, signal', selector(_DROPPED, job=config.job), window)} > 0",
        knobs=knobs,
        summary="{{ $labels.signal }} are being lost",
        description=f"In the last {spoken(window)} some {{{{ $labels.signal }}}} did not reach where they are kept. "
        "Runs are not slowed by it, but what happened in them cannot be looked up.",
        dashboard="storygen-telemetry",
        runbook=Runbook(
            means="The collector or trace store does not answer, or more comes than it takes, so spans or log lines "
            "were given up.",
            felt="Nothing, until a trace is needed and is not there.",
            look="Telemetry health, what was lost by signal; the health page of Jaeger or of the collector.",
            do=(
                (
                    "`curl -i http://HOST:4318/v1/traces -d '{}'` at the address in `OTEL_EXPORTER_OTLP_ENDPOINT`: it "
                    "has to answer."
                ),
                "`storygen doctor` names that address.",
                "Look at the disk and memory of the trace store; a full one refuses.",
                "The report and the log of a run are still there: `storygen explain RUN`.",
            ),
            over="Nothing was lost within the window.",
        ),
        proofs=(
            Proof(
                below={lost: flat((0, 3), (1, quiet + 10))},
                above={lost: flat((0, quiet - 2), (1, 20))},
                at=f"{quiet}m",
                labels={"job": config.job, "signal": "traces"},
            ),
        ),
    )


def _series_count(config: Config) -> Alert:
    knobs = config.of("SeriesCountHigh")
    series = selector(_SERIES, job=config.job, instance=_WORKER)
    minutes = steps(knobs.hold) + 10
    return Alert(
        name="SeriesCountHigh",
        expr=f"{selector(_SERIES, job=config.job)} > {knobs.limit:g}",
        knobs=knobs,
        summary="{{ $labels.instance }} has {{ $value }} series",
        description=f"{{{{ $labels.instance }}}} shows {{{{ $value }}}} series; more than {knobs.limit:g} were never "
        "meant. Prometheus pays for each of them with memory.",
        dashboard="storygen-telemetry",
        variables={"instance": "instance"},
        runbook=Runbook(
            means="A label takes too many values, for example names of models, providers or operations from settings.",
            felt="Nothing yet; queries and scrapes become slow, and Prometheus grows.",
            look="Telemetry health, series by process and values that were folded into `other`.",
            do=(
                (
                    "`curl -s http://INSTANCE/metrics | grep -v '^#' | cut "
                    "-d'{' -f1 | sort | uniq -c | sort -rn | head` names the metric."
                ),
                (
                    "Take out of the settings what is not used: each configured provider and model brings its series "
                    "along."
                ),
                "If your own `storygen.observe` names are the cause, register fewer of them.",
                "If the number is right for so many providers, raise `limit` of SeriesCountHigh.",
            ),
            over="The number is below the limit.",
        ),
        proofs=(
            Proof(
                below={series: flat((knobs.limit, minutes))},
                above={series: flat((knobs.limit + 1, minutes))},
                at=after(knobs.hold),
                labels={"job": config.job, "instance": _WORKER},
                value=f"{knobs.limit + 1:g}",
            ),
        ),
    )


def _disk(config: Config) -> Alert:
    knobs = config.of("DiskNearlyFull")
    labels = {"job": config.job, "instance": _WORKER, "volume": "output"}
    minutes, size = steps(knobs.hold) + 10, 100e9

    def series(share: float) -> dict[str, str]:
        return {
            selector(_FREE, **labels): flat((share * size, minutes)),
            selector(_SIZE, **labels): flat((size, minutes)),
        }

    free = percent(knobs.limit * 0.98)
    return Alert(
        name="DiskNearlyFull",
        expr=f"{selector(_FREE, job=config.job)} / {selector(_SIZE, job=config.job)} < {knobs.limit:g}",
        knobs=knobs,
        summary="{{ $labels.instance }}: {{ $value | humanizePercentage }} of the disk is free",
        description="The disk that holds the {{ $labels.volume }} of {{ $labels.instance }} has "
        "{{ $value | humanizePercentage }} free space left. Runs fail when it is full.",
        dashboard="storygen-telemetry",
        variables={"instance": "instance"},
        runbook=Runbook(
            means="Films, or the cache of what was already made, fill the disk.",
            felt="Nothing yet; then every run fails at its next write.",
            look="Telemetry health, free space by volume; Cache, how much the cache holds.",
            do=(
                "`df -h`, and `du -sh` of the output folder and of the cache; `storygen doctor` names both.",
                (
                    "Move or delete old films. They can be made again from the cache, or from their manifest at their "
                    "price."
                ),
                (
                    "Set a smaller limit for the cache: its oldest entries go first. What is deleted there costs "
                    "money to make again."
                ),
            ),
            over="More than the limit is free.",
        ),
        proofs=(
            Proof(
                below=series(knobs.limit * 1.02),
                above=series(knobs.limit * 0.98),
                at=after(knobs.hold),
                labels=labels,
                value=free,
            ),
        ),
    )


def _watchdog(config: Config) -> Alert:
    return Alert(
        name="Watchdog",
        expr="vector(1)",
        knobs=config.of("Watchdog"),
        summary="Alerts get through",
        description="This alert is always on. Where it stops to arrive, Prometheus, Alertmanager or the way from them "
        "is broken, and no other alert would arrive either.",
        dashboard="storygen-telemetry",
        runbook=Runbook(
            means="Nothing is wrong. It goes to a receiver that raises the alarm when it has not heard of it for a "
            "while.",
            felt="Nothing.",
            look="The pages of alerts in Prometheus and in Alertmanager both show it.",
            do=(
                "If it does not arrive: `curl http://PROMETHEUS/-/ready` and `curl http://ALERTMANAGER/-/ready`.",
                "`amtool check-config alertmanager.yml`, and the receiver's address and credentials in it.",
                "Prometheus shows under `/api/v1/alertmanagers` whether it knows where to send alerts.",
            ),
            over="Never; it is well as long as it is on.",
        ),
        proofs=(Proof(below={}, above={"up": "1x5"}, at="1m", labels={}),),
    )
