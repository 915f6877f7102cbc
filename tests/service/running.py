"""The whole service in a thread of this process, as `storygen serve` puts it together, and requests to it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from storygen.production import last_success
from storygen.providers.registry import models, serving
from storygen.service.serving import listen, serve
from storygen.settings import FolderSettings, Settings
from storygen.telemetry.setup import new_registry, start
from tests.servers import eventually

TINY = {"film": {"height": 144, "fps": 10, "preset": "ultrafast", "seconds": 6}, "voice": {"words_per_minute": 400}}
STORY = """# The box

## Scene 1: Found
Narration: Ada found a box.

## Scene 2: Locked
Narration: It was locked.

## Scene 3: Open
Narration: She opened it.
"""


class Fixed:
    """Settings that do not change by themselves."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def check(self) -> bool:
        return False


class Service:
    """A client of a running service."""

    def __init__(self, url: str, settings: Settings, stop: Callable[[], None]) -> None:
        self.url = url
        self.settings = settings
        self.stop = stop
        self.client = httpx.Client(base_url=f"{url}/api/v1", timeout=60)

    def submit(self, story: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """A run that was accepted."""
        answer = self.client.post("/runs", json={"text": STORY, "settings": TINY, **(story or {}), **more})
        assert answer.status_code == 202, answer.text
        return answer.json()

    def run(self, run: str) -> dict[str, Any]:
        return self.client.get(f"/runs/{run}").json()

    def over(self, run: str) -> dict[str, Any]:
        """The run, once it is over."""
        return eventually(lambda: (found := self.run(run))["ended"] and found, seconds=90)

    def events(self, run: str, **parameters: Any) -> list[dict[str, Any]]:
        """What a stream tells until it ends."""
        with self.client.stream("GET", f"/runs/{run}/events", params=parameters) as stream:
            assert stream.status_code == 200
            return list(told(stream.iter_lines()))


def told(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The events in the lines of a stream."""
    event: dict[str, str] = {}
    for line in lines:
        field, _, value = line.partition(": ")
        if field:
            event[field] = value
        elif "data" in event:
            yield {"id": int(event["id"]), "event": event["event"], **json.loads(event["data"])}
            event = {}
        else:
            event = {}


def settings_below(folder: Path, **groups: Any) -> Settings:
    """Settings that keep everything below a folder."""
    service = {"port": 0, **groups.pop("service", {})}
    guard = {
        "load_per_core": 1000,
        "memory_gb": 32,
        **groups.pop("guard", {}),
    }  # whatever else runs here
    folders = FolderSettings(films=folder / "films", cache=folder / "cache", state=folder / "state")
    return Settings(folders=folders, **{"service": service, "guard": guard, "queue": {"grace_seconds": 0}, **groups})


@contextmanager
def running(settings: Settings) -> Iterator[Service]:
    """The service on a free port, until the block ends."""
    addresses: list[str] = []
    failures: list[BaseException] = []
    inner: list[Callable[[], None]] = []

    async def work() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        inner.append(lambda: loop.call_soon_threadsafe(task.cancel))
        with (
            listen(settings) as listener,
            start(
                settings,
                models=models(settings),
                serving=serving(settings),
                last_success=last_success(settings),
                registry=new_registry(),
            ) as telemetry,
        ):
            await serve(Fixed(settings), telemetry, listener, addresses.append)

    def begin() -> None:
        try:
            asyncio.run(work())
        except asyncio.CancelledError:
            pass
        except BaseException as failure:  # noqa: BLE001 - raised again where the test sees it
            failures.append(failure)

    thread = threading.Thread(target=begin, daemon=True)
    thread.start()

    def stop() -> None:
        if thread.is_alive():
            inner[0]()
            thread.join(30)
        assert not thread.is_alive(), "the service did not end"

    try:
        eventually(lambda: addresses or failures)
        if failures:
            raise failures[0]
        service = Service(addresses[0], settings, stop)
        yield service
        service.client.close()
    finally:
        stop()
    if failures:
        raise failures[0]
