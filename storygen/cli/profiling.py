"""A sampling profile of a run, by pyinstrument."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storygen.errors import InvalidSettings


class Sampler:
    """A profile that is being taken, or none."""

    def __init__(self, profiler: Any = None) -> None:
        self._profiler = profiler

    def write_into(self, folder: Path) -> None:
        """Write `profile.html` and `profile.txt`, where a profile was asked for."""
        if self._profiler is None:
            return
        self._profiler.stop()
        (folder / "profile.html").write_text(self._profiler.output_html(), "utf-8")
        (folder / "profile.txt").write_text(self._profiler.output_text(unicode=True), "utf-8")


@contextmanager
def profiled(*, wanted: bool) -> Iterator[Sampler]:
    """Sample the stack every millisecond. Raises `InvalidSettings` where pyinstrument is not installed."""
    if not wanted:
        yield Sampler()
        return
    try:
        from pyinstrument import Profiler
    except ImportError as error:
        raise InvalidSettings(
            "--profile needs pyinstrument, which is not installed.", hint="pip install 'storygen[profile]'"
        ) from error
    profiler = Profiler(interval=0.001, async_mode="disabled")
    profiler.start()
    try:
        yield Sampler(profiler)
    finally:
        if profiler.is_running:
            profiler.stop()
