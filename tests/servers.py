"""Real servers and tools that tests need, and what to do where they are missing."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

PACKAGES = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "prometheus-alertmanager": ("alertmanager", "prometheus-alertmanager"),
    "amtool": ("amtool",),
    "jaeger": ("jaeger",),
    "redis-server": ("redis-server",),
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
}
_FROM = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}
# Not in Debian: where they are missing, the tests say so even in CI.
_OPTIONAL = {"jaeger": "jaeger missing: https://www.jaegertracing.io/download (2.20.0)"}
R = TypeVar("R")


def need(*names: str) -> None:
    """Skip with one line where one of these is not on the PATH; fail instead where `CI` is set."""
    missing = [name for name in names if not any(map(shutil.which, PACKAGES[name]))]
    if not missing:
        return
    if missing[0] in _OPTIONAL:
        pytest.skip(_OPTIONAL[missing[0]])
    packages = sorted({_FROM.get(name, name) for name in missing})
    said = f"{', '.join(missing)} missing: apt-get install -y {' '.join(packages)}"
    if os.environ.get("CI"):
        pytest.fail(said, pytrace=False)
    pytest.skip(said)


def eventually(look: Callable[[], R], *, seconds: float = 30.0) -> R:
    """What `look` returns once that is true; fails after `seconds`."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False
