"""Runs against vendors that break: whether the film gets made, what it cost, and how long a hang can hold it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from benchmarks.harness import Figure, suite
from storygen.errors import StorygenError
from storygen.resilience.budget import FILE, Book
from storygen.resilience.gears import Gears
from storygen.settings import (
    ElevenLabsSettings,
    FilmSettings,
    FolderSettings,
    OpenAISettings,
    ProviderSettings,
    Settings,
    VendorsSettings,
)
from storygen.story import Line, Scene, Script, Source

ROOT = Path(__file__).parents[1]
RUNS = 20
FAST = 20.0
KEY = (SecretStr("sk-simulated-0123456789"),)


def fast_clock() -> float:
    """A clock on which waits pass twenty times as fast."""
    return time.monotonic() * FAST


async def fast_sleep(seconds: float) -> None:
    """Wait on that clock."""
    await asyncio.sleep(seconds / FAST)


@suite()
def chaos() -> Iterator[Figure]:
    """Twelve scenes against vendors that fail 30 % of all requests, in a seeded mix of all passing faults."""
    from storygen.vendors.server import Simulation

    successes, errors, repeats = [], [], []
    with Simulation() as vendors:
        for seed in range(RUNS):
            vendors.reset()
            vendors.plan([{"fault": "transient", "rate": 0.3, "seconds": 0.3}], seed=seed)
            with tempfile.TemporaryDirectory() as folder:
                settings = _settings(vendors, Path(folder))
                fidelity, cost = asyncio.run(_film(settings, seed))
                successes.append(float(fidelity == "full"))
                billed = float(vendors.billed()["usd"])
                if cost is not None:
                    errors.append(100 * _outside(billed, cost.known_usd, cost.known_usd + cost.uncertain_usd))
                vendors.plan([])
                asyncio.run(_film(settings, seed))
                repeats.append(float(vendors.billed()["usd"]) - billed if fidelity == "full" else 0.0)
    yield Figure(name="chaos_success_ratio", values=(sum(successes) / RUNS,), unit="ratio", limit=1.0, sense="at least")
    yield Figure(name="ledger_error_cents", values=(max(errors, default=0.0),), unit="cents", limit=0.5)
    yield Figure(name="chaos_paid_twice_usd", values=(max(repeats),), unit="USD", limit=0.0)


@suite()
def hanging() -> Iterator[Figure]:
    """A vendor that hangs: how much longer than its timeout it holds a run, and how long Ctrl-C takes."""
    from storygen.vendors.server import Simulation

    with Simulation() as vendors, tempfile.TemporaryDirectory() as folder:
        vendors.plan([{"fault": "hang", "vendor": "elevenlabs", "seconds": 60}])
        yield Figure(name="hang_excess_s", values=tuple(_excesses(vendors, Path(folder))), unit="s", limit=1.0)
        yield Figure(name="interrupt_s", values=tuple(_interrupts(vendors, Path(folder))), unit="s", limit=1.0)


async def _film(settings: Settings, seed: int) -> tuple[str, Any]:
    """The fidelity of a film and what it cost; an empty fidelity where there is none."""
    from storygen.production import Order, perform

    lines = (f"Number {number} of run {seed} went to see the sea." for number in range(1, 13))
    scenes = tuple(Scene(title=f"Scene {n}", lines=(Line(text=text),)) for n, text in enumerate(lines, 1))
    order = Order(
        story=Script(title="Chaos", scenes=scenes),
        source=Source(name="chaos", format="yaml", sha256=str(seed), origin=f"chaos-{seed}"),
    )
    gears = Gears(book=Book(settings.folders.state / FILE), clock=fast_clock, sleep=fast_sleep)
    gears.adopt(settings)
    try:
        manifest = (await perform(order, settings, gears=gears)).delivery.manifest
    except StorygenError as error:
        print(f"run {seed} failed: {error}", file=sys.stderr)
        return "", None
    if manifest.reasons:
        print(f"run {seed}: {manifest.reasons[0]}", file=sys.stderr)
    return manifest.fidelity.value, manifest.spent


def _settings(vendors: Any, home: Path) -> Settings:
    """Defaults, but for small pictures, time limits that fit the simulation, and where the vendors are."""
    return Settings(
        film=FilmSettings(height=144, preset="ultrafast"),
        providers=ProviderSettings(speech=("elevenlabs",), images=("openai",)),
        vendors=VendorsSettings(
            elevenlabs=ElevenLabsSettings(api_keys=KEY, base_url=vendors.url("elevenlabs"), timeout=5),
            openai=OpenAISettings(api_keys=KEY, base_url=vendors.url("openai"), timeout=5),
        ),
        folders=FolderSettings(films=home / "films", cache=home / "cache", state=home / "state"),
    )


def _outside(value: float, low: float, high: float) -> float:
    """How far a value lies outside a range."""
    return max(0.0, low - value, value - high)


def _excesses(vendors: Any, home: Path) -> Iterator[float]:
    """A call to a vendor that hangs, and the built-in voice behind it: seconds beyond the timeout."""
    from storygen.costs.prices import PriceTable
    from storygen.providers.base import Capability
    from storygen.providers.registry import chains
    from storygen.providers.speech.base import SpeechRequest, Take
    from storygen.resilience.call import Call, Caller
    from storygen.store.artifacts import Store

    async def accept(_: Take) -> tuple[()]:
        return ()

    for number in range(5):
        vendor = ElevenLabsSettings(api_keys=KEY, base_url=vendors.url("elevenlabs"), timeout=1, attempts=1)
        settings = Settings(
            providers=ProviderSettings(speech=("elevenlabs", "builtin")),
            vendors=VendorsSettings(elevenlabs=vendor),
            folders=FolderSettings(films=home / "films", cache=home / "cache", state=home / "state"),
        )
        gears = Gears.from_settings(settings)
        caller = Caller(chains(settings), Store(settings.folders.cache), gears=gears, prices=PriceTable())
        request = SpeechRequest(lines=(Line(text=f"Hello number {number}."),), cast=("narrator",))
        call = Call(capability=Capability.SPEECH, request=request, expect=Take, check=accept)
        started = time.perf_counter()
        asyncio.run(caller(call))
        yield time.perf_counter() - started - 1.0


def _interrupts(vendors: Any, home: Path) -> Iterator[float]:
    """The command, stopped with Ctrl-C while a vendor hangs."""
    (home / "story.txt").write_text("It rained.\n\nThen it stopped.\n")
    env = os.environ | {
        "PYTHONPATH": str(ROOT),
        "ELEVENLABS_API_KEY": KEY[0].get_secret_value(),
        "STORYGEN_PROVIDERS__SPEECH": '["elevenlabs"]',
        "STORYGEN_VENDORS__ELEVENLABS__BASE_URL": vendors.url("elevenlabs"),
        **{f"STORYGEN_FOLDERS__{kind.upper()}": str(home / kind) for kind in ("films", "cache", "state")},
    }
    for _ in range(5):
        before = len(vendors.requests("elevenlabs"))
        command = [sys.executable, "-m", "storygen", "run", str(home / "story.txt"), "-q"]
        with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as child:
            while len(vendors.requests("elevenlabs")) == before:
                time.sleep(0.01)
            started = time.perf_counter()
            child.send_signal(signal.SIGINT)
            child.wait()
            yield time.perf_counter() - started
