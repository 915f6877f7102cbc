"""Threads for slow work: all of a pool are there from the beginning, so that what a process holds stays as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
THREADS = 4


def staffed(count: int, name: str) -> ThreadPoolExecutor:
    """A pool of so many threads, which it begins with; where the machine has no more it makes do with those it got.

    Left alone a pool begins a thread whenever none is idle at that moment: the last comes after hours or days.
    """
    pool = ThreadPoolExecutor(count, thread_name_prefix=name)
    all_here = Barrier(count)
    try:
        for _ in range(count):
            pool.submit(all_here.wait)
    except RuntimeError:
        all_here.abort()
    return pool


class Hands:
    """So many threads of their own for slow files, so that nobody who draws has to wait for them."""

    def __init__(self, name: str, count: int = THREADS) -> None:
        self._name = f"storygen-{name}"
        self._count = count
        self._threads: ThreadPoolExecutor | None = None

    async def do(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `function` gives, from one of the threads."""
        if self._threads is None:
            self._threads = staffed(self._count, self._name)
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **kwargs))

    def close(self) -> None:
        """End the threads when they have done what they are at; others are there when they are needed again."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)
