"""What workers keep together in a Redis: the link to it, and small stored results beside the disk.

Redis is a helper, never a need: it is asked with a short timeout, and once it is gone it is left alone for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from storygen.errors import InvalidSettings

if TYPE_CHECKING:
    from redis.asyncio import Redis

R = TypeVar("R")
TIMEOUT_SECONDS = 0.25
PAUSES = (0.5, 1.0, 2.0, 5.0)  # seconds that nobody asks after so many questions in a row without an answer
HEALTH_SECONDS = 15
LARGEST_BYTES = 512 * 1024
KEEP_SECONDS = 7 * 86_400
_ENTRY = "entry.json"


class Link:
    """A pool of connections to a Redis that may be gone; `tell(is_reachable, reason)` hears of each change once.

    It is gone when two questions in a row had no answer: one that comes late is no news on a busy machine. It is looked
    for until it is there again.
    """

    def __init__(
        self,
        url: str,
        connections: int = 10,
        *,
        timeout: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[bool, str], None] = lambda _is_reachable, _reason: None,
    ) -> None:
        self._url = url
        self._connections = connections
        self._timeout = timeout
        self._clock = clock
        self._client: Redis | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ask_again_at = 0.0
        self._missed = 0
        self._search: asyncio.Task[None] | None = None
        self.is_reachable = True
        self.tell = tell

    async def ask(self, question: Callable[[Redis], Awaitable[R]]) -> R | None:
        """The answer to `question(client)`; None where Redis is gone, which no call notices for long.

        Raises `InvalidSettings` where the library is missing or the address is none.
        """
        if self._clock() < self._ask_again_at:
            return None
        client = self._connected()
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(self._timeout):
                answer = await question(client)
        except (RedisError, OSError, TimeoutError) as error:
            self._miss(type(error).__name__)
            return None
        self._missed = 0
        self._change(is_reachable=True)
        return answer

    async def is_healthy(self) -> bool:
        """Whether Redis answers now."""
        return bool(await self.ask(_ping))

    async def close(self) -> None:
        """Give the connections back."""
        if self._search is not None:
            self._search.cancel()
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _connected(self) -> Redis:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            try:
                from redis.asyncio import Redis
            except ImportError as error:
                raise InvalidSettings(
                    "redis.url is set, and the package redis is not installed.",
                    hint="Install it (pip install 'storygen[redis]'), or unset redis.url.",
                ) from error
            try:
                self._client = Redis.from_url(
                    self._url,
                    max_connections=self._connections,
                    socket_timeout=self._timeout,
                    socket_connect_timeout=self._timeout,
                    health_check_interval=HEALTH_SECONDS,
                )
            except ValueError:  # whose words may repeat the password
                raise InvalidSettings(
                    "redis.url is no address of a Redis.", hint="It looks like redis://localhost:6379/0."
                ) from None
            self._loop = loop
        return self._client

    @property
    def _pause(self) -> float:
        return PAUSES[min(self._missed, len(PAUSES)) - 1]

    def _miss(self, reason: str) -> None:
        self._missed += 1
        self._ask_again_at = self._clock() + self._pause
        if self._missed > 1:
            self._change(is_reachable=False, reason=reason)
        if self._search is None or self._search.done():
            self._search = asyncio.create_task(self._look_for_it())

    async def _look_for_it(self) -> None:
        """Ask until there is an answer, whether or not anybody else has a question."""
        while self._missed:
            await asyncio.sleep(self._pause)
            await self.is_healthy()

    def _change(self, *, is_reachable: bool, reason: str = "") -> None:
        if is_reachable != self.is_reachable:
            self.is_reachable = is_reachable
            self.tell(is_reachable, reason)


class SharedStore:
    """Small entries of the store in Redis, as hashes of file names and contents, for workers without a common disk."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def find(self, cache: str, key: str) -> Mapping[str, bytes] | None:
        """The files of an entry, by names relative to its folder; None where there is none."""
        found: dict[bytes, bytes] | None = await self._link.ask(
            lambda redis: _awaited(redis.hgetall(_name(cache, key)))
        )
        if not found:
            return None
        files = {name.decode("utf-8", "replace"): content for name, content in found.items()}
        return files if _ENTRY in files else None

    async def keep(self, cache: str, key: str, files: Mapping[str, bytes]) -> None:
        """Keep an entry for a week, if it is small."""
        if sum(map(len, files.values())) > LARGEST_BYTES:
            return

        async def put(redis: Redis) -> None:
            async with redis.pipeline(transaction=True) as both:
                both.hset(_name(cache, key), mapping=dict(files))  # type: ignore[arg-type]
                both.expire(_name(cache, key), KEEP_SECONDS)
                await both.execute()

        await self._link.ask(put)


def _name(cache: str, key: str) -> str:
    return f"storygen:store:{cache}:{key}"


async def _ping(redis: Redis) -> Any:
    return await _awaited(redis.ping())


def _awaited(answer: Any) -> Awaitable[Any]:
    """The library's types say that its answers may also be plain values; from its asyncio side they never are."""
    awaitable: Awaitable[Any] = answer
    return awaitable
