"""What outlives a run: breakers, limits, the book of spending and what is being made, shared by a process's runs."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from storygen.resilience.breaker import Breaker, BreakerPolicy
from storygen.resilience.budget import FILE, Book, Purse
from storygen.resilience.cache import Cache, Flights
from storygen.resilience.limits import Limit
from storygen.resilience.retry import Clock, RetryPolicy, Sleep
from storygen.resilience.shared import SharedBreakers, tell_sharing
from storygen.resilience.slots import Slots
from storygen.settings import BudgetSettings, RunSettings, Settings, VendorSettings
from storygen.store.artifacts import Store
from storygen.store.depot import Depot
from storygen.store.shared import Link, SharedStore

_PATIENCE = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPolicy:
    """How long and how often a provider is asked."""

    timeout: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    @property
    def total(self) -> float:
        """The longest that a call goes on trying and waiting, in seconds."""
        return self.retry.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What the calls to one provider for one capability go through; built-ins have neither breaker nor limits."""

    policy: CallPolicy
    breaker: Breaker | None = None
    limit: Limit | None = None
    budget_usd: float | None = None
    shared: SharedBreakers | None = None


class Gears:
    """Made once for a process and passed into every run; `adopt` takes new settings for those that come."""

    def __init__(
        self,
        vendors: Mapping[str, VendorSettings] | None = None,
        policy: CallPolicy | None = None,
        *,
        budget: BudgetSettings | None = None,
        book: Book | None = None,
        link: Link | None = None,
        share_breakers: bool = True,
        share_cache: bool = False,
        depot: Depot | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.clock = clock
        self.sleep = sleep
        self.book = book
        self.budget = budget or BudgetSettings()
        self._vendors = dict(vendors or {})
        self._policy = policy or CallPolicy()
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self._limits: dict[str, Limit] = {}
        self._lanes: dict[tuple[str, str], Lane] = {}
        self.scenes = Slots("scenes", RunSettings().scenes_at_once)
        self.cores = Slots("cores", available_cores())
        self._link = link
        self._shared = SharedBreakers(link) if link and share_breakers else None
        self._tier = SharedStore(link) if link and share_cache else None
        self._depot = depot
        self._flights = Flights()

    @classmethod
    def from_settings(cls, settings: Settings) -> Gears:
        """The gears of a process."""
        redis = settings.redis
        link = Link(redis.url.get_secret_value(), redis.connections, tell=tell_sharing) if redis.url else None
        gears = cls(
            book=Book(settings.folders.state / FILE),
            link=link,
            share_breakers=redis.share_breakers,
            share_cache=redis.share_cache,
            depot=Depot(url) if (url := settings.film_store.cache_url) else None,
        )
        gears.adopt(settings)
        return gears

    def adopt(self, settings: Settings) -> None:
        """Take new settings; what breakers and limits have learnt stays. The address of Redis stays as it was."""
        run = settings.run
        retry = RetryPolicy(attempts=run.attempts, first_wait=run.retry_wait)
        self._policy = CallPolicy(timeout=run.call_timeout, retry=retry)
        self.budget = settings.budget
        self._vendors = {name: getattr(settings.vendors, name) for name in type(settings.vendors).model_fields}
        self._lanes.clear()
        self.scenes.resize(run.scenes_at_once)
        self.cores.resize(run.cores or available_cores())
        path = settings.folders.state / FILE
        if self.book is not None and self.book.path != path:
            self.book.close()
            self.book = Book(path)

    async def close(self) -> None:
        """Let go of Redis and of the book; both are opened again when they are needed."""
        if self._link is not None:
            await self._link.close()
        if self.book is not None:
            self.book.close()
        if self._depot is not None:
            self._depot.close()

    def purse(self) -> Purse:
        """What a run that begins now may spend."""
        return Purse(self.budget.run_usd, self.budget.day_usd, self.book)

    def cache(self, store: Store) -> Cache:
        """The cache of a run; equal things that runs ask for at the same time are made once."""
        return Cache(store, self._tier, self._depot, self._flights)

    def lane(self, provider: str, capability: str) -> Lane:
        """Where calls to `provider` for `capability` go through."""
        lane = self._lanes.get((provider, capability))
        if lane is None:
            lane = self._lanes[provider, capability] = self._new_lane(provider, capability)
        return lane

    def _new_lane(self, provider: str, capability: str) -> Lane:
        vendor = self._vendors.get(provider)
        if vendor is None:
            return Lane(policy=self._policy)
        return Lane(
            policy=_policy(vendor),
            breaker=self._breaker(provider, capability, vendor),
            limit=self._limit(provider, vendor),
            budget_usd=vendor.budget_usd,
            shared=self._shared,
        )

    def _breaker(self, provider: str, capability: str, vendor: VendorSettings) -> Breaker:
        breaker = self._breakers.get((provider, capability))
        if breaker is None:
            breaker = self._breakers[provider, capability] = Breaker(provider, capability, clock=self.clock)
        said = vendor.breaker
        breaker.policy = BreakerPolicy(
            failures=said.failures,
            seconds=said.seconds,
            ratio=said.ratio,
            window=said.window_seconds,
            minimum=said.minimum_calls,
        )
        return breaker

    def _limit(self, provider: str, vendor: VendorSettings) -> Limit:
        limit = self._limits.get(provider)
        if limit is None:
            limit = Limit(provider, vendor.at_once, vendor.per_minute, clock=self.clock, sleep=self.sleep)
            self._limits[provider] = limit
        limit.configure(vendor.at_once, vendor.per_minute)
        return limit


def available_cores() -> int:
    """The cores that this process may use, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _policy(vendor: VendorSettings) -> CallPolicy:
    total = max(_PATIENCE, vendor.timeout)
    return CallPolicy(
        timeout=vendor.timeout, retry=RetryPolicy(attempts=vendor.attempts, first_wait=vendor.retry_wait, total=total)
    )
