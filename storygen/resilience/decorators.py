"""`retry` and `breaker` for functions of others, plain and `async`, in any order.

    @retry(attempts=4, exceptions=(ConnectionError,))
    @breaker(failure_threshold=5, timeout=60, name="elevenlabs")
    async def speak(text: str) -> bytes: ...

What an open breaker rejects raises `CircuitOpen`, which no `retry` repeats. Both tell whoever watches, as the calls of
storygen do.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random_exponential

from storygen import events
from storygen.errors import CallerMistake, CircuitOpen, ControlSignal
from storygen.resilience.breaker import Breaker, BreakerPolicy

F = TypeVar("F", bound=Callable[..., Any])
Exceptions = type[BaseException] | tuple[type[BaseException], ...]
NO_CAPABILITY = "none"
_breakers: dict[str, Breaker] = {}


def retry(
    *,
    attempts: int = 3,
    base_delay: float = 1.0,
    max_delay: float = 60.0,
    exceptions: Exceptions = (Exception,),
    jitter: bool = True,
    sleep: Callable[[float], Any] | None = None,
) -> Callable[[F], F]:
    """Call again what raised one of `exceptions`, at most `attempts` times in all; the last failure is raised.

    Waits `base_delay` seconds that double up to `max_delay`, with full jitter unless that is off; an exception's own
    `retry_after` comes first. `sleep` waits instead of the usual ways. Raises `CallerMistake` for parameters that
    cannot be, and generators.
    """
    if attempts < 1 or base_delay < 0 or max_delay < 0:
        raise CallerMistake("retry: attempts begin at 1, and delays at 0.", hint="Correct the decorator's parameters.")
    backoff = (wait_random_exponential if jitter else wait_exponential)(multiplier=base_delay, max=max_delay)

    def wait(state: RetryCallState) -> float:
        asked = getattr(_failure(state), "retry_after", None)
        return float(asked) if asked is not None else backoff(state)

    def is_passing(error: BaseException) -> bool:
        return isinstance(error, exceptions) and not isinstance(error, CircuitOpen | ControlSignal)

    def decorate(function: F) -> F:
        name = _name(function, "retry")

        def tell(state: RetryCallState) -> None:
            number, reason = state.attempt_number, _kind(_failure(state))
            events.emit(events.Retried(provider=name, reason=reason, attempt=number, wait=state.upcoming_sleep))

        def tell_last(state: RetryCallState) -> None:
            if state.attempt_number == attempts:
                events.emit(events.GaveUp(provider=name, reason=_kind(_failure(state))))

        is_async = inspect.iscoroutinefunction(function)
        pause: Any = sleep or (asyncio.sleep if is_async else time.sleep)
        keeper = (AsyncRetrying if is_async else Retrying)(
            stop=stop_after_attempt(attempts),
            wait=wait,
            retry=retry_if_exception(is_passing),
            before_sleep=tell,
            after=tell_last,
            sleep=pause,
            reraise=True,
        )
        return keeper.wraps(function)

    return decorate


def breaker(
    *,
    failure_threshold: int = 5,
    timeout: float = 60.0,
    name: str = "",
    exceptions: Exceptions = (Exception,),
    ratio: float | None = None,
    window: float = 60.0,
    minimum_calls: int = 10,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[F], F]:
    """Leave a function alone for `timeout` seconds after so many failures in a row, then let one call probe.

    It also opens at a `ratio` of failures over `window` seconds, once there were `minimum_calls`. Functions whose
    breakers have the same `name` share one, with the parameters of the first; without a name each has its own. Only
    `exceptions` count. Raises `CircuitOpen` instead of calling; its `retry_after` says when to come back.
    """
    if failure_threshold < 1 or timeout <= 0:
        raise CallerMistake("breaker: the threshold begins at 1, the timeout above 0.", hint="Correct its parameters.")
    policy = BreakerPolicy(
        failures=failure_threshold, seconds=timeout, ratio=ratio, window=window, minimum=minimum_calls
    )

    def decorate(function: F) -> F:
        guard = _breaker(name, _name(function, "breaker"), policy, clock)

        async def guarded(*args: Any, **kwargs: Any) -> Any:
            with _guarding(guard, exceptions):
                return await function(*args, **kwargs)

        def guarded_plain(*args: Any, **kwargs: Any) -> Any:
            with _guarding(guard, exceptions):
                return function(*args, **kwargs)

        return _dressed(function, guarded if inspect.iscoroutinefunction(function) else guarded_plain)

    return decorate


@contextmanager
def _guarding(guard: Breaker, exceptions: Exceptions) -> Iterator[None]:
    ticket = guard.admit()
    try:
        yield
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) or not isinstance(error, Exception):
            guard.settle(ticket, "cancelled")
        elif isinstance(error, exceptions) and not isinstance(error, CircuitOpen):
            guard.settle(ticket, "failure", _kind(error))
        else:
            guard.settle(ticket, "ignored")
        raise
    guard.settle(ticket, "success")


def _failure(state: RetryCallState) -> BaseException:
    failure = state.outcome.exception() if state.outcome else None
    assert failure is not None  # noqa: S101 - only failures are repeated
    return failure


def _kind(error: BaseException) -> str:
    return str(getattr(error, "kind", "error"))


def _breaker(name: str, function: str, policy: BreakerPolicy, clock: Callable[[], float]) -> Breaker:
    if not name:
        return Breaker(function, NO_CAPABILITY, policy, clock)
    if name not in _breakers:
        _breakers[name] = Breaker(name, NO_CAPABILITY, policy, clock)
    return _breakers[name]


def _name(function: Callable[..., Any], decorator: str) -> str:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise CallerMistake(
            f"{decorator}: {function.__qualname__} is a generator.",
            hint="Decorate the function that consumes it.",
        )
    return str(getattr(function, "__qualname__", type(function).__name__))


def _dressed(function: F, wrapper: Callable[..., Any]) -> F:
    dressed: F = functools.wraps(function)(wrapper)  # type: ignore[assignment]  # it takes and gives what it wraps does
    return dressed
