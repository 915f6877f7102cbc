"""The queue and its workers: what waits, for how long, who works on it, and what the service answers."""

from __future__ import annotations

from collections.abc import Iterator

from storygen.mixin.config import Config, seconds
from storygen.mixin.dashboards.base import (
    Board,
    Panel,
    Row,
    Scope,
    ask,
    increase,
    percentile,
    quantiles,
    rate,
    series,
    stat,
)
from storygen.mixin.dashboards.cache import free_space

_SCOPE = Scope("queue")
_HTTP = "http_server_request_duration_seconds"
_NO_QUEUE = "No queue"
_NO_SERVICE = "No service"


def board(config: Config) -> Board:
    """Read it when stories wait, or when workers seem idle."""
    return Board(
        uid="storygen-queue",
        title="Storygen / Queue and workers",
        says="What waits, who works, and what the service answers. Without the service only the workers have figures.",
        variables=("queue",),
        rows=(
            Row(title="In short", panels=tuple(_short(config))),
            Row(title="The queue", panels=tuple(_queue(config))),
            Row(title="The workers", panels=tuple(_workers())),
            Row(title="The machine", panels=tuple(_machine(config))),
            Row(title="The service", panels=tuple(_service())),
        ),
    )


def _short(config: Config) -> Iterator[Panel]:
    wait = seconds(config.hold(config.of("QueueWaitHigh").longest))
    stuck = seconds(config.hold(config.of("JobsStuck").longest))
    yield stat(
        "Jobs that wait",
        "none",
        "Grows while workers are busy: add workers. Grows while they are idle: see the oldest job and the workers' "
        "logs.",
        f"sum ({_SCOPE.now('storygen_jobs', state='queued')})",
        alert="QueueBacklogGrowing",
        empty=_NO_QUEUE,
        width=6,
        base="text",
    )
    yield stat(
        "Oldest that waits",
        "s",
        "How long the oldest job has not been begun. Above the limit, add workers, or see why those there are take "
        "none.",
        f"max ({_SCOPE.now('storygen_job_oldest_age_seconds', state='queued')})",
        alert="QueueWaitHigh",
        steps=((wait, "red"),),
        empty=_NO_QUEUE,
        width=6,
    )
    yield stat(
        "Runs without news",
        "s",
        "How long nothing was heard of a running job. Above the limit its worker is gone or hangs: see the runbook.",
        f"max ({_SCOPE.now('storygen_job_silent_seconds')})",
        alert="JobsStuck",
        steps=((stuck, "red"),),
        empty=_NO_QUEUE,
        width=6,
    )
    yield stat(
        "Runs under way",
        "none",
        "In all processes together. Stays the same for long while jobs wait: something hangs; see Stage detail.",
        f"sum ({_SCOPE.now('storygen_runs_in_progress')})",
        alert="PipelineStalled",
        width=6,
        base="text",
    )


def _queue(config: Config) -> Iterator[Panel]:
    wait = seconds(config.hold(config.of("QueueWaitHigh").longest))
    yield series(
        "Jobs by state",
        "short",
        "From the durable queue, so that jobs of workers that died are in it. Each queue is told by one process.",
        ask(f"max by (queue, state) ({_SCOPE.now('storygen_jobs')})", "{{queue}} {{state}}"),
        alert="QueueBacklogGrowing",
        empty=_NO_QUEUE,
        stacked=True,
        least=0,
    )
    yield series(
        "How long jobs wait",
        "s",
        "From submission to the start of work. Above the dashed line add workers, or lower what comes in.",
        *quantiles("queue", _SCOPE.raw("storygen_queue_wait_seconds_bucket"), "{{queue}}"),
        alert="QueueWaitHigh",
        steps=((wait, "red"),),
        empty=_NO_QUEUE,
        least=0,
    )
    yield series(
        "Age of the oldest job",
        "s",
        "By state, and how long nothing was heard of one that runs. A line that climbs by a second a second is one job "
        "that nobody takes or ends.",
        ask(f"max by (queue, state) ({_SCOPE.now('storygen_job_oldest_age_seconds')})", "{{queue}} {{state}}"),
        ask(f"max by (queue) ({_SCOPE.now('storygen_job_silent_seconds')})", "{{queue}} without news"),
        alert="JobsStuck",
        empty=_NO_QUEUE,
        least=0,
    )


def _workers() -> Iterator[Panel]:
    yield series(
        "Runs under way by process",
        "short",
        "A process with none while jobs wait does not take them: see its log.",
        ask(f"sum by (instance) ({_SCOPE.now('storygen_runs_in_progress')})", "{{instance}}"),
        alert="PipelineStalled",
        stacked=True,
        least=0,
        width=6,
    )
    yield series(
        "Limits in use",
        "percentunit",
        "Share of each limit by process. cores always at 1: rendering is what takes the time; add cores or workers.",
        ask(
            f"{_SCOPE.now('storygen_concurrency_in_use')} / {_SCOPE.now('storygen_concurrency_limit')}",
            "{{limit}} {{instance}}",
        ),
        alert="StageBottleneck",
        least=0,
        most=1,
        width=6,
    )
    yield series(
        "In use and allowed",
        "short",
        "Over all processes. operations have no limit of their own; what needs a core waits for one of cores.",
        ask(f"sum by (limit) ({_SCOPE.now('storygen_concurrency_in_use')})", "{{limit}} in use"),
        ask(f"sum by (limit) ({_SCOPE.now('storygen_concurrency_limit')})", "{{limit}} allowed"),
        least=0,
        width=6,
    )
    yield series(
        "What workers share",
        "short",
        "1 where Redis is reached again, 0 where it is not. At 0 a worker goes on alone; start Redis again.",
        ask(_SCOPE.raw("storygen_sharing_up"), "{{service}} {{instance}}"),
        alert="SharingLost",
        empty="Never lost",
        least=0,
        most=1,
        width=6,
    )


def _machine(config: Config) -> Iterator[Panel]:
    yield series(
        "CPU",
        "short",
        "Cores that the Python process uses; ffmpeg's are not in it. Always near 1: the event loop is busy, and "
        "everything waits.",
        ask(rate("instance", _SCOPE.raw("process_cpu_seconds_total")), "{{instance}}"),
        least=0,
    )
    yield series(
        "Memory",
        "bytes",
        "Resident memory of the Python process. A line that only climbs is a leak: restart it and report it.",
        ask(_SCOPE.now("process_resident_memory_bytes"), "{{instance}}"),
        least=0,
    )
    yield free_space(config, _SCOPE, width=8)


def _service() -> Iterator[Panel]:
    count = _SCOPE.raw(f"{_HTTP}_count")
    yield series(
        "Requests by status",
        "reqps",
        "5xx: the service's log says why. 429: a client is faster than it may.",
        ask(rate("status", count), "{{status}}"),
        empty=_NO_SERVICE,
        stacked=True,
        least=0,
    )
    yield series(
        "Requests: 95 % are answered within",
        "s",
        "By route. A submission is stored before it is answered: a slow one is a slow disk.",
        ask(percentile(0.95, "route", _SCOPE.raw(f"{_HTTP}_bucket")), "{{route}}"),
        empty=_NO_SERVICE,
        least=0,
    )
    yield series(
        "Webhooks",
        "short",
        "In an hour, by result. failed was given up: the address in the job does not answer.",
        ask(increase("result", _SCOPE.raw("storygen_webhook_deliveries_total"), "1h"), "{{result}}"),
        empty=_NO_SERVICE,
        stacked=True,
        least=0,
    )
