"""A breaker against a model of it, and over real calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from storygen import events
from storygen.errors import (
    AuthenticationFailed,
    CircuitOpen,
    ContentRejected,
    DiskFull,
    InvalidOutput,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from storygen.resilience.breaker import Breaker, BreakerPolicy, Ticket, result_of
from storygen.settings import BreakerSettings, VendorSettings
from tests.resilience.conftest import Desk, Time, Voice, wish

FAILURES, SECONDS = 3, 60.0


class BreakerModel(RuleBasedStateMachine):
    """Callers come, go, fail and are cancelled in any order, also long after the breaker has moved on."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Time()
        self.breaker = Breaker("alpha", "speech", BreakerPolicy(failures=FAILURES, seconds=SECONDS), self.clock)
        self.out: list[tuple[Ticket, int, bool]] = []
        self.state, self.era, self.row, self.opened, self.probing = "closed", 0, 0, 0.0, False

    def move(self, state: str) -> None:
        self.state, self.era, self.row, self.probing = state, self.era + 1, 0, False
        if state == "open":
            self.opened = self.clock.now

    def may_pass(self) -> bool:
        if self.state == "closed":
            return True
        return not self.probing and self.clock.now >= self.opened + SECONDS

    @rule()
    def come(self) -> None:
        expected = self.may_pass()
        try:
            ticket = self.breaker.admit()
        except CircuitOpen:
            assert not expected
            return
        assert expected
        if self.state == "open":
            self.move("half_open")
        self.probing = self.state == "half_open"
        assert ticket.is_probe is self.probing
        self.out.append((ticket, self.era, self.probing))

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 1000), result=st.sampled_from(["success", "failure", "failure", "ignored", "cancelled"]))
    def go(self, which: int, result: Any) -> None:
        ticket, era, is_probe = self.out.pop(which % len(self.out))
        self.breaker.settle(ticket, result)
        if era != self.era:
            return
        if is_probe:
            self.probing = False
            if result in {"success", "failure"}:
                self.move("closed" if result == "success" else "open")
        elif result == "success":
            self.row = 0
        elif result == "failure":
            self.row += 1
            if self.row == FAILURES:
                self.move("open")

    @rule(seconds=st.sampled_from([1.0, 30.0, 59.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def agrees(self) -> None:
        assert self.breaker.state == self.state
        assert sum(is_probe and era == self.era for _, era, is_probe in self.out) == self.probing
        if self.may_pass():
            self.breaker.ask()
        else:
            with pytest.raises(CircuitOpen):
                self.breaker.ask()


BreakerModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestBreakerModel = BreakerModel.TestCase


def test_late_answers_to_an_older_state_change_nothing(listener: Any) -> None:
    clock = Time()
    breaker = Breaker("a", "text", BreakerPolicy(failures=2, seconds=60), clock)
    late = [breaker.admit() for _ in range(8)]
    for _ in range(2):
        breaker.settle(breaker.admit(), "failure")
    for _ in range(4):
        breaker.settle(late.pop(), "failure")
    clock.now += 60
    probe = breaker.admit()
    for result in ("success", "failure", "failure", "success"):
        breaker.settle(late.pop(), result)
    assert breaker.state == "half_open"
    breaker.settle(probe, "success")
    assert [e.to_state for e in listener.of(events.BreakerChanged)] == ["open", "half_open", "closed"]


def test_it_opens_at_a_share_of_failures_once_there_are_enough_calls() -> None:
    clock = Time()
    breaker = Breaker("a", "text", BreakerPolicy(failures=99, ratio=0.5, window=60, minimum=10), clock)
    for number in range(9):
        breaker.settle(breaker.admit(), "failure" if number % 2 else "success")
    assert breaker.state == "closed", "nine calls are too few"
    breaker.settle(breaker.admit(), "failure")
    assert breaker.state == "open"


def test_failures_of_long_ago_do_not_count_for_the_share() -> None:
    clock = Time()
    breaker = Breaker("a", "text", BreakerPolicy(failures=99, ratio=0.5, window=60, minimum=4), clock)
    for _ in range(3):
        breaker.settle(breaker.admit(), "failure")
    clock.now += 61
    for result in ("success", "success", "success", "failure"):
        breaker.settle(breaker.admit(), result)
    assert breaker.state == "closed"


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (ProviderTimeout(""), "failure"),
        (ProviderUnavailable(""), "failure"),
        (RateLimited(""), "failure"),
        (InvalidOutput(""), "failure"),
        (QuotaExceeded(""), "failure"),
        (AuthenticationFailed(""), "failure"),
        (ContentRejected(""), "ignored"),
        (DiskFull(""), "ignored"),
        (ValueError(), "ignored"),
        (asyncio.CancelledError(), "cancelled"),
    ],
)
def test_only_what_a_provider_did_wrong_counts_against_it(error: BaseException, result: str) -> None:
    assert result_of(error) == result


def test_of_a_hundred_waiting_calls_one_probes_and_all_are_served(desk: Desk, listener: Any) -> None:
    """The vendor is down, its breaker opens, and comes back while a hundred calls wait with nobody else to ask."""
    held = asyncio.Event()
    voice = Voice(plan=[ProviderUnavailable("down")] * 5 + [held])
    call = desk.caller(voice, vendor=VendorSettings(attempts=1, at_once=100))

    async def work() -> int:
        for number in range(5):
            with pytest.raises(ProviderUnavailable):
                await call(wish(f"early {number}"))
        crowd = [asyncio.create_task(call(wish(f"call {number}"))) for number in range(100)]
        while voice.asked < 6:
            await asyncio.sleep(0)
        for _ in range(500):
            await asyncio.sleep(0)
        probes = voice.asked - 5
        held.set()
        made = await asyncio.gather(*crowd)
        assert all(one.missing == () for one in made)
        return probes

    assert asyncio.run(work()) == 1
    assert voice.asked == 105
    assert [e.to_state for e in listener.of(events.BreakerChanged)] == ["open", "half_open", "closed"]


def test_a_probe_that_is_cancelled_leaves_the_probe_to_the_next(desk: Desk) -> None:
    voice = Voice(plan=[ProviderUnavailable("down"), asyncio.Event()])
    vendor = VendorSettings(attempts=1, breaker=BreakerSettings(failures=1))
    call = desk.caller(voice, vendor=vendor)

    async def work() -> str:
        with pytest.raises(ProviderUnavailable):
            await call(wish("one"))
        probe = asyncio.create_task(call(wish("two")))
        while voice.asked < 2:
            await asyncio.sleep(0)
        probe.cancel()
        return (await call(wish("three"))).provider

    assert asyncio.run(work()) == "alpha"


def test_a_call_whose_provider_stays_away_past_its_total_time_fails_with_that_provider_and_what_to_do(
    desk: Desk,
) -> None:
    voice = Voice(always=lambda: ProviderUnavailable("down"))
    call = desk.caller(voice, vendor=VendorSettings(attempts=1, breaker=BreakerSettings(failures=1)))

    async def work() -> None:
        with pytest.raises(ProviderUnavailable):
            await call(wish("one"))
        began = desk.time.now
        with pytest.raises((ProviderUnavailable, CircuitOpen)) as failure:
            await call(wish("two"))
        assert failure.value.provider == "alpha"
        assert desk.time.now - began <= 300

    asyncio.run(work())


def test_a_rejected_call_goes_to_the_next_provider_without_a_wait(desk: Desk, listener: Any) -> None:
    first, second = Voice(always=lambda: ProviderUnavailable("down")), Voice("beta")
    call = desk.caller(first, second, vendor=VendorSettings(attempts=1, breaker=BreakerSettings(failures=1)))

    async def work() -> Any:
        await call(wish("one"))
        return await call(wish("two"))

    made = asyncio.run(work())
    assert (made.provider, first.asked, desk.time.slept) == ("beta", 1, [])
    assert "circuit_open" in made.missing[0]
    assert [e.result for e in listener.of(events.BreakerSaw) if e.provider == "alpha"] == ["failure", "rejected"]


def test_queued_calls_do_not_reach_a_provider_whose_breaker_opened_while_they_waited(desk: Desk) -> None:
    voice = Voice(always=lambda: ProviderUnavailable("down"))
    vendor = VendorSettings(attempts=1, at_once=1, breaker=BreakerSettings(failures=2, seconds=1000))
    call = desk.caller(voice, vendor=vendor)

    async def work() -> list[Any]:
        return await asyncio.gather(*(call(wish(str(n))) for n in range(20)), return_exceptions=True)

    errors = asyncio.run(work())
    assert voice.asked == 2
    assert [type(error) for error in errors].count(CircuitOpen) == 18
