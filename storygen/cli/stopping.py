"""What a command does when it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

R = TypeVar("R")
INTERRUPTED = 130


class Stopped:
    """Which signals came: the end that Ctrl-C asks for a second time comes at once."""

    def __init__(self) -> None:
        self.exit_code = 0

    def told(self, number: int) -> None:
        """A signal came."""
        import os

        if number != signal.SIGINT:
            return
        if self.exit_code == INTERRUPTED:
            from storygen.media.ffmpeg import kill_all

            kill_all()
            os._exit(INTERRUPTED)
        self.exit_code = INTERRUPTED


async def until_stopped(work: Coroutine[Any, Any, R], told: Callable[[int], object] = lambda _: None) -> R:
    """Let Ctrl-C, SIGTERM and the end of the terminal cancel the work; more of them change nothing while it ends.

    `told` is given the number of each of these signals as it comes.
    """
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    # What the process was told to ignore (nohup) it goes on ignoring; Windows has no SIGHUP.
    wanted = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in wanted}
    before = {number: handler for number, handler in handlers.items() if handler not in {signal.SIG_IGN, None}}
    stopped = False

    def stop(number: int, _: object) -> None:
        nonlocal stopped
        told(number)
        if not stopped:
            stopped = True
            loop.call_soon_threadsafe(task.cancel)

    for number in before:
        signal.signal(number, stop)
    try:
        return await task
    finally:
        if not stopped:
            for number, handler in before.items():
                signal.signal(number, handler)
