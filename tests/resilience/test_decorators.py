"""`retry` and `breaker` around functions of others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import storygen
from storygen import events
from storygen.errors import CallerMistake, CircuitOpen
from tests.resilience.conftest import Time


class Flaky:
    """Fails as often as told, plain and async."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.left, self.calls = failures, 0
        self.error = error or ConnectionError("down")

    def work(self, value: int = 7) -> int:
        """Do something."""
        self.calls += 1
        if self.left > 0:
            self.left -= 1
            raise self.error
        return value

    async def work_async(self, value: int = 7) -> int:
        return self.work(value)


def called(flaky: Flaky, kind: str, *decorators: Callable[[Any], Any]) -> Callable[[], Any]:
    function: Any = flaky.work if kind == "plain" else flaky.work_async
    for decorator in reversed(decorators):
        function = decorator(function)
    return function if kind == "plain" else lambda: asyncio.run(function())


def waiter(kind: str, waits: list[float]) -> Any:
    async def later(seconds: float) -> None:
        waits.append(seconds)

    return waits.append if kind == "plain" else later


both = pytest.mark.parametrize("kind", ["plain", "async"])


@both
def test_a_passing_failure_is_tried_again_with_growing_waits(kind: str, listener: Any) -> None:
    flaky, waits = Flaky(3), []
    call = called(
        flaky, kind, storygen.retry(attempts=4, base_delay=1, max_delay=3, jitter=False, sleep=waiter(kind, waits))
    )
    assert call() == 7
    assert (flaky.calls, waits) == (4, [1.0, 2.0, 3.0])
    assert [(e.attempt, e.wait) for e in listener.of(events.Retried)] == [(1, 1.0), (2, 2.0), (3, 3.0)]


@both
def test_the_last_failure_is_raised_itself_and_told(kind: str, listener: Any) -> None:
    flaky = Flaky(9)
    call = called(flaky, kind, storygen.retry(attempts=2, base_delay=0, sleep=waiter(kind, [])))
    with pytest.raises(ConnectionError):
        call()
    assert (flaky.calls, len(listener.of(events.GaveUp))) == (2, 1)


@both
def test_only_the_named_exceptions_are_repeated(kind: str) -> None:
    flaky = Flaky(1, KeyError("no"))
    with pytest.raises(KeyError):
        called(flaky, kind, storygen.retry(exceptions=(ConnectionError,), sleep=waiter(kind, [])))()
    assert flaky.calls == 1


@both
def test_jitter_stays_between_nothing_and_the_whole_wait(kind: str) -> None:
    waits: list[float] = []
    for _ in range(30):
        called(Flaky(1), kind, storygen.retry(base_delay=2, sleep=waiter(kind, waits)))()
    assert all(0 <= wait <= 2 for wait in waits)
    assert len(set(waits)) > 20


@both
def test_a_breaker_opens_rejects_and_closes_again_after_a_probe(kind: str, listener: Any) -> None:
    flaky, clock = Flaky(2), Time()
    call = called(flaky, kind, storygen.breaker(failure_threshold=2, timeout=60, clock=clock))
    for _ in range(2):
        with pytest.raises(ConnectionError):
            call()
    with pytest.raises(CircuitOpen) as rejection:
        call()
    assert (flaky.calls, rejection.value.retry_after) == (2, 60)
    clock.now += 60
    assert call() == 7
    assert [e.to_state for e in listener.of(events.BreakerChanged)] == ["open", "half_open", "closed"]


@both
def test_retry_outside_a_breaker_stops_at_its_rejection(kind: str) -> None:
    flaky, waits = Flaky(9), []
    call = called(
        flaky,
        kind,
        storygen.retry(attempts=5, sleep=waiter(kind, waits)),
        storygen.breaker(failure_threshold=2, clock=Time()),
    )
    with pytest.raises(CircuitOpen):
        call()
    assert (flaky.calls, len(waits)) == (2, 2)


@both
def test_a_breaker_outside_retry_counts_a_call_once(kind: str) -> None:
    flaky = Flaky(6)
    call = called(
        flaky,
        kind,
        storygen.breaker(failure_threshold=2, clock=Time()),
        storygen.retry(attempts=3, base_delay=0, sleep=waiter(kind, [])),
    )
    for error in (ConnectionError, ConnectionError, CircuitOpen):
        with pytest.raises(error):
            call()
    assert flaky.calls == 6


def test_functions_of_one_service_share_its_breaker() -> None:
    one, two, guard = Flaky(1), Flaky(0), {"failure_threshold": 1, "name": "a shared service", "clock": Time()}
    with pytest.raises(ConnectionError):
        called(one, "plain", storygen.breaker(**guard))()
    with pytest.raises(CircuitOpen):
        called(two, "plain", storygen.breaker(**guard))()
    assert two.calls == 0


def test_of_many_threads_one_probes() -> None:
    clock, at_work, go = Time(), threading.Event(), threading.Event()
    calls, rejected = [], []

    @storygen.breaker(failure_threshold=1, timeout=1, clock=clock)
    def work() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError
        at_work.set()
        go.wait(10)

    def one() -> None:
        try:
            work()
        except CircuitOpen:
            rejected.append(1)

    with pytest.raises(ConnectionError):
        work()
    clock.now += 1
    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    at_work.wait(10)
    while len(rejected) < 49:
        pass
    go.set()
    for thread in threads:
        thread.join()
    assert (len(calls), len(rejected)) == (2, 49)


def test_a_decorated_function_keeps_its_name_and_words() -> None:
    decorated = storygen.retry()(storygen.breaker()(Flaky(0).work))
    assert (decorated.__name__, decorated.__doc__) == ("work", "Do something.")


def test_generators_and_impossible_parameters_are_refused_at_once() -> None:
    def steps() -> Any:
        yield 1

    for refuse in (
        lambda: storygen.retry()(steps),
        lambda: storygen.breaker()(steps),
        lambda: storygen.retry(attempts=0),
        lambda: storygen.breaker(timeout=0),
    ):
        with pytest.raises(CallerMistake):
            refuse()
