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
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

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
    options = {"attempts": attempts, "base_delay": base_delay, "max_delay": max_delay, "jitter": jitter}

    def decorate(function: F) -> F:
        name = _name(function, "retry")

        def tries() -> Iterator[_Try]:
            return _tries(name, exceptions, **options)

        async def again(*args: Any, **kwargs: Any) -> Any:
            for one in tries():
                with one:
                    return await function(*args, **kwargs)
                await (sleep or asyncio.sleep)(one.wait)
            raise AssertionError("the last try raises or returns")

        def again_plain(*args: Any, **kwargs: Any) -> Any:
            for one in tries():
                with one:
                    return function(*args, **kwargs)
                (sleep or time.sleep)(one.wait)
            raise AssertionError("the last try raises or returns")

        return _dressed(function, again if inspect.iscoroutinefunction(function) else again_plain)

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


class _Try:
    """One try: swallows a failure that may be repeated, and knows how long to wait then."""

    __slots__ = ("_decide", "wait")

    def __init__(self, decide: Callable[[BaseException], float | None]) -> None:
        self._decide = decide
        self.wait = 0.0

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None or (wait := self._decide(error)) is None:
            return False
        self.wait = wait
        return True


def _tries(
    name: str, exceptions: Exceptions, *, attempts: int, base_delay: float, max_delay: float, jitter: bool
) -> Iterator[_Try]:
    for number in range(1, attempts + 1):

        def decide(error: BaseException, number: int = number) -> float | None:
            if not isinstance(error, exceptions) or isinstance(error, CircuitOpen | ControlSignal):
                return None
            reason = str(getattr(error, "kind", "error"))
            if number == attempts:
                events.emit(events.GaveUp(provider=name, reason=reason))
                return None
            longest = min(max_delay, base_delay * 2.0 ** (number - 1))
            asked = getattr(error, "retry_after", None)
            wait = float(asked) if asked is not None else random.uniform(0, longest) if jitter else longest  # noqa: S311
            events.emit(events.Retried(provider=name, reason=reason, attempt=number, wait=wait))
            return wait

        yield _Try(decide)


@contextmanager
def _guarding(guard: Breaker, exceptions: Exceptions) -> Iterator[None]:
    ticket = guard.admit()
    try:
        yield
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) or not isinstance(error, Exception):
            guard.settle(ticket, "cancelled")
        elif isinstance(error, exceptions) and not isinstance(error, CircuitOpen):
            guard.settle(ticket, "failure", str(getattr(error, "kind", type(error).__name__)))
        else:
            guard.settle(ticket, "ignored")
        raise
    guard.settle(ticket, "success")


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
