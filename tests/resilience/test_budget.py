"""Money is set aside before it is spent, and told of whatever becomes of a call."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from storygen import events
from storygen.errors import BudgetExceeded, ProviderUnavailable, RateLimited, ResourceFailure
from storygen.resilience.budget import DAY_SECONDS, Book, Purse
from storygen.resilience.gears import Gears
from storygen.settings import BudgetSettings, VendorSettings
from storygen.store.artifacts import Store
from storygen.store.unfinished import Begun
from storygen.story import Usage
from storygen.surroundings import tell_lost
from tests.resilience.conftest import Desk, PerCharacter, Time, Voice, wish

TEN = "ten chars."


def never(_: str) -> bool:
    return False


def always(_: str) -> bool:
    return True


DIME = PerCharacter(alpha=0.01, beta=0.05, builtin=0.0)


def test_of_many_calls_at_once_only_as_many_are_made_as_the_budget_of_the_run_holds(desk: Desk, listener: Any) -> None:
    voice = Voice()
    call = desk.caller(voice, gears=desk.gears("alpha", budget=BudgetSettings(run_usd=0.55)), prices=DIME)

    async def work() -> list[Any]:
        return await asyncio.gather(*(call(wish(f"ten chars{n}")) for n in range(10)), return_exceptions=True)

    results = asyncio.run(work())
    assert voice.asked == 5
    refused = [result for result in results if isinstance(result, BudgetExceeded)]
    assert len(refused) == 5
    assert "run_usd" in refused[0].hint
    assert {e.window for e in listener.of(events.BudgetRefused)} == {"run"}
    assert sum(e.cost_usd for e in listener.of(events.Spent)) <= 0.55


def test_a_budget_that_is_used_up_is_no_reason_to_try_again_or_to_ask_a_paid_provider(desk: Desk) -> None:
    first, second = Voice(), Voice("beta")
    gears = desk.gears("alpha", "beta", budget=BudgetSettings(run_usd=0.05, dearer_fallback=True))
    prices = PerCharacter(alpha=0.01, beta=0.001)
    with pytest.raises(BudgetExceeded):
        asyncio.run(desk.caller(first, second, gears=gears, prices=prices)(wish(TEN)))
    assert (first.asked, second.asked, desk.time.slept) == (0, 0, [])


def test_a_free_provider_steps_in_where_the_budget_is_used_up(desk: Desk, listener: Any) -> None:
    first, free = Voice(), Voice("builtin")
    gears = desk.gears("alpha", budget=BudgetSettings(run_usd=0.05))
    made = asyncio.run(desk.caller(first, free, gears=gears, prices=DIME)(wish(TEN)))
    assert (made.provider, first.asked) == ("builtin", 0)
    assert "budget_exceeded" in made.missing[0]
    assert listener.of(events.FellBack)[0].reason == "budget_exceeded"


def test_a_dearer_provider_steps_in_only_where_that_is_set(desk: Desk) -> None:
    def chain() -> tuple[Voice, Voice]:
        return Voice(always=ProviderUnavailable("down")), Voice("beta")

    vendor = VendorSettings(attempts=1)
    first, dear = chain()
    with pytest.raises(ProviderUnavailable) as failure:
        asyncio.run(desk.caller(first, dear, vendor=vendor, prices=DIME)(wish(TEN)))
    assert dear.asked == 0
    assert "dearer_fallback" in failure.value.__notes__[0]
    first, dear = chain()
    gears = desk.gears("alpha", "beta", vendor=vendor, budget=BudgetSettings(dearer_fallback=True))
    assert asyncio.run(desk.caller(first, dear, gears=gears, prices=DIME)(wish(TEN))).provider == "beta"


def test_a_vendors_own_budget_of_a_day_stops_it_alone(desk: Desk, tmp_path: Path) -> None:
    voice = Voice()
    gears = desk.gears("alpha", vendor=VendorSettings(budget_usd=0.15), book=Book(tmp_path / "b.sqlite"))
    call = desk.caller(voice, gears=gears, prices=DIME)
    asyncio.run(call(wish(TEN)))
    with pytest.raises(BudgetExceeded, match="alpha's budget of 24 hours") as failure:
        asyncio.run(call(wish("other text")))
    assert "vendors.alpha.budget_usd" in failure.value.hint


def test_a_day_rolls_and_what_was_spent_before_counts_no_more(tmp_path: Path) -> None:
    clock = Time()
    book = Book(tmp_path / "b.sqlite", clock)
    book.settle(book.reserve("alpha", 1.0, 1.5, None), 1.2)
    with pytest.raises(BudgetExceeded):
        book.reserve("alpha", 1.0, 1.5, None)
    clock.now += DAY_SECONDS
    assert book.reserve("alpha", 1.0, 1.5, None)
    assert book.spent() == 1.0


def _spend(path: Path, made: Any) -> None:
    purse = Purse(None, 1.0, Book(path))
    for _ in range(30):
        try:
            purse.reserve("alpha", 0.1).settle(0.1)
        except BudgetExceeded:
            return
        with made.get_lock():
            made.value += 1


def test_processes_that_spend_at_once_share_one_budget(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    made = context.Value("i", 0)
    workers = [context.Process(target=_spend, args=(tmp_path / "b.sqlite", made)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert made.value == 10
    assert Book(tmp_path / "b.sqlite").spent() == pytest.approx(1.0)


def test_a_broken_book_stops_paid_calls_only_where_a_budget_depends_on_it(tmp_path: Path) -> None:
    path = tmp_path / "b.sqlite"
    path.write_bytes(b"this is no database, and long enough to be read as one" * 40)
    Purse(1.0, None, Book(path)).reserve("alpha", 0.5).settle(0.5)
    with pytest.raises(ResourceFailure, match=r"b\.sqlite"):
        Purse(1.0, 1.0, Book(path)).reserve("alpha", 0.5)


def test_every_attempt_is_told_with_what_it_cost_and_whether_it_was_for_nothing(desk: Desk, listener: Any) -> None:
    billed = Usage(characters=3)
    voice = Voice(
        plan=[
            ProviderUnavailable("broke after billing", usage=billed),
            ProviderUnavailable("not billed"),
            ProviderUnavailable("answer lost", is_uncertain=True),
            "bad",
        ]
    )
    gears = desk.gears("alpha", vendor=VendorSettings(attempts=5), budget=BudgetSettings(run_usd=9))
    purse = gears.purse()
    made = asyncio.run(desk.caller(voice, gears=gears, prices=DIME, purse=purse)(wish(TEN)))
    told = [(round(e.cost_usd, 4), e.wasted, e.is_uncertain) for e in listener.of(events.Spent)]
    assert told == [(0.03, "retried", False), (0.1, "retried", True), (0.1, "discarded", False), (0.1, "", False)]
    assert made.cost_usd == pytest.approx(0.1)
    assert purse.spent == pytest.approx(0.33)


def test_an_attempt_that_is_cancelled_or_hangs_may_have_been_billed(desk: Desk, listener: Any) -> None:
    voice = Voice(plan=[asyncio.Event(), asyncio.Event()])
    call = desk.caller(voice, vendor=VendorSettings(timeout=0.01, attempts=1), prices=DIME)

    async def work() -> None:
        task = asyncio.create_task(call(wish("ten chars1")))
        while not voice.asked:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(call(wish("ten chars2")), return_exceptions=True)

    asyncio.run(work())
    assert [(e.cost_usd, e.is_uncertain) for e in listener.of(events.Spent)] == [(0.1, True), (0.1, True)]


def test_a_price_that_nobody_knows_is_told_as_unknown(desk: Desk, listener: Any) -> None:
    made = asyncio.run(desk.caller(Voice("gamma"), prices=DIME)(wish()))
    assert made.cost_usd is None
    assert [e.cost_usd for e in listener.of(events.Spent)] == [None]


def test_the_same_key_is_offered_until_an_answer_came(desk: Desk) -> None:
    voice = Voice(plan=[ProviderUnavailable("lost", is_uncertain=True), RateLimited("wait"), "bad"])
    asyncio.run(desk.caller(voice, vendor=VendorSettings(attempts=5))(wish()))
    first, second, third, fourth = voice.keys
    assert first
    assert first == second == third != fourth


def test_an_entry_is_open_until_its_answer_is_kept_and_open_ones_of_a_dead_run_are_inherited(
    desk: Desk, tmp_path: Path
) -> None:
    book = Book(tmp_path / "b.sqlite")
    gears = desk.gears("alpha", book=book)
    with events.watched(events.Watch((), "first")):
        asyncio.run(desk.caller(Voice(), gears=gears, prices=DIME)(wish(TEN)))
        assert book.inherit("other", "first", never) == {}
        book.reserve("alpha", 0.5, None, None)
        answered = gears.purse().reserve("beta", 0.25)
        answered.settle(0.2, answer="speech/ab/abc")
    assert book.inherit("second", "first", never) == {"alpha": 0.5, "beta": 0.2}
    assert book.inherit("third", "second", always) == {"alpha": 0.5, "beta": 0.2}
    assert book.inherit("third", "first", never) == {"alpha": 0.5, "beta": 0.2}
    assert book.inherit("fourth", "nobody", never) == {}
    assert book.spent() == pytest.approx(0.8)


def test_what_a_run_may_have_paid_for_nothing_is_inherited_by_nobody_once_it_is_kept_elsewhere(tmp_path: Path) -> None:
    book = Book(tmp_path / "b.sqlite")
    for run in ("first", "other"):
        with events.watched(events.Watch((), run)):
            book.reserve("alpha", 0.5, None, None)
    assert book.inherit("first", "first", never) == {"alpha": 0.5}

    book.disinherit("first")

    assert book.inherit("first", "first", never) == {}
    assert book.inherit("other", "other", never) == {"alpha": 0.5}
    assert book.spent() == pytest.approx(1.0)


def test_what_a_dead_process_told_of_is_told_again_and_said_to_be_known(
    desk: Desk, tmp_path: Path, listener: Any
) -> None:
    book, begun = Book(tmp_path / "b.sqlite"), Begun(run_id="run")
    gears, store = Gears(book=book), Store(desk.root)
    for lost in (0.5, 0.25, 0.0):
        with events.watched(events.Watch((listener,), "run")):
            if lost:
                book.reserve("alpha", lost, None, None)
            tell_lost(gears, store, "run", begun)
    told = [(event.cost_usd, event.is_repeated) for event in listener.of(events.Spent)]
    assert told == [(0.5, False), (0.5, True), (0.25, False), (0.75, True)]


def test_an_answer_that_came_counts_as_lost_until_it_is_on_the_disk(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, keep = Book(tmp_path / "b.sqlite"), Store.keep
    seen: list[dict[str, float]] = []

    def spy(self: Store, *args: Any) -> Any:
        seen.append(book.inherit("run", "run", never))
        return keep(self, *args)

    monkeypatch.setattr(Store, "keep", spy)
    with events.watched(events.Watch((), "run")):
        asyncio.run(desk.caller(Voice(), gears=desk.gears("alpha", book=book), prices=DIME)(wish(TEN)))
    assert seen == [{"alpha": 0.1}]
    assert book.inherit("run", "run", never) == {}


def test_an_answer_that_was_kept_before_its_process_died_is_not_listed_as_lost(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, died = Book(tmp_path / "b.sqlite"), []
    monkeypatch.setattr(Book, "close_entry", lambda _, number: died.append(number))
    with events.watched(events.Watch((), "run")):
        asyncio.run(desk.caller(Voice(), gears=desk.gears("alpha", book=book), prices=DIME)(wish(TEN)))
    assert died
    assert book.inherit("run", "run", Store(desk.root).holds) == {}


def test_a_failed_attempt_leaves_no_open_entry(desk: Desk, tmp_path: Path) -> None:
    book = Book(tmp_path / "b.sqlite")
    voice = Voice(plan=[ProviderUnavailable("answer lost", is_uncertain=True), "bad"])
    gears = desk.gears("alpha", vendor=VendorSettings(attempts=3), book=book)
    with events.watched(events.Watch((), "run")):
        asyncio.run(desk.caller(voice, gears=gears, prices=DIME)(wish(TEN)))
    assert book.spent() == pytest.approx(0.3)
    assert book.inherit("run", "run", never) == {}


def test_a_book_of_an_older_storygen_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "b.sqlite"
    with sqlite3.connect(path) as old:
        old.execute(
            "CREATE TABLE spent (id INTEGER PRIMARY KEY, moment REAL NOT NULL, provider TEXT NOT NULL, usd REAL)"
        )
        old.execute("INSERT INTO spent (moment, provider, usd) VALUES (?, 'alpha', 0.5)", (time.time(),))
    old.close()
    book = Book(path)
    assert book.spent() == 0.5
    assert book.inherit("now", "", never) == {}
