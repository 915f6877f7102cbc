"""What a second shape of the same film costs, when one run makes both."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Figure, suite

PAIRS = 3
STORY = Path(__file__).parents[1] / "examples" / "night-shift.md"


@suite()
def aspects() -> Iterator[Figure]:
    """A film of about a minute, upright, against the same film upright and wide from one run; each from nothing."""
    ratios = []
    for _ in range(PAIRS):
        one = _seconds()
        ratios.append(_seconds("--also", "16:9") / one)
    yield Figure(name="two_aspects_ratio", values=tuple(ratios), unit="ratio", limit=1.9)


def _seconds(*options: str) -> float:
    """How long a run takes, as a process with folders of its own."""
    with tempfile.TemporaryDirectory() as home:
        folders = {f"STORYGEN_FOLDERS__{kind}": str(Path(home, kind.lower())) for kind in ("FILMS", "CACHE", "STATE")}
        command = [sys.executable, "-m", "storygen", "run", str(STORY), "--quiet", *options]
        started = time.perf_counter()
        subprocess.run(command, cwd=home, env=os.environ | folders, check=True)
        return time.perf_counter() - started
