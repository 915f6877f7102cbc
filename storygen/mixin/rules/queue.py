"""The queue and its workers: waiting, backlog, jobs that do not end."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Runbook
from storygen.mixin.config import Config, seconds, spoken, written
from storygen.mixin.promql import increase, rate, selector
from storygen.mixin.proofs import after, flat, lasting, ramp, steps
from storygen.telemetry.names import QUEUE_BUCKETS

_BY = "job, queue"
_WAIT = "storygen_queue_wait_seconds"
_JOBS = "storygen_jobs"
_SILENT = "storygen_job_silent_seconds"


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    return (Group(name="storygen-queue", alerts=(_waiting(config), _growing(config), _stuck(config), _alone(config))),)


def _waiting(config: Config) -> Alert:
    knobs = config.of("QueueWaitHigh")
    window, longest = config.window(knobs.window), seconds(config.hold(knobs.longest))
    waits = rate(f"{_BY}, le", selector(f"{_WAIT}_bucket", job=config.job), window)
    begun = increase(_BY, selector(f"{_WAIT}_count", job=config.job), window)
    return Alert(
        name="QueueWaitHigh",
        expr=f"histogram_quantile(0.95, {waits}) > {longest:g}\nand on ({_BY}) {begun} >= {knobs.minimum:g}",
        knobs=knobs,
        summary="Jobs wait {{ $value | humanizeDuration }} in the queue {{ $labels.queue }}",
        description=f"One in twenty jobs of the queue {{{{ $labels.queue }}}} that began in the last {spoken(window)} "
        "had waited {{ $value | humanizeDuration }} or longer.",
        dashboard="storygen-queue",
        variables={"queue": "queue"},
        runbook=Runbook(
            means="More is asked for than workers take on; jobs wait before anything begins.",
            felt="A film takes much longer than the report of its run says.",
            look="Queue and workers, waiting time and jobs by state; workers that answer.",
            do=(
                "Look whether workers are missing: TargetDown says so.",
                (
                    "If all are there and busy, start more (`storygen worker` on another machine), raise "
                    "`queue.runs_at_once` where machines have room, or look at StageBottleneck for what holds them up."
                ),
                (
                    "If they are idle while jobs wait, their log or `curl HOST:8080/health/system` says what they wait "
                    "for: a run that would not fit into memory, disk or load is not begun (settings below `guard`)."
                ),
            ),
            over="The 95th percentile of the waiting time is below the limit.",
        ),
        proofs=(_waiting_proof(config),),
    )


def _waiting_proof(config: Config) -> Proof:
    """Waits around the bucket that holds the limit, with just as many long ones as it takes."""
    knobs, labels = config.of("QueueWaitHigh"), {"job": config.job, "queue": "runs"}
    minutes, longest = steps(knobs.window) + steps(knobs.hold) + 10, seconds(knobs.longest)
    low = max(edge for edge in QUEUE_BUCKETS if edge <= longest)
    high = min(edge for edge in QUEUE_BUCKETS if edge > longest)

    def series(target: float) -> dict[str, str]:
        # A twentieth of the waits, spread evenly over the upper bucket, lies beyond the target.
        slow = 0.05 * (high - low) / (high - target) if target > low else 0.049
        shares = ((str(low), 1 - slow), (str(high), 1.0), ("+Inf", 1.0))
        buckets = {selector(f"{_WAIT}_bucket", **labels, le=le): ramp((share, minutes)) for le, share in shares}
        return buckets | {selector(f"{_WAIT}_count", **labels): ramp((1, minutes))}

    above = longest * 1.02 + 0.5
    return Proof(
        below=series(longest * 0.98),
        above=series(above),
        at=after(knobs.window, knobs.hold),
        labels=labels,
        value=lasting(above),
    )


def _growing(config: Config) -> Alert:
    knobs = config.of("QueueBacklogGrowing")
    window, before = config.window(knobs.window), config.hold(knobs.window)
    queued = selector(_JOBS, job=config.job, state="queued")
    return Alert(
        name="QueueBacklogGrowing",
        # One process tells for the shared store; `max` also holds where several do.
        expr=f"max by ({_BY}) (avg_over_time({queued}[{window}]))\n"
        f"> {knobs.limit:g} * max by ({_BY}) (avg_over_time({queued}[{window}] offset {before}))\n"
        f"and on ({_BY}) max by ({_BY}) ({queued}) >= {knobs.minimum:g}",
        knobs=knobs,
        summary="The queue {{ $labels.queue }} grows",
        description=f"In the last {spoken(window)} more than {knobs.limit:g} times as many jobs waited in the queue "
        f"{{{{ $labels.queue }}}} as in the {spoken(before)} before, on average.",
        dashboard="storygen-queue",
        variables={"queue": "queue"},
        runbook=Runbook(
            means="Jobs come in faster than they are done, and the gap widens.",
            felt="Waiting times will rise, if they do not yet.",
            look="Queue and workers, jobs by state and jobs done an hour.",
            do=(
                "`curl HOST:8080/health/stats` says who asks for how much: one loop may ask for all of it.",
                "Look at what goes out: TargetDown, StageSlowdown and CircuitBreakerOpen make workers slow.",
                (
                    "Start more (`storygen worker`), or let callers have fewer open runs until the backlog is done: "
                    "`service.open_runs_per_caller`."
                ),
            ),
            over="The backlog stays level or shrinks.",
        ),
        proofs=_backlog_proofs(config),
    )


def _backlog_proofs(config: Config) -> tuple[Proof, ...]:
    """A backlog that grows in stairs, each as long as the window: by the same factor all the time."""
    knobs, labels = config.of("QueueBacklogGrowing"), {"job": config.job, "queue": "runs"}
    stair = steps(knobs.window)
    stairs = 3 + round(seconds(knobs.hold) / seconds(knobs.window) + 0.5)

    def series(factor: float, last: float) -> dict[str, str]:
        backlog = ((last * factor ** (number - stairs), stair) for number in range(1, stairs + 1))
        return {selector(_JOBS, **labels, state="queued"): flat(*backlog)}

    above = series(knobs.limit * 1.02, 5 * knobs.minimum)
    below = (series(knobs.limit * 0.98, 5 * knobs.minimum), series(knobs.limit * 1.02, 0.9 * knobs.minimum))
    at = written((stairs * stair - 5) * 60)
    return tuple(Proof(below=quiet, above=above, at=at, labels=labels) for quiet in below)


def _stuck(config: Config) -> Alert:
    knobs = config.of("JobsStuck")
    longest = seconds(config.hold(knobs.longest))
    labels = {"job": config.job, "queue": "runs"}
    silent, minutes = selector(_SILENT, **labels), steps(knobs.hold) + 20
    return Alert(
        name="JobsStuck",
        # Not by age: a long film may take hours, but it is heard of all the time.
        expr=f"max by ({_BY}) ({selector(_SILENT, job=config.job)}) > {longest:g}",
        knobs=knobs,
        summary="Nothing was heard of a running job of {{ $labels.queue }} for {{ $value | humanizeDuration }}",
        description=f"A running job of the queue {{{{ $labels.queue }}}} has had no news for "
        f"{{{{ $value | humanizeDuration }}}}; one that moves has some within {spoken(config.hold(knobs.longest))}.",
        dashboard="storygen-queue",
        variables={"queue": "queue"},
        runbook=Runbook(
            means="A job is marked as running, but either hangs, or its worker is gone and nobody took the job over.",
            felt="One film never comes, and a worker may be blocked by it.",
            look="Queue and workers, runs without news; workers that answer.",
            do=(
                "See whether a worker answers at all (TargetDown). A job whose worker is gone is begun by the next.",
                "If its worker answers, cancel the run and try it again: it goes on from what is finished.",
                "If the worker does not react to that, end its process: another one takes the job.",
            ),
            over="Something was heard of every running job lately.",
        ),
        proofs=(
            Proof(
                below={silent: flat((seconds(knobs.longest) - 60, minutes))},
                above={silent: flat((seconds(knobs.longest) + 60, minutes))},
                at=after(knobs.hold),
                labels=labels,
                value=lasting(seconds(knobs.longest) + 60),
            ),
        ),
    )


def _alone(config: Config) -> Alert:
    knobs = config.of("SharingLost")
    labels = {"job": config.job, "service": "redis"}
    up, minutes = selector("storygen_sharing_up", **labels, instance="worker-1:9464"), steps(knobs.hold) + 20
    other = selector("storygen_sharing_up", **labels, instance="worker-2:9464")
    return Alert(
        name="SharingLost",
        expr=f"min by (job, service) ({selector('storygen_sharing_up', job=config.job)}) == 0",
        knobs=knobs,
        summary="Workers do not reach {{ $labels.service }}",
        description="At least one process has not reached {{ $labels.service }} for "
        f"{spoken(config.hold(knobs.hold))}. It goes on with breakers and a cache of its own.",
        dashboard="storygen-queue",
        runbook=Runbook(
            means="The Redis of `redis.url` is gone, or the network to it is.",
            felt="Nothing at once: each worker finds out alone that a vendor is down, and makes what another one has. "
            "Where the same Redis carries Celery's messages, runs that wait are begun late, but none is lost.",
            look="Queue and workers, what workers share; the worker's log, `sharing` and the reason.",
            do=(
                "`redis-cli -u ADDRESS ping` from the worker's machine, with the address of `redis.url`.",
                "Start it again, or free its memory and disk: `redis-cli -u ADDRESS info memory`.",
                (
                    "Nothing has to be put back: workers find it by themselves with the next call, and messages that "
                    "were lost are sent again from the database."
                ),
                "If it is not to come back, take `redis.url` out of the settings and start the workers again.",
            ),
            over="Every process that had lost it has reached it again, which it tries with its next call.",
        ),
        proofs=(
            Proof(
                below={up: flat((0, steps(knobs.hold) - 1), (1, 20)), other: flat((1, minutes))},
                above={up: flat((0, minutes)), other: flat((1, minutes))},
                at=after(knobs.hold),
                labels=labels,
            ),
        ),
    )
