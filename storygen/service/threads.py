"""Threads of the service alone: those of the event loop may all be drawing, and nobody who asks waits for that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_threads = ThreadPoolExecutor(4, thread_name_prefix="storygen-service")


async def apart(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `function` gives, from one of the threads."""
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(function, *args, **kwargs))
