"""What happens to a run, live: without a gap, without a repeat, to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from storygen.jobs.base import JobEvent, JobState
from storygen.jobs.opening import open_jobs
from storygen.service import streams
from tests.service.running import Service, running, settings_below, told

ENDS = {"success", "failed", "timeout", "cancelled"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(settings_below(tmp_path_factory.mktemp("service"))) as found:
        yield found


@pytest.fixture
def idle(tmp_path) -> Iterator[Service]:
    with running(settings_below(tmp_path, queue={"runs_at_once": 0})) as found:
        yield found


def test_a_stream_tells_everything_in_order_until_the_end(service: Service) -> None:
    run = service.submit()["id"]
    seen = service.events(run)
    assert [event["id"] for event in seen] == [event["number"] for event in seen] == list(range(1, len(seen) + 1))
    kinds = [event["event"] for event in seen]
    assert kinds[:2] == ["queued", "started"]
    assert kinds[-1] == "success"
    assert {"began", "stage.began", "stage.ended", "scene.ready", "progress"} <= set(kinds)


def test_a_client_that_comes_back_goes_on_where_it_was(service: Service) -> None:
    run = service.submit()["id"]
    seen: list[int] = []
    last = 0
    while True:  # hang up after every third event
        headers = {"Last-Event-ID": str(last)} if last else {}
        with service.client.stream("GET", f"/runs/{run}/events", headers=headers) as stream:
            if stream.status_code == 204:
                break
            for count, event in enumerate(told(stream.iter_lines()), 1):
                seen.append(event["id"])
                last = event["id"]
                if count == 3:
                    break
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) > 10
    assert [event["id"] for event in service.events(run, after=len(seen) - 2)] == seen[-2:]


def test_a_browser_that_has_seen_the_end_is_told_not_to_come_back(service: Service) -> None:
    run = service.submit()["id"]
    last = service.events(run)[-1]["id"]
    answer = service.client.get(f"/runs/{run}/events", headers={"Last-Event-ID": str(last)})
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_run_that_another_process_works_on_is_seen_as_well(idle: Service) -> None:
    run = idle.submit()["id"]

    async def work() -> None:
        """What another process does to the same database."""
        other = open_jobs(idle.settings)
        await other.take(run, "elsewhere", 30)
        for stage in ("voice", "visuals"):
            await other.note(run, "elsewhere", [("stage.began", {"stage": stage})])
        await other.finish(run, "elsewhere", JobState.CANCELLED)
        await other.close()

    async def watch() -> list[str]:
        address = f"{idle.url}/api/v1/runs/{run}/events"
        async with httpx.AsyncClient(timeout=30) as client, client.stream("GET", address) as stream:
            lines = stream.aiter_lines()
            seen = [await anext(lines) for _ in range(6)]  # the first event is there: now the other begins
            working = asyncio.create_task(work())
            seen += [line async for line in lines]
            await working
            return [line.removeprefix("event: ") for line in seen if line.startswith("event: ")]

    assert asyncio.run(watch()) == ["queued", "started", "stage.began", "stage.began", "cancelled"]


def test_a_stream_that_has_nothing_to_tell_says_now_and_then_that_it_is_there(idle: Service, monkeypatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)
    run = idle.submit()["id"]
    with idle.client.stream("GET", f"/runs/{run}/events", params={"after": 1}) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith(":"))
        assert [next(lines), next(lines)] == [": still here"] * 2


def test_a_stream_ends_when_its_run_is_forgotten(idle: Service, monkeypatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)
    run = idle.submit()["id"]
    with idle.client.stream("GET", f"/runs/{run}/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        idle.client.post(f"/runs/{run}/cancel")
        idle.client.delete(f"/runs/{run}")
        assert list(lines)[-1] != "never"


def test_a_run_that_is_tried_again_at_once_is_told_on(idle: Service) -> None:
    run = idle.submit()["id"]
    idle.client.post(f"/runs/{run}/cancel")
    idle.client.post(f"/runs/{run}/retry")
    with idle.client.stream("GET", f"/runs/{run}/events") as stream:
        seen = told(stream.iter_lines())
        assert [next(seen)["event"] for _ in range(3)] == ["queued", "cancelled", "queued"]
        idle.client.post(f"/runs/{run}/cancel")
        assert [event["event"] for event in seen] == ["cancelled"]


def test_streams_end_with_the_service_and_go_on_at_the_next_one(tmp_path) -> None:
    settings = settings_below(tmp_path, queue={"runs_at_once": 0, "grace_seconds": 0})
    with running(settings) as first:
        run = first.submit()["id"]
        with first.client.stream("GET", f"/runs/{run}/events") as stream:
            seen = told(stream.iter_lines())
            last = next(seen)["id"]
            first.stop()
            assert list(seen) == []
    with running(settings) as second:
        second.client.post(f"/runs/{run}/cancel")
        with second.client.stream("GET", f"/runs/{run}/events", headers={"Last-Event-ID": str(last)}) as stream:
            assert [event["event"] for event in told(stream.iter_lines())] == ["cancelled"]


def test_a_stream_that_is_looking_for_events_while_all_are_closed_ends_too() -> None:
    class Quiet:
        async def events(self, run: str, after: int, limit: int) -> list[JobEvent]:
            await asyncio.sleep(0)
            closing.close()
            return []

        async def changed(self, run: str, after: int, seconds: float) -> None:
            await asyncio.Event().wait()

    async def watch() -> list[bytes]:
        async with asyncio.timeout(20):
            return [said async for said in closing.of(Quiet(), "r", 0)]

    closing = streams.Streams()
    assert asyncio.run(watch()) == [b"retry: 1000\n\n"]


def test_an_event_cannot_forge_another_one() -> None:
    """What is in an event comes as JSON on one line, whatever it holds."""
    forged = JobEvent(job="j", number=7, at=0.0, kind="failed", data={"message": "a\n\nid: 8\nevent: success\r\u2028"})
    lines = streams.frame(forged).decode().split("\n")
    assert [line.partition(":")[0] for line in lines] == ["id", "event", "data", "", ""]
