"""What the way of a call costs: the layers on a call that succeeds, a breaker that rejects, and its probe."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.harness import Figure, suite
from storygen.errors import CircuitOpen, ProviderUnavailable
from storygen.providers.base import Answer, Capability
from storygen.resilience import layers
from storygen.resilience.budget import Purse
from storygen.resilience.call import LAYERS, Call, Caller
from storygen.resilience.errand import Errand, compose
from storygen.resilience.fallback import first_of
from storygen.resilience.gears import Gears
from storygen.settings import BreakerSettings, VendorSettings
from storygen.store.artifacts import Store
from storygen.story import Check, Made, Usage

ROUNDS = 15
CALLS = 4_000
WAITING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What is asked for and what comes."""

    text: str


class Vendor:
    """Answers at once, or fails while `is_down`; `gate` holds its answers back."""

    name, model, operation, output = "vendor", "m", "chat", "text"
    fingerprint: Mapping[str, Any] = {"format": 1}

    def __init__(self) -> None:
        self.is_down = False
        self.asked = 0
        self.gate: asyncio.Event | None = None
        self._answer = Answer(value=Word(text="yes"), usage=Usage(output_tokens=1))

    def expected(self, request: Word) -> Usage:  # noqa: ARG002 - the shape of a provider
        """See `providers.base.Provider`."""
        return self._answer.usage

    async def answer(self, request: Word, folder: Path) -> Answer[Word]:  # noqa: ARG002
        """See `providers.base.Provider`."""
        self.asked += 1
        if self.is_down:
            raise ProviderUnavailable("down")
        if self.gate is not None:
            await self.gate.wait()
        return self._answer


class Cent:
    """Everything costs a cent."""

    def cost(self, provider: str, model: str, usage: Usage) -> float | None:  # noqa: ARG002
        """See `costs.base.Prices`."""
        return 0.01


async def _accept(_: Word) -> tuple[Check, ...]:
    return ()


@suite()
def calls() -> Iterator[Figure]:
    """The layers between who asks and who answers."""
    yield Figure(name="call_overhead_us", values=asyncio.run(_overheads()), unit="us", limit=15)
    with TemporaryDirectory() as folder:
        yield Figure(name="breaker_reject_ms", values=asyncio.run(_rejections(Path(folder))), unit="ms", limit=1)
    probes = tuple(asyncio.run(_probes()) for _ in range(3))
    yield Figure(name="breaker_probe_calls", values=probes, unit="calls", limit=1)
    yield Figure(name="breaker_probe_calls_least", values=probes, unit="calls", limit=1, sense="at least")


async def _overheads() -> tuple[float, ...]:
    """Microseconds of processor time that the layers add to asking, checking and putting down what came.

    Nobody watches and nothing is stored: what observing costs has a figure of its own, and a disk is no layer.
    """
    gears = Gears({"vendor": VendorSettings(per_minute=100_000_000, at_once=8)})
    vendor, prices, purse = Vendor(), Cent(), Purse(run_usd=1e9)
    request = Word(text="?")
    call = Call(capability=Capability.TEXT, request=request, expect=Word, check=_accept)
    go, lane = compose(LAYERS, layers.provided), gears.lane("vendor", "text")

    async def whole() -> None:
        errand = Errand(vendor, call, lane, purse, prices, gears.clock, gears.sleep)
        await first_of([errand], go, dearer=False)

    async def bare() -> None:
        answer = await vendor.answer(request, Path())
        checks = await _accept(answer.value)
        Made(value=answer.value, key="", provider="vendor", model="m", cost_usd=0.01, usage=answer.usage, checks=checks)

    differences = []
    for turn in range(ROUNDS):
        order = (whole, bare) if turn % 2 else (bare, whole)
        took = {work: await _seconds(work) for work in order}
        differences.append((took[whole] - took[bare]) / CALLS * 1e6)
    return tuple(differences)


async def _seconds(work: Callable[[], Awaitable[None]]) -> float:
    gc.collect()
    began = time.thread_time()
    for _ in range(CALLS):
        await work()
    return time.thread_time() - began


def _caller(folder: Path, vendor: Vendor, seconds: float) -> Caller:
    opens_at_once = VendorSettings(attempts=1, at_once=WAITING, breaker=BreakerSettings(failures=1, seconds=seconds))
    return Caller({Capability.TEXT: [vendor]}, Store(folder), gears=Gears({"vendor": opens_at_once}), prices=Cent())


def _call(number: int) -> Call[Word]:
    return Call(capability=Capability.TEXT, request=Word(text=str(number)), expect=Word, check=_accept)


async def _rejections(folder: Path) -> tuple[float, ...]:
    """Milliseconds until a call is refused whose provider's breaker stays open for longer than a call may take."""
    vendor = Vendor()
    vendor.is_down = True
    caller, took = _caller(folder, vendor, seconds=1e6), []
    for number in range(201):
        began = time.perf_counter()
        try:
            await caller(_call(number))
        except CircuitOpen:
            took.append((time.perf_counter() - began) * 1e3)
        except ProviderUnavailable:
            continue
    return tuple(took)


async def _probes() -> float:
    """Of many calls that wait for an open breaker, how many reach the vendor before it has answered one."""
    vendor = Vendor()
    vendor.is_down = True
    with TemporaryDirectory() as folder:
        caller = _caller(Path(folder), vendor, seconds=0.2)
        await asyncio.gather(caller(_call(-1)), return_exceptions=True)
        vendor.is_down, vendor.asked, vendor.gate = False, 0, asyncio.Event()
        waiting: Sequence[asyncio.Task[Any]] = [asyncio.create_task(caller(_call(n))) for n in range(WAITING)]
        await asyncio.sleep(0.5)
        probes = vendor.asked
        vendor.gate.set()
        await asyncio.gather(*waiting)
    return float(probes)
