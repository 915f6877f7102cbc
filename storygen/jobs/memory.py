"""Memory that nobody uses any more, and that the C library keeps for later."""

from __future__ import annotations

import ctypes

# Looked up once, while there is one thread: what looks up symbols has locks that a process forked off must not inherit.
_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Give it to the machine: some milliseconds for glibc, which else keeps what many threads have used in turn.

    It leaves holes in between that hold a service's memory up, and with it `guard.memory_gb`, for as long as it runs.
    Other C libraries have nothing of the kind, or need it less.
    """
    if _TRIM is not None:
        _TRIM(ctypes.c_size_t(0))
