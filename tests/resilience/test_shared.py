"""Workers that share a Redis, and go on when it is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from storygen import events
from storygen.errors import CircuitOpen, InvalidSettings, ProviderUnavailable
from storygen.resilience.breaker import Breaker
from storygen.resilience.gears import Gears
from storygen.resilience.shared import SharedBreakers, tell_sharing
from storygen.settings import BreakerSettings, VendorSettings
from storygen.store.artifacts import Store
from storygen.store.shared import PAUSES, Link
from tests.resilience.conftest import Desk, RedisServer, Time, Voice, wish

ONE = VendorSettings(attempts=1, breaker=BreakerSettings(failures=1, seconds=30))


class Worker:
    """One of several processes: gears of its own, clocks in step with the others, one Redis."""

    def __init__(
        self, root: Path, clock: Time, url: str, voice: Voice, *, share_cache: bool = False, timeout: float = 5.0
    ) -> None:
        self.voice = voice
        self.link = Link(url, clock=clock, tell=tell_sharing, timeout=timeout)
        self.desk = Desk(root, clock)
        self.gears: Gears = self.desk.gears("alpha", vendor=ONE, link=self.link, share_cache=share_cache)
        self.gears._shared = SharedBreakers(self.link, wall=clock)
        self.call = self.desk.caller(voice, gears=self.gears)

    @property
    def breaker(self) -> Breaker:
        breaker = self.gears.lane("alpha", "speech").breaker
        assert breaker is not None
        return breaker

    @property
    def state(self) -> str:
        return self.breaker.state

    async def follow(self) -> None:
        assert self.gears._shared is not None
        await self.gears._shared.follow(self.breaker)


def test_what_one_worker_finds_out_the_others_know(tmp_path: Path, redis: RedisServer) -> None:
    clock = Time()
    one = Worker(tmp_path / "1", clock, redis.url, Voice(plan=[ProviderUnavailable("down")]))
    two = Worker(tmp_path / "2", clock, redis.url, Voice())

    async def work() -> None:
        with pytest.raises(ProviderUnavailable):
            await one.call(wish("one"))
        await two.follow()
        assert two.state == "open"
        await two.call(wish("two"))
        assert clock.now >= 1030, "it waited with the other"
        await one.call(wish("three"))
        assert (one.state, two.state) == ("closed", "closed")
        await one.link.close()
        await two.link.close()

    asyncio.run(work())


def test_of_several_workers_one_probes(tmp_path: Path, redis: RedisServer) -> None:
    clock, held = Time(), asyncio.Event()
    first = Worker(tmp_path / "0", clock, redis.url, Voice(plan=[ProviderUnavailable("down")]))
    others = [Worker(tmp_path / str(n), clock, redis.url, Voice(plan=[held])) for n in range(1, 5)]

    async def work() -> list[Any]:
        with pytest.raises(ProviderUnavailable):
            await first.call(wish("one"))
        for other in others:
            await other.follow()
        assert {other.state for other in others} == {"open"}
        clock.now += 30
        free = Voice("builtin")
        calls = [other.desk.caller(other.voice, free, gears=other.gears)(wish("two")) for other in others]
        tasks = [asyncio.create_task(call) for call in calls]
        while sum(task.done() for task in tasks) < 3:
            await asyncio.sleep(0.001)
        held.set()
        made = await asyncio.gather(*tasks)
        for worker in (first, *others):
            await worker.link.close()
        return sorted(one.provider for one in made)

    assert asyncio.run(work()) == ["alpha", "builtin", "builtin", "builtin"]
    assert sum(other.voice.asked for other in others) == 1


def test_a_redis_that_is_killed_slows_no_call_for_long_and_is_told_of_once(
    tmp_path: Path, redis: RedisServer, listener: Any
) -> None:
    clock = Time()
    worker = Worker(tmp_path, clock, redis.url, Voice(), share_cache=True)

    async def work() -> None:
        await worker.call(wish("before"))
        redis.kill()
        for number in range(5):
            await worker.call(wish(f"after {number}"))
            clock.now += PAUSES[-1]
        worker.voice.plan = [ProviderUnavailable("down")]
        with pytest.raises(ProviderUnavailable):
            await worker.call(wish("fails"))
        assert worker.state == "open", "its own breaker goes on"
        redis.start()
        clock.now += 30
        await worker.call(wish("again"))
        assert await worker.link.is_healthy()
        await worker.link.close()

    asyncio.run(work())
    assert [e.is_reachable for e in listener.of(events.SharingChanged)] == [False, True]


def test_a_redis_that_never_answers_is_waited_for_once(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(1)
        await reader.read()
        writer.close()

    connected: list[int] = []

    async def work() -> int:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        worker = Worker(tmp_path, Time(), f"redis://127.0.0.1:{port}/0", Voice(), share_cache=True, timeout=0.05)
        for number in range(20):
            await worker.call(wish(str(number)))
        await worker.link.close()
        server.close()
        return worker.voice.asked

    assert asyncio.run(work()) == 20
    assert len(connected) <= 2


def test_one_answer_that_does_not_come_is_no_news() -> None:
    told: list[bool] = []
    clock = Time()
    link = Link("redis://127.0.0.1:1", clock=clock, tell=lambda is_reachable, _: told.append(is_reachable))

    async def nothing(_: Any) -> bool:
        raise TimeoutError

    async def something(_: Any) -> bool:
        return True

    async def work() -> None:
        for question in (nothing, something, nothing, something, nothing, nothing):
            await link.ask(question)
            clock.now += PAUSES[-1]
        await link.close()

    asyncio.run(work())
    assert told == [False]


def test_small_results_come_from_the_redis_to_a_worker_with_another_disk(
    tmp_path: Path, redis: RedisServer, listener: Any
) -> None:
    one = Worker(tmp_path / "1", Time(), redis.url, Voice(), share_cache=True)
    two = Worker(tmp_path / "2", Time(), redis.url, Voice(), share_cache=True)

    async def work() -> Any:
        await one.call(wish())
        made = await two.call(wish())
        await one.link.close()
        await two.link.close()
        return made

    made = asyncio.run(work())
    assert (made.cached, made.provider, two.voice.asked) == (True, "alpha", 0)
    assert made.value.audio.read_text() == "delivered"
    assert made.value.audio.is_relative_to(tmp_path / "2")


def test_names_from_a_redis_lead_nowhere_else(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    hostile = {"entry.json": b"{}", "../../../evil": b"x", "/tmp/evil": b"x", "a/../../b": b"x", "..": b"x", "": b"x"}
    store.adopt("speech", "ab" * 32, hostile)
    found = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["entry.json"]


def test_what_other_programs_leave_in_the_redis_changes_nothing(tmp_path: Path, redis: RedisServer) -> None:
    worker = Worker(tmp_path, Time(), redis.url, Voice())

    async def work() -> str:
        for junk in (b"no json", b"[]", b'{"state": "open"}', b'{"state": "open", "at": "x", "until": null}'):
            await worker.link.ask(lambda client, junk=junk: client.set("storygen:breaker:alpha:speech", junk))
            worker.desk.time.now += 1
            await worker.call(wish(repr(junk)))
        await worker.link.close()
        return worker.state

    assert asyncio.run(work()) == "closed"


def test_an_address_that_is_none_is_refused_without_repeating_its_password(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"redis\.url") as refused:
        asyncio.run(Link("http://user:secret@host").is_healthy())
    assert "secret" not in f"{refused.value} {refused.value.hint}"


def test_a_worker_that_yields_its_probe_rejects_until_it_hears_more(tmp_path: Path, redis: RedisServer) -> None:
    worker = Worker(tmp_path, Time(), redis.url, Voice())
    breaker = worker.breaker
    breaker.open_for(5.0)
    worker.desk.time.now += 5
    breaker.yield_probe(breaker.admit(), 0.25)
    with pytest.raises(CircuitOpen):
        breaker.ask()
    worker.desk.time.now += 0.25
    assert breaker.admit().is_probe
