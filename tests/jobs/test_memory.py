"""What nobody uses any more goes back to the machine."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from storygen.jobs import memory

_HOLES = """
import psutil
from storygen.jobs.memory import give_back
held = [bytes(2000) for _ in range(50_000)]
held = held[::100]
before = psutil.Process().memory_info().rss
give_back()
print(before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="malloc_trim missing: only glibc has it")
def test_memory_between_what_is_still_used_goes_back_to_the_machine() -> None:
    said = subprocess.run([sys.executable, "-c", _HOLES], capture_output=True, text=True, check=True).stdout

    assert int(said) > 50e6


def test_a_c_library_that_cannot_give_back_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_TRIM", None)
    memory.give_back()
