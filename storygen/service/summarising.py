"""Tells a webhook once a day or once a week how the runs went, in the form and with the signature of all webhooks.

The `webhook-id` of a period is the same whoever sends it and however often, so that a receiver can leave out what it
has: after a restart in the wrong moment, and where several machines serve one queue, a summary may come more than once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from storygen.errors import CallerMistake, NotAllowed, ProviderFailure, ProviderUnavailable, ResourceFailure
from storygen.service.addresses import ask, public_only
from storygen.service.base import House
from storygen.service.webhooks import ANSWER_SECONDS, next_wait, signed
from storygen.settings import ServiceSettings
from storygen.store.files import writing
from storygen.summaries import Every, Past, Told, last_whole, summarise
from storygen.telemetry.process import installed_version

FILE = "summary-told"
LOOK_SECONDS = 30.0
_LOG = logging.getLogger("storygen.service")


async def send(told: Told, url: str, settings: ServiceSettings, clock: Callable[[], float] = time.time) -> None:
    """Send a summary, also to a private address: it was chosen by whoever runs this. Raises what keeps it from it."""
    target = await public_only(url, private=True)
    body = json.dumps(told.to_json(), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": f"storygen/{installed_version()}"}
    headers |= signed(f"summary-{told.period.id}", int(clock()), body, settings)
    reply = await ask(target, "POST", headers, body, ANSWER_SECONDS)
    if not 200 <= reply.status < 300:
        raise ProviderUnavailable(f"{target.host[:100]} answered the summary with {reply.status}.")


class Summariser:
    """Sends the summary of each period when it is over, as `service.summary` says; the first is the one under way."""

    def __init__(
        self,
        settings: Callable[[], ServiceSettings],
        past: Past,
        state: Path,
        *,
        clock: Callable[[], float] = time.time,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._settings = settings
        self._past = past
        self._file = state / FILE
        self._clock = clock
        self._look_seconds = look_seconds
        self._failures = 0
        self._not_before = 0.0

    async def run(self) -> None:
        """Look whether a period is over, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._look_seconds)

    async def look(self) -> bool:
        """Send what is due; says whether something was sent. What fails is tried again, later and later."""
        settings = self._settings()
        if settings.summary == "off" or settings.summary_webhook is None or self._clock() < self._not_before:
            return False
        try:
            return await self._send_due(settings, settings.summary, settings.summary_webhook.get_secret_value())
        except (NotAllowed, ProviderFailure, ResourceFailure, CallerMistake) as error:
            wait = next_wait(self._failures, None)
            self._failures = 0 if wait is None else self._failures + 1
            self._not_before = self._clock() + (wait or next_wait(0, None) or 0.0)
            _LOG.warning("summary.waiting", extra={"reason": error.message})
            return False

    async def _send_due(self, settings: ServiceSettings, every: Every, url: str) -> bool:
        period = last_whole(every, self._clock())
        said = await asyncio.to_thread(self._said)
        if said == period.id:
            return False
        if said.startswith(every):
            link = settings.public_url
            told = await asyncio.to_thread(summarise, self._past, period, link)
            await send(told, url, settings, self._clock)
        await asyncio.to_thread(self._remember, period.id)
        self._failures = 0
        return said.startswith(every)

    def _said(self) -> str:
        return self._file.read_text("utf-8") if self._file.exists() else ""

    def _remember(self, period: str) -> None:
        with writing(self._file.parent):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(period, "utf-8")


def of_house(house: House) -> Summariser:
    """That of a process of the service."""
    return Summariser(lambda: house.settings().service, house.history, house.settings().folders.state)
