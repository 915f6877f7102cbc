"""Targets: processes that do not answer, and pipelines that answer but bring nothing about."""

from __future__ import annotations

from storygen.mixin.base import Alert, Group, Proof, Recording, Runbook
from storygen.mixin.config import Config, seconds, spoken, written
from storygen.mixin.promql import LABELS, increase, rate, selector
from storygen.mixin.proofs import after, flat, lasting, ramp, steps

_BY = LABELS["pipeline"]
_STARTED = "storygen_runs_started_total"
_BEGUN = "job_pipeline:storygen_runs_started:rate5m"
_RUNNING = "storygen_runs_in_progress"
_SUCCESS = "storygen_last_success_timestamp_seconds"
_STAGES = "storygen_stage_duration_seconds_count"
_WORKER = "worker-1:9464"


def groups(config: Config) -> tuple[Group, ...]:
    """The rules of this room."""
    alerts = (_all_down(config), _down(config), _absent(config), _stalled(config), _no_success(config))
    begun = rate(_BY, selector(_STARTED, job=config.job), config.window("5m"))
    return (Group(name="storygen-targets", recordings=(Recording(record=_BEGUN, expr=begun),), alerts=alerts),)


def _up(config: Config, *values: tuple[str, float, int]) -> dict[str, str]:
    """`up` of instances: 1 at first, then a value for so many minutes."""
    return {
        selector("up", job=config.job, instance=instance): flat((1, 10), (value, minutes))
        for instance, value, minutes in values
    }


def _all_down(config: Config) -> Alert:
    knobs = config.of("AllTargetsDown")
    minutes = steps(knobs.hold) + 10
    return Alert(
        name="AllTargetsDown",
        expr=f"max by (job) ({selector('up', job=config.job)}) == 0",
        knobs=knobs,
        summary="No process of {{ $labels.job }} answers",
        description=f"Prometheus has reached none of the processes of {{{{ $labels.job }}}} for "
        f"{spoken(config.hold(knobs.hold))}. Nothing else can be told of them until one is back.",
        dashboard="storygen-telemetry",
        runbook=Runbook(
            means="Every process that Prometheus was told to ask is down, or the network between them is.",
            felt="No film is made, or some are and nobody sees how they fare.",
            look="Telemetry health, processes that answer and since when.",
            do=(
                (
                    "Look at the processes first: `systemctl status`, `docker compose ps` or `kubectl get pods`, and "
                    "the end of their logs."
                ),
                (
                    "If they run: `curl http://HOST:PORT/metrics` from the machine of Prometheus; refused or hanging "
                    "means the port, the address they bind to, or a firewall."
                ),
                "`storygen doctor` on the machine says whether storygen can start at all.",
                (
                    "Runs that were under way are not lost: start them again and they go on from the stages that were "
                    "done."
                ),
            ),
            over="`up` is 1 for at least one process.",
        ),
        proofs=(
            Proof(
                below=_up(config, ("worker-1:9464", 0, minutes), ("worker-2:9464", 1, minutes)),
                above=_up(config, ("worker-1:9464", 0, minutes), ("worker-2:9464", 0, minutes)),
                at=after("10m", knobs.hold),
                labels={"job": config.job},
            ),
        ),
    )


def _down(config: Config) -> Alert:
    knobs = config.of("TargetDown")
    minutes = steps(knobs.hold) + 10
    return Alert(
        name="TargetDown",
        expr=f"{selector('up', job=config.job)} == 0",
        knobs=knobs,
        summary="{{ $labels.instance }} does not answer",
        description=f"Prometheus has not reached {{{{ $labels.instance }}}} for {spoken(config.hold(knobs.hold))}; "
        "what it does is not seen, and its runs may have ended.",
        dashboard="storygen-telemetry",
        variables={"instance": "instance"},
        runbook=Runbook(
            means="One process is down, hangs, or cannot be reached, while others are well.",
            felt="Fewer films at a time; a run of that process may be missing.",
            look="Telemetry health, with the instance chosen; memory and processor time before it went away.",
            do=(
                (
                    "Look whether the process runs, and at the end of its log: `systemctl status`, `docker compose "
                    "logs` or `kubectl describe pod` (an exit code of 137 is the kernel taking memory back)."
                ),
                (
                    "If it runs: `curl http://INSTANCE/metrics`; where that hangs, the process is stuck, and `py-spy "
                    "dump --pid PID` says where."
                ),
                "Start it again. Runs go on from the stages that were done.",
                "If it was taken away on purpose, take it out of the targets of Prometheus.",
            ),
            over="`up` is 1, or the target is gone from the configuration.",
        ),
        proofs=(
            Proof(
                below={selector("up", job=config.job, instance=_WORKER): flat((1, 12), (0, minutes))},
                above=_up(config, (_WORKER, 0, minutes), ("worker-2:9464", 1, minutes)),
                at=written(seconds("10m") + seconds(knobs.hold)),
                labels={"job": config.job, "instance": _WORKER},
            ),
        ),
    )


def _absent(config: Config) -> Alert:
    knobs = config.of("TargetAbsent")
    minutes = steps(knobs.hold) + 10
    return Alert(
        name="TargetAbsent",
        expr=f"absent({selector('up', job=config.job)})",
        knobs=knobs,
        summary="Prometheus asks no process of {{ $labels.job }}",
        description=f"No target of the job {{{{ $labels.job }}}} has been configured or discovered for "
        f"{spoken(config.hold(knobs.hold))}: whatever happens to storygen, no other alert can see it.",
        dashboard="storygen-telemetry",
        runbook=Runbook(
            means="The job is missing from Prometheus: its configuration, or the discovery of targets, lost it.",
            felt="Nothing; that is why this alert exists.",
            look="Telemetry health is empty. The page of targets in Prometheus (`/targets`) shows what it asks.",
            do=(
                "`promtool check config prometheus.yml`, and look whether the job is named as `job` in mixin.toml.",
                "With Kubernetes: `kubectl get servicemonitor,pods -l app.kubernetes.io/name=storygen`.",
                (
                    "If storygen is scraped under another job, set `job` in the file of changes and build again: "
                    "`storygen mixin build --config FILE`."
                ),
            ),
            over="The job is back on the page of targets.",
        ),
        proofs=(
            Proof(
                below={selector("up", job=config.job, instance=_WORKER): flat((1, 2 * minutes))},
                above={selector("up", job="another", instance=_WORKER): flat((1, 2 * minutes))},
                at=after(knobs.hold),
                labels={"job": config.job},
            ),
        ),
    )


def _stalled(config: Config) -> Alert:
    knobs = config.of("PipelineStalled")
    window, by = config.window(knobs.window), "job, instance"
    done = increase(by, selector(_STAGES, job=config.job), window)
    worker = {"job": config.job, "instance": _WORKER}
    count, total = selector(_STAGES, **worker, stage="voice", outcome="success"), steps(knobs.hold) + 30
    running = {selector(_RUNNING, **worker, pipeline="story"): flat((1, total))}
    # The other worker makes progress, and must not hide the one that does not.
    running |= {selector(_RUNNING, **(worker | {"instance": "worker-2:9464"}), pipeline="story"): flat((1, total))}
    running |= {count.replace("worker-1", "worker-2"): ramp((1, total))}
    silent = steps(knobs.window) + steps(knobs.hold)
    return Alert(
        name="PipelineStalled",
        expr=f"sum by ({by}) ({selector(_RUNNING, job=config.job)}) > 0\nand on ({by}) {done} == 0",
        knobs=knobs,
        summary="Nothing moves on {{ $labels.instance }}",
        description=f"{{{{ $labels.instance }}}} has {{{{ $value }}}} runs under way, and no stage of them has ended "
        f"for {spoken(config.hold(knobs.hold))}, which is longer than any stage may take.",
        dashboard="storygen-overview",
        variables={"instance": "instance"},
        runbook=Runbook(
            means="A process says that it works, but no stage ends, not even by its time limit: it hangs where no "
            "limit reaches, for example in a full disk, a blocked log or a lock.",
            felt="A film that never comes.",
            look="Overview with the instance chosen, runs under way; the trace of the run shows the last stage that "
            "began.",
            do=(
                "`py-spy dump --pid PID` on the machine shows what the process is doing.",
                "`df -h` and the log's end: a full disk or a log that nobody reads blocks every write.",
                (
                    "Stop it with Ctrl-C or SIGTERM, and with SIGKILL if it does not go in ten seconds; start the run "
                    "again: it goes on from the stages that were done."
                ),
                "If a stage may take longer than this alert waits, raise `hold` of PipelineStalled above that limit.",
            ),
            over="A stage ends on that process, or it has no run under way.",
        ),
        proofs=(
            Proof(
                below=running | {count: ramp((1, 10), (0, silent - 15), (1, 30))},
                above=running | {count: ramp((1, 10), (0, total))},
                at=written(60 * (10 + silent) + 120),
                labels=worker,
                value="1",
            ),
        ),
    )


def _no_success(config: Config) -> Alert:
    knobs = config.of("NoRecentSuccess")
    window = config.window(knobs.window)
    span = f"{seconds(window):g}"
    begun, success = selector(_STARTED, job=config.job), selector(_SUCCESS, job=config.job)
    # A success is looked for in the whole window, because the process that had it may be gone. Where none ever was, the
    # first run has to be older than the window.
    never = (
        f"(sum by ({_BY}) (last_over_time({begun}[{config.window('5m')}] offset {config.hold(knobs.window)})) > 0) "
        f"* 0 + {span}\nunless on ({_BY}) max by ({_BY}) (last_over_time({success}[{window}]))"
    )
    return Alert(
        name="NoRecentSuccess",
        expr=f"(\n(time() - max by ({_BY}) (last_over_time({success}[{window}])) > {span})\nor on "
        f"({_BY})\n({never})\n)\nand on ({_BY}) avg_over_time({_BEGUN}[{window}]) > 0",
        knobs=knobs,
        summary="{{ $labels.pipeline }}: no run has succeeded for {{ $value | humanizeDuration }}",
        description="Runs of {{ $labels.pipeline }} were started, and the last that succeeded ended "
        "{{ $value | humanizeDuration }} ago, or longer.",
        dashboard="storygen-overview",
        variables={"pipeline": "pipeline"},
        traces={"gen_ai.workflow.name": "$pipeline", "error": "true"},
        runbook=Runbook(
            means="Runs are tried and none succeeds. Also slow trickles are seen here: too few runs for the error "
            "budget alerts, yet all of them failing or hanging.",
            felt="No film at all.",
            look="Overview, last success and failures by stage; the trace of the last run.",
            do=(
                "`storygen explain RUN` for the last run: the stage, the provider and the next step.",
                "`storygen doctor --live` says which provider or tool does not work.",
                "If a run is under way and hangs, see PipelineStalled.",
                (
                    "Make one small film by hand with built-ins alone: `storygen run STORY --config EMPTY_FILE`. If "
                    "that works, it is a provider."
                ),
            ),
            over="A run succeeds.",
        ),
        proofs=_success_proofs(config),
    )


def _success_proofs(config: Config) -> tuple[Proof, ...]:
    knobs, labels = config.of("NoRecentSuccess"), {"job": config.job, "pipeline": "story"}
    started, success = selector(_STARTED, **labels), selector(_SUCCESS, **labels)
    minutes = steps(knobs.window) + steps(knobs.hold) + 30
    at = written(60 * minutes)
    long = seconds(at) - 60
    return (
        Proof(
            below={started: ramp((1, minutes)), success: flat((60, steps(knobs.window)), (seconds(knobs.window), 200))},
            above={started: ramp((1, minutes)), success: flat((60, minutes + 1))},
            at=at,
            labels=labels,
            value=lasting(long),
        ),
        Proof(
            below={started: ramp((0, minutes - steps(knobs.window)), (1, minutes))},
            above={started: ramp((1, minutes))},
            at=at,
            labels=labels,
            value=lasting(seconds(knobs.window)),
        ),
    )
