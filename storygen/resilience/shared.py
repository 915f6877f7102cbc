"""Breakers that workers share through a Redis: what one has found out, the others need not.

A worker keeps its own breaker and follows what the others tell. While Redis is gone, each goes on with its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from storygen import events
from storygen.resilience.breaker import Breaker
from storygen.store.shared import Link

FRESH_SECONDS = 0.25
_KEEP_SECONDS = 3600
_PROBE_SECONDS = 60


class SharedBreakers:
    """The states of breakers in Redis, as JSON; `wall` is the clock (Unix time) that the workers have in common."""

    def __init__(self, link: Link, wall: Callable[[], float] = time.time) -> None:
        self._link = link
        self._wall = wall
        self._looked: dict[Breaker, float] = {}
        self._known: dict[Breaker, int] = {}
        self._stamps: dict[Breaker, float] = {}

    async def follow(self, breaker: Breaker) -> None:
        """Bring a breaker to what others have told since it was last looked for, at most four times a second."""
        now = self._wall()
        if now - self._looked.get(breaker, -1.0) < FRESH_SECONDS:
            return
        self._looked[breaker] = now
        told = _parsed(await self._link.ask(lambda redis: redis.get(_name(breaker))))
        if told is None or told["at"] <= self._stamps.get(breaker, 0.0):
            return
        self._stamps[breaker] = told["at"]
        if told["state"] == "closed":
            breaker.close()
        elif (left := told["until"] - now) > 0:
            breaker.open_for(left, "as another worker found")
        self._known[breaker] = breaker.generation

    async def tell(self, breaker: Breaker) -> None:
        """Tell the others of a change, where there is one; that a call probes is for nobody else to know."""
        if breaker.generation == self._known.get(breaker, 0):
            return
        self._known[breaker] = breaker.generation
        if breaker.state == "half_open":
            return
        now = self._stamps[breaker] = self._wall()
        told = json.dumps({"state": breaker.state, "at": now, "until": now + breaker.ready_in})
        await self._link.ask(lambda redis: redis.set(_name(breaker), told, ex=_KEEP_SECONDS))

    async def may_probe(self, breaker: Breaker) -> bool:
        """Whether this worker is the one that probes; where Redis is gone, each is."""
        claimed = await self._link.ask(lambda redis: redis.set(_probe(breaker), "1", nx=True, ex=_PROBE_SECONDS))
        return claimed is not None or not self._link.is_reachable

    async def end_probe(self, breaker: Breaker) -> None:
        """Let others probe when the time has come."""
        await self._link.ask(lambda redis: redis.delete(_probe(breaker)))


def tell_sharing(is_reachable: bool, reason: str) -> None:
    """Tell that a link is lost or found again."""
    events.emit(events.SharingChanged(service="redis", is_reachable=is_reachable, reason=reason))


def _name(breaker: Breaker) -> str:
    return f"storygen:breaker:{breaker.provider}:{breaker.capability}"


def _probe(breaker: Breaker) -> str:
    return f"{_name(breaker)}:probe"


def _parsed(raw: Any) -> dict[str, Any] | None:
    """What a worker told; None for anything else that may stand there."""
    try:
        told = json.loads(raw)
        return {"state": str(told["state"]), "at": float(told["at"]), "until": float(told["until"])}
    except (TypeError, ValueError, KeyError):
        return None
