from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storygen.errors import CallerMistake, RateLimited
from storygen.story import Outcome
from storygen.telemetry.observe import (
    cache_hit,
    cache_miss,
    count,
    disable,
    enable,
    is_enabled,
    observe,
    record_call,
)
from storygen.telemetry.recorder import Recorder
from storygen.telemetry.sessions import current_session, session, session_history
from tests.conftest import Listener
from tests.telemetry.conftest import Measured, Traced


def test_a_session_sums_up_what_happened_in_it() -> None:
    with session("episode") as episode:
        for _ in range(3):
            with observe("draw"):
                cache_miss()
        with suppress(ValueError), observe("write"):
            raise ValueError
        cache_hit(saved_usd=0.5)
        record_call("openai", "gpt-5", input_tokens=100, output_tokens=20, cost_usd=0.25)
        record_call("openai", "gpt-5", error="timeout")
        count("dialogue_line", 4)
    summary = episode.summary()
    assert (summary.operations, summary.failures) == (4, 1)
    assert {o.name: (o.count, o.failures) for o in summary.by_name} == {"draw": (3, 0), "write": (1, 1)}
    assert (summary.cache_hits, summary.cache_misses, summary.hit_rate) == (1, 3, 0.25)
    assert (summary.calls, summary.errors, summary.unpriced) == (2, 1, 1)
    assert (summary.input_tokens, summary.output_tokens, summary.cost_usd) == (100, 20, 0.25)
    assert summary.elements == {"dialogue_line": 4}
    assert summary.seconds >= sum(o.total for o in summary.by_name) > 0
    assert summary.mean == pytest.approx(sum(o.total for o in summary.by_name) / 4)
    assert summary.to_dict()["by_name"][0]["count"] in {1, 3}
    assert "draw: 3 times, 0 failed" in str(summary)
    assert session_history()[-1].operations == 4


def test_the_five_slowest_operations_are_named_slowest_first() -> None:
    with session("episode") as episode:
        for number in range(8):
            with observe(f"step {number}") as work:
                pass
            assert work.seconds >= 0
    slowest = episode.summary().slowest
    assert len(slowest) == 5
    assert [seconds for _, seconds in slowest] == sorted((seconds for _, seconds in slowest), reverse=True)
    longest = sorted((o.longest for o in episode.summary().by_name), reverse=True)
    assert [seconds for _, seconds in slowest] == longest[:5]


def test_plain_and_async_functions_are_observed_each_time_they_are_called(listener: Listener) -> None:
    @observe("add", kind="plain")
    def add(a: int, b: int) -> int:
        """Sum."""
        return a + b

    @observe("wait")
    async def wait(value: int) -> int:
        await asyncio.sleep(0)
        if value < 0:
            raise RateLimited("no")
        return value

    assert (add(1, 2), add(b=3, a=4), add.__doc__) == (3, 7, "Sum.")
    assert asyncio.run(wait(5)) == 5
    with pytest.raises(RateLimited):
        asyncio.run(wait(-1))
    assert [(timed.name, timed.outcome) for timed in listener.timed] == [
        ("add", Outcome.SUCCESS),
        ("add", Outcome.SUCCESS),
        ("wait", Outcome.SUCCESS),
        ("wait", Outcome.FAILED),
    ]
    assert listener.timed[0].fields == {"kind": "plain"}


def test_metadata_of_one_call_does_not_leak_into_the_next(listener: Listener) -> None:
    @observe("work", shared=1)
    def work(extra: int) -> None:
        current = listener_current()
        current.add(extra=extra)

    def listener_current() -> observe:
        from storygen.events import current

        return current()  # type: ignore[return-value]

    work(1)
    work(2)
    assert [timed.fields for timed in listener.timed] == [{"shared": 1, "extra": 1}, {"shared": 1, "extra": 2}]


def test_a_generator_is_refused_with_what_to_do_instead() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(CallerMistake, match="generator") as error:
        observe("numbers")(numbers)
    assert "consumes" in error.value.hint


def test_two_sessions_in_threads_never_mix() -> None:
    both = threading.Barrier(2)

    def work(name: str, number: int) -> tuple[dict[str, int], int]:
        with session(name) as opened:
            both.wait(10)
            for _ in range(number):
                with observe(name):
                    cache_hit()
            both.wait(10)
            assert current_session() is opened
        summary = opened.summary()
        return {o.name: o.count for o in summary.by_name}, summary.cache_hits

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(work, ("left", "right"), (300, 500)))
    assert found == [({"left": 300}, 300), ({"right": 500}, 500)]


def test_two_sessions_in_tasks_never_mix_and_their_children_belong_to_them() -> None:
    async def child(name: str) -> None:
        with observe(name):
            await asyncio.sleep(0)
        await asyncio.to_thread(observe(f"{name} thread")(cache_miss))

    async def work(name: str) -> tuple[set[str], int]:
        with session(name) as opened:
            async with asyncio.TaskGroup() as group:
                for _ in range(20):
                    group.create_task(child(name))
        return {o.name for o in opened.summary().by_name}, opened.summary().operations

    async def both() -> list[tuple[set[str], int]]:
        return list(await asyncio.gather(work("left"), work("right")))

    assert asyncio.run(both()) == [({"left", "left thread"}, 40), ({"right", "right thread"}, 40)]


def test_a_new_thread_belongs_to_a_session_only_when_it_is_carried_there() -> None:
    with session("episode") as episode:
        for target in (observe("lost")(cache_miss), episode.carry(observe("carried")(cache_miss))):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    assert {o.name for o in episode.summary().by_name} == {"carried"}


def test_a_session_within_a_session_counts_in_both() -> None:
    with session("outer") as outer:
        with session("inner") as inner, observe("work"):
            pass
        with observe("more"):
            pass
    assert (outer.summary().operations, inner.summary().operations) == (2, 1)


def test_switched_off_nothing_is_observed_not_even_in_an_open_session(listener: Listener) -> None:
    decorated = observe("decorated")(lambda: 1)
    with session("episode") as episode:
        disable()
        assert not is_enabled()
        with observe("work") as work:
            work.add(anything=1)
            cache_hit()
            record_call("openai", "gpt-5")
        assert decorated() == 1
        enable()
        with observe("again"):
            pass
    assert {o.name for o in episode.summary().by_name} == {"again"}
    assert listener.events == []


def test_observers_that_were_enabled_see_what_happens_outside_sessions_and_inside() -> None:
    listener = Listener()
    enable(listener)
    with observe("outside"):
        pass
    with session("episode"), observe("inside"):
        pass
    assert [timed.name for timed in listener.timed] == ["outside", "inside", "episode"]


def test_a_session_can_have_observers_of_its_own() -> None:
    recorder = Recorder()
    with session("episode", recorder), observe("work"):
        pass
    assert [entry.name for entry in recorder.recording().entries] == ["work", "episode"]


def test_a_recorded_call_reaches_metrics_and_an_error_with_an_invented_name_does_not_become_a_label(
    measured: Measured, traced: Traced
) -> None:
    enable(traced.observer, measured.observer)
    with session("episode"), observe("mix"):
        record_call("openai", "gpt-5", input_tokens=3, cost_usd=0.5)
        record_call("openai", "gpt-5", error="it broke at 10:31")
    called = {"stage": "none", "provider": "openai"}
    assert measured.value("storygen_calls_total", **called, outcome="success") == 1
    assert measured.value("storygen_calls_total", **called, outcome="error") == 1
    attempts = {"provider": "openai", "operation": "chat"}
    assert measured.value("storygen_attempts_total", **attempts, error_type="other") == 1
    assert measured.value("storygen_cost_usd_total", **called, model="gpt-5") == 0.5
    assert measured.value("storygen_runs_started_total", pipeline="episode") == 1
    assert traced.named("operation mix").parent is not None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30))
def test_the_sums_of_a_session_equal_what_was_done(steps: list[tuple[str, bool]]) -> None:
    with session("episode") as episode:
        for name, fails in steps:
            with suppress(ZeroDivisionError), observe(name):
                1 / (0 if fails else 1)
    summary = episode.summary()
    assert summary.operations == len(steps)
    assert summary.failures == sum(fails for _, fails in steps)
    assert {o.name: o.count for o in summary.by_name} == {
        name: sum(1 for step, _ in steps if step == name) for name, _ in steps
    }


def test_one_object_may_be_used_nested_and_by_several_tasks_at_once(listener: Listener) -> None:
    work = observe("work")

    async def use(number: int, wait: float) -> None:
        with work as timed:
            timed.add(number=number)
            await asyncio.sleep(wait)
            with work as inner:
                inner.add(number=number * 10)

    async def all_of_them() -> None:
        await asyncio.gather(*(use(number, 0.002 * number) for number in (3, 1, 2)))

    asyncio.run(all_of_them())
    found = listener.named("operation", "work")
    assert [timed.fields["number"] for timed in found] == [10, 1, 20, 2, 30, 3]
    assert all(timed.ended_at for timed in found)
    assert [timed.parent.fields["number"] for timed in found if timed.parent] == [1, 2, 3]


def test_what_one_use_puts_down_does_not_stand_in_the_next(listener: Listener) -> None:
    work = observe("work", kind="draw")
    with work as timed:
        timed.add(size=3)
    with work:
        pass
    assert [timed.fields for timed in listener.named("operation", "work")] == [
        {"kind": "draw", "size": 3},
        {"kind": "draw"},
    ]
