"""Pools of threads have all of theirs from the beginning."""

from __future__ import annotations

import asyncio
import threading

import pytest

from storygen.store.hands import Hands, staffed


def there(name: str) -> int:
    return sum(thread.name.startswith(name) for thread in threading.enumerate())


def test_a_pool_begins_with_all_its_threads_and_does_its_work_with_them() -> None:
    with staffed(3, "storygen-tried") as pool:
        assert there("storygen-tried") == 3
        assert list(pool.map(abs, range(-20, 0))) == list(range(20, 0, -1))
        assert there("storygen-tried") == 3


def test_a_pool_makes_do_with_the_threads_that_the_machine_still_has(monkeypatch: pytest.MonkeyPatch) -> None:
    start, left = threading.Thread.start, 2

    def scarce(thread: threading.Thread) -> None:
        nonlocal left
        if left == 0:
            raise RuntimeError("can't start new thread")
        left -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    with staffed(4, "storygen-few") as pool:
        assert there("storygen-few") == 2
        monkeypatch.undo()
        assert list(pool.map(abs, [-1, -2])) == [1, 2]


def test_hands_have_all_their_threads_with_the_first_thing_they_do() -> None:
    hands = Hands("tried-hands", 2)
    assert there("storygen-tried-hands") == 0

    assert asyncio.run(hands.do(abs, -1)) == 1

    assert there("storygen-tried-hands") == 2
    hands.close()
