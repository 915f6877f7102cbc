"""A run that would not fit waits, and it is said which of the limits it waits for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storygen.jobs.guard import Guard, Machine, machine
from storygen.settings import FolderSettings, GuardSettings, Settings

ROOMY = Machine(memory_bytes=10**9, free_memory_bytes=10**10, free_disk_bytes=10**11, load_per_core=0.5, children=0)


def guard(seen: Machine, **limits: Any) -> Guard:
    """A guard that sees a machine as it is told."""
    settings = Settings(guard=GuardSettings(**limits))
    return Guard(lambda: settings, measure=lambda _: seen)


def test_a_run_fits_where_there_is_room() -> None:
    assert guard(ROOMY).fits() == ""


@pytest.mark.parametrize(
    ("seen", "setting"),
    [
        ({"memory_bytes": 2_100_000_000}, "guard.memory_gb"),
        ({"free_memory_bytes": 400_000_000}, "guard.free_memory_gb"),
        ({"free_disk_bytes": 900_000_000}, "guard.free_disk_gb"),
        ({"load_per_core": 8.5}, "guard.load_per_core"),
    ],
)
def test_the_reason_names_the_limit(seen: dict[str, Any], setting: str) -> None:
    assert setting in guard(replace(ROOMY, **seen)).fits()


def test_the_limits_are_those_that_the_settings_say_now() -> None:
    assert guard(ROOMY, load_per_core=0.4).fits()
    assert not guard(ROOMY, load_per_core=0.6).fits()


def test_what_was_measured_lately_is_not_measured_again() -> None:
    times: list[int] = []

    def measure(_: Settings) -> Machine:
        times.append(1)
        return ROOMY

    here = Guard(Settings, measure=measure)
    for _ in range(3):
        here.fits()
    assert len(times) == 1
    here.look(0.0)
    assert len(times) == 2


def test_memory_is_that_of_the_process_and_its_children(tmp_path: Path) -> None:
    folders = FolderSettings(films=tmp_path / "not" / "there", cache=tmp_path, state=tmp_path)
    alone = machine(Settings(folders=folders))
    program = "x = bytearray(60_000_000); print('ready', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        both = machine(Settings(folders=folders))
        child.communicate(b"\n")

    assert both.children == alone.children + 1
    assert both.memory_bytes - alone.memory_bytes > 50_000_000
    assert both.free_disk_bytes > 0
