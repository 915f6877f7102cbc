"""The drill itself, on real servers: a part of it that fits into CI."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from storygen.drill.faults import chosen
from tests.drill.processes import still_running
from tests.servers import need


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "storygen", "drill", *args]


@pytest.mark.skipif(not os.environ.get("CI"), reason="takes three minutes and both cores: set CI=1 to hold the drill")
def test_the_quick_drill_misses_nothing_lights_nothing_else_and_fills_every_panel(tmp_path: Path) -> None:
    need("prometheus", "promtool", "prometheus-alertmanager")
    report = held("--quick", "--keep", str(tmp_path / "kept"))
    assert [one["fault"] for one in report["faults"]] == [fault.name for fault in chosen(quick=True)]
    assert report["healthy"]["unexpected"] == []
    assert report["panels"]["asked"] > 100
    assert report["panels"]["empty"] == []
    wrong = wrong_ones(report)
    assert len(wrong) <= 2, wrong
    if wrong:  # a machine that others use may stand still for a second: what went wrong then has to go well alone
        assert wrong_ones(held(*wrong, "--keep", str(tmp_path / "again"))) == {}, wrong
    assert still_running(str(tmp_path)) == []


def held(*args: str) -> dict[str, Any]:
    """What a drill reports, with an exit code that agrees with it."""
    done = subprocess.run(command(*args, "--json"), capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    is_wrong = any(one["unexpected"] or not one["fired"] or one["resolved_s"] is None for one in ran(report))
    assert (done.returncode == 0) is not (is_wrong or bool(report["healthy"]["unexpected"])), done.stderr
    return report


def ran(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in report["faults"] if not one["skipped"]]


def wrong_ones(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Faults that were missed, that did not end, that lit something else, or that no trace shows."""
    return {
        one["fault"]: one
        for one in ran(report)
        if not one["fired"] or one["resolved_s"] is None or one["unexpected"] or not one["trace"]
    }


def test_ctrl_c_ends_everything_that_the_drill_has_started(tmp_path: Path) -> None:
    need("prometheus", "promtool", "prometheus-alertmanager")
    kept = tmp_path / "kept"
    with subprocess.Popen(command("--quick", "--keep", str(kept)), stderr=subprocess.PIPE, text=True) as drill:
        until = time.monotonic() + 60
        while len(still_running(str(kept))) < 4 and time.monotonic() < until and drill.poll() is None:
            time.sleep(0.05)
        drill.send_signal(signal.SIGINT)
        _, said = drill.communicate(timeout=60)
    assert drill.returncode == 130, said
    assert "Traceback" not in said
    assert still_running(str(kept)) == []


def test_without_prometheus_one_line_says_what_to_install(tmp_path: Path) -> None:
    environ = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(command(), capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("storygen: The drill needs prometheus")
    assert "apt-get install prometheus" in done.stderr


def test_an_unknown_fault_is_refused_before_anything_starts() -> None:
    done = subprocess.run(command("vendor don"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Did you mean vendor down" in done.stderr
