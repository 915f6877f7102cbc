"""Leaving a provider alone that keeps failing, until one call may find out whether it is back.

The states are aiobreaker's; what moves them is ours. Bare aiobreaker 1.2 lets every waiting call through
when half-open, tells nobody of rejected calls, repeats changes and reads a clock that jumps.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from storygen import events
from storygen.errors import CircuitOpen, ContentRejected, ProviderFailure

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]
Result = Literal["success", "failure", "ignored", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a breaker opens and for how long: after `failures` in a row, or at a `ratio` of failed calls.

    The share is taken over `window` seconds once there are `minimum` calls in it; without a `ratio` it does not count.
    """

    failures: int = 5
    seconds: float = 60.0
    ratio: float | None = None
    window: float = 60.0
    minimum: int = 10


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """Leave for one call; what becomes of it counts only while the breaker is in the state that gave it."""

    generation: int
    is_probe: bool = False


class Breaker:
    """One breaker. Every ticket of `admit` goes back by `settle`, whatever became of the call."""

    def __init__(
        self,
        provider: str,
        capability: str,
        policy: BreakerPolicy | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        from aiobreaker import CircuitBreaker
        from aiobreaker.state import CircuitBreakerState
        from aiobreaker.storage.memory import CircuitMemoryStorage

        self.provider = provider
        self.capability = capability
        self.policy = policy or BreakerPolicy()
        self._clock = clock
        self._states = CircuitBreakerState
        self._kept = CircuitMemoryStorage(CircuitBreakerState.CLOSED)
        self._machine = CircuitBreaker(state_storage=self._kept, name=f"{provider}/{capability}")
        self._lock = threading.Lock()
        self._ticket = Ticket(0)
        self._probe: Ticket | None = None
        self._ready_at = 0.0
        self._recent: deque[tuple[float, bool]] = deque()
        self._waiting: set[asyncio.Future[None]] = set()
        self._reason = ""
        self._told = {
            result: events.BreakerSaw(provider=provider, capability=capability, result=result)
            for result in ("success", "failure", "rejected", "ignored")
        }

    @property
    def state(self) -> str:
        """`closed`, `open` or `half_open`."""
        return str(self._machine.current_state.name.lower())

    @property
    def generation(self) -> int:
        """How often the state has changed."""
        return self._ticket.generation

    @property
    def ready_in(self) -> float:
        """Seconds until a call may go out; infinite while a probe is on its way."""
        with self._lock:
            if self._kept.state is self._states.CLOSED:
                return 0.0
            return math.inf if self._probe is not None else max(0.0, self._ready_at - self._clock())

    def ask(self) -> None:
        """Raise `CircuitOpen` where a call would be rejected now; takes no probe."""
        if self._kept.state is self._states.CLOSED:
            return
        with self._lock:
            rejects = self._rejects()
        if rejects:
            raise self.rejection()

    def admit(self) -> Ticket:
        """Leave for a call: of an open breaker whose time is over, the first caller's is the probe.

        Raises `CircuitOpen` for everybody else.
        """
        if self._kept.state is self._states.CLOSED:
            return self._ticket
        with self._lock:
            if self._kept.state is self._states.CLOSED:
                return self._ticket
            rejects, changed = self._rejects(), None
            if not rejects:
                if self._kept.state is self._states.OPEN:
                    changed = self._move("half_open")
                self._probe = ticket = Ticket(self.generation, is_probe=True)
        if rejects:
            raise self.rejection()
        if changed:
            events.emit(changed)
        return ticket

    def settle(self, ticket: Ticket, result: Result, reason: str = "") -> None:
        """Say what became of an admitted call; a late answer to an older state changes nothing."""
        with self._lock:
            changed = self._weigh(ticket, result, reason)
        if result != "cancelled":
            events.emit(self._told[result])
        if changed:
            events.emit(changed)

    def open_for(self, seconds: float, reason: str = "") -> None:
        """Open for so long, because others have found that the provider fails."""
        with self._lock:
            changed = self._open(seconds, reason) if self._kept.state is self._states.CLOSED else None
        if changed:
            events.emit(changed)

    def close(self) -> None:
        """Close, because others have found that the provider is back."""
        with self._lock:
            changed = None if self._kept.state is self._states.CLOSED else self._move("closed")
        if changed:
            events.emit(changed)

    def yield_probe(self, ticket: Ticket, seconds: float) -> None:
        """Give a probe back because somebody else probes; nobody here asks for it again within `seconds`."""
        with self._lock:
            if ticket is self._probe:
                self._probe, self._ready_at = None, self._clock() + seconds
                self._wake()

    async def ready(self, longest: float, sleep: Sleep = asyncio.sleep) -> bool:
        """Wait, at most `longest` seconds, until a call may go out; says whether one may."""
        until = self._clock() + longest
        while (wait := self.ready_in) > 0:
            left = until - self._clock()
            if left <= 0 or (wait != math.inf and wait > left):
                return False
            if wait != math.inf:
                await sleep(wait)
            elif not await self._probe_ended(left):
                return False
        return True

    def rejection(self) -> CircuitOpen:
        """The error of a call that is rejected now, told as such."""
        events.emit(self._told["rejected"])
        wait = max(0.0, self._ready_at - self._clock())
        soon = f"is asked again in {wait:.0f} s" if wait else "is being asked whether it is back"
        return CircuitOpen(
            f"{self.provider} kept failing{f' ({self._reason})' if self._reason else ''} and {soon}.",
            provider=self.provider,
            retry_after=wait,
            hint=f"Wait, see what {self.provider} says of its state, or name another provider behind it.",
        )

    def _rejects(self) -> bool:
        return self._probe is not None or self._clock() < self._ready_at

    def _weigh(self, ticket: Ticket, result: Result, reason: str) -> events.BreakerChanged | None:
        if ticket.is_probe:
            if ticket is not self._probe:
                return None
            self._probe = None
            if result == "success":
                return self._move("closed")
            if result == "failure":
                return self._open(self.policy.seconds, reason)
            self._wake()
            return None
        if ticket.generation != self.generation or result not in {"success", "failure"}:
            return None
        if result == "success":
            self._kept.reset_counter()
        else:
            self._kept.increment_counter()
        is_too_much = self._kept.counter >= self.policy.failures
        if self.policy.ratio is not None:
            is_too_much |= self._share_is_too_high(failed=result == "failure")
        return self._open(self.policy.seconds, reason) if is_too_much else None

    def _share_is_too_high(self, *, failed: bool) -> bool:
        now, recent = self._clock(), self._recent
        recent.append((now, failed))
        while recent[0][0] < now - self.policy.window:
            recent.popleft()
        failures = sum(was_failure for _, was_failure in recent)
        ratio = self.policy.ratio or 1.0
        return failed and len(recent) >= self.policy.minimum and failures >= ratio * len(recent)

    def _open(self, seconds: float, reason: str) -> events.BreakerChanged:
        self._ready_at = self._clock() + seconds
        self._reason = reason
        return self._move("open")

    def _move(self, to_state: str) -> events.BreakerChanged:
        # aiobreaker's own open() stamps it with `utcnow`, which Python 3.12 warns of; setting both does the rest of it.
        self._kept.state = self._machine.state = self._states[to_state.upper()]
        self._kept.reset_counter()
        self._recent.clear()
        self._probe = None
        self._ticket = Ticket(self.generation + 1)
        self._wake()
        return events.BreakerChanged(provider=self.provider, capability=self.capability, to_state=to_state)

    async def _probe_ended(self, longest: float) -> bool:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._probe is None:
                return True
            self._waiting.add(ended)
        try:
            async with asyncio.timeout(longest):
                await ended
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(ended)
        return True

    def _wake(self) -> None:
        for waiting in self._waiting:
            with suppress(RuntimeError):  # its event loop has ended
                waiting.get_loop().call_soon_threadsafe(_finish, waiting)


def result_of(error: BaseException) -> Result:
    """What a failed call says of its provider: nothing, where it was refused for its content or broke over here."""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if isinstance(error, ProviderFailure) and not isinstance(error, ContentRejected | CircuitOpen):
        return "failure"
    return "ignored" if isinstance(error, Exception) else "cancelled"


def _finish(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
