"""Tells webhooks how runs ended: signed, tried again for half a day, and never to a machine that is not public.

The form is that of Standard Webhooks: `webhook-id` stays the same however often an end is told, `webhook-timestamp` is
in Unix seconds, and `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY` with
`service.webhook_secret` (the bytes behind `whsec_` in base64, else the text itself). Without a secret there is no
signature.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from storygen.errors import NotAllowed, NotFound, ProviderFailure, ResourceFailure
from storygen.jobs.base import Delivery, Job
from storygen.service.addresses import Reply, Resolve, ask, public_only, resolve
from storygen.service.base import House
from storygen.service.measuring import deliveries_counter
from storygen.settings import ServiceSettings
from storygen.telemetry.process import installed_version

_LOG = logging.getLogger("storygen.service")
# Seconds until the next attempt; after the last one it is given up, half a day after the end of the run.
WAITS = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 14_400.0)
SPREAD = 0.2
LONGEST_WISH = 3600.0
ANSWER_SECONDS = 15.0
LOOK_SECONDS = 1.0
AT_ONCE = 16
HOLD_SECONDS = 60.0
_GONE = 410
_SAID = 200


class Sender:
    """Sends what the queue owes, until cancelled; several processes may do so, each delivery is one's at a time."""

    def __init__(
        self,
        house: House,
        *,
        resolve: Resolve = resolve,
        clock: Callable[[], float] = time.time,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._house = house
        self._resolve = resolve
        self._clock = clock
        self._look_seconds = look_seconds
        self._count = deliveries_counter(house.telemetry)

    async def run(self) -> None:
        """Look for deliveries, and send them."""
        while True:
            try:
                sent = await self.send_due()
            except ResourceFailure as error:
                _LOG.warning("webhooks.waiting", extra={"reason": error.message})
                sent = 0
            if not sent:
                await asyncio.sleep(self._look_seconds)

    async def send_due(self) -> int:
        """Send what is due now, and say how many that were."""
        due = await self._house.jobs.due_deliveries(self._clock(), AT_ONCE, HOLD_SECONDS)
        await asyncio.gather(*map(self._send, due))
        return len(due)

    async def _send(self, delivery: Delivery) -> None:
        try:
            job = await self._house.jobs.get(delivery.job)
        except NotFound:
            return
        settings = self._house.settings().service
        reply, said = None, ""
        try:
            reply = await self._tell(delivery, job, settings)
            said = f"{reply.status}"
        except (NotAllowed, ProviderFailure) as refusal:
            said = refusal.message
        except Exception as error:  # noqa: BLE001 - one delivery that breaks must not end the others, or the service
            _LOG.exception("webhook.broken", extra={"run": job.id})
            said = type(error).__name__
        ok = reply is not None and 200 <= reply.status < 300
        wait = None if ok else next_wait(delivery.attempts, reply)
        due = None if wait is None else self._clock() + wait
        await self._house.jobs.delivered(delivery.job, delivery.number, ok, due, said[:_SAID])
        self._count("success" if ok else "failed" if wait is None else "retried")

    async def _tell(self, delivery: Delivery, job: Job, settings: ServiceSettings) -> Reply:
        target = await public_only(delivery.url, resolve=self._resolve, private=settings.private_webhooks)
        body = json.dumps(message(job, settings.public_url), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "User-Agent": f"storygen/{installed_version()}"}
        headers |= signed(f"{delivery.job}-{delivery.number}", int(self._clock()), body, settings)
        return await ask(target, "POST", headers, body, ANSWER_SECONDS)


def message(job: Job, public_url: str) -> dict[str, Any]:
    """The document that tells how a run ended."""
    ended = datetime.fromtimestamp(job.ended or job.created, UTC)
    result, error = job.result, job.error or {}
    return {
        "type": f"run.{job.state}",
        "timestamp": ended.isoformat(timespec="milliseconds"),
        "data": {
            "run": job.id,
            "name": job.submission.name,
            "title": job.title,
            "state": job.state.value,
            "batch": job.submission.batch,
            "fidelity": result.fidelity if result else "",
            "reasons": list(result.reasons) if result else [],
            "film_seconds": result.film_seconds if result else None,
            "cost_usd": result.cost_usd if result else None,
            "seconds": result.seconds if result else None,
            "error": {
                key: error[key] for key in ("kind", "message", "hint", "stage", "scene", "provider") if key in error
            },
            "url": f"{public_url.rstrip('/')}/api/v1/runs/{job.id}" if public_url else "",
        },
    }


def signed(id_: str, moment: int, body: bytes, settings: ServiceSettings) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    headers = {"webhook-id": id_, "webhook-timestamp": str(moment)}
    if settings.webhook_secret is None:
        return headers
    key = _key(settings.webhook_secret.get_secret_value())
    digest = hmac.new(key, b".".join((id_.encode(), str(moment).encode(), body)), hashlib.sha256).digest()
    return headers | {"webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}


def next_wait(attempts: int, reply: Reply | None) -> float | None:
    """Seconds until the next attempt after `attempts` earlier ones and this one; None where there is none."""
    if attempts >= len(WAITS) or (reply is not None and reply.status == _GONE):
        return None
    wish = _wish(reply.headers) if reply is not None else 0.0
    return max(wish, WAITS[attempts] * random.uniform(1 - SPREAD, 1 + SPREAD))  # noqa: S311 - spreads, hides nothing


def _wish(headers: Mapping[str, str]) -> float:
    said = headers.get("retry-after", "")
    return min(float(said[:6]), LONGEST_WISH) if said.isascii() and said.isdecimal() else 0.0


def _key(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()
