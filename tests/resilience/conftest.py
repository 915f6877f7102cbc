"""Time that passes only when somebody waits, and providers that do as they are told."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from storygen.errors import StorygenError
from storygen.providers.base import Answer, Capability
from storygen.providers.hints import idempotency_key, note_headers
from storygen.resilience.call import Call, Caller, CallPolicy
from storygen.resilience.gears import Gears
from storygen.resilience.retry import RetryPolicy
from storygen.settings import VendorSettings
from storygen.store.artifacts import Store
from storygen.story import Check, Usage, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    audio: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    text: str


class Time:
    """A clock, and sleepers that wake in their order as it jumps from one to the next; nothing takes real time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._alarms: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        alarm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._alarms.append((self.now + seconds, alarm))
        asyncio.get_running_loop().create_task(self._ring())
        await alarm

    async def _ring(self) -> None:
        for _ in range(50):  # let everybody who can go on do so first
            await asyncio.sleep(0)
        pending = [alarm for alarm in self._alarms if not alarm[1].done()]
        if pending:
            self.now = max(self.now, min(at for at, _ in pending))
        for at, alarm in pending:
            if at <= self.now and not alarm.done():
                alarm.set_result(None)
        self._alarms = [alarm for alarm in pending if not alarm[1].done()]


@dataclass
class Voice:
    """A provider that does what its plan says, one item an attempt; then it delivers.

    `always` is what it does when the plan is used up. Headers of its answers are noted as an adapter does.
    """

    name: str = "alpha"
    plan: list[Any] = field(default_factory=list)
    always: Any = "delivered"
    model: str = "m1"
    operation: str = "generate_content"
    output: str = "speech"
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: int = 0
    most_at_once: int = 0
    keys: list[str] = field(default_factory=list)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    _now: int = 0

    def expected(self, request: Wish) -> Usage:
        return Usage(characters=len(request.text))

    async def answer(self, request: Wish, folder: Path) -> Answer[Sound]:
        self.asked += 1
        self.keys.append(idempotency_key())
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            deed = self.plan.pop(0) if self.plan else self.always
            deed = deed() if isinstance(deed, Callable) else deed
            note_headers(self.headers)
            (folder / "a.wav").write_text(str(deed))
            if isinstance(deed, StorygenError):
                raise deed
            if isinstance(deed, asyncio.Event):
                await deed.wait()
            await asyncio.sleep(0)
        finally:
            self._now -= 1
        return Answer(value=Sound(audio=folder / "a.wav"), usage=self.expected(request))


class PerCharacter:
    """A price list: dollars per character, by provider."""

    def __init__(self, **usd: float) -> None:
        self._usd = usd

    def cost(self, provider: str, model: str, usage: Usage) -> float | None:
        return usage.characters * self._usd[provider] if provider in self._usd else None


async def accept(sound: Sound) -> tuple[Check, ...]:
    verdict = Verdict.FAIL if sound.audio.read_text() == "bad" else Verdict.PASS
    return (Check(artifact="audio", name="silence", verdict=verdict, value=1.0, limit=0.6),)


def wish(text: str = "hello") -> Call[Sound]:
    return Call(capability=Capability.SPEECH, request=Wish(text=text), expect=Sound, check=accept)


@dataclass
class Desk:
    """Everything that a call needs, with a clock of its own."""

    root: Path
    time: Time = field(default_factory=Time)

    def gears(self, *names: str, vendor: VendorSettings | None = None, **more: Any) -> Gears:
        vendors = {name: vendor or VendorSettings() for name in names}
        return Gears(vendors, CallPolicy(retry=RetryPolicy()), clock=self.time, sleep=self.time.sleep, **more)

    def caller(
        self, *voices: Voice, gears: Gears | None = None, vendor: VendorSettings | None = None, **more: Any
    ) -> Caller:
        gears = gears or self.gears(*(voice.name for voice in voices), vendor=vendor)
        return Caller({Capability.SPEECH: voices}, Store(self.root), gears=gears, **more)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


class RedisServer:
    """A real Redis on a free port, that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._folder = folder
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder]
        self._process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise AssertionError("redis-server did not start")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.fail("redis-server is missing: apt-get install -y redis-server", pytrace=False)
    server = RedisServer(tmp_path)
    yield server
    server.kill()
