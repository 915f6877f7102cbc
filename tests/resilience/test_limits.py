"""How many requests a provider gets, and what it can say about that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen import events
from storygen.errors import RateLimited
from storygen.resilience.limits import Bucket, Limit, parse_reset
from storygen.settings import VendorSettings
from tests.resilience.conftest import Desk, Time, Voice, wish


@given(st.integers(1, 200), st.lists(st.floats(0, 30), min_size=1, max_size=400))
def test_no_minute_holds_more_requests_than_the_setting_says(per_minute: int, pauses: list[float]) -> None:
    clock = Time()
    bucket, starts = Bucket(per_minute, clock), []
    for pause in pauses:
        starts.append(clock.now + bucket.take())
        clock.now = max(clock.now + pause, starts[-1])
    for first, start in enumerate(starts):
        within = sum(start <= other < start + 59.999 for other in starts[first:])
        assert within <= per_minute


def test_no_more_calls_are_on_their_way_than_may_be_at_once(desk: Desk, listener: Any) -> None:
    voice = Voice()
    call = desk.caller(voice, vendor=VendorSettings(at_once=3))

    async def work() -> None:
        await asyncio.gather(*(call(wish(str(number))) for number in range(30)))

    asyncio.run(work())
    assert (voice.asked, voice.most_at_once) == (30, 3)
    gauges = listener.of(events.Occupied)
    assert (max(e.in_use for e in gauges), gauges[-1].in_use, gauges[-1].limit, gauges[-1].name) == (3, 0, 3, "alpha")


def test_calls_that_are_cancelled_in_the_queue_or_on_their_way_leave_their_places_to_others(desk: Desk) -> None:
    voice = Voice(plan=[asyncio.Event(), asyncio.Event()])
    call = desk.caller(voice, vendor=VendorSettings(at_once=2))

    async def work() -> list[Any]:
        crowd = [asyncio.create_task(call(wish(str(number)))) for number in range(12)]
        while voice.asked < 2:
            await asyncio.sleep(0)
        for number in (0, 1, 5, 7):
            crowd[number].cancel()
        return await asyncio.gather(*crowd, return_exceptions=True)

    results = asyncio.run(work())
    assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 4
    assert (voice.asked, voice.most_at_once) == (10, 2)


def test_a_429_halves_once_for_those_on_their_way_together_and_grows_back_slowly() -> None:
    limit = Limit("a", 16, clock=(clock := Time()), sleep=clock.sleep)

    async def work() -> list[int]:
        entered = [await limit.enter(1) for _ in range(10)]
        for one in entered:
            limit.slowed(one, None)
            limit.leave()
        sizes = [limit.allowed]
        for _ in range(8):
            limit.went_well()
        sizes.append(limit.allowed)
        for _ in range(200):
            limit.went_well()
        return [*sizes, limit.allowed]

    assert asyncio.run(work()) == [8, 8, 16]


def test_everybody_waits_as_long_as_retry_after_says(desk: Desk) -> None:
    voice = Voice(plan=[RateLimited("slow down", retry_after=7.0)])
    call = desk.caller(voice)

    async def work() -> float:
        began = desk.time.now
        await call(wish("one"))
        await call(wish("two"))
        return desk.time.now - began

    assert asyncio.run(work()) == pytest.approx(7.0)
    assert voice.asked == 3


def test_a_429_slows_the_provider_down_for_all_its_calls(desk: Desk) -> None:
    gears = desk.gears("alpha")
    asyncio.run(desk.caller(Voice(plan=[RateLimited("slow down")]), gears=gears)(wish()))
    limit = gears.lane("alpha", "images").limit
    assert limit is not None
    assert limit.allowed == 4


def test_a_wait_that_is_longer_than_a_call_has_left_is_refused_at_once() -> None:
    limit = Limit("a", 8, clock=(clock := Time()), sleep=clock.sleep)
    limit.slowed(clock.now, 90.0)
    with pytest.raises(RateLimited) as refused:
        asyncio.run(limit.enter(60.0))
    assert (refused.value.retry_after, limit.in_use, clock.slept) == (90.0, 0, [])


def test_a_place_that_is_offered_to_a_call_that_is_cancelled_goes_to_the_next() -> None:
    async def work() -> int:
        limit = Limit("a", 1)
        await limit.enter(1)
        second, third = asyncio.create_task(limit.enter(1)), asyncio.create_task(limit.enter(1))
        await asyncio.sleep(0)
        limit.leave()
        second.cancel()
        await third
        return limit.in_use

    assert asyncio.run(asyncio.wait_for(work(), 5)) == 1


def test_a_provider_that_asks_for_more_patience_than_a_call_has_is_left_for_the_next(desk: Desk) -> None:
    first, second = Voice(plan=[RateLimited("come tomorrow", retry_after=86_400.0)]), Voice("beta")
    made = asyncio.run(desk.caller(first, second)(wish()))
    assert (made.provider, first.asked, desk.time.slept) == ("beta", 1, [])


def test_requests_wait_for_the_renewal_that_the_headers_name(desk: Desk) -> None:
    voice = Voice(headers={"X-RateLimit-Remaining-Requests": "1", "X-RateLimit-Reset-Requests": "6m0s"})
    call = desk.caller(voice, vendor=VendorSettings(attempts=1))

    async def work() -> None:
        await call(wish("one"))
        voice.headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20s"}
        await call(wish("two"))
        await call(wish("three"))

    asyncio.run(work())
    assert desk.time.slept == [20.0]


def test_a_vendor_that_allows_fewer_at_once_gets_fewer() -> None:
    limit = Limit("elevenlabs", 8)
    limit.heard({"maximum-concurrent-requests": "3"})
    assert limit.allowed == 3


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("12", 12.0),
        ("1700000030", 30.0),
        ("2023-11-14T22:13:50Z", 30.0),
        ("soon", None),
        ("", None),
    ],
)
def test_all_spellings_of_a_reset_are_read(text: str, seconds: float | None) -> None:
    assert parse_reset(text, now=1_700_000_000.0) == (None if seconds is None else pytest.approx(seconds))
