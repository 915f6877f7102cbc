"""How many requests a provider gets at once and a minute, learnt from what its answers say."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from storygen import events
from storygen.errors import RateLimited

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]
_REMAINING = ("x-ratelimit-remaining-requests", "x-ratelimit-remaining", "anthropic-ratelimit-requests-remaining")
_RESET = ("x-ratelimit-reset-requests", "x-ratelimit-reset", "anthropic-ratelimit-requests-reset")
_MOST_AT_ONCE = "maximum-concurrent-requests"
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_EPOCH = 1e9


class Bucket:
    """A bucket of tokens: at most `per_minute` are taken in any minute, a tenth of them in one go."""

    __slots__ = ("_at", "_clock", "_rate", "_size", "_tokens", "per_minute")

    def __init__(self, per_minute: int, clock: Clock = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._size = float(max(1, per_minute // 10))
        # Burst and refill of one minute together make the limit.
        self._rate = max(1.0, per_minute - self._size) / 60.0
        self._tokens = self._size
        self._at = clock()

    def take(self) -> float:
        """Take a token; says after how many seconds it may be used. Later callers wait longer, in their order."""
        now = self._clock()
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._rate) - 1.0
        self._at = now
        return 0.0 if self._tokens >= 0.0 else -self._tokens / self._rate

    def give_back(self) -> None:
        """Return a token that was not used."""
        self._tokens += 1.0


class Limit:
    """The limits of one provider, shared by all who ask it.

    Halves how many go at once when the provider asks to slow down, once for those who were on their way together, and
    grows back by one for each full round of answers (additive increase, multiplicative decrease, as in TCP).
    """

    def __init__(
        self,
        provider: str,
        at_once: int,
        per_minute: int | None = None,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.provider = provider
        self._clock = clock
        self._sleep = sleep
        self._in_use = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        self._left: int | None = None
        self._renews_at = 0.0
        self._slowed_at = -1.0
        self._bucket: Bucket | None = None
        self.at_once = 0
        self._allowed = 0.0
        self.configure(at_once, per_minute)

    def configure(self, at_once: int, per_minute: int | None) -> None:
        """Take new settings, from now on."""
        if at_once != self.at_once:
            self.at_once, self._allowed = at_once, float(at_once)
        if per_minute != (self._bucket.per_minute if self._bucket else None):
            self._bucket = Bucket(per_minute, self._clock) if per_minute else None

    @property
    def allowed(self) -> int:
        """How many may go at once, now."""
        return max(1, int(self._allowed))

    @property
    def in_use(self) -> int:
        """How many are on their way."""
        return self._in_use

    def enter_now(self) -> float:
        """Take a place and a turn if both are free, as they mostly are; says when, or 0 where `enter` has to wait."""
        if self._in_use + 1 > self._allowed or self._waiting or self._paused_until or self._left is not None:
            return 0.0
        if self._bucket is not None and self._bucket.take():
            self._bucket.give_back()
            return 0.0
        self._in_use += 1
        self._tell()
        return self._clock()

    async def enter(self, longest: float) -> float:
        """Wait for a place and a turn, and take them; says when. Whoever enters leaves by `leave`.

        Raises `RateLimited` where the provider wants more patience than `longest` seconds. Our own limits may take as
        long as they take: what waits for them is told to, and would only wait elsewhere.
        """
        if self._in_use >= self.allowed or self._waiting:
            await self._queue()
        self._in_use += 1
        try:
            if self._bucket is not None or self._paused_until or self._left is not None:
                await self._turn(longest)
        except BaseException:
            self.leave()
            raise
        self._tell()
        return self._clock()

    def leave(self) -> None:
        """Give the place to the next in line."""
        self._in_use -= 1
        self._invite()
        self._tell()

    def went_well(self) -> None:
        """An answer came: grow back, if something is missing."""
        if self._allowed < self.at_once:
            self._allowed = min(float(self.at_once), self._allowed + 1.0 / self._allowed)
            self._invite()

    def slowed(self, entered: float, retry_after: float | None) -> None:
        """The provider asked to slow down a call that had `entered` then."""
        now = self._clock()
        if entered > self._slowed_at:
            self._allowed, self._slowed_at = max(1.0, self._allowed / 2), now
        if retry_after:
            self._paused_until = max(self._paused_until, now + retry_after)

    def heard(self, headers: Mapping[str, str]) -> None:
        """Follow what an answer's headers say: how many requests are left until when, or go at once."""
        most = _number(headers.get(_MOST_AT_ONCE))
        if most:
            self._allowed = min(self._allowed, float(most))
        left = _number(next((headers[name] for name in _REMAINING if name in headers), None))
        reset = parse_reset(next((headers[name] for name in _RESET if name in headers), ""))
        if left is not None and reset is not None:
            self._left, self._renews_at = left, self._clock() + reset

    async def _queue(self) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        finally:
            if place in self._waiting:
                self._waiting.remove(place)
            # Whoever leaves the queue, with a place or without, may leave one for the next.
            asyncio.get_running_loop().call_soon(self._invite)

    async def _turn(self, longest: float) -> None:
        now = self._clock()
        wait = max(0.0, self._paused_until - now)
        if self._left is not None:
            if now >= self._renews_at:
                self._left = None
            elif self._left > 0:
                self._left -= 1
            else:
                wait = max(wait, self._renews_at - now)
        if wait > longest:
            raise self._impatient(longest, wait)
        if self._bucket is not None:
            wait = max(wait, self._bucket.take())
        if wait:
            await self._sleep(wait)

    def _invite(self) -> None:
        free = self.allowed - self._in_use
        for place in self._waiting:
            if free <= 0:
                break
            if not place.done():
                place.set_result(None)
            free -= 1

    def _tell(self) -> None:
        if events.is_watched():
            events.emit(events.Occupied(name=self.provider, in_use=self._in_use, limit=self.allowed))

    def _impatient(self, longest: float, retry_after: float) -> RateLimited:
        return RateLimited(
            f"{self.provider} asks for more patience than the {longest:.0f} s that a call has left.",
            provider=self.provider,
            retry_after=retry_after,
            hint=f"Ask it less often (vendors.{self.provider}.per_minute), or name another provider behind it.",
        )


def parse_reset(text: str, now: float | None = None) -> float | None:
    """Seconds until a limit renews: `1s`, `6m0s`, `20ms`, plain or Unix seconds, or an RFC 3339 time; else None."""
    now = time.time() if now is None else now
    if spans := _SPAN.findall(text):
        return float(sum(float(count) * _SECONDS[unit] for count, unit in spans))
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now)
    return max(0.0, seconds - now if seconds > _EPOCH else seconds)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdigit() else None
