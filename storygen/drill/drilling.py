"""The drill: a healthy pipeline under a watching stack, in which one thing at a time breaks and is mended again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from storygen.drill import past
from storygen.drill.base import Fault
from storygen.drill.breaking import Scene, broken, prepare
from storygen.drill.crew import lacking
from storygen.drill.judging import WATCHDOG, Verdict, arrival, others, promised
from storygen.drill.load import MIXES
from storygen.drill.panels import looked_at
from storygen.drill.showing import shown
from storygen.drill.subject import Subject
from storygen.drill.table import Healthy, Panels, Report
from storygen.errors import InvalidSettings, ResourceFailure
from storygen.mixin.base import PREFIX
from storygen.mixin.config import Config, load, seconds, written
from storygen.mixin.rules import alerts
from storygen.stack import programs
from storygen.stack.stack import Stack, scaled
from storygen.stack.web import ask

SCALE = 200.0
_LOOK = 0.1
_START_SECONDS = 90.0
# An alert that comes later than it should is told of as late; one that does not come in this time is missed.
_PATIENCE, _MORE_PATIENCE = 2.0, 10.0
_CALM_SECONDS = 120.0
_HOUR = 3600.0
_WARM_HOURS = 1.25  # until the windows of an hour hold nothing of those who worked before
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
            healthy = held.begin()
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
        self._hour = _HOUR / config.scale
        self._pasts: dict[bool, list[dict[str, Any]]] = {}
        route = yaml.safe_load((stack.folder / "alertmanager.yml").read_text("utf-8"))["route"]
        self._group_wait = seconds(route["group_wait"])

    def begin(self) -> Healthy:
        """Wait for a healthy state, warm up, measure it for a scaled hour, give it a past, and watch another hour."""
        hour = self._hour
        self._tell("waiting until both processes are scraped and make films")
        self._watch()
        self._tell(f"measuring how this machine does when nothing is broken, for {hour:.0f} s, once it is warm")
        self._pass(2 * hour)
        self._insist_on_pace(hour)
        spent = self._stack.query(
            'sum(increase(storygen_stage_duration_seconds_sum{stage="voice", outcome="success"}[15s]))'
            ' / sum(increase(storygen_stage_duration_seconds_count{stage="voice", outcome="success"}[15s]))'
        )
        self._scene = replace(self._scene, voice_seconds=float(spent[0]["value"][1]))
        self._tell(f"a voice takes {self._scene.voice_seconds:.2f} s; writing the last {past.DAYS} days")
        self._give_past()
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
        if skipped := self._lacking(fault):
            return replace(verdict, skipped=skipped)
        self._staff(fault)
        if not fault.on_queue:
            self._subject.feeder.mix = fault.mix
        prepare(fault, self._scene)
        since = time.time()
        with broken(fault, self._scene):
            came = self._await(fault, since, "firing", _PATIENCE * verdict.promised_s + _MORE_PATIENCE)
            verdict = replace(verdict, fired=came is not None, after_s=_after(came, since))
            if verdict.fired and not fault.on_queue:
                verdict = replace(verdict, **shown(self._stack, fault, since, self._subject.runs))
            mended = time.time()
        if verdict.fired:
            gone = self._await(fault, mended, "resolved", _CALM_SECONDS)
            verdict = replace(verdict, resolved_s=_after(gone, mended))
        if verdict.fired and (crew := self._subject.crew):  # what was struck is over only now
            verdict = replace(verdict, **shown(self._stack, fault, since, crew.runs))
        if not fault.on_queue:
            self._subject.feeder.mix = "usual"
        self._calm()
        allowed, unexpected = others(self._stack.inbox.deliveries(), fault, since)
        self._forget((fault.expected, *allowed, *unexpected), mended)
        allowed, unexpected = others(self._stack.inbox.deliveries(), fault, since)
        verdict = replace(verdict, allowed_seen=allowed, unexpected=unexpected)
        self._tell(_line(verdict))
        return verdict

    def panels(self) -> Panels:
        """Ask what every panel asks, over the time of the drill."""
        return looked_at(self._stack, self._config, self._began, with_queue=True in self._pasts)

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

    def _watch(self) -> None:
        """Scrape the processes that work, until they are seen to make films."""
        targets, makers = self._subject.targets, "|".join(self._subject.makers)
        self._stack.set_targets(targets)
        self._wait_for("all processes are scraped", f'sum(up{{job="{self._config.job}"}}) == {len(targets)}')
        films = f'increase(storygen_films_total{{instance=~"{makers}"}}[20s])'
        self._wait_for("they make films", f"count(sum by (instance) ({films}) > 1) == {len(self._subject.makers)}")

    def _give_past(self) -> None:
        """Those who work now get the past that belongs to them; Prometheus reads it when it starts."""
        names, is_queue = past.compared(self._config), self._subject.crew is not None
        if is_queue not in self._pasts:
            self._pasts[is_queue] = [one for name in names for one in self._stack.query(name)]
        self._stack.stop("prometheus")
        past.backfill(self._pasts[is_queue], time.time(), self._stack.folder / "prometheus", self._stack.folder)
        began = time.time()
        self._stack.restart("prometheus")
        self._wait_for("the past is there", f"count({names[0]} offset 1d) > 0")
        scraped = f'count(timestamp(up{{job="{self._config.job}"}}) > {began:.3f})'
        self._wait_for("it scrapes again", f"{scraped} == {len(self._subject.targets)}")

    def _lacking(self, fault: Fault) -> str:
        """Why a fault cannot be drilled on this machine; empty where it can."""
        if fault.act == "fill disk" and self._subject.disk is None:
            return "no file system can be mounted here"
        return lacking() if fault.on_queue else ""

    def _staff(self, fault: Fault) -> None:
        """Have a queue with its workers where the fault needs one, and folders that are watched where it does not."""
        subject = self._subject
        if fault.on_queue == (subject.crew is not None):
            return
        if fault.on_queue:
            self._tell("starting a service with two workers, until they make films")
            subject.start_crew()
        else:
            subject.stop_crew()
        self._watch()
        self._pass(_WARM_HOURS * self._hour)
        self._give_past()
        self._calm()

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


def _line(verdict: Verdict) -> str:
    fired = f"after {verdict.after_s:.1f} s of {verdict.promised_s:.1f} s" if verdict.fired else "MISSED"
    beside = f", with {', '.join(verdict.allowed_seen)}" if verdict.allowed_seen else ""
    false = f", FALSE: {', '.join(verdict.unexpected)}" if verdict.unexpected else ""
    return f"{verdict.fault}: {verdict.expected} {fired}{beside}{false}"
