"""The order in which a call goes out, and how long it goes on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen import events
from storygen.errors import ProviderTimeout, ProviderUnavailable, StorygenError
from storygen.resilience.call import LAYERS
from storygen.resilience.errand import compose
from storygen.resilience.gears import Gears
from storygen.resilience.retry import RetryPolicy, with_retry
from storygen.settings import (
    BreakerSettings,
    BudgetSettings,
    ElevenLabsSettings,
    FolderSettings,
    Settings,
    VendorSettings,
    VendorsSettings,
)
from tests.resilience.conftest import Desk, PerCharacter, Sound, Time, Voice, accept, wish


def test_the_layers_are_in_the_order_of_the_design() -> None:
    names = [layer.__name__ for layer in LAYERS]
    assert names == ["retried", "budgeted", "limited", "guarded", "attempted", "timed_out", "validated"]


def test_layers_are_entered_from_the_first_to_the_last_and_left_the_other_way() -> None:
    passed = []

    def layer(name: str) -> Any:
        async def go(errand: Any, onward: Any) -> Any:
            passed.append(name)
            result = await onward(errand)
            passed.append(name.upper())
            return result

        return go

    async def last(_: Any) -> None:
        passed.append("provider")

    asyncio.run(compose([layer("a"), layer("b"), layer("c")], last)(None))  # type: ignore[arg-type, func-returns-value]
    assert passed == ["a", "b", "c", "provider", "C", "B", "A"]


def test_what_each_layer_tells_shows_the_order(desk: Desk, listener: Any) -> None:
    """fallback > cache > retry > budget > limits > breaker > timeout > validate > provider, by what is told when."""
    voice, second = Voice(plan=[ProviderUnavailable("down"), "bad"]), Voice("beta")
    gears = desk.gears("alpha", "beta", vendor=VendorSettings(attempts=2), budget=BudgetSettings(run_usd=9))
    asyncio.run(desk.caller(voice, second, gears=gears, prices=PerCharacter(alpha=1e-6, beta=1e-6))(wish()))
    told = [type(event).__name__ for event in listener.events]
    attempt = ["Occupied", "BreakerSaw", "Occupied"]
    good = ["Occupied", "Spent", "BreakerSaw", "Occupied"]
    bad = [good[0], "Checked", *good[1:]]
    expected = ["CacheLooked", *attempt, "Retried", *bad, "GaveUp", "FellBack", "CacheLooked", *good]
    assert told == expected


def test_what_is_stored_asks_no_budget_limit_or_breaker(desk: Desk, listener: Any) -> None:
    voice = Voice()
    asyncio.run(desk.caller(voice)(wish()))
    before = len(listener.events)
    gears = desk.gears("alpha", budget=BudgetSettings(run_usd=0.0))
    made = asyncio.run(desk.caller(voice, gears=gears, prices=PerCharacter(alpha=1.0))(wish()))
    assert made.cached
    assert [type(event).__name__ for event in listener.events[before:]] == ["CacheLooked"]


def test_how_long_this_machine_takes_to_look_is_not_the_providers_fault(desk: Desk) -> None:
    async def slow(sound: Sound) -> Any:
        await asyncio.sleep(0.05)
        return await accept(sound)

    call = replace(wish(), check=slow)
    made = asyncio.run(desk.caller(Voice(), vendor=VendorSettings(timeout=0.02, attempts=1))(call))
    assert made.attempts == 1


def test_a_hang_counts_for_the_breaker(desk: Desk, listener: Any) -> None:
    call = desk.caller(Voice(plan=[asyncio.Event()]), vendor=VendorSettings(timeout=0.01, attempts=1))
    with pytest.raises(ProviderTimeout, match=r"within 0\.01 s") as failure:
        asyncio.run(call(wish()))
    assert "vendors.alpha.timeout" in failure.value.hint
    assert [e.result for e in listener.of(events.BreakerSaw)] == ["failure"]


def test_a_run_that_goes_on_takes_what_a_fallback_made_in_it_and_says_why(desk: Desk) -> None:
    first, second = Voice(always=ProviderUnavailable("down")), Voice("beta")
    asyncio.run(desk.caller(first, second, vendor=VendorSettings(attempts=1))(wish()))
    made = asyncio.run(desk.caller(first, second, resumes=True)(wish()))
    assert (made.provider, made.cached, made.missing) == ("beta", True, ("alpha: unavailable: down",))
    assert (first.asked, second.asked) == (1, 1)


def test_a_run_that_goes_on_takes_nothing_that_was_asked_of_the_fallback_itself(desk: Desk) -> None:
    first, second = Voice(), Voice("beta")
    asyncio.run(desk.caller(second)(wish()))
    assert asyncio.run(desk.caller(first, second, resumes=True)(wish())).provider == "alpha"


def test_runs_of_one_process_share_what_they_learn(desk: Desk, tmp_path: Path) -> None:
    voice = Voice(always=ProviderUnavailable("down"))
    gears = desk.gears("alpha", vendor=VendorSettings(attempts=5))
    with pytest.raises(ProviderUnavailable):
        asyncio.run(desk.caller(voice, gears=gears)(wish("one")))
    assert gears.lane("alpha", "speech").breaker.state == "open"  # type: ignore[union-attr]
    assert gears.lane("alpha", "images").breaker.state == "closed"  # type: ignore[union-attr]
    free = Voice("builtin")
    made = asyncio.run(desk.caller(voice, free, gears=gears, prices=PerCharacter(builtin=0))(wish("two")))
    assert (made.provider, voice.asked) == ("builtin", 5)


def test_new_settings_leave_breakers_as_they_were(tmp_path: Path) -> None:
    settings = Settings(folders=FolderSettings(state=tmp_path))
    gears = Gears.from_settings(settings)
    before = gears.lane("elevenlabs", "speech")
    assert before.breaker is not None
    before.breaker.open_for(60)
    fewer = VendorsSettings(elevenlabs=ElevenLabsSettings(at_once=2, breaker=BreakerSettings(failures=9)))
    gears.adopt(settings.model_copy(update={"vendors": fewer}))
    after = gears.lane("elevenlabs", "speech")
    assert after.breaker is before.breaker
    assert (after.breaker.state, after.breaker.policy.failures) == ("open", 9)
    assert after.limit is not None
    assert after.limit.allowed == 2
    assert gears.lane("builtin", "speech").breaker is None


@given(
    attempts=st.integers(1, 10),
    first=st.floats(0, 5),
    longest=st.floats(0, 40),
    total=st.floats(1, 200),
    asked=st.lists(st.one_of(st.none(), st.floats(0, 90)), min_size=10, max_size=10),
    took=st.floats(0, 20),
)
def test_waits_have_full_jitter_obey_the_provider_and_end_with_the_total_time(
    attempts: int, first: float, longest: float, total: float, asked: list[float | None], took: float
) -> None:
    clock, made = Time(), 0

    async def attempt(number: int) -> None:
        nonlocal made
        made = number
        clock.now += took
        raise ProviderUnavailable("down", retry_after=asked[number - 1])

    policy = RetryPolicy(attempts=attempts, first_wait=first, longest_wait=longest, total=total)
    began = clock.now
    with pytest.raises(StorygenError):
        asyncio.run(with_retry(attempt, policy, "alpha", sleep=clock.sleep, clock=clock))
    assert 1 <= made <= attempts
    assert len(clock.slept) == made - 1
    assert clock.now - began <= total + took + 1e-6 or made == 1
    for number, wait in enumerate(clock.slept):
        if asked[number] is not None:
            assert wait == asked[number]
        else:
            assert 0 <= wait <= min(longest, first * 2**number) + 1e-9
