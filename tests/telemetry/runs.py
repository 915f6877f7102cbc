"""Runs to report on, told to a recorder on a clock of their own, so that every figure is known in advance."""

from __future__ import annotations

from typing import Any

from storygen.errors import InvalidOutput, RateLimited
from storygen.events import CacheLooked, Checked, Counted, Event, FellBack, Kind, Retried, Shipped, Spent, Timed, Watch
from storygen.story import Check, Outcome, Usage, Verdict
from storygen.telemetry.recorder import Recorder, Recording

ZERO = 1000.0


class Told:
    """Tells observers of work at times of our choosing."""

    def __init__(self, *observers: Any, run_id: str = "run-1") -> None:
        self.watch = Watch(observers, run_id)
        self.observers = observers

    def begin(self, kind: Kind, name: str, at: float, parent: Timed | None = None, **fields: Any) -> Timed:
        timed = Timed(kind, name, self.watch, parent, fields)
        timed.started_at = ZERO + at
        for observer in self.observers:
            observer.began(timed)
        return timed

    def end(
        self, timed: Timed, at: float, outcome: Outcome = Outcome.SUCCESS, error: BaseException | None = None
    ) -> Timed:
        timed.ended_at, timed.outcome, timed.error = ZERO + at, outcome, error
        for observer in self.observers:
            observer.ended(timed)
        return timed

    def work(
        self,
        kind: Kind,
        name: str,
        start: float,
        end: float,
        parent: Timed | None = None,
        outcome: Outcome = Outcome.SUCCESS,
        error: BaseException | None = None,
        **fields: Any,
    ) -> Timed:
        return self.end(self.begin(kind, name, start, parent, **fields), end, outcome, error)

    def note(self, event: Event, within: Timed | None = None) -> None:
        for observer in self.observers:
            observer.noted(event, within)


def simple() -> Recording:
    """A run of 10 s: script 1 s, then voice 6 s beside visuals 2 s, assembly 2 s, the join 0.5 s, 0.5 s idle."""
    recorder = Recorder("run-1")
    told = Told(recorder)
    run = told.begin("run", "story", 0, run_id="run-1", title="The Lighthouse", source="topic", scenes=1)
    told.work("stage", "script", 0, 1, run)
    told.work("operation", "voice", 1, 7, voice := told.begin("stage", "voice", 1, run, scene=1))
    told.end(voice, 7)
    told.work("stage", "visuals", 1, 3, run, scene=1)
    told.work("stage", "assembly", 7, 9, run, scene=1)
    told.work("stage", "assembly", 9, 9.5, run)
    told.note(Shipped(fidelity="full", seconds=42.0), run)
    told.end(run, 10)
    return recorder.recording()


def rich(title: str = "The Lighthouse Keeper's Last Storm", scenes: int = 6, speed: float = 1.0) -> Recording:
    """Six scenes with retries, a fallback, cache hits, a wasted attempt, an unpriced call and a failed check."""
    recorder = Recorder("20261103-7f3a9c")
    told = Told(recorder, run_id="20261103-7f3a9c")
    run = told.begin("run", "story", 0, title=title, source="topic", scenes=scenes)
    for name, start, end in (("idea", 0.02, 1.4), ("script", 1.42, 5.1), ("revise", 5.12, 5.5)):
        stage = told.begin("stage", name, start * speed, run)
        _chat(told, stage, start * speed, end * speed)
        told.end(stage, end * speed)
    for element, count in (("scene", scenes), ("narration", 14), ("dialogue_line", 5), ("joke", 2)):
        told.note(Counted(element=element, count=count), run)
    last = 0.0
    for number in range(1, scenes + 1):
        last = max(last, _scene(told, run, number, speed))
    join = told.begin("stage", "assembly", last + 0.02, run)
    operation = told.begin("operation", "join", last + 0.03, join)
    told.work("ffmpeg", "join", last + 0.05, last + 0.85, operation, out_seconds=61.2, speed=76.0, exit_code=0)
    told.end(operation, last + 0.9)
    told.end(join, last + 0.95)
    for check in (
        Check(artifact="video", name="av_sync", verdict=Verdict.PASS, value=0.012, limit=0.05, unit="s"),
        Check(artifact="subtitles", name="coverage", verdict=Verdict.WARN, value=0.91, limit="at least 0.95"),
        Check(artifact="audio", name="true_peak", verdict=Verdict.FAIL, value=-0.4, limit="at most -1.0", unit="dBTP"),
    ):
        told.note(Checked(check=check, provider="builtin"), run)
    told.note(Shipped(fidelity="degraded", seconds=61.2, reasons=("scene 4: voice by builtin",)), run)
    told.end(run, last + 1.1)
    return recorder.recording()


def _chat(told: Told, stage: Timed, start: float, end: float) -> None:
    call = told.begin("call", "chat", start, stage, capability="text", provider="openai", model="gpt-5-mini")
    told.work("attempt", "chat", start, end, call, provider="openai", model="gpt-5-mini")
    told.note(CacheLooked(cache="text", result="miss"), call)
    usage = Usage(input_tokens=820, output_tokens=410)
    told.note(Spent(provider="openai", model="gpt-5-mini", usage=usage, cost_usd=0.0016), call)
    call.add(attempts=1, cached=False)
    told.end(call, end)


def _scene(told: Told, run: Timed, number: int, speed: float) -> float:
    """One scene; the second and the last come from the cache, the third needs a retry, the fourth a fallback."""
    start, cached = 5.53 * speed, number in (2, 6)
    long = (3.2 + 0.9 * ((number - 1) % 3)) * speed
    voice = told.begin("stage", "voice", start, run, scene=number)
    if cached:
        call = told.begin("call", "generate_content", start, voice, capability="speech", provider="elevenlabs")
        told.note(CacheLooked(cache="speech", result="hit", saved_seconds=3.4, saved_usd=0.021), call)
        call.add(cached=True, attempts=0)
        told.end(call, start + 0.01)
        spoken = told.end(voice, start + 0.015, Outcome.CACHED).ended_at - ZERO
    else:
        spoken = _speak(told, voice, number, start, long)
        told.end(voice, spoken)
    told.work("stage", "subtitles", spoken + 0.01, spoken + 0.09, run, scene=number)
    drawn = start + (0.01 if cached else 1.7 * speed)
    told.work("stage", "visuals", start, drawn, run, Outcome.CACHED if cached else Outcome.SUCCESS, scene=number)
    if number == 3:
        told.work("stage", "terminal", start, start + 0.7 * speed, run, scene=number)
    begin = max(drawn, spoken + 0.09) + 0.01
    assembly = told.begin("stage", "assembly", begin, run, scene=number)
    done = begin + (0.01 if cached else (2.1 + 0.2 * number) * speed)
    if not cached:
        operation = told.begin("operation", "render", begin, assembly)
        told.work("ffmpeg", "render", begin + 0.02, done - 0.03, operation, out_seconds=10.2, speed=4.4, exit_code=0)
        told.end(operation, done - 0.01)
    told.note(CacheLooked(cache="render", result="hit" if cached else "miss", saved_seconds=2.4), assembly)
    return told.end(assembly, done, Outcome.CACHED if cached else Outcome.SUCCESS).ended_at - ZERO


def _speak(told: Told, voice: Timed, number: int, start: float, long: float) -> float:
    """A call for a voice; returns when it ended."""
    call = told.begin("call", "generate_content", start, voice, capability="speech", provider="elevenlabs", model="v3")
    told.note(CacheLooked(cache="speech", result="miss"), call)
    usage, here, who, model = Usage(characters=412), start, "elevenlabs", "v3"
    if number in (3, 4):
        limited = RateLimited("too many requests", retry_after=1.0)
        here = start + 0.4 * long
        told.work("attempt", "generate_content", start, here, call, Outcome.FAILED, limited, provider=who, model="v3")
        told.note(Spent(provider=who, model="v3", usage=usage, cost_usd=0.021, wasted="retried"), call)
        told.note(Retried(provider=who, reason="rate_limited", attempt=1, wait=0.5), call)
        here += 0.5
    if number == 4:
        broken = InvalidOutput("silence")
        told.work(
            "attempt", "generate_content", here, here + 0.8, call, Outcome.FAILED, broken, provider=who, model="v3"
        )
        told.note(FellBack(from_provider=who, to_provider="builtin", reason="invalid_output"), call)
        here, who, model = here + 0.8, "builtin", "espeak"
    end = max(here + 0.6, start + long)
    told.work("attempt", "generate_content", here, end, call, provider=who, model=model)
    cost = None if number == 5 else 0.0 if who == "builtin" else 0.021
    told.note(Spent(provider=who, model=model, usage=usage, cost_usd=cost), call)
    call.add(cached=False, attempts=1 + (number in (3, 4)) + (number == 4), missing=("elevenlabs",) * (number == 4))
    told.end(call, end)
    return end
