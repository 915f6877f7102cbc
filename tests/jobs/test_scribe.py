"""What happens to a job is put down in groups, and never at the cost of its run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from storygen import events
from storygen.errors import ResourceFailure
from storygen.events import Watch, emit, timed, watched
from storygen.jobs import scribe as writing
from storygen.jobs.base import Job, JobState, Submission
from storygen.jobs.scribe import MOST, Scribe
from storygen.story import Check, Usage, Verdict
from tests.jobs.shop import until


class Notes:
    """The queue, of which only `note` is used; it can be away."""

    def __init__(self, failures: int = 0) -> None:
        self.groups: list[list[tuple[str, Mapping[str, Any]]]] = []
        self.seen: dict[str, Any] = {}
        self.failures = failures

    async def note(self, job: str, worker: str, said: Sequence[tuple[str, Mapping[str, Any]]], **seen: Any) -> None:
        if self.failures:
            self.failures -= 1
            raise ResourceFailure("The database cannot be written to.")
        self.groups.append(list(said))
        self.seen |= seen

    @property
    def said(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [one for group in self.groups for one in group]

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        return [data for name, data in self.said if name == kind]


def scribe(notes: Any) -> Scribe:
    asked = Submission(caller="local", name="", text="secret words", format="text")
    return Scribe(notes, Job(id="run", submission=asked, state=JobState.RUNNING, created=0.0), "one")


def test_stages_retries_checks_and_costs_are_told_with_their_place() -> None:
    notes = Notes()

    async def go() -> None:
        async with scribe(notes) as writer:
            with watched(Watch((writer,), "run")), timed("run", "story"):
                emit(events.Counted(element="scene", count=2))
                with timed("stage", "voice", scene=1) as stage:
                    emit(events.Retried(provider="elevenlabs", reason="timeout", attempt=1, wait=0.5))
                    emit(events.FellBack(from_provider="elevenlabs", to_provider="builtin", reason="timeout"))
                    emit(events.Spent(provider="elevenlabs", model="m", usage=Usage(characters=9), cost_usd=0.25))
                    failed = Check(artifact="audio", name="pace", value=9.0, limit="5", verdict=Verdict.FAIL)
                    emit(events.Checked(check=failed, provider="builtin"))
                    stage.add(provider="builtin", cached=False)
                with timed("stage", "assembly", scene=1):
                    pass
                emit(events.Shipped(fidelity="degraded", seconds=3.0, reasons=("why",)))

    asyncio.run(go())
    place = {"stage": "voice", "scene": 1}
    assert notes.of("scenes")[0]["count"] == 2
    retried = {**place, "provider": "elevenlabs", "reason": "timeout", "attempt": 1, "wait": 0.5}
    assert notes.of("call.retried") == [retried]
    assert notes.of("call.fell_back")[0]["to_provider"] == "builtin"
    assert notes.of("check.fail") == [{**place, "artifact": "audio", "check": "pace", "provider": "builtin"}]
    ended = notes.of("stage.ended")[0]
    assert (ended["stage"], ended["scene"], ended["outcome"], ended["provider"]) == ("voice", 1, "success", "builtin")
    assert notes.of("scene.ready") == [{"scene": 1}]
    assert notes.of("progress")[-1]["cost_usd"] == 0.25
    assert notes.of("shipped")[0]["fidelity"] == "degraded"
    assert notes.seen["stage"] == "assembly"


def test_the_first_news_is_written_at_once_and_what_follows_in_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "EVERY_SECONDS", 3600.0)
    notes = Notes()

    async def go() -> None:
        async with scribe(notes) as writer:
            with watched(Watch((writer,), "run")), timed("run", "story"):
                await until(lambda: len(notes.groups) == 1)
                for number in range(5):
                    emit(events.Halted(seconds=float(number)))
                    await asyncio.sleep(0)

    asyncio.run(go())
    assert [len([1 for kind, _ in group if kind == "stalled"]) for group in notes.groups] == [0, 5]


def test_what_could_not_be_written_is_written_later_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PROGRESS_SECONDS", 0.001)
    monkeypatch.setattr(writing, "EVERY_SECONDS", 0.001)
    notes = Notes(failures=2)

    async def go() -> None:
        async with scribe(notes) as writer:
            with watched(Watch((writer,), "run")):
                for number in range(3):
                    emit(events.Halted(seconds=float(number)))
                await until(lambda: len(notes.of("stalled")) == 3)

    asyncio.run(go())
    assert [data["seconds"] for data in notes.of("stalled")] == [0.0, 1.0, 2.0]


def test_a_database_that_stays_away_fails_no_run_and_takes_no_memory() -> None:
    notes = Notes(failures=1_000_000)

    async def go() -> None:
        async with scribe(notes) as writer:
            with watched(Watch((writer,), "run")):
                for number in range(MOST + 7):
                    emit(events.Halted(seconds=float(number)))
            assert len(writer._said) == MOST
            notes.failures = 0

    asyncio.run(go())
    assert notes.of("lost") == [{"events": 7}]
    assert notes.of("stalled")[0]["seconds"] == 7.0


def test_a_run_that_moves_without_news_gives_a_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SIGN_SECONDS", 0.0)
    monkeypatch.setattr(writing, "EVERY_SECONDS", 0.001)
    monkeypatch.setattr(writing, "PROGRESS_SECONDS", 0.001)
    notes = Notes()

    async def go() -> None:
        async with scribe(notes) as writer:
            with watched(Watch((writer,), "run")):
                for _ in range(3):
                    before = len(notes.groups)
                    emit(events.Progressed(done=1.0, total=2.0))
                    await until(lambda before=before: len(notes.groups) > before)

    asyncio.run(go())
    assert len(notes.of("moving")) >= 3
