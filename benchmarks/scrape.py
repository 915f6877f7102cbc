"""What it costs to be watched: a scrape of a busy process with all vendors, and how many series it ends up with."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.harness import Figure, suite

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
RUNS = 10_000
CHAINS: Any = {
    "text": ("openai", "anthropic", "gemini", "builtin"),
    "speech": ("elevenlabs", "openai", "gemini", "piper", "builtin"),
    "images": ("openai", "gemini", "builtin"),
    "video": ("runway",),
    "transcription": ("faster_whisper", "openai"),
}
_WORDS = ("lamp", "jar", "tide", "keeper", "letter", "snow", "engine", "moth")


@suite()
def scrape() -> Iterator[Figure]:
    """A scrape by HTTP in OpenMetrics while runs go on, once every series is there that will ever be."""
    with telemetry_with_everything() as telemetry:
        make_runs(telemetry.observers, 2_000)
        with _busy(telemetry.observers):
            millis = [_scraped(telemetry.url)[0] for _ in range(31)]
        quiet = [_scraped(telemetry.url)[0] for _ in range(31)]
        bare = _bare_millis(_samples(_scraped(telemetry.url)[1]))
    yield Figure(name="scrape_ms", values=tuple(millis), unit="ms", limit=50)
    yield Figure(name="scrape_bare_ratio", values=tuple(one / bare for one in quiet), unit="ratio")


@suite()
def series() -> Iterator[Figure]:
    """What `/metrics` shows after ten thousand runs with models, providers, errors and titles of every kind."""
    with telemetry_with_everything() as telemetry:
        make_runs(telemetry.observers, RUNS)
        count = _samples(_scraped(telemetry.url)[1])
    yield Figure(name="series_after_10k_runs", values=(float(count),), unit="series", limit=3_000)


@contextmanager
def telemetry_with_everything() -> Iterator[Any]:
    """The telemetry of a process in which every vendor is configured, with its endpoint open."""
    from storygen.providers.registry import models, serving
    from storygen.settings import BudgetSettings, ProviderSettings, Settings, TelemetrySettings
    from storygen.telemetry.setup import start

    settings = Settings(
        providers=ProviderSettings(**CHAINS),
        budget=BudgetSettings(run_usd=1.0, day_usd=20.0),
        telemetry=TelemetrySettings(metrics_port=0),
    )
    known = {"story": time.time()}
    with start(
        settings, models=models(settings), serving=serving(settings), last_success=known, environ={}
    ) as telemetry:
        yield telemetry


def make_runs(observers: Any, count: int, seed: int = 0) -> None:
    """Runs as observers are told of them, each of other titles, models, providers and failures."""
    from storygen import events

    chance = random.Random(seed)
    for number in range(count):
        with events.watched(events.Watch(observers, f"run-{number}")):
            _make_run(chance, number)


def _make_run(chance: random.Random, number: int) -> None:
    from contextlib import suppress

    from storygen import events
    from storygen.errors import StorygenError
    from storygen.telemetry.words import STAGES

    title = " ".join(chance.choices(_WORDS, k=4))
    with suppress(StorygenError), events.timed("run", "story", run_id=f"run-{number}", title=title) as run:
        for scene, stage in enumerate(STAGES, 1):
            with events.timed("stage", stage, scene=scene):
                _make_call(chance)
                _tell_all(chance, stage)
                if chance.random() < 0.05:
                    raise _error(chance)
        events.emit(events.Shipped(fidelity=chance.choice(("full", "degraded", "placeholder")), seconds=60))
        run.add(cost_usd=chance.random())


def _make_call(chance: random.Random) -> None:
    from contextlib import suppress

    from storygen import events
    from storygen.errors import StorygenError
    from storygen.story import Usage

    operation = chance.choice(("chat", "generate_content"))
    provider, model = _provider(chance), _model(chance)
    with (
        suppress(StorygenError),
        events.timed("call", operation, provider=provider, attempts=chance.randint(1, 9)),
        events.timed("attempt", operation, provider=provider, model=model),
    ):
        usage = Usage(input_tokens=9, output_tokens=9, characters=9, images=1, audio_seconds=1, video_seconds=1)
        wasted, cost = chance.choice(("", "failed", "retried")), chance.choice((None, 0.01))
        lost = cost is not None and chance.random() < 0.1
        told = events.Spent(
            provider=provider, model=model, usage=usage, cost_usd=cost, wasted=wasted, is_uncertain=lost
        )
        events.emit(told)
        if chance.random() < 0.3:
            raise _error(chance)


def _tell_all(chance: random.Random, stage: str) -> None:
    """The rest of what can happen."""
    from storygen import events
    from storygen.telemetry.words import ARTIFACTS, CACHE_RESULTS, CACHES, OPERATIONS, REASONS

    provider, other = _provider(chance), _provider(chance)
    reason, cache = chance.choice(REASONS), chance.choice(CACHES)
    with events.timed("operation", chance.choice((*OPERATIONS, f"own-{chance.random()}"))):
        pass
    result: Any = chance.choice(CACHE_RESULTS)
    for event in (
        events.CacheLooked(cache=cache, result=result, saved_usd=1, saved_seconds=1),
        events.CacheSized(cache="store", size_bytes=1),
        events.CacheEvicted(cache="store", count=1, size_bytes=1),
        events.Retried(provider=provider, reason=reason, attempt=1, wait=1.0),
        events.GaveUp(provider=provider, reason=reason),
        events.FellBack(from_provider=provider, to_provider=other, reason=reason),
        events.BreakerSaw(provider=provider, capability="text", result="failure"),
        events.BreakerChanged(provider=provider, capability=chance.choice(("text", "speech")), to_state="open"),
        events.BudgetRefused(window="run", expected_usd=1.0, left_usd=0.0),
        events.Occupied(name=provider, in_use=1, limit=8),
        events.Measured(figure="audio_loudness_lufs", value=-16.0, provider=provider),
        events.Measured(figure="subtitle_coverage_ratio", value=1.0, provider=provider),
        events.Measured(figure="subtitle_drift_seconds", value=0.1, provider=provider),
        events.Counted(element=f"element-{stage}", count=1),
        events.Stored(kind=chance.choice(ARTIFACTS), size_bytes=1000),
        events.Halted(seconds=60.0),
    ):
        events.emit(event)


def _provider(chance: random.Random) -> str:
    """Mostly one that is configured, sometimes one that nobody has heard of."""
    known = ("openai", "anthropic", "gemini", "elevenlabs", "runway", "piper", "faster_whisper", "builtin")
    return chance.choice(known) if chance.random() < 0.9 else f"provider-{chance.randrange(10**6)}"


def _model(chance: random.Random) -> str:
    known = ("gpt-5.4-mini", "claude-sonnet-5", "eleven_multilingual_v2", "gpt-image-1", "espeak-ng")
    return chance.choice(known) if chance.random() < 0.8 else f"model-{chance.randrange(10**6)}"


def _error(chance: random.Random) -> Exception:
    from storygen.errors import StorygenError

    kinds = [StorygenError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return chance.choice(kinds)(f"Reason {chance.random()}.")


@contextmanager
def _busy(observers: Any) -> Iterator[None]:
    """Some dozen runs a second on another thread: more than ffmpeg on two cores would ever allow."""
    done = threading.Event()

    def work() -> None:
        seed = 1
        while not done.wait(0.05):
            make_runs(observers, 1, seed)
            seed += 1

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        yield
    finally:
        done.set()
        worker.join()


def _scraped(url: str) -> tuple[float, str]:
    """Milliseconds from request to last byte, and what came."""
    started = time.perf_counter()
    with urlopen(Request(url, headers={"Accept": OPENMETRICS}), timeout=10) as answer:
        body = answer.read()
    return 1000 * (time.perf_counter() - started), body.decode("utf-8")


def _samples(text: str) -> int:
    return sum(not line.startswith("#") for line in text.splitlines())


def _bare_millis(count: int) -> float:
    """A scrape of a registry of that many counters and nothing else, in the same way: the median of some."""
    from statistics import median

    from prometheus_client import CollectorRegistry, Counter

    from storygen.telemetry.endpoint import Endpoint

    registry = CollectorRegistry()
    counter = Counter("bare_total", "One sample a child.", ["a", "b", "c"], registry=registry)
    for number in range(count):
        counter.labels(str(number % 7), str(number % 11), str(number)).inc()
    endpoint = Endpoint(registry, 0)
    try:
        return median(_scraped(endpoint.url)[0] for _ in range(31))
    finally:
        endpoint.close()
