"""Waits for what has to come."""

from __future__ import annotations

import time
from collections.abc import Callable

from storygen.errors import ResourceFailure

LOOK_SECONDS = 0.1


def wait_until(is_so: Callable[[], object], what: str, seconds: float) -> None:
    """Look again and again until it is so. Raises `ResourceFailure`, which names `what`, where that takes too long."""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            raise ResourceFailure(f"The drill has waited {seconds:.0f} s in vain until {what}.")
        time.sleep(LOOK_SECONDS)
