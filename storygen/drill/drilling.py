"""The drill: a healthy pipeline under a watching stack, in which one thing at a time breaks and is mended again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from storygen.drill import past
from storygen.drill.breaking import Scene, broken
from storygen.drill.faults import Fault
from storygen.drill.judging import WATCHDOG, Verdict, arrival, is_expected, others, promised, summary
from storygen.drill.load import MIXES
from storygen.drill.subject import Subject
from storygen.drill.table import Healthy, Panels, Report
from storygen.errors import InvalidSettings, ResourceFailure
from storygen.mixin.base import PREFIX
from storygen.mixin.config import Config, load, seconds, written
from storygen.mixin.rules import alerts
from storygen.stack import programs
from storygen.stack.inbox import Alert
from storygen.stack.stack import Stack, scaled
from storygen.stack.web import ask

SCALE = 200.0
_LOOK = 0.1
_START_SECONDS = 90.0
# An alert that comes later than it should is told of as late; one that does not come in this time is missed.
_PATIENCE, _MORE_PATIENCE = 2.0, 10.0
_CALM_SECONDS = 120.0
_HOUR = 3600.0
_TRAVEL_SECONDS = 10.0
_LEAST = 0.6  # of the films that the usual mix asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the drill is held."""

    scale: float = SCALE
    seed: int = 0
    rounds: int = 1
    with_panels: bool = True


def drill(faults: Sequence[Fault], folder: Path, options: Options, tell: Callable[[str], None]) -> Report:
    """Hold the drill below `folder`, telling what is going on in short lines.

    Raises `InvalidSettings` where a server is missing, `ResourceFailure` where the pipeline does not become healthy.
    """
    _insist_on_servers()
    began = time.monotonic()
    config = scaled(load(), options.scale)
    with Stack(folder / "stack", config) as stack:
        subject = Subject(folder / "subject", otlp=stack.otlp_endpoint, scale=options.scale, seed=options.seed)
        with subject:
            held = _Drill(stack, subject, config, tell)
            healthy = held.begin(_HOUR / options.scale)
            verdicts = tuple(
                replace(held.try_out(fault), round=number + 1)
                for number in range(options.rounds)
                for fault in held.seeded(faults, options.seed + number)
            )
            panels = held.panels() if options.with_panels else Panels()
    return Report(
        faults=verdicts,
        healthy=healthy,
        panels=panels,
        scale=options.scale,
        seconds=round(time.monotonic() - began, 1),
    )


def _insist_on_servers() -> None:
    for name in ("prometheus", "alertmanager"):
        if programs.locate(name) is None:
            raise InvalidSettings(f"The drill needs {name}, which is not on the PATH.", hint=programs.INSTALL[name])


class _Drill:
    """A drill that is under way."""

    def __init__(self, stack: Stack, subject: Subject, config: Config, tell: Callable[[str], None]) -> None:
        self._stack = stack
        self._subject = subject
        self._config = config
        self._tell = tell
        self._began = time.time()
        self._scene = Scene(stack, subject, 0.0)
        route = yaml.safe_load((stack.folder / "alertmanager.yml").read_text("utf-8"))["route"]
        self._group_wait = seconds(route["group_wait"])

    def begin(self, hour: float) -> Healthy:
        """Wait for a healthy state, warm up, measure it for a scaled hour, give it a past, and watch another hour."""
        self._tell("waiting until both processes are scraped and make films")
        self._stack.set_targets(self._subject.targets)
        self._wait_for(
            "all processes are scraped", f'sum(up{{job="{self._config.job}"}}) == {len(self._subject.targets)}'
        )
        self._wait_for("both make films", "count(sum by (instance) (increase(storygen_films_total[20s])) > 1) == 2")
        self._tell(f"measuring how this machine does when nothing is broken, for {hour:.0f} s, once it is warm")
        self._pass(2 * hour)
        self._insist_on_pace(hour)
        self._give_past()
        self._wait_for("the past is there", f"count({past.compared(self._config)[0]} offset 1d) > 0")
        self._tell(f"a healthy hour, in {hour:.0f} s")
        self._calm()
        since = time.time()
        self._pass(hour)
        _, unexpected = others(self._stack.inbox.deliveries(), None, since)
        return Healthy(seconds=round(hour, 1), unexpected=unexpected)

    def seeded(self, faults: Sequence[Fault], seed: int) -> Iterator[Fault]:
        """The faults, with the chances of the vendors' rules drawn by this seed."""
        self._subject.seed = seed
        yield from faults

    def try_out(self, fault: Fault) -> Verdict:
        """Break it, wait for the alert, mend it, wait until all is calm again."""
        verdict = Verdict(
            fault=fault.name,
            expected=PREFIX + fault.expected,
            promised_s=promised(fault, self._config, self._group_wait),
        )
        if fault.act == "fill disk" and self._subject.disk is None:
            return replace(verdict, skipped="no file system can be mounted here")
        self._subject.feeder.mix = fault.mix
        since = time.time()
        with broken(fault, self._scene):
            came = self._await(fault, since, "firing", _PATIENCE * verdict.promised_s + _MORE_PATIENCE)
            verdict = replace(verdict, fired=came is not None, after_s=_after(came, since))
            if came is not None:
                verdict = replace(verdict, **self._shown(fault, since))
            mended = time.time()
        self._subject.feeder.mix = "usual"
        if verdict.fired:
            gone = self._await(fault, mended, "resolved", _CALM_SECONDS)
            verdict = replace(verdict, resolved_s=_after(gone, mended))
        self._calm()
        allowed, unexpected = others(self._stack.inbox.deliveries(), fault, since)
        self._forget((fault.expected, *allowed, *unexpected), mended)
        allowed, unexpected = others(self._stack.inbox.deliveries(), fault, since)
        verdict = replace(verdict, allowed_seen=allowed, unexpected=unexpected)
        self._tell(_line(verdict))
        return verdict

    def panels(self) -> Panels:
        """Ask what every panel asks, over the time of the drill."""
        from storygen.mixin.dashboards import queries
        from storygen.mixin.dashboards.asking import resolved

        values = {"__rate_interval": "20s", "__range": "15m", "job": self._config.job}
        asked = {query: resolved(query.expr, **values) for query in queries(self._config) if query.filled}
        empty = [f"{query.board}: {query.panel}" for query, expr in asked.items() if expr and not self._ranged(expr)]
        return Panels(asked=len(asked), empty=tuple(dict.fromkeys(empty)))

    def _ranged(self, expr: str) -> list[Any]:
        url, times = f"{self._stack.prometheus_url}/api/v1/query_range", {"start": self._began, "end": time.time()}
        found: list[Any] = ask(url, query=expr, step="5", **{name: f"{at:.1f}" for name, at in times.items()})["data"][
            "result"
        ]
        return found

    def _insist_on_pace(self, hour: float) -> None:
        """Rules judge only where enough happened: the fewer films there are, the longer the windows have to be."""
        found = self._stack.query(f"sum(rate(storygen_films_total[{written(hour)}]))")
        films = float(found[0]["value"][1]) if found else 0.0
        needed = _LEAST * sum(MIXES["usual"].values()) * self._config.scale / SCALE
        if films < needed:
            raise ResourceFailure(
                f"This machine makes {films:.1f} films a second now; at this scale the drill needs {needed:.1f}.",
                hint="End what else runs here, or give a lower --scale: it takes longer and needs fewer films.",
            )

    def _give_past(self) -> None:
        """Prometheus reads blocks when it starts."""
        series = [one for name in past.compared(self._config) for one in self._stack.query(name)]
        spent = self._stack.query(
            'sum(increase(storygen_stage_duration_seconds_sum{stage="voice", outcome="success"}[15s]))'
            ' / sum(increase(storygen_stage_duration_seconds_count{stage="voice", outcome="success"}[15s]))'
        )
        self._scene = replace(self._scene, voice_seconds=float(spent[0]["value"][1]))
        self._tell(f"a voice takes {self._scene.voice_seconds:.2f} s; writing the last {past.DAYS} days")
        self._stack.stop("prometheus")
        past.backfill(series, time.time(), self._stack.folder / "prometheus", self._stack.folder)
        self._stack.restart("prometheus")

    def _shown(self, fault: Fault, since: float) -> dict[str, Any]:
        """The run and the trace that show it: what the alert's own link to traces finds, or else the latest run.

        Traces travel in batches, so what has just ended may not have arrived.
        """
        alert = self._delivered(fault, since)
        until = time.monotonic() + _TRAVEL_SECONDS
        while True:
            runs = {run["trace_id"]: run for run in self._subject.runs(since) if run["trace_id"]}
            found = self._searched(alert, since) if alert else []
            wanted = [*sorted(found, key=lambda trace: trace not in runs), *reversed(runs)]
            trace = next((one for one in wanted if self._is_kept(one)), "")
            if trace or time.monotonic() > until:
                return {"trace": trace, **summary(runs.get(trace))}
            time.sleep(_LOOK)

    def _delivered(self, fault: Fault, since: float) -> Alert | None:
        return next(
            (
                alert
                for delivery in self._stack.inbox.deliveries()
                if delivery.at >= since
                for alert in delivery.alerts
                if is_expected(alert, fault)
            ),
            None,
        )

    def _searched(self, alert: Alert, since: float) -> list[str]:
        """Ids of traces that the search behind an alert's link finds, since the break."""
        query = parse_qs(urlsplit(alert.annotations.get("trace_url", "")).query)
        if "tags" not in query:
            return []
        try:
            answer = ask(
                f"{self._stack.traces_url}/api/v3/traces",
                **{
                    "query.serviceName": "storygen",
                    "query.attributes": query["tags"][0],
                    "query.startTimeMin": _written(since),
                    "query.startTimeMax": _written(time.time() + 1),
                },
            )
        except ResourceFailure:
            return []
        parts = answer["result"]["resourceSpans"]
        spans = (span for part in parts for scope in part["scopeSpans"] for span in scope["spans"])
        return list(dict.fromkeys(span["traceId"] for span in spans))

    def _is_kept(self, trace: str) -> bool:
        try:
            return bool(ask(f"{self._stack.traces_url}/api/v3/traces/{trace}"))
        except ResourceFailure:
            return False

    def _await(self, fault: Fault, since: float, status: str, longest: float) -> float | None:
        until = time.monotonic() + longest
        while time.monotonic() < until:
            came = arrival(self._stack.inbox.deliveries(), fault, since, status)
            if came is not None:
                return came
            time.sleep(_LOOK)
        return None

    def _calm(self) -> None:
        """Wait until no alert fires or is about to, and everything that fired is told to be over."""
        until, quiet = time.monotonic() + _CALM_SECONDS, 0
        while quiet < 3 and time.monotonic() < until:
            self._subject.check()
            quiet = 0 if self._restless() else quiet + 1
            time.sleep(seconds(self._config.evaluation))

    def _forget(self, lit: Sequence[str], mended: float) -> None:
        """Wait until the windows of what was lit hold nothing of before the mending: the next fault begins clean."""
        spans = [
            seconds(self._config.window(alert.knobs.window)) for alert in alerts(self._config) if alert.name in lit
        ]
        self._pass(mended + max(spans, default=0.0) - time.time())
        self._calm()

    def _restless(self) -> list[str]:
        found = ask(f"{self._stack.prometheus_url}/api/v1/alerts")["data"]["alerts"]
        return [alert["labels"]["alertname"] for alert in found if alert["labels"]["alertname"] != WATCHDOG]

    def _pass(self, span: float) -> None:
        until = time.monotonic() + span
        while time.monotonic() < until:
            self._subject.check()
            time.sleep(_LOOK)

    def _wait_for(self, what: str, promql: str) -> None:
        until = time.monotonic() + _START_SECONDS
        while not self._stack.query(promql):
            self._subject.check()
            if time.monotonic() > until:
                raise ResourceFailure(f"The drill has waited {_START_SECONDS:.0f} s in vain until {what}.")
            time.sleep(_LOOK)


def _after(moment: float | None, since: float) -> float | None:
    return None if moment is None else round(max(0.0, moment - since), 2)


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _line(verdict: Verdict) -> str:
    fired = f"after {verdict.after_s:.1f} s of {verdict.promised_s:.1f} s" if verdict.fired else "MISSED"
    beside = f", with {', '.join(verdict.allowed_seen)}" if verdict.allowed_seen else ""
    false = f", FALSE: {', '.join(verdict.unexpected)}" if verdict.unexpected else ""
    return f"{verdict.fault}: {verdict.expected} {fired}{beside}{false}"
