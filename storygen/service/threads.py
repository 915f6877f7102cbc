"""Threads of the service alone: those of the event loop may all be drawing, and nobody who asks waits for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from storygen.store.hands import Hands

P = ParamSpec("P")
R = TypeVar("R")
_hands = Hands("service")


async def apart(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `function` gives, from one of the threads."""
    return await _hands.do(function, *args, **kwargs)
