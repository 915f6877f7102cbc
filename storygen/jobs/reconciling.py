"""Compares the durable store with the broker's queues, and sends what is missing there.

It may run in every process at once: a message too many is followed by nobody.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable

from storygen.jobs.celery import QUEUES
from storygen.jobs.posting import PostedJobs
from storygen.store.hands import Hands

LOOK_SECONDS = 5.0
AFTER_SECONDS = 5.0
MOST = 1000
_LOG = logging.getLogger("storygen.jobs")


class Reconciler:
    """Looks every so many seconds, until it is cancelled, for jobs that no message is left of.

    Which messages were lost nobody knows, but how many there are too few: so many are sent of the jobs that wait
    longest. Those that were not lost after all are a message too many, and what was lost is the oldest in the end.
    """

    def __init__(
        self,
        jobs: PostedJobs,
        *,
        every: float = LOOK_SECONDS,
        after: float = AFTER_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._jobs = jobs
        self._every = every
        self._after = after
        self._clock = clock
        self._hands = Hands("reconciler", 1)
        self._is_cut_off = False

    async def run(self) -> None:
        """Look until cancelled; a broker or a database that is away is waited for."""
        try:
            while True:
                await asyncio.sleep(self._every * random.uniform(0.5, 1.0))  # noqa: S311 - only so that not all look at once
                await self._try()
        finally:
            self._hands.close()

    async def look(self) -> int:
        """Send what is missing; says how many messages that were. Raises what the broker's library raises."""
        sent = 0
        for name in QUEUES:
            now = self._clock()
            moments = (now - self._after, now)
            waiting = await self._jobs.stranded(name, *moments)
            if not waiting:
                continue
            missing = min(MOST, waiting - await self._hands.do(self._jobs.poster.ready, name))
            if missing > 0:
                self._jobs.poster.post(await self._jobs.oldest_stranded(name, *moments, limit=missing))
                sent += missing
        return sent

    async def _try(self) -> None:
        try:
            sent = await self.look()
        except Exception as error:  # noqa: BLE001 - brokers share no root of their errors, and it is tried again
            if not self._is_cut_off:
                _LOG.warning("The queues cannot be compared now, and it is tried again: %s.", type(error).__name__)
            self._is_cut_off = True
            return
        self._is_cut_off = False
        if sent:
            _LOG.info("Messages of jobs that wait were sent again: %d.", sent)
