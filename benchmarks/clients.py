"""Clients of a service that goes and comes: each submits a story, and watches it to its end."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

from storygen.jobs.base import JobState

AGAIN_SECONDS = 0.2
GONE = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
ENDS = {state.value for state in JobState if state.is_over}


class Told(NamedTuple):
    """An event of a stream: its number, and what happened."""

    number: int
    kind: str


@dataclass(slots=True)
class Client:
    """Submits a `text` as often as it takes to be heard, and resumes its stream behind the last event that it saw.

    `odd` are answers that nobody should give: others than 202, and 503 with a hint. `run` is empty until it is known.
    """

    text: str
    run: str = ""
    told: list[Told] = field(default_factory=list)
    refused: int = 0
    odd: list[str] = field(default_factory=list)

    @property
    def _key(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def has_gap(self) -> bool:
        """Whether an event is missing, came twice or came behind the end."""
        numbers = [event.number for event in self.told]
        kinds = [event.kind for event in self.told]
        return numbers != list(range(1, len(numbers) + 1)) or not kinds or kinds[-1] not in ENDS

    @property
    def ends(self) -> int:
        """How often it was told that the run is over."""
        return sum(event.kind in ENDS for event in self.told)

    async def go(self, http: httpx.AsyncClient, after_seconds: float = 0.0) -> None:
        """Submit after a while, and return when the run is over."""
        await asyncio.sleep(after_seconds)
        while not self.run:
            try:
                await self._submit(http)
            except GONE:
                await asyncio.sleep(AGAIN_SECONDS)
        while not self.ends:
            try:
                async for event in self._resumed(http):
                    self.told.append(event)
            except GONE:
                pass
            if not self.ends:
                await asyncio.sleep(AGAIN_SECONDS)

    async def _submit(self, http: httpx.AsyncClient) -> None:
        answer = await http.post("/runs", json={"text": self.text}, headers={"Idempotency-Key": self._key})
        if answer.status_code == 202:
            self.run = str(answer.json()["id"])
            return
        self.refused += 1
        if answer.status_code != 503 or not answer.json().get("hint"):
            self.odd.append(f"{answer.status_code}: {answer.text[:200]}")
        await asyncio.sleep(AGAIN_SECONDS)

    async def _resumed(self, http: httpx.AsyncClient) -> AsyncIterator[Told]:
        """Events behind the last that was seen, until the stream ends or breaks."""
        seen = str(self.told[-1].number) if self.told else ""
        async with http.stream("GET", f"/runs/{self.run}/events", headers={"Last-Event-ID": seen}) as stream:
            if stream.status_code not in {200, 204, 503}:
                self.odd.append(f"{stream.status_code} for the events of an accepted run")
            if stream.status_code != 200:
                return
            fields: dict[str, str] = {}
            async for line in stream.aiter_lines():
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = value
                    continue
                if "data" in fields:  # an event counts once the empty line behind it is there
                    yield _told(fields)
                fields = {}


def _told(fields: dict[str, str]) -> Told:
    data: dict[str, Any] = json.loads(fields["data"])
    assert data["number"] == int(fields["id"]), fields
    return Told(data["number"], fields["event"])


def door(url: str) -> httpx.AsyncClient:
    """What all clients of a service at an address share; an answer may take a minute, an outage of half of one."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=httpx.Timeout(60.0, connect=5.0), limits=limits)
