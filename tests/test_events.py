from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from storygen import events
from storygen.errors import Cancelled, DiskFull, StageTimeout
from storygen.events import CacheLooked, Counted, Progressed, Timed, Watch, current, emit, timed, watched
from storygen.story import Outcome
from tests.conftest import Listener


class Broken:
    """An observer that raises whatever it is told."""

    def began(self, timed: Timed) -> None:
        raise RuntimeError("began")

    def ended(self, timed: Timed) -> None:
        raise RuntimeError("ended")

    def noted(self, event: events.Event, within: Timed | None) -> None:
        raise RuntimeError("noted")


def test_an_observer_that_raises_is_reported_once_and_the_work_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listener = Listener()
    with watched(Watch((Broken(), listener))):
        for _ in range(3):
            with timed("operation", "work") as work:
                emit(Counted(element="scene", count=1))
                work.add(done=True)
    assert [record.message for record in caplog.records] == ["observer.failed"]
    assert caplog.records[0].levelno == logging.ERROR
    assert caplog.records[0].exc_info is not None
    assert len(listener.timed) == len(listener.events) == 3


def test_an_observer_that_raises_does_not_hide_the_error_of_the_work() -> None:
    with pytest.raises(DiskFull), watched(Watch((Broken(),))), timed("operation", "work"):
        raise DiskFull("no space")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DiskFull("full"), Outcome.FAILED),
        (ValueError("any"), Outcome.FAILED),
        (StageTimeout("slow"), Outcome.TIMEOUT),
        (TimeoutError(), Outcome.TIMEOUT),
        (Cancelled("stop"), Outcome.CANCELLED),
        (KeyboardInterrupt(), Outcome.CANCELLED),
        (asyncio.CancelledError(), Outcome.CANCELLED),
    ],
)
def test_how_work_ended_follows_from_the_error_that_left_it(
    listener: Listener, error: BaseException, outcome: Outcome
) -> None:
    with pytest.raises(type(error)), timed("stage", "voice"):
        raise error
    (work,) = listener.timed
    assert work.outcome is outcome
    assert work.error is error


def test_work_knows_the_stage_and_scene_that_it_happens_in(listener: Listener) -> None:
    with timed("run", "story"), timed("stage", "voice", scene=4), timed("call", "generate_content") as call:
        assert current() is call
    by_kind = {work.kind: work for work in listener.timed}
    assert (by_kind["call"].stage, by_kind["call"].scene) == ("voice", 4)
    assert (by_kind["run"].stage, by_kind["run"].scene) == ("", None)
    assert by_kind["call"].parent is by_kind["stage"]
    assert current() is None


def test_two_runs_at_once_never_mix() -> None:
    async def run(name: str) -> Listener:
        listener = Listener()
        with watched(Watch((listener,), name)), timed("run", name):
            async with asyncio.TaskGroup() as group:
                for _ in range(10):
                    group.create_task(step(name))
        return listener

    async def step(name: str) -> None:
        with timed("stage", name):
            await asyncio.sleep(0)
            emit(Counted(element=name, count=1))

    async def both() -> list[Listener]:
        return list(await asyncio.gather(run("left"), run("right")))

    for name, listener in zip(("left", "right"), asyncio.run(both()), strict=True):
        assert {work.name for work in listener.timed} == {name}
        assert listener.events == [Counted(element=name, count=1)] * 10
        assert {work.watch.run_id for work in listener.timed} == {name}


def test_an_observer_is_told_only_of_the_events_that_it_hears() -> None:
    class Selective(Listener):
        hears = (CacheLooked,)

    selective, everything = Selective(), Listener()
    with watched(Watch((selective, everything))):
        emit(CacheLooked(cache="speech", result="hit"))
        emit(Progressed(done=1, total=2))
    assert len(selective.events) == 1
    assert len(everything.events) == 2


def test_where_nobody_watches_work_goes_on_as_if_it_were_watched() -> None:
    with timed("stage", "voice") as work:
        work.add(size=1)
        work.end(Outcome.CACHED)
        emit(Counted(element="scene", count=1))
    assert (work.trace_id, work.seconds) == ("", 0.0)
    assert current() is None


def test_a_generator_that_is_closed_elsewhere_breaks_nothing(listener: Listener) -> None:
    def numbers() -> Iterator[int]:
        with timed("operation", "numbers"):
            yield 1

    def start() -> Iterator[int]:
        running = numbers()
        next(running)
        return running

    import contextvars

    running: Any = contextvars.copy_context().run(start)
    running.close()
    assert [work.name for work in listener.timed] == ["numbers"]
